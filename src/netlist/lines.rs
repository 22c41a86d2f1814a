//! Logical lines: comments dropped, continuations joined.

use std::sync::Arc;

use rayon::prelude::*;

use super::token::is_white_space;
use crate::source::{FileId, LogicalLine};

/// The lines of one file, from a position on. A copy is a cheap way to look ahead.
#[derive(Clone)]
pub(super) struct Lines {
    text: Arc<str>,
    file: FileId,
    /// Byte at which the next physical line begins.
    at: usize,
    /// Byte at which the last line has ended.
    end: usize,
    /// Number of the next physical line, from 1.
    number: u32,
}

impl Lines {
    pub fn new(text: Arc<str>, file: FileId) -> Self {
        Self {
            end: text.len(),
            text,
            file,
            at: 0,
            number: 1,
        }
    }

    /// Byte at which the next physical line begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes on where others of the same file are.
    pub fn go_to(&mut self, other: &Self) {
        (self.at, self.number) = (other.at, other.number);
    }

    /// Where the next line begins that starts with a dot, or the end.
    pub fn end_of_stretch(&self) -> usize {
        let rest = self.text.get(self.at..self.end).unwrap_or("");
        let dot = rest.find("\n.").map(|length| self.at + length + 1);
        dot.unwrap_or(self.end)
    }

    /// Cuts what is before `end` into at most `count` pieces of about `size` bytes, none of which begins with a
    /// continuation; and what is behind them.
    pub fn pieces(&self, end: usize, size: usize, count: usize) -> (Vec<Self>, Self) {
        let mut pieces = Vec::with_capacity(count);
        let mut at = self.at;
        while at < end && pieces.len() < count {
            let stop = self.card_from((at + size).min(end), end);
            pieces.push(Self {
                at,
                end: stop,
                ..self.clone()
            });
            at = stop;
        }
        let lines: Vec<u32> = pieces.par_iter().map(Self::count).collect();
        let mut number = self.number;
        for (piece, lines) in pieces.iter_mut().zip(lines) {
            piece.number = number;
            number += lines;
        }
        let behind = Self {
            at,
            number,
            ..self.clone()
        };
        (pieces, behind)
    }

    /// Where the first card begins in a line behind byte `at`.
    fn card_from(&self, at: usize, end: usize) -> usize {
        let mut at = at;
        while at < end {
            let rest = &self.text.as_bytes()[at..end];
            at += memchr(b'\n', rest) + 1;
            let line = self.text.get(at..end).unwrap_or("");
            let length = memchr(b'\n', line.as_bytes());
            if classify(&line[..length]) == LineKind::Card {
                return at;
            }
        }
        end
    }

    /// Physical lines that are left.
    pub fn count(&self) -> u32 {
        let rest = self.text.as_bytes().get(self.at..self.end).unwrap_or(&[]);
        rest.iter().map(|byte| u32::from(*byte == b'\n')).sum()
    }

    /// Takes the title off the text: SPICE gives the first line no other meaning.
    pub fn take_title(&mut self) -> String {
        let title = self.peek().map_or("", |(line, _)| line);
        let title = title.trim_start_matches('\u{feff}').to_owned();
        self.skip();
        title
    }

    /// The next physical line, and the byte behind it.
    fn peek(&self) -> Option<(&str, usize)> {
        let rest = self.text.get(self.at..self.end)?;
        if rest.is_empty() {
            return None;
        }
        let length = memchr(b'\n', rest.as_bytes());
        Some((&rest[..length], self.at + length + 1))
    }

    fn skip(&mut self) {
        self.at = self.peek().map_or(self.text.len(), |(_, next)| next);
        self.number += 1;
    }

    /// Fills `line` with the next line that is neither blank nor a comment; false at the end.
    pub fn next(&mut self, line: &mut LogicalLine) -> bool {
        line.clear(self.file);
        loop {
            let Some((text, next)) = self.peek() else {
                return false;
            };
            let kind = classify(text);
            if kind != LineKind::Blank {
                line.push(without_comment(text), self.number, 1);
            }
            self.at = next;
            self.number += 1;
            if kind != LineKind::Blank {
                self.join_continuations(line);
                return true;
            }
        }
    }

    /// Comments and blank lines may stand between a line and its continuation.
    fn join_continuations(&mut self, line: &mut LogicalLine) {
        let (mut at, mut number) = (self.at, self.number);
        let mut ahead = self.clone();
        while let Some((text, next)) = ahead.peek() {
            match classify(text) {
                LineKind::Card => break,
                LineKind::Blank => {}
                LineKind::Continuation => {
                    let (before, rest) = text.split_once('+').unwrap_or(("", text));
                    let column = before.chars().count() as u32 + 2;
                    line.push(without_comment(rest), ahead.number, column);
                    (at, number) = (next, ahead.number + 1);
                }
            }
            ahead.at = next;
            ahead.number += 1;
        }
        (self.at, self.number) = (at, number);
    }
}

fn memchr(byte: u8, bytes: &[u8]) -> usize {
    memchr::memchr(byte, bytes).unwrap_or(bytes.len())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Blank,
    Continuation,
    Card,
}

fn classify(line: &str) -> LineKind {
    let bytes = line.as_bytes();
    let first = bytes.iter().position(|b| !is_white_space(*b));
    match first.map(|at| (bytes[at], &bytes[at + 1..])) {
        None | Some((b'*' | b';' | b'$', _)) => LineKind::Blank,
        Some((b'/', [b'/', ..])) => LineKind::Blank,
        Some((b'+', _)) => LineKind::Continuation,
        Some(_) => LineKind::Card,
    }
}

/// The line up to its comment: `;`, and `$` or `//` after white space. `$G_` begins the name of a
/// global node in PSpice.
fn without_comment(line: &str) -> &str {
    let bytes = line.as_bytes();
    let mut is_quoted = false;
    for (at, &byte) in bytes.iter().enumerate() {
        let after_space = || at.checked_sub(1).is_none_or(|i| is_white_space(bytes[i]));
        let ends = match byte {
            b'"' => {
                is_quoted = !is_quoted;
                false
            }
            b';' => true,
            b'$' => after_space() && !is_global_node(&bytes[at..]),
            b'/' => bytes.get(at + 1) == Some(&b'/') && after_space(),
            _ => false,
        };
        if ends && !is_quoted {
            return &line[..at];
        }
    }
    line.trim_end_matches('\r')
}

fn is_global_node(rest: &[u8]) -> bool {
    rest.get(1..3)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"g_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logical(text: &str) -> Vec<String> {
        let mut lines = Lines::new(text.into(), FileId(0));
        lines.take_title();
        let (mut line, mut all) = (LogicalLine::default(), Vec::new());
        while lines.next(&mut line) {
            all.push(line.text.clone());
        }
        all
    }

    #[test]
    fn a_continuation_may_follow_comments_and_blank_lines() {
        let text = "title\r\nr1 a ; first\r\n* note\r\n\r\n  + b 1k $ ohm\r\nr2 c 0 2\r\n";
        assert_eq!(logical(text), ["r1 a   b 1k ", "r2 c 0 2"]);
    }

    #[test]
    fn places_survive_the_joining() {
        let mut lines = Lines::new("title\nr1 a\n\n +  bcd 1k".into(), FileId(0));
        lines.take_title();
        let mut line = LogicalLine::default();
        assert!(lines.next(&mut line));
        let at = line.text.find("bcd").unwrap();
        let span = line.span(at..at + 3);
        assert_eq!((span.line, span.column, span.length), (4, 5, 3));
    }

    #[test]
    fn comment_lines_vanish() {
        let text = "title\n* a\n  ; b\n$ c\n// d\n\t\n";
        assert!(logical(text).is_empty());
    }

    #[test]
    fn comments_end_the_line_but_not_a_name_or_a_quoted_path() {
        let text = "t\na;b\na $ b\na$b\nr1 $G_vcc 0 1\n.inc \"a;b\" ; c\n";
        let expected = ["a", "a ", "a$b", "r1 $G_vcc 0 1", ".inc \"a;b\" "];
        assert_eq!(logical(text), expected);
    }

    #[test]
    fn the_first_line_is_the_title_whatever_it_holds() {
        let mut lines = Lines::new("\u{feff}r1 a 0 1\nr2 b 0 1".into(), FileId(0));
        assert_eq!(lines.take_title(), "r1 a 0 1");
        assert!(logical("r1 a 0 1").is_empty());
    }
}
