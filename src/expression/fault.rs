//! What is wrong with an expression that can be read but has no value.

use super::Name;
use super::builtin::Arity;
use crate::source::Span;

/// `E` is what the resolver of names has to say itself.
#[derive(Clone, Debug, PartialEq)]
pub enum LowerError<E> {
    Fault(LowerFault, Span),
    Resolver(E),
}

#[derive(Clone, Debug, PartialEq)]
pub enum LowerFault {
    UnknownName {
        name: Name,
        suggestion: Option<Name>,
    },
    UnknownFunction {
        name: Name,
        suggestion: Option<Name>,
    },
    ArgumentCount {
        name: Name,
        expected: Arity,
        found: usize,
    },
    /// `table` and `pwl` take pairs after their first argument.
    UnpairedPoint { name: Name },
    /// The x of a table do not rise from `before` to `after`.
    TableOrder { name: Name, before: f64, after: f64 },
    /// The functions that call each other; the last one calls the first one.
    Recursive { cycle: Vec<Name> },
    /// More than `limit` operations, or as many levels inside each other.
    TooLarge { limit: usize },
}

impl LowerFault {
    pub fn message(&self) -> String {
        match self {
            Self::UnknownName { name, .. } => format!("`{name}` is not defined"),
            Self::UnknownFunction { name, .. } => format!("there is no function `{name}`"),
            Self::ArgumentCount {
                name,
                expected,
                found,
            } => format!("`{name}` takes {expected}, not {found}"),
            Self::UnpairedPoint { name } => {
                format!("the last point of `{name}` has an x but no y")
            }
            Self::TableOrder {
                name,
                before,
                after,
            } => format!("the x of `{name}` do not rise: {after} follows {before}"),
            Self::Recursive { cycle } => match cycle.as_slice() {
                [only] => format!("the function `{only}` calls itself"),
                names => format!("functions call each other: {}", names.join(" -> ")),
            },
            Self::TooLarge { limit } => {
                format!("the expression needs more than {limit} operations or levels")
            }
        }
    }

    /// A few words for the place that the span points at.
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "no number, parameter or constant",
            Self::UnknownFunction { .. } => "not a function",
            Self::ArgumentCount { .. } => "wrong number of arguments",
            Self::UnpairedPoint { .. } => "unpaired",
            Self::TableOrder { .. } => "does not rise",
            Self::Recursive { .. } => "calls itself",
            Self::TooLarge { .. } => "too large",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownName { name, suggestion } => Some(match suggestion {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("define it: .param {name}=…"),
            }),
            Self::UnknownFunction { name, suggestion } => Some(match suggestion {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("define it: .func {name}(x) {{…}}"),
            }),
            Self::ArgumentCount { name, expected, .. } => Some(format!("give `{name}` {expected}")),
            Self::UnpairedPoint { name } => Some(format!("write {name}(x, x1,y1, x2,y2, …)")),
            Self::TableOrder { .. } => Some("sort the points by x, each x once".into()),
            Self::Recursive { .. } => {
                Some("functions are written out where they are called; unroll the recursion".into())
            }
            Self::TooLarge { .. } => None,
        }
    }
}
