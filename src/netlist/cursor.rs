//! A walk over the tokens of one card: the one place that turns a token into a node or a value.

use std::sync::Arc;

use super::fault::NetlistFault;
use super::token::{Token, TokenKind};
use super::{Assignment, GROUND, Name, Nodes, Value};
use crate::expression::Expr;
use crate::source::{LogicalLine, Span, Spanned};
use crate::units::parse_number;

pub(super) type Result<T> = std::result::Result<T, NetlistFault>;

/// What an expression in a deck reads from the circuit.
pub(super) const PROBES: &[&str] = &["v", "i"];

/// The canonical (lower case) form of a word; the case of other letters than A to Z is kept, as
/// ngspice does.
pub(super) fn canonical(text: &str) -> Name {
    let mut name = Name::new(text);
    name.as_mut_str().make_ascii_lowercase();
    name
}

pub(super) fn named(token: Token) -> Spanned<Name> {
    Spanned::new(canonical(token.text), token.span)
}

pub(super) fn node_name(text: &str) -> Name {
    match text.eq_ignore_ascii_case("gnd") || text.eq_ignore_ascii_case("gnd!") {
        true => GROUND,
        false => canonical(text),
    }
}

/// The next tokens of a card whose first token is its name.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    line: &'a LogicalLine,
    tokens: &'t [Token<'a>],
    at: usize,
    /// How the card is written, for messages.
    pub form: &'static str,
}

impl<'t, 'a> Cursor<'t, 'a> {
    /// `tokens` holds the name of the card and at least that.
    pub fn new(line: &'a LogicalLine, tokens: &'t [Token<'a>], form: &'static str) -> Self {
        Self {
            line,
            tokens,
            at: 1,
            form,
        }
    }

    pub fn line(&self) -> &'a LogicalLine {
        self.line
    }

    pub fn subject(&self) -> Spanned<Name> {
        named(self.tokens[0])
    }

    pub fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    /// Tokens not yet taken.
    pub fn rest(&self) -> &'t [Token<'a>] {
        &self.tokens[self.at.min(self.tokens.len())..]
    }

    pub fn skip(&mut self, count: usize) {
        self.at += count;
    }

    /// Skips the tokens that begin before a byte of the line.
    pub fn skip_to(&mut self, byte: usize) {
        while self.peek().is_some_and(|t| t.start < byte) {
            self.at += 1;
        }
    }

    /// Byte of the line where the next token begins.
    pub fn position(&self) -> usize {
        self.peek().map_or(self.line.text.len(), |t| t.start)
    }

    /// Byte behind the last token taken.
    pub fn end_of_last(&self) -> usize {
        self.tokens[self.at.clamp(1, self.tokens.len()) - 1].end()
    }

    /// Takes the next token if it is this word.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.is(word));
        self.at += usize::from(found);
        found
    }

    pub fn take_equals(&mut self) -> bool {
        let found = self.peek().is_some_and(|t| t.kind == TokenKind::Equals);
        self.at += usize::from(found);
        found
    }

    pub fn word(&mut self, what: &'static str) -> Result<Token<'a>> {
        let token = self.peek().ok_or_else(|| self.missing(what))?;
        match token.kind {
            TokenKind::Word => {
                self.at += 1;
                Ok(token)
            }
            _ => Err(self.unexpected(token)),
        }
    }

    pub fn name(&mut self, what: &'static str) -> Result<Spanned<Name>> {
        self.word(what).map(named)
    }

    pub fn node(&mut self, what: &'static str) -> Result<Spanned<Name>> {
        let token = self.word(what)?;
        Ok(Spanned::new(node_name(token.text), token.span))
    }

    pub fn two_nodes(&mut self) -> Result<Nodes> {
        let first = self.node("its first node")?;
        Ok([first, self.node("its second node")?].into())
    }

    /// A number, or an expression in braces, quotes, or without blanks.
    pub fn value(&mut self, what: &'static str) -> Result<Spanned<Value>> {
        let token = self.peek().ok_or_else(|| self.missing(what))?;
        self.at += 1;
        value(self.line, token, what)
    }

    /// A number, or an expression that needs neither braces nor quotes and ends where it must.
    pub fn open_value(&mut self, what: &'static str) -> Result<Spanned<Value>> {
        let token = self.peek().ok_or_else(|| self.missing(what))?;
        if parse_number(token.text).is_some() || token.kind != TokenKind::Word {
            return self.value(what);
        }
        let expr = self.expression(what)?;
        let span = expr.span;
        Ok(Spanned::new(Value::Expression(expr), span))
    }

    /// A number and no expression.
    pub fn number(&mut self, what: &'static str) -> Result<Spanned<f64>> {
        let token = self.peek().ok_or_else(|| self.missing(what))?;
        self.at += 1;
        number(token, what)
    }

    /// Takes `name =` and gives the name; what follows is the value.
    pub fn parameter(&mut self) -> Option<Token<'a>> {
        let [name, equals, ..] = self.rest() else {
            return None;
        };
        let found = name.kind == TokenKind::Word && equals.kind == TokenKind::Equals;
        self.at += if found { 2 } else { 0 };
        found.then_some(*name)
    }

    /// `name = value`, if that comes next.
    pub fn assignment(&mut self, what: &'static str) -> Result<Option<Assignment>> {
        let Some(name) = self.parameter() else {
            return Ok(None);
        };
        Ok(Some(Assignment {
            name: named(name),
            value: self.value(what)?,
        }))
    }

    /// Takes the words up to the first parameter.
    pub fn words_before_parameters(&mut self) -> Result<&'t [Token<'a>]> {
        let rest = self.rest();
        let equals = rest.iter().position(|t| t.kind == TokenKind::Equals);
        let words = &rest[..equals.map_or(rest.len(), |at| at.saturating_sub(1))];
        if let Some(token) = words.iter().find(|t| t.kind != TokenKind::Word) {
            return Err(self.unexpected(*token));
        }
        self.at += words.len();
        Ok(words)
    }

    /// Parses the longest expression that begins at the next token, and takes its tokens.
    pub fn expression(&mut self, what: &'static str) -> Result<Arc<Expr>> {
        self.peek().ok_or_else(|| self.missing(what))?;
        // Parentheses separate tokens, but here they count.
        let rest = &self.line.text[self.end_of_last()..];
        let start = self.line.text.len() - rest.trim_start().len();
        let text = &self.line.text[start..];
        let (expr, length) =
            Expr::parse_prefix(text, start, self.line, PROBES).map_err(NetlistFault::Expression)?;
        self.skip_to(start + length);
        Ok(Arc::new(expr))
    }

    /// The card must end here.
    pub fn finish(&self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(self.unexpected(token)),
        }
    }

    pub fn missing(&self, what: &'static str) -> NetlistFault {
        let last = self.tokens[self.tokens.len() - 1].span;
        NetlistFault::Missing {
            subject: self.subject(),
            what,
            form: self.form,
            place: last.after(),
        }
    }

    pub fn unexpected(&self, token: Token) -> NetlistFault {
        NetlistFault::Unexpected {
            subject: self.subject().value,
            found: named(token),
            form: self.form,
        }
    }
}

/// Turns a value token into a number or an expression.
pub(super) fn value(
    line: &LogicalLine,
    token: Token,
    what: &'static str,
) -> Result<Spanned<Value>> {
    let spanned = |value| Spanned::new(value, token.span);
    match token.kind {
        TokenKind::Word => match parse_number(token.text) {
            Some(number) => Ok(spanned(Value::Number(number))),
            None if starts_like_a_number(token.text) => bare_expression(line, token, what),
            None => expression(line, token),
        },
        TokenKind::Expression => expression(line, token),
        TokenKind::Equals => Err(bad_number(token, what)),
    }
}

fn starts_like_a_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-', '.']);
    digits.starts_with(|c: char| c.is_ascii_digit()) || digits.is_empty()
}

/// `2*rload` is an expression, `4k7` and `1..2` are slips of the pen.
fn bare_expression(line: &LogicalLine, token: Token, what: &'static str) -> Result<Spanned<Value>> {
    expression(line, token).map_err(|_| bad_number(token, what))
}

fn expression(line: &LogicalLine, token: Token) -> Result<Spanned<Value>> {
    let expr =
        Expr::parse(token.text, token.start, line, PROBES).map_err(NetlistFault::Expression)?;
    Ok(Spanned::new(Value::Expression(Arc::new(expr)), token.span))
}

pub(super) fn number(token: Token, what: &'static str) -> Result<Spanned<f64>> {
    let value = parse_number(token.text).ok_or_else(|| bad_number(token, what))?;
    Ok(Spanned::new(value, token.span))
}

fn bad_number(token: Token, what: &'static str) -> NetlistFault {
    NetlistFault::BadNumber {
        found: Spanned::new(token.text.into(), token.span),
        what,
    }
}

impl crate::expression::Places for LogicalLine {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        LogicalLine::span(self, range)
    }
}
