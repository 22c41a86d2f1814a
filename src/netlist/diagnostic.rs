//! One message about a deck: what is wrong, where, and a way out.

use std::borrow::Cow;
use std::fmt;

use crate::source::{SourceMap, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A message with its place in the deck, made from a typed fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// One sentence without a full stop: what is wrong, with names and numbers.
    pub message: String,
    /// The place of the fault, with the few words that belong beside the caret.
    pub primary: Option<(Span, String)>,
    /// Other places that take part in the fault.
    pub related: Vec<(Span, String)>,
    /// What the user can do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            severity,
            message,
            primary: None,
            related: Vec::new(),
            help: None,
        }
    }

    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.primary = Some((span, label.into()));
        self
    }

    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message with its source lines, as shown to a person.
    pub fn render<'a>(&'a self, sources: &'a SourceMap) -> impl fmt::Display + 'a {
        Rendered {
            diagnostic: self,
            sources,
        }
    }
}

struct Rendered<'a> {
    diagnostic: &'a Diagnostic,
    sources: &'a SourceMap,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.diagnostic;
        let severity = match d.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", clipped(&d.message))?;
        let places: Vec<_> = d.primary.iter().chain(&d.related).collect();
        let width = places
            .iter()
            .map(|(s, _)| s.line.to_string().len())
            .max()
            .unwrap_or(0);
        for (index, (span, label)) in places.into_iter().enumerate() {
            let arrow = if index == 0 { "-->" } else { "and" };
            write!(f, "\n{:width$}{arrow} {}", "", self.sources.place(*span))?;
            self.write_source_line(f, *span, label, width, if index == 0 { '^' } else { '-' })?;
        }
        if let Some(help) = &d.help {
            write!(f, "\n{:width$} = help: {}", "", clipped(help))?;
        }
        Ok(())
    }
}

/// A text with a name of a million letters in it is shown in part.
fn clipped(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 4000;
    match text.char_indices().nth(LONGEST) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

impl Rendered<'_> {
    fn write_source_line(
        &self,
        f: &mut fmt::Formatter<'_>,
        span: Span,
        label: &str,
        width: usize,
        mark: char,
    ) -> fmt::Result {
        let line = self.sources.line(span).replace('\t', " ");
        let line_length = line.chars().count();
        let start = (span.column as usize).saturating_sub(1).min(line_length);
        let length = (span.length as usize).clamp(1, (line_length - start).max(1));
        // A very long line is shown around the fault only.
        const SHOWN: usize = 160;
        let first = start.saturating_sub(SHOWN / 2);
        let shown: String = line.chars().skip(first).take(SHOWN).collect();
        let caret = mark.to_string().repeat(length.min(SHOWN));
        write!(f, "\n{:width$} |", "")?;
        write!(f, "\n{:>width$} | {}", span.line, shown.trim_end())?;
        write!(
            f,
            "\n{:width$} | {:pad$}{caret} {label}",
            "",
            "",
            pad = start - first
        )
    }
}
