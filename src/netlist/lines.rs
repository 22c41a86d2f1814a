//! Logical lines: comments dropped, continuations joined.

use std::iter::{Enumerate, Peekable};
use std::str::Split;

use super::token::{Token, is_white_space, tokenize};

/// The logical lines after the title. A copy of the iterator is a cheap way to look ahead.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    physical: Peekable<Enumerate<Split<'a, char>>>,
}

impl<'a> Lines<'a> {
    /// Takes the title off the text: SPICE gives the first line no other meaning.
    pub fn after_title(text: &'a str) -> (&'a str, Self) {
        let mut physical = text.split('\n').enumerate().peekable();
        let title = physical.next().map_or("", |(_, line)| line);
        (title.trim_start_matches('\u{feff}'), Self { physical })
    }

    /// Fills `tokens` with the next line that has any; false at the end of the text.
    pub fn next(&mut self, tokens: &mut Vec<Token<'a>>) -> bool {
        tokens.clear();
        while tokens.is_empty() {
            let Some((index, line)) = self.physical.next() else {
                return false;
            };
            if classify(line) != LineKind::Blank {
                tokenize(line, index as u32 + 1, 1, tokens);
                self.join_continuations(tokens);
            }
        }
        true
    }

    /// Comments and blank lines may stand between a line and its continuation.
    fn join_continuations(&mut self, tokens: &mut Vec<Token<'a>>) {
        while let Some((index, line)) = self
            .physical
            .next_if(|(_, line)| classify(line) != LineKind::Card)
        {
            if let Some((before, rest)) = line.split_once('+')
                && classify(line) == LineKind::Continuation
            {
                let column = before.chars().count() as u32 + 2;
                tokenize(rest, index as u32 + 1, column, tokens);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Blank,
    Continuation,
    Card,
}

fn classify(line: &str) -> LineKind {
    match line.bytes().find(|b| !is_white_space(*b)) {
        None | Some(b'*' | b';' | b'$') => LineKind::Blank,
        Some(b'+') => LineKind::Continuation,
        Some(_) => LineKind::Card,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logical(text: &str) -> Vec<Vec<(&str, u32, u32)>> {
        let (_, mut lines) = Lines::after_title(text);
        let (mut tokens, mut all) = (Vec::new(), Vec::new());
        while lines.next(&mut tokens) {
            let line = tokens
                .iter()
                .map(|t| (t.text, t.span.line, t.span.column))
                .collect();
            all.push(line);
        }
        all
    }

    #[test]
    fn a_continuation_may_follow_comments_and_blank_lines() {
        let text = "title\r\nr1 a\r\n* note\r\n\r\n  + b 1k ; ohm\r\nr2 c 0 2\r\n";
        let expected = [
            vec![("r1", 2, 1), ("a", 2, 4), ("b", 5, 5), ("1k", 5, 7)],
            vec![("r2", 6, 1), ("c", 6, 4), ("0", 6, 6), ("2", 6, 8)],
        ];
        assert_eq!(logical(text), expected);
    }

    #[test]
    fn comment_lines_vanish() {
        let text = "title\n* a\n  ; b\n$ c\n\t\n";
        assert!(logical(text).is_empty());
    }

    #[test]
    fn the_first_line_is_the_title_whatever_it_holds() {
        assert_eq!(
            Lines::after_title("\u{feff}r1 a 0 1\nr2 b 0 1").0,
            "r1 a 0 1"
        );
        assert!(logical("r1 a 0 1").is_empty());
    }
}
