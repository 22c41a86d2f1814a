//! Values as they were written: a number, or an expression for later.

use std::sync::Arc;

use super::Name;
use crate::expression::{BinaryOperator, Expr, ExprKind};
use crate::source::{Span, Spanned};

/// A number or an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Expression(Arc<Expr>),
}

impl Value {
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(value) => Some(*value),
            Value::Expression(_) => None,
        }
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Number(value)
    }
}

/// The product of two values, with the place of the first.
pub(super) fn product(x: &Spanned<Value>, y: &Spanned<Value>) -> Value {
    if let (Value::Number(x), Value::Number(y)) = (&x.value, &y.value) {
        return Value::Number(x * y);
    }
    let operand = |value: &Spanned<Value>| {
        let span = value.span;
        Box::new(match &value.value {
            Value::Number(number) => Expr {
                kind: ExprKind::Number(*number),
                span,
            },
            Value::Expression(expr) => (**expr).clone(),
        })
    };
    Value::Expression(Arc::new(Expr {
        kind: ExprKind::Binary(BinaryOperator::Multiply, operand(x), operand(y)),
        span: x.span,
    }))
}

/// The number that an expression is, if it is one and nothing else.
pub(super) fn number(expr: &Expr) -> Option<f64> {
    match expr.kind {
        ExprKind::Number(value) => Some(value),
        _ => None,
    }
}

/// The name that an expression is.
pub(super) fn name(expr: &Expr) -> Option<&Name> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        _ => None,
    }
}

/// The probe that an expression is: its kind and arguments.
pub(super) fn probe(expr: &Expr) -> Option<(&Name, &[(Name, Span)])> {
    match &expr.kind {
        ExprKind::Probe(kind, arguments) => Some((kind, arguments)),
        _ => None,
    }
}
