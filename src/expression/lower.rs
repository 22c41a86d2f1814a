//! Syntax tree to tape.

use std::sync::Arc;

use super::Name;
use super::arithmetic::{binary, call, divide};
use super::ast::{BinaryOperator, Expr, ExprKind, UnaryOperator};
use super::builtin::{self, Arity, BuiltIn, Dialect};
use super::fault::{LowerError, LowerFault};
use super::function::{Function1, Function2};
use super::tape::{Tape, Term};
use crate::source::Span;
use crate::suggest::closest;

type Result<T, E> = std::result::Result<T, LowerError<E>>;

/// A function that the user has defined.
#[derive(Clone, Debug, PartialEq)]
pub struct UserFunction {
    pub parameters: Vec<Name>,
    pub body: Expr,
}

/// What was spent on expressions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effort {
    /// Levels of the expressions that are being lowered for each other.
    pub depth: usize,
    /// Of all expressions so far.
    pub operations: usize,
}

impl Effort {
    pub fn is_exhausted(&self) -> bool {
        self.operations > LARGEST_OF_ALL
    }
}

/// What the names in an expression stand for.
pub trait Resolver {
    type Error;

    /// The term of a name that is no argument of a function. It hides a built-in constant of that name;
    /// None leaves it to that.
    fn name(
        &mut self,
        tape: &mut Tape,
        name: &Name,
        span: Span,
    ) -> Result<Option<Term>, Self::Error>;

    fn probe(
        &mut self,
        tape: &mut Tape,
        kind: &Name,
        arguments: &[(Name, Span)],
        span: Span,
    ) -> Result<Term, Self::Error>;

    /// The effort so far, for resolvers that lower many expressions, or those behind names.
    fn effort(&mut self) -> Option<&mut Effort> {
        None
    }

    /// The function that the user has defined under this name. It hides a built-in one.
    fn function(&self, _name: &Name) -> Option<Arc<UserFunction>> {
        None
    }

    /// A name that the user may have meant.
    fn similar_name(&self, _name: &Name) -> Option<Name> {
        None
    }

    /// A function of the user's that the user may have meant.
    fn similar_function(&self, _name: &Name) -> Option<Name> {
        None
    }
}

/// Operations of one expression.
const LARGEST: usize = 1_000_000;
/// Operations of all expressions of a deck: each may be small, but there are many that all multiply.
const LARGEST_OF_ALL: usize = 20_000_000;
/// Levels inside each other, those of the functions called included: lowering recurses as deep.
const DEEPEST: usize = 1500;

/// Appends the operations of `expr` to `tape` and returns the term of its value.
///
/// Functions of the user's are written out with their arguments shared.
pub fn lower<R: Resolver>(
    expr: &Expr,
    tape: &mut Tape,
    resolver: &mut R,
    dialect: Dialect,
) -> Result<Term, R::Error> {
    let depth = resolver.effort().map_or(0, |effort| effort.depth);
    let mut lowering = Lowering {
        tape,
        resolver,
        dialect,
        arguments: Vec::new(),
        calls: Vec::new(),
        depth,
        operations: 0,
    };
    lowering.expr(expr)
}

struct Lowering<'a, R> {
    tape: &'a mut Tape,
    resolver: &'a mut R,
    dialect: Dialect,
    /// Those of the function whose body is being lowered.
    arguments: Vec<(Name, Term)>,
    /// The functions whose bodies are being lowered, outermost first.
    calls: Vec<Name>,
    depth: usize,
    operations: usize,
}

impl<R: Resolver> Lowering<'_, R> {
    fn expr(&mut self, expr: &Expr) -> Result<Term, R::Error> {
        self.depth += 1;
        self.operations += 1;
        self.check_size(expr.span)?;
        let term = match &expr.kind {
            ExprKind::Number(value) => self.tape.constant(*value),
            ExprKind::Name(name) => self.name(name, expr.span)?,
            ExprKind::Call(name, arguments) => self.call(name, arguments, expr.span)?,
            ExprKind::Probe(kind, names) => {
                self.resolver.probe(self.tape, kind, names, expr.span)?
            }
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand)?,
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right)?,
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.expr(condition)?;
                let [then, otherwise] = [self.expr(then)?, self.expr(otherwise)?];
                self.tape.select(condition, then, otherwise)
            }
        };
        self.depth -= 1;
        Ok(term)
    }

    fn check_size(&mut self, span: Span) -> Result<(), R::Error> {
        let effort = self.resolver.effort();
        let is_exhausted = effort.is_some_and(|effort| {
            effort.operations += 1;
            effort.is_exhausted()
        });
        let limit = match () {
            () if is_exhausted => LARGEST_OF_ALL,
            () if self.depth > DEEPEST => DEEPEST,
            () if self.operations > LARGEST => LARGEST,
            () => return Ok(()),
        };
        Err(LowerError::Fault(LowerFault::TooLarge { limit }, span))
    }

    fn name(&mut self, name: &Name, span: Span) -> Result<Term, R::Error> {
        if let Some((_, term)) = self.arguments.iter().find(|(known, _)| known == name) {
            return Ok(*term);
        }
        if let Some(term) = self.resolve(name, span)? {
            return Ok(term);
        }
        match builtin::constant(name) {
            Some(value) => Ok(self.tape.constant(value)),
            None => Err(LowerError::Fault(self.unknown_name(name), span)),
        }
    }

    /// A name may stand for an expression that is lowered inside this one.
    fn resolve(&mut self, name: &Name, span: Span) -> Result<Option<Term>, R::Error> {
        let depth = self.depth;
        let outer = self
            .resolver
            .effort()
            .map(|e| std::mem::replace(&mut e.depth, depth));
        let term = self.resolver.name(self.tape, name, span);
        if let (Some(effort), Some(outer)) = (self.resolver.effort(), outer) {
            effort.depth = outer;
        }
        term
    }

    fn unknown_name(&self, name: &Name) -> LowerFault {
        let arguments = self.arguments.iter().map(|(known, _)| known.as_str());
        let own = closest(name, arguments.chain(builtin::constant_names()));
        let similar = || self.resolver.similar_name(name);
        LowerFault::UnknownName {
            name: name.clone(),
            suggestion: own.map(Name::from).or_else(similar),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expr) -> Result<Term, R::Error> {
        let x = self.expr(operand)?;
        Ok(match operator {
            UnaryOperator::Plus => x,
            UnaryOperator::Negate => self.tape.unary(Function1::Negate, x),
            UnaryOperator::Not => self.tape.unary(Function1::Not, x),
        })
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
    ) -> Result<Term, R::Error> {
        let (x, y) = (self.expr(left)?, self.expr(right)?);
        let function = match operator {
            BinaryOperator::Divide => return Ok(divide(self.tape, x, y, self.dialect)),
            BinaryOperator::Add => Function2::Add,
            BinaryOperator::Subtract => Function2::Subtract,
            BinaryOperator::Multiply => Function2::Multiply,
            BinaryOperator::Remainder => Function2::Remainder,
            // In both dialects of ngspice.
            BinaryOperator::Power => Function2::PowerOfMagnitude,
            BinaryOperator::Less => Function2::Less,
            BinaryOperator::LessEqual => Function2::LessEqual,
            BinaryOperator::Greater => Function2::Greater,
            BinaryOperator::GreaterEqual => Function2::GreaterEqual,
            BinaryOperator::Equal => Function2::Equal,
            BinaryOperator::NotEqual => Function2::NotEqual,
            BinaryOperator::And => Function2::And,
            BinaryOperator::Or => Function2::Or,
        };
        Ok(binary(self.tape, function, x, y))
    }

    fn call(&mut self, name: &Name, arguments: &[Expr], span: Span) -> Result<Term, R::Error> {
        if let Some(function) = self.resolver.function(name) {
            return self.user_call(name, &function, arguments, span);
        }
        let Some(built_in) = builtin::function(name) else {
            return Err(LowerError::Fault(self.unknown_function(name), span));
        };
        check_count(name, built_in.arity(), arguments.len(), span)?;
        let terms = self.each(arguments)?;
        if let BuiltIn::Table { .. } = built_in {
            self.check_table(name, arguments, &terms)?;
        }
        Ok(call(self.tape, built_in, self.dialect, &terms))
    }

    fn each(&mut self, arguments: &[Expr]) -> Result<Vec<Term>, R::Error> {
        arguments.iter().map(|a| self.expr(a)).collect()
    }

    fn unknown_function(&self, name: &Name) -> LowerFault {
        let similar = || closest(name, builtin::function_names()).map(Name::from);
        LowerFault::UnknownFunction {
            name: name.clone(),
            suggestion: self.resolver.similar_function(name).or_else(similar),
        }
    }

    /// The body of a function with its arguments as terms.
    fn user_call(
        &mut self,
        name: &Name,
        function: &UserFunction,
        arguments: &[Expr],
        span: Span,
    ) -> Result<Term, R::Error> {
        if let Some(start) = self.calls.iter().position(|caller| caller == name) {
            let cycle = self.calls[start..].to_vec();
            return Err(LowerError::Fault(LowerFault::Recursive { cycle }, span));
        }
        let arity = Arity::exactly(function.parameters.len());
        check_count(name, arity, arguments.len(), span)?;
        let terms = self.each(arguments)?;
        let bound = function.parameters.iter().cloned().zip(terms).collect();
        let outer = std::mem::replace(&mut self.arguments, bound);
        self.calls.push(name.clone());
        let term = self.expr(&function.body)?;
        self.calls.pop();
        self.arguments = outer;
        Ok(term)
    }

    /// Points come in pairs, and the x that are known rise.
    fn check_table(&self, name: &Name, arguments: &[Expr], terms: &[Term]) -> Result<(), R::Error> {
        let name = name.clone();
        if let (0, Some(last)) = (terms.len() % 2, arguments.last()) {
            let fault = LowerFault::UnpairedPoint { name };
            return Err(LowerError::Fault(fault, last.span));
        }
        let x = |k: usize| self.tape.constant_value(terms[k]);
        for k in (3..terms.len()).step_by(2) {
            if let (Some(before), Some(after)) = (x(k - 2), x(k))
                && !(before < after)
            {
                let fault = LowerFault::TableOrder {
                    name,
                    before,
                    after,
                };
                return Err(LowerError::Fault(fault, arguments[k].span));
            }
        }
        Ok(())
    }
}

fn check_count<E>(name: &Name, expected: Arity, found: usize, span: Span) -> Result<(), E> {
    if expected.allows(found) {
        return Ok(());
    }
    let fault = LowerFault::ArgumentCount {
        name: name.clone(),
        expected,
        found,
    };
    Err(LowerError::Fault(fault, span))
}
