//! The words of an expression.

use std::ops::Range;

use super::ast::BinaryOperator;
use crate::units::parse_number;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenKind {
    Number(f64),
    /// Begins as a number and is none: `4k7`.
    BadNumber,
    Name,
    Operator(BinaryOperator),
    Not,
    /// `(` or `{`, with what closes it.
    Open(char),
    /// `)` or `}`.
    Close(char),
    /// `'` or `"`: opens where an operand may stand, else closes.
    Quote(char),
    Comma,
    Question,
    Colon,
    /// Anything else; nothing that an expression contains.
    Other,
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: TokenKind,
    /// Bytes of the text.
    pub range: Range<usize>,
}

/// The token that begins at byte `at` or after white space there.
pub(super) fn token_at(text: &str, at: usize) -> Token {
    let rest = text[at..].trim_start();
    let start = text.len() - rest.len();
    let (kind, length) = classify(rest);
    Token {
        kind,
        range: start..start + length,
    }
}

fn classify(rest: &str) -> (TokenKind, usize) {
    let Some(first) = rest.chars().next() else {
        return (TokenKind::End, 0);
    };
    if starts_number(rest) {
        let length = number_length(rest);
        let value = parse_number(&rest[..length]);
        return (
            value.map_or(TokenKind::BadNumber, TokenKind::Number),
            length,
        );
    }
    if starts_name(first) {
        let length = rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
        return (TokenKind::Name, length);
    }
    match pair(rest) {
        Some(operator) => (TokenKind::Operator(operator), 2),
        None => (single(first), first.len_utf8()),
    }
}

fn starts_number(rest: &str) -> bool {
    let digits = rest.strip_prefix('.').unwrap_or(rest);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

/// Digits and points, an exponent with its sign, and whatever letters and digits follow.
fn number_length(rest: &str) -> usize {
    let length_of = |from: usize, wanted: fn(char) -> bool| {
        let tail = &rest[from..];
        from + tail.find(|c| !wanted(c)).unwrap_or(tail.len())
    };
    let mantissa = length_of(0, |c| c.is_ascii_digit() || c == '.');
    let bytes = rest.as_bytes();
    let signed_exponent = matches!(bytes.get(mantissa), Some(b'e' | b'E' | b'd' | b'D'))
        && matches!(bytes.get(mantissa + 1), Some(b'+' | b'-'))
        && bytes.get(mantissa + 2).is_some_and(u8::is_ascii_digit);
    let sign = if signed_exponent { 2 } else { 0 };
    length_of(mantissa + sign, |c| {
        c.is_alphanumeric() || matches!(c, '_' | '.')
    })
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '@' | '$' | '#')
}

fn continues_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '$' | '#' | '.' | '[' | ']')
}

fn pair(rest: &str) -> Option<BinaryOperator> {
    Some(match rest.as_bytes().get(..2)? {
        b"**" => BinaryOperator::Power,
        b"==" => BinaryOperator::Equal,
        b"!=" | b"<>" => BinaryOperator::NotEqual,
        b"<=" => BinaryOperator::LessEqual,
        b">=" => BinaryOperator::GreaterEqual,
        b"&&" => BinaryOperator::And,
        b"||" => BinaryOperator::Or,
        _ => return None,
    })
}

fn single(c: char) -> TokenKind {
    let operator = match c {
        '(' => return TokenKind::Open(')'),
        '{' => return TokenKind::Open('}'),
        ')' | '}' => return TokenKind::Close(c),
        '\'' | '"' => return TokenKind::Quote(c),
        ',' => return TokenKind::Comma,
        '?' => return TokenKind::Question,
        ':' => return TokenKind::Colon,
        '!' | '~' => return TokenKind::Not,
        '+' => BinaryOperator::Add,
        '-' => BinaryOperator::Subtract,
        '*' => BinaryOperator::Multiply,
        '/' => BinaryOperator::Divide,
        '%' => BinaryOperator::Remainder,
        '^' => BinaryOperator::Power,
        '<' => BinaryOperator::Less,
        '>' => BinaryOperator::Greater,
        '&' => BinaryOperator::And,
        '|' => BinaryOperator::Or,
        _ => return TokenKind::Other,
    };
    TokenKind::Operator(operator)
}
