//! Values as they were written: a number, or an expression for later.

use std::sync::Arc;

use crate::expression::Expr;

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
