//! What can be wrong with an element, with what drives it, or with its circuit.

use crate::adjoint::AdjointError;
use crate::analysis::{CompileError, SolveError, SweepError};
use crate::circuit::TopologyError;
use crate::device::TableError;
use crate::netlist::NetlistError;

use super::syntax::NAMES;

/// Why a text is no element.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ElementError {
    #[error("`{name}` is no element\n  help: {}", element_help(.suggestion))]
    UnknownName {
        name: String,
        suggestion: Option<String>,
    },
    #[error("`{element}` has no parameter `{key}`\n  help: {}", key_help(.suggestion, .known))]
    UnknownKey {
        element: String,
        key: String,
        suggestion: Option<String>,
        /// Parameters to choose from.
        known: String,
    },
    #[error(
        "`{item}` of `{element}` is no parameter\n  help: write key=value, for instance \
         shockley:is=1e-12,n=1.5"
    )]
    NoValue { element: String, item: String },
    #[error(
        "`{key}` of `{element}` is `{value}`, which is no number\n  help: write it as in a deck: \
         1e-12, 4.7k, 20u"
    )]
    NoNumber {
        element: String,
        key: String,
        value: String,
    },
    #[error("`{key}` of `{element}` cannot be {value}\n  help: {rule}")]
    Refused {
        element: String,
        key: String,
        value: f64,
        rule: &'static str,
    },
    #[error("`{element}` is not usable\n  help: {rule}")]
    Unusable { element: String, rule: &'static str },
    #[error(
        "`{element}` needs breakpoints or a diode\n  help: write breakpoints as volts:amperes, for \
         instance pwl:-1:-1m,0:0,1:5m, or a diode as pwl:ron=1,roff=1meg,vfwd=0.6"
    )]
    NoBreakpoints { element: String },
    #[error(
        "`{item}` of `{element}` is no breakpoint\n  help: write volts:amperes, for instance 0.6:1m"
    )]
    BadBreakpoint { element: String, item: String },
    #[error("{error} (`{element}`)\n  help: breakpoints go from left to right and never down")]
    Table { element: String, error: TableError },
    #[error(
        "`{element}` names no terminals\n  help: write the two nodes behind a colon, as in \
         @file.cir:out,0"
    )]
    NoTerminals { element: String },
    #[error(
        "`{element}` has no node `{node}`\n  help: {}",
        .suggestion.as_ref().map_or("name two nodes of its main circuit".to_string(),
            |s| format!("did you mean `{s}`?"))
    )]
    UnknownNode {
        element: String,
        node: String,
        suggestion: Option<String>,
    },
    #[error("the terminals of `{element}` are one node\n  help: name two different nodes")]
    OneNode { element: String },
    #[error("`{element}` holds no cards\n  help: write for instance {example}")]
    NoCards {
        element: String,
        example: &'static str,
    },
}

fn element_help(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write one of {}, or @file.cir:p,n", NAMES.join(", ")),
    }
}

fn key_help(suggestion: &Option<String>, known: &str) -> String {
    match suggestion {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("it has {known}"),
    }
}

/// Why there is no curve.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ActivationError {
    #[error(transparent)]
    Element(#[from] ElementError),
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// A deck that is no circuit, or none that has an operating point.
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
    #[error("`{element}` at x = {x} V: {error}")]
    Solve {
        element: String,
        x: f64,
        error: Box<SolveError>,
    },
    #[error("`{element}` at x = {x} V: {error}")]
    Slope {
        element: String,
        x: f64,
        error: AdjointError,
    },
    #[error(
        "the resistance in front of the element is {value} ohm\n  help: it must be positive and finite"
    )]
    Resistance { value: f64 },
    #[error("{points} points make no curve\n  help: take at least 2")]
    TooFewPoints { points: usize },
    #[error("no curve goes from {from} V to {to} V\n  help: it begins below where it ends")]
    EmptyRange { from: f64, to: f64 },
    #[error("`{element}` cannot be at {value} degrees Celsius\n  help: {rule}")]
    Temperature {
        element: String,
        value: f64,
        rule: &'static str,
    },
    #[error("`{element}` cannot have the emission coefficient {value}\n  help: N must be positive")]
    Emission { element: String, value: f64 },
}
