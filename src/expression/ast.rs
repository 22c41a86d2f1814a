//! Syntax trees of expressions, and SPICE text for them.

use std::fmt::{self, Display, Formatter};

use super::Name;
use crate::source::Span;
use crate::units::format_exact;

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Number(f64),
    /// A parameter, a constant or an argument of a function.
    Name(Name),
    /// Any function; whether there is such a one is seen when the expression is lowered.
    Call(Name, Vec<Expr>),
    /// `v(a)`, `v(a,b)`, `i(v1)`: the names as written, in lower case.
    Probe(Name, Vec<(Name, Span)>),
    Unary(UnaryOperator, Box<Expr>),
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    Negate,
    Plus,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// How tightly an operator holds its operands; all binary ones associate to the left, `^` included, as
/// in ngspice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Binding {
    Choice,
    Or,
    And,
    Equality,
    Comparison,
    Sum,
    Product,
    Sign,
    Power,
    Operand,
}

impl Binding {
    /// What the right operand of an operator that associates to the left must have.
    pub(super) fn tighter(self) -> Self {
        match self {
            Self::Choice => Self::Or,
            Self::Or => Self::And,
            Self::And => Self::Equality,
            Self::Equality => Self::Comparison,
            Self::Comparison => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product => Self::Sign,
            Self::Sign => Self::Power,
            Self::Power | Self::Operand => Self::Operand,
        }
    }
}

impl UnaryOperator {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Negate => "-",
            Self::Plus => "+",
            Self::Not => "!",
        }
    }
}

impl BinaryOperator {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Power => "^",
        }
    }

    pub(super) fn binding(self) -> Binding {
        match self {
            Self::Or => Binding::Or,
            Self::And => Binding::And,
            Self::Equal | Self::NotEqual => Binding::Equality,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => {
                Binding::Comparison
            }
            Self::Add | Self::Subtract => Binding::Sum,
            Self::Multiply | Self::Divide | Self::Remainder => Binding::Product,
            Self::Power => Binding::Power,
        }
    }
}

impl Expr {
    fn binding(&self) -> Binding {
        match &self.kind {
            ExprKind::Unary(..) => Binding::Sign,
            ExprKind::Binary(operator, ..) => operator.binding(),
            ExprKind::If(..) => Binding::Choice,
            _ => Binding::Operand,
        }
    }

    /// The text, in parentheses where it would not hold together as an operand.
    fn write(&self, f: &mut Formatter, least: Binding) -> fmt::Result {
        if self.binding() >= least {
            return self.write_bare(f);
        }
        f.write_str("(")?;
        self.write_bare(f)?;
        f.write_str(")")
    }

    fn write_bare(&self, f: &mut Formatter) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(value) => f.write_str(&format_exact(*value)),
            ExprKind::Name(name) => f.write_str(name),
            ExprKind::Call(name, arguments) => {
                write_list(f, name, arguments, |f, e| e.write(f, Binding::Choice))
            }
            ExprKind::Probe(name, places) => {
                write_list(f, name, places, |f, (name, _)| f.write_str(name))
            }
            ExprKind::Unary(operator, operand) => {
                f.write_str(operator.symbol())?;
                operand.write(f, Binding::Sign)
            }
            ExprKind::Binary(operator, left, right) => {
                left.write(f, operator.binding())?;
                f.write_str(operator.symbol())?;
                right.write(f, operator.binding().tighter())
            }
            ExprKind::If(condition, then, otherwise) => {
                condition.write(f, Binding::Or)?;
                f.write_str(" ? ")?;
                then.write(f, Binding::Or)?;
                f.write_str(" : ")?;
                otherwise.write(f, Binding::Choice)
            }
        }
    }
}

fn write_list<T>(
    f: &mut Formatter,
    name: &Name,
    items: &[T],
    write: impl Fn(&mut Formatter, &T) -> fmt::Result,
) -> fmt::Result {
    write!(f, "{name}(")?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write(f, item)?;
    }
    f.write_str(")")
}

impl Display for Expr {
    /// Text that reads back as the same expression.
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.write(f, Binding::Choice)
    }
}
