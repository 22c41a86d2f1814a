//! Text to syntax tree: precedence climbing (Pratt 1973).

use std::ops::Range;

use super::Name;
use super::ast::{BinaryOperator, Binding, Expr, ExprKind, UnaryOperator};
use super::error::{ExpressionError, ExpressionErrorKind};
use super::lexer::{Token, TokenKind, token_at};
use crate::source::Span;

type Result<T> = std::result::Result<T, ExpressionError>;

/// Where the bytes of a text stand in a file.
pub trait Places {
    fn span(&self, range: Range<usize>) -> Span;
}

/// Text on one line, in ASCII, whose first byte stands where the span begins.
impl Places for Span {
    fn span(&self, range: Range<usize>) -> Span {
        Span {
            column: self.column + range.start as u32,
            length: range.len().max(1) as u32,
            ..*self
        }
    }
}

/// Levels inside each other: the parser and all that walks its trees recurse as deep.
const DEEPEST: usize = 200;
/// Levels of a tree, of which `a + b + c + …` has as many as terms.
const TALLEST: usize = 1000;
const LONGEST: usize = 1 << 20;

const OPERAND: &str = "a number, a name or a parenthesis";
const OPERATOR: &str = "an operator or the end";

impl Expr {
    /// Parses all of `text`, whose first byte is byte `base` for `places`. The names in `probes` are
    /// read as probes of nodes and elements where `(` follows.
    pub fn parse(text: &str, base: usize, places: &dyn Places, probes: &[&str]) -> Result<Self> {
        let mut parser = Parser::new(text, base, places, probes);
        parser.check_length(text.len())?;
        let expr = parser.expression(Binding::Choice)?.expr;
        match parser.next.kind {
            TokenKind::End => Ok(expr),
            _ => Err(parser.unexpected(OPERATOR)),
        }
    }

    /// Parses the longest expression that `text` starts with, and returns its length in bytes.
    pub fn parse_prefix(
        text: &str,
        base: usize,
        places: &dyn Places,
        probes: &[&str],
    ) -> Result<(Self, usize)> {
        let mut parser = Parser::new(text, base, places, probes);
        let expr = parser.expression(Binding::Choice)?.expr;
        Ok((expr, parser.end))
    }
}

struct Parser<'a> {
    text: &'a str,
    base: usize,
    places: &'a dyn Places,
    probes: &'a [&'a str],
    next: Token,
    /// Where the last token taken ends.
    end: usize,
    depth: usize,
}

/// A tree, the byte it begins at, and its levels.
struct Parsed {
    expr: Expr,
    start: usize,
    height: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, base: usize, places: &'a dyn Places, probes: &'a [&'a str]) -> Self {
        Self {
            text,
            base,
            places,
            probes,
            next: token_at(text, 0),
            end: 0,
            depth: 0,
        }
    }

    /// An expression whose operators all hold at least as tightly as `least`.
    fn expression(&mut self, least: Binding) -> Result<Parsed> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.too_deep(DEEPEST));
        }
        let mut left = self.operand()?;
        loop {
            match self.next.kind {
                TokenKind::Operator(operator) if operator.binding() >= least => {
                    left = self.binary(left, operator)?;
                }
                TokenKind::Question if least == Binding::Choice => left = self.choice(left)?,
                _ => break,
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn binary(&mut self, left: Parsed, operator: BinaryOperator) -> Result<Parsed> {
        self.take();
        let right = self.expression(operator.binding().tighter())?;
        let height = left.height.max(right.height);
        let kind = ExprKind::Binary(operator, left.expr.into(), right.expr.into());
        self.node(kind, left.start, height)
    }

    fn choice(&mut self, condition: Parsed) -> Result<Parsed> {
        self.take();
        let then = self.expression(Binding::Choice)?;
        self.expect(TokenKind::Colon, "`:` and the other branch")?;
        let otherwise = self.expression(Binding::Choice)?;
        let height = condition.height.max(then.height).max(otherwise.height);
        let parts = [condition.expr, then.expr, otherwise.expr].map(Box::new);
        let [c, t, o] = parts;
        self.node(ExprKind::If(c, t, o), condition.start, height)
    }

    fn operand(&mut self) -> Result<Parsed> {
        let token = self.next.clone();
        let start = token.range.start;
        match token.kind {
            TokenKind::Number(value) => {
                self.take();
                self.node(ExprKind::Number(value), start, 0)
            }
            TokenKind::Name => self.name(token),
            TokenKind::Operator(BinaryOperator::Subtract) => self.unary(UnaryOperator::Negate),
            TokenKind::Operator(BinaryOperator::Add) => self.unary(UnaryOperator::Plus),
            TokenKind::Not => self.unary(UnaryOperator::Not),
            TokenKind::Open(')') => self.group(TokenKind::Close(')'), "`)`"),
            TokenKind::Open(_) => self.group(TokenKind::Close('}'), "`}`"),
            TokenKind::Quote('\'') => self.group(token.kind, "`'`"),
            TokenKind::Quote(_) => self.group(token.kind, "`\"`"),
            _ => Err(self.unexpected(OPERAND)),
        }
    }

    fn unary(&mut self, operator: UnaryOperator) -> Result<Parsed> {
        let start = self.take().start;
        let operand = self.expression(Binding::Sign)?;
        let kind = ExprKind::Unary(operator, operand.expr.into());
        self.node(kind, start, operand.height)
    }

    fn group(&mut self, close: TokenKind, expected: &'static str) -> Result<Parsed> {
        let start = self.take().start;
        let inner = self.expression(Binding::Choice)?;
        self.expect(close, expected)?;
        Ok(Parsed { start, ..inner })
    }

    fn name(&mut self, token: Token) -> Result<Parsed> {
        self.take();
        let name = lower_case(&self.text[token.range.clone()]);
        let start = token.range.start;
        if self.next.kind != TokenKind::Open(')') {
            return self.node(ExprKind::Name(name), start, 0);
        }
        if self.probes.contains(&name.as_str()) {
            let places = self.probed()?;
            return self.node(ExprKind::Probe(name, places), start, 0);
        }
        let (arguments, height) = self.arguments()?;
        self.node(ExprKind::Call(name, arguments), start, height)
    }

    /// The arguments of a call, up to and with its `)`, and the levels of the tallest.
    fn arguments(&mut self) -> Result<(Vec<Expr>, usize)> {
        self.take();
        let mut arguments = Vec::new();
        let mut height = 0;
        if self.next.kind != TokenKind::Close(')') {
            loop {
                let argument = self.expression(Binding::Choice)?;
                height = height.max(argument.height);
                arguments.push(argument.expr);
                if self.next.kind != TokenKind::Comma {
                    break;
                }
                self.take();
            }
        }
        self.expect(TokenKind::Close(')'), "`,` or `)`")?;
        Ok((arguments, height))
    }

    /// The names in a probe, which are no expressions: `v(x1.n+, out-)`.
    fn probed(&mut self) -> Result<Vec<(Name, Span)>> {
        let mut names = Vec::new();
        let mut at = self.next.range.end;
        loop {
            let rest = &self.text[at..];
            let Some(length) = rest.find([',', ')']) else {
                self.next = token_at(self.text, self.text.len());
                return Err(self.unexpected("`)`"));
            };
            names.push(self.probed_name(at..at + length)?);
            at += length + 1;
            if rest.as_bytes()[length] == b')' {
                break;
            }
        }
        self.end = at;
        self.next = token_at(self.text, at);
        Ok(names)
    }

    fn probed_name(&mut self, range: Range<usize>) -> Result<(Name, Span)> {
        let text = self.text[range.clone()].trim_start();
        let start = range.end - text.len();
        let text = text.trim_end();
        let place = start..start + text.len();
        if text.is_empty() || text.contains(char::is_whitespace) {
            let found = if text.is_empty() {
                &self.text[range.end..=range.end]
            } else {
                text
            };
            let kind = ExpressionErrorKind::Unexpected {
                found: found.into(),
                expected: "the name of a node or an element",
            };
            return Err(self.error(kind, place));
        }
        Ok((lower_case(text), self.span(place)))
    }

    /// A tree that begins at `start` and ends with the last token taken.
    fn node(&self, kind: ExprKind, start: usize, height: usize) -> Result<Parsed> {
        if height >= TALLEST {
            return Err(self.too_deep(TALLEST));
        }
        self.check_length(self.end)?;
        let span = self.span(start..self.end);
        Ok(Parsed {
            expr: Expr { kind, span },
            start,
            height: height + 1,
        })
    }

    /// Moves on by one token and returns the bytes of that token.
    fn take(&mut self) -> Range<usize> {
        let next = token_at(self.text, self.next.range.end);
        let taken = std::mem::replace(&mut self.next, next);
        self.end = taken.range.end;
        taken.range
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) -> Result<()> {
        if self.next.kind != kind {
            return Err(self.unexpected(expected));
        }
        self.take();
        Ok(())
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.places
            .span(self.base + range.start..self.base + range.end)
    }

    fn error(&self, kind: ExpressionErrorKind, range: Range<usize>) -> ExpressionError {
        let span = self.span(range);
        ExpressionError { kind, span }
    }

    fn check_length(&self, bytes: usize) -> Result<()> {
        let limit = LONGEST;
        match bytes > limit {
            true => Err(self.error(ExpressionErrorKind::TooLong { limit }, 0..1)),
            false => Ok(()),
        }
    }

    fn too_deep(&self, limit: usize) -> ExpressionError {
        let kind = ExpressionErrorKind::TooDeep { limit };
        self.error(kind, self.next.range.clone())
    }

    fn unexpected(&self, expected: &'static str) -> ExpressionError {
        let range = self.next.range.clone();
        let text = &self.text[range.clone()];
        let kind = match self.next.kind {
            TokenKind::End => ExpressionErrorKind::UnexpectedEnd { expected },
            TokenKind::BadNumber => ExpressionErrorKind::BadNumber { text: text.into() },
            _ => ExpressionErrorKind::Unexpected {
                found: text.into(),
                expected,
            },
        };
        self.error(kind, range)
    }
}

fn lower_case(text: &str) -> Name {
    let mut name = Name::new(text);
    name.make_ascii_lowercase();
    name
}
