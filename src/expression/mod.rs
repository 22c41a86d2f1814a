//! Expressions: text to syntax tree to a tape that is evaluated and differentiated.
//!
//! A tape lists operations in the order of evaluation. It is run forwards for its values and backwards
//! for the derivatives of one of them to all inputs (reverse accumulation: Linnainmaa 1970), so that
//! derivatives are exact and cost a small multiple of the value.
//!
//! **Invariant:** this folder knows numbers, functions and names; it knows no node, no element and no
//! circuit.

mod arithmetic;
mod ast;
mod builtin;
mod error;
mod fault;
mod function;
mod lexer;
mod lower;
mod parser;
mod tape;
mod write;

#[cfg(test)]
mod lower_tests;
#[cfg(test)]
mod parser_tests;

pub use ast::{BinaryOperator, Expr, ExprKind, UnaryOperator};
pub use builtin::{Arity, Dialect, constant, is_statistical};
pub use error::{ExpressionError, ExpressionErrorKind};
pub use fault::{LowerError, LowerFault};
pub use function::{Function1, Function2};
pub use lower::{Effort, Resolver, UserFunction, lower};
pub use parser::Places;
pub use tape::{Lookup, Operation, Tape, Term};
pub use write::{TextTooLong, write_term};

/// A name in lower case.
pub type Name = compact_str::CompactString;
