//! Cells of CSV files, for messages.

use std::fmt;
use std::path::PathBuf;

/// A place in a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The field, counted from 1; none if the whole line is meant.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)?;
        match self.column {
            Some(column) => write!(f, ", column {column}"),
            None => Ok(()),
        }
    }
}

/// The line, counted from 1, of the record that is said to start at a byte: before the empty lines
/// that precede it.
pub fn line_of_record(text: &[u8], start: usize) -> usize {
    let (before, after) = text.split_at(start.min(text.len()));
    let empty = after.iter().take_while(|byte| b"\r\n".contains(byte));
    let ends = before.iter().chain(empty).filter(|&&byte| byte == b'\n');
    1 + ends.count()
}

/// Text fit for a message.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).collect();
    match (text.is_empty(), shown.len() < text.len()) {
        (true, _) => "nothing".into(),
        (_, true) => format!("`{}…`", shown.escape_debug()),
        (_, false) => format!("`{}`", shown.escape_debug()),
    }
}

/// A number that can be computed with.
pub fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}
