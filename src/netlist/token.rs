//! Words of one line, each with its place.

use crate::source::{LogicalLine, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Equals,
    /// `{…}`, `'…'` or `"…"`, kept whole with its delimiters.
    Expression,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub text: &'a str,
    /// Byte of the logical line where it begins.
    pub start: usize,
    pub span: Span,
    pub kind: TokenKind,
}

/// Those of a line; most lines have few.
pub(super) type Tokens<'a> = smallvec::SmallVec<[Token<'a>; 8]>;

impl Token<'_> {
    pub fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Fills `tokens` with those of a line.
///
/// Parentheses and commas separate like white space, as in ngspice: no card needs them to be
/// understood.
pub(super) fn tokenize<'a>(line: &'a LogicalLine, tokens: &mut Tokens<'a>) {
    tokens.clear();
    let mut scanner = Scanner {
        source: line,
        text: &line.text,
        at: 0,
        line: 0,
        column: 0,
        piece: 0,
    };
    scanner.enter_piece();
    while scanner.skip_to_token() {
        tokens.push(scanner.token());
    }
}

/// A position in a line; columns are counted in characters as it moves.
struct Scanner<'a> {
    source: &'a LogicalLine,
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
    /// The piece that comes next.
    piece: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn enter_piece(&mut self) {
        if let Some(piece) = self.source.pieces().get(self.piece)
            && piece.offset == self.at
        {
            (self.line, self.column) = (piece.line, piece.column);
            self.piece += 1;
        }
    }

    #[inline]
    fn advance(&mut self, byte: u8) {
        const CONTINUATION: u8 = 0b1000_0000;
        self.at += 1;
        self.column += u32::from(byte & 0b1100_0000 != CONTINUATION);
        self.enter_piece();
    }

    #[inline]
    fn advance_while(&mut self, accept: impl Fn(u8) -> bool) {
        while let Some(byte) = self.peek().filter(|b| accept(*b)) {
            self.advance(byte);
        }
    }

    /// False at the end of the text.
    fn skip_to_token(&mut self) -> bool {
        self.advance_while(is_separator);
        self.peek().is_some()
    }

    fn token(&mut self) -> Token<'a> {
        let (start, line, column) = (self.at, self.line, self.column);
        let kind = match self.peek() {
            Some(b'=') => {
                self.advance(b'=');
                TokenKind::Equals
            }
            Some(b'{') => self.braces(),
            Some(quote @ (b'\'' | b'"')) => self.quotes(quote),
            _ => {
                self.advance_while(is_word);
                TokenKind::Word
            }
        };
        let text = &self.text[start..self.at];
        let length = if self.line == line {
            self.column - column
        } else {
            text.chars().count() as u32
        };
        Token {
            text,
            start,
            span: Span {
                file: self.source.file(),
                line,
                column,
                length,
            },
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

    fn quotes(&mut self, quote: u8) -> TokenKind {
        self.advance(quote);
        self.advance_while(|b| b != quote);
        if let Some(byte) = self.peek() {
            self.advance(byte);
        }
        TokenKind::Expression
    }
}

pub(super) fn is_white_space(byte: u8) -> bool {
    byte <= b' '
}

fn is_separator(byte: u8) -> bool {
    is_white_space(byte) || matches!(byte, b'(' | b')' | b',')
}

fn is_word(byte: u8) -> bool {
    !is_separator(byte) && !matches!(byte, b'=' | b'{' | b'\'' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(String, u32, u32)> {
        let line = LogicalLine::of(text);
        let mut tokens = Tokens::new();
        tokenize(&line, &mut tokens);
        tokens
            .iter()
            .map(|t| (t.text.to_string(), t.span.column, t.span.length))
            .collect()
    }

    fn expected(list: &[(&str, u32, u32)]) -> Vec<(String, u32, u32)> {
        list.iter()
            .map(|(t, c, l)| (t.to_string(), *c, *l))
            .collect()
    }

    #[test]
    fn columns_count_characters_from_one() {
        let list = [
            ("r1", 1, 2),
            ("\u{e9}t\u{e9}", 4, 3),
            ("b", 8, 1),
            ("1k", 11, 2),
        ];
        assert_eq!(tokens("r1 \u{e9}t\u{e9} b  1k"), expected(&list));
    }

    #[test]
    fn parentheses_and_commas_separate() {
        let list = [("e1", 1, 2), ("cp", 5, 2), ("cn", 8, 2), ("2", 12, 1)];
        assert_eq!(tokens("e1 (cp,cn) 2"), expected(&list));
    }

    #[test]
    fn an_equals_sign_stands_alone() {
        let list = [("r", 1, 1), ("=", 2, 1), ("1", 3, 1)];
        assert_eq!(tokens("r=1"), expected(&list));
    }

    #[test]
    fn an_expression_stays_whole() {
        let list = [
            ("{a + {b}}", 1, 9),
            ("'x y'", 11, 5),
            ("\"z w\"", 17, 5),
            ("{open", 23, 5),
        ];
        assert_eq!(tokens("{a + {b}} 'x y' \"z w\" {open"), expected(&list));
    }
}
