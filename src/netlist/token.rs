//! Words of one line, each with its place.

use crate::source::{FileId, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Equals,
    /// `{…}` or `'…'`, kept whole with its delimiters.
    Expression,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    pub span: Span,
    pub kind: TokenKind,
}

impl Token<'_> {
    pub fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// Appends the tokens of `text`, whose first character stands at `line` and `column`.
///
/// Parentheses and commas separate like white space, as in ngspice: no card needs them to be
/// understood. A comment ends the text.
pub(super) fn tokenize<'a>(text: &'a str, line: u32, column: u32, tokens: &mut Vec<Token<'a>>) {
    let mut scanner = Scanner {
        text,
        at: 0,
        line,
        column,
    };
    while scanner.skip_to_token() {
        tokens.push(scanner.token());
    }
}

/// A position in a text; columns are counted in characters as it moves.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn advance(&mut self, byte: u8) {
        const CONTINUATION: u8 = 0b1000_0000;
        self.at += 1;
        self.column += u32::from(byte & 0b1100_0000 != CONTINUATION);
    }

    fn advance_while(&mut self, accept: impl Fn(u8) -> bool) {
        while let Some(byte) = self.peek().filter(|b| accept(*b)) {
            self.advance(byte);
        }
    }

    /// False at the end of the text, or at a comment.
    fn skip_to_token(&mut self) -> bool {
        self.advance_while(is_separator);
        match self.peek() {
            None | Some(b';') => false,
            Some(b'$') => !self.follows_white_space(),
            Some(_) => true,
        }
    }

    fn follows_white_space(&self) -> bool {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|i| self.text.as_bytes().get(i));
        before.is_none_or(|b| is_white_space(*b))
    }

    fn token(&mut self) -> Token<'a> {
        let (start, column) = (self.at, self.column);
        let kind = match self.peek() {
            Some(b'=') => {
                self.advance(b'=');
                TokenKind::Equals
            }
            Some(b'{') => self.braces(),
            Some(b'\'') => self.quotes(),
            _ => {
                self.advance_while(is_word);
                TokenKind::Word
            }
        };
        let span = Span {
            file: FileId(0),
            line: self.line,
            column,
            length: self.column - column,
        };
        Token {
            text: &self.text[start..self.at],
            span,
            kind,
        }
    }

    /// A brace that is never closed takes the rest of the line.
    fn braces(&mut self) -> TokenKind {
        let mut depth = 0;
        while let Some(byte) = self.peek() {
            self.advance(byte);
            depth += i32::from(byte == b'{') - i32::from(byte == b'}');
            if depth == 0 {
                break;
            }
        }
        TokenKind::Expression
    }

    fn quotes(&mut self) -> TokenKind {
        self.advance(b'\'');
        self.advance_while(|b| b != b'\'');
        self.advance_past(b'\'');
        TokenKind::Expression
    }

    fn advance_past(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.advance(byte);
        }
    }
}

pub(super) fn is_white_space(byte: u8) -> bool {
    byte <= b' '
}

fn is_separator(byte: u8) -> bool {
    is_white_space(byte) || matches!(byte, b'(' | b')' | b',')
}

fn is_word(byte: u8) -> bool {
    !is_separator(byte) && !matches!(byte, b'=' | b'{' | b';' | b'\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(&str, u32, u32)> {
        let mut tokens = Vec::new();
        tokenize(text, 1, 1, &mut tokens);
        tokens
            .iter()
            .map(|t| (t.text, t.span.column, t.span.length))
            .collect()
    }

    #[test]
    fn columns_count_characters_from_one() {
        let expected = [
            ("r1", 1, 2),
            ("\u{e9}t\u{e9}", 4, 3),
            ("b", 8, 1),
            ("1k", 11, 2),
        ];
        assert_eq!(tokens("r1 \u{e9}t\u{e9} b  1k"), expected);
    }

    #[test]
    fn parentheses_and_commas_separate() {
        let expected = [("e1", 1, 2), ("cp", 5, 2), ("cn", 8, 2), ("2", 12, 1)];
        assert_eq!(tokens("e1 (cp,cn) 2"), expected);
    }

    #[test]
    fn an_equals_sign_stands_alone() {
        assert_eq!(tokens("r=1"), [("r", 1, 1), ("=", 2, 1), ("1", 3, 1)]);
    }

    #[test]
    fn an_expression_stays_whole() {
        let expected = [("{a + {b}}", 1, 9), ("'x y'", 11, 5), ("{open", 17, 5)];
        assert_eq!(tokens("{a + {b}} 'x y' {open"), expected);
    }

    #[test]
    fn comments_end_the_line() {
        assert_eq!(tokens("a;b"), [("a", 1, 1)]);
        assert_eq!(tokens("a $ b"), [("a", 1, 1)]);
        assert_eq!(tokens("$ b"), []);
        assert_eq!(tokens("a$b"), [("a$b", 1, 3)]);
    }
}
