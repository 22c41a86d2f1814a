//! provisional
use super::*;
use crate::source::Span;
use std::sync::Arc;
#[derive(Clone, Debug)]
pub struct UserFunction {
    pub parameters: Vec<Name>,
    pub body: Expr,
}
#[derive(Clone, Debug, PartialEq)]
pub enum LowerError {
    UnknownName {
        name: Name,
        span: Span,
        suggestion: Option<Name>,
    },
    Other(Box<crate::netlist::NetlistFault>),
}
impl LowerError {
    pub fn span(&self) -> Span {
        Span::default()
    }
    pub fn message(&self) -> String {
        format!("{self:?}")
    }
    pub fn label(&self) -> String {
        String::new()
    }
    pub fn help(&self) -> String {
        String::new()
    }
}
pub trait Resolver {
    fn name(&mut self, tape: &mut Tape, name: &Name, span: Span) -> Result<Term, LowerError>;
    fn probe(
        &mut self,
        tape: &mut Tape,
        kind: &Name,
        arguments: &[(Name, Span)],
        span: Span,
    ) -> Result<Term, LowerError>;
    fn function(&self, name: &Name) -> Option<Arc<UserFunction>>;
}
pub fn lower(expr: &Expr, tape: &mut Tape, r: &mut dyn Resolver) -> Result<Term, LowerError> {
    Ok(match &expr.kind {
        ExprKind::Number(x) => tape.constant(*x),
        ExprKind::Name(n) => r.name(tape, n, expr.span)?,
        ExprKind::Probe(k, a) => r.probe(tape, k, a, expr.span)?,
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (lower(a, tape, r)?, lower(b, tape, r)?);
            tape.binary(
                match op {
                    BinaryOperator::Add => Function2::Add,
                    BinaryOperator::Multiply => Function2::Multiply,
                    BinaryOperator::Subtract => Function2::Subtract,
                    _ => Function2::Divide,
                },
                a,
                b,
            )
        }
        ExprKind::Unary(_, a) => {
            let a = lower(a, tape, r)?;
            tape.unary(Function1::Negate, a)
        }
        _ => tape.constant(1.0),
    })
}
#[derive(Clone, Debug, thiserror::Error)]
#[error("too large")]
pub struct WriteError;
pub fn write_term(_: &Tape, _: Term, _: &dyn Fn(u32) -> String) -> Result<String, WriteError> {
    Ok("0".into())
}
