//! Requests that cannot be carried out.

use crate::circuit::Circuit;
use crate::netlist::{Diagnostic, Name};
use crate::source::{SourceMap, Span, Spanned};

/// Something was asked for that a circuit does not have: what, where, and a way out.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .diagnostic.render(.sources))]
pub struct RequestError {
    pub sources: SourceMap,
    pub diagnostic: Box<Diagnostic>,
}

impl RequestError {
    /// About a card of the circuit's deck.
    pub(crate) fn in_deck(circuit: &Circuit, diagnostic: Diagnostic) -> Self {
        Self {
            sources: circuit.sources.clone(),
            diagnostic: Box::new(diagnostic),
        }
    }

    /// About a text that was given beside the deck.
    pub(crate) fn in_text(text: &str, diagnostic: Diagnostic) -> Self {
        Self {
            sources: SourceMap::single("argument", text),
            diagnostic: Box::new(diagnostic),
        }
    }
}

/// A text that is no part of a deck as a word with a place of its own.
pub(crate) fn word_of(text: &str) -> Spanned<Name> {
    let span = Span {
        line: 1,
        column: 1,
        length: text.chars().count().max(1) as u32,
        ..Span::default()
    };
    Spanned::new(Name::from(text.to_ascii_lowercase()), span)
}

/// "Did you mean …", or else what is expected.
pub(crate) fn help(suggestion: Option<String>, otherwise: &str) -> String {
    suggestion.map_or_else(
        || otherwise.to_string(),
        |name| format!("did you mean `{name}`?"),
    )
}
