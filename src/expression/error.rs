//! What is wrong with the text of an expression.

use super::Name;
use crate::source::Span;

#[derive(Clone, Debug, PartialEq)]
pub struct ExpressionError {
    pub kind: ExpressionErrorKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionErrorKind {
    /// The text ends where something is missing.
    UnexpectedEnd {
        expected: &'static str,
    },
    Unexpected {
        found: Name,
        expected: &'static str,
    },
    BadNumber {
        text: Name,
    },
    /// More than `limit` levels inside each other.
    TooDeep {
        limit: usize,
    },
    /// More than `limit` bytes.
    TooLong {
        limit: usize,
    },
}

impl ExpressionError {
    pub fn message(&self) -> String {
        match &self.kind {
            ExpressionErrorKind::UnexpectedEnd { expected } => {
                format!("the expression ends, but {expected} is expected")
            }
            ExpressionErrorKind::Unexpected { found, expected } => {
                format!("`{found}` stands where {expected} is expected")
            }
            ExpressionErrorKind::BadNumber { text } => format!("`{text}` is not a number"),
            ExpressionErrorKind::TooDeep { limit } => {
                format!("the expression has more than {limit} levels inside each other")
            }
            ExpressionErrorKind::TooLong { limit } => {
                format!("the expression is longer than {limit} bytes")
            }
        }
    }

    /// A few words for the place that the span points at.
    pub fn label(&self) -> &'static str {
        match &self.kind {
            ExpressionErrorKind::UnexpectedEnd { .. } => "ends here",
            ExpressionErrorKind::Unexpected { .. } => "not expected here",
            ExpressionErrorKind::BadNumber { .. } => "not a number",
            ExpressionErrorKind::TooDeep { .. } => "too deep",
            ExpressionErrorKind::TooLong { .. } => "too long",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match &self.kind {
            ExpressionErrorKind::UnexpectedEnd { expected } => Some(format!("add {expected}")),
            ExpressionErrorKind::Unexpected { found, .. } => help_for(found).map(Into::into),
            ExpressionErrorKind::BadNumber { text } => Some(help_for_number(text)),
            ExpressionErrorKind::TooDeep { .. } | ExpressionErrorKind::TooLong { .. } => {
                Some("name parts of it with .param or .func".into())
            }
        }
    }
}

fn help_for(found: &str) -> Option<&'static str> {
    match found {
        "=" => Some("write == to compare"),
        ")" | "}" => Some("remove it, or open it further left"),
        "\\" => Some("write int(a/b) for whole division"),
        ";" | "$" => Some("a comment does not belong into an expression"),
        _ => None,
    }
}

/// `4k7` is meant as `4.7k`; anything else gets an example.
fn help_for_number(text: &str) -> String {
    let letters = |c: char| c.is_ascii_alphabetic();
    if let Some((whole, rest)) = text.split_once(letters) {
        let suffix = &text[whole.len()..text.len() - rest.len()];
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if digits(whole) && digits(rest) {
            let suffix = if suffix.eq_ignore_ascii_case("r") {
                ""
            } else {
                suffix
            };
            return format!("write {whole}.{rest}{suffix}");
        }
    }
    "write a number such as 4.7k, 10MEG or 1e-3".into()
}

impl std::fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for ExpressionError {}
