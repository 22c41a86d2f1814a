//! A walk over the tokens of one card: the one place that turns a token into a node or a number.

use super::fault::NetlistFault;
use super::token::{Token, TokenKind};
use super::{GROUND, Name};
use crate::source::{Span, Spanned};
use crate::units::parse_number;

pub(super) type Result<T> = std::result::Result<T, NetlistFault>;

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
    match text.eq_ignore_ascii_case("gnd") {
        true => GROUND,
        false => canonical(text),
    }
}

/// The next tokens of a card whose first token is its name.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    /// How the card is written, for messages.
    pub form: &'static str,
}

impl<'t, 'a> Cursor<'t, 'a> {
    /// `tokens` holds the name of the card and at least that.
    pub fn new(tokens: &'t [Token<'a>], form: &'static str) -> Self {
        Self {
            tokens,
            at: 1,
            form,
        }
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

    /// Takes the next token if it is this word.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.is(word));
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
            TokenKind::Equals => Err(self.unexpected(token)),
            TokenKind::Expression => Err(expression(token, what)),
        }
    }

    pub fn name(&mut self, what: &'static str) -> Result<Spanned<Name>> {
        self.word(what).map(named)
    }

    pub fn node(&mut self, what: &'static str) -> Result<Spanned<Name>> {
        let token = self.word(what)?;
        Ok(Spanned::new(node_name(token.text), token.span))
    }

    pub fn two_nodes(&mut self) -> Result<Vec<Spanned<Name>>> {
        Ok(vec![
            self.node("its first node")?,
            self.node("its second node")?,
        ])
    }

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

    /// Takes the words up to the first parameter.
    pub fn words_before_parameters(&mut self, what: &'static str) -> Result<&'t [Token<'a>]> {
        let rest = self.rest();
        let equals = rest.iter().position(|t| t.kind == TokenKind::Equals);
        let words = &rest[..equals.map_or(rest.len(), |at| at.saturating_sub(1))];
        if let Some(token) = words.iter().find(|t| t.kind == TokenKind::Expression) {
            return Err(expression(*token, what));
        }
        self.at += words.len();
        Ok(words)
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
        let place = Span {
            column: last.column + last.length,
            length: 1,
            ..last
        };
        NetlistFault::Missing {
            subject: self.subject(),
            what,
            form: self.form,
            place,
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

/// Turns a value token into a number; an expression dialect would be evaluated here.
pub(super) fn number(token: Token, what: &'static str) -> Result<Spanned<f64>> {
    if token.kind == TokenKind::Expression {
        return Err(expression(token, what));
    }
    let value = parse_number(token.text).ok_or_else(|| NetlistFault::BadNumber {
        found: Spanned::new(token.text.into(), token.span),
        what,
    })?;
    Ok(Spanned::new(value, token.span))
}

fn expression(token: Token, what: &'static str) -> NetlistFault {
    NetlistFault::Expression {
        found: Spanned::new(token.text.into(), token.span),
        what,
    }
}
