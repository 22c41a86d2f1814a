//! Bytes to what they hold. Faults are said in words; the file is named by the caller.

mod csv;
mod json;
mod npz;
mod raw;

use std::path::Path;

use crate::analysis::dataset::{Dataset, Unit, Variable};

use super::Content;

/// The first bytes say what a file is.
pub(super) fn content(path: &Path, bytes: &[u8]) -> Result<Content, String> {
    if bytes.starts_with(b"PK\x03\x04") {
        return npz::results(path, bytes).map(|d| Content::Results(vec![d]));
    }
    if bytes.starts_with(b"Title:") {
        return raw::results(bytes).map(Content::Results);
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| "it is neither text nor an archive".to_string())?;
    match text.trim_start().starts_with('{') {
        true => json::content(text),
        false => csv::content(text),
    }
}

/// A dataset of columns of which the file says no more than names. Leading names without parentheses are
/// swept, as `run` writes them.
fn named_columns(names: &[String], rows: Vec<Vec<f64>>) -> Dataset {
    let is_read = |name: &&String| name.contains(['(', '@', '{', '#']);
    let swept = names.iter().take_while(|name| !is_read(name)).count();
    // Nothing but plain names: vectors of their own.
    let swept = if swept == names.len() { 0 } else { swept };
    let variable = |(k, name): (usize, &String)| Variable {
        name: name.clone(),
        unit: unit_of(name),
        is_sweep: k < swept,
    };
    Dataset {
        title: String::new(),
        analysis: "dc".to_string(),
        plot: String::new(),
        variables: names.iter().enumerate().map(variable).collect(),
        shape: Vec::new(),
        rows,
        steps: Vec::new(),
    }
}

/// By the first letter: `v(out)` and `v1` are volts, `r1` is a resistance.
fn unit_of(name: &str) -> Unit {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("temp") {
        return Unit::Temperature;
    }
    let is_call = lower.get(1..2) == Some("(");
    let is_element = !is_call && lower.len() > 1 && !lower.contains(':');
    match lower.as_bytes().first() {
        Some(b'v') if is_call || is_element => Unit::Voltage,
        Some(b'i') if is_call || is_element => Unit::Current,
        Some(b'p') if is_call => Unit::Power,
        Some(b'r') if is_element => Unit::Resistance,
        _ => Unit::None,
    }
}
