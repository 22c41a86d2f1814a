//! `.param` and `.func`: names with expressions that need no braces.

use std::sync::Arc;

use super::card::Definition;
use super::cursor::{Cursor, PROBES, Result, canonical};
use super::fault::NetlistFault;
use super::{Assignment, Function, Name, Value};
use crate::expression::{Expr, UserFunction};
use crate::source::{LogicalLine, Spanned};

/// The definitions of a `.param` card: `a = 1`, `b = a*2 c = {a+b}`, and functions `f(x) = x*x`.
pub(super) fn parameters(cursor: Cursor) -> Result<Vec<Definition>> {
    let mut scanner = Scanner::new(&cursor);
    let mut definitions = Vec::new();
    while scanner.skip_separators() {
        let name = scanner.name(&cursor)?;
        let arguments = scanner.arguments()?;
        scanner.equals(&cursor)?;
        let expr = scanner.expression(&cursor)?;
        definitions.push(match arguments {
            Some(arguments) => Definition::Function(function(name, arguments, expr)),
            None => Definition::Parameter(Assignment {
                value: Spanned::new(value(expr.clone()), expr.span),
                name,
            }),
        });
    }
    match definitions.is_empty() {
        true => Err(cursor.missing("a definition")),
        false => Ok(definitions),
    }
}

/// `.func f(x, y) {expression}`; an equals sign may stand between.
pub(super) fn func(cursor: Cursor) -> Result<Function> {
    let mut scanner = Scanner::new(&cursor);
    scanner.skip_separators();
    let name = scanner.name(&cursor)?;
    let Some(arguments) = scanner.arguments()? else {
        return Err(cursor.missing("its arguments"));
    };
    scanner.skip_separators();
    if scanner.rest().starts_with('=') {
        scanner.at += 1;
    }
    let expr = scanner.expression(&cursor)?;
    if scanner.skip_separators() {
        let start = scanner.at;
        return Err(NetlistFault::Unexpected {
            subject: canonical(".func"),
            found: scanner.spanned(start, scanner.line.text.len()),
            form: cursor.form,
        });
    }
    Ok(function(name, arguments, expr))
}

fn function(name: Spanned<Name>, parameters: Vec<Name>, body: Expr) -> Function {
    Function {
        name,
        definition: Arc::new(UserFunction { parameters, body }),
    }
}

/// A literal needs no tree.
fn value(expr: Expr) -> Value {
    match super::value::number(&expr) {
        Some(number) => Value::Number(number),
        None => Value::Expression(Arc::new(expr)),
    }
}

/// A position in the text of a card, behind its name.
struct Scanner<'a> {
    line: &'a LogicalLine,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn new(cursor: &Cursor<'_, 'a>) -> Self {
        Self {
            line: cursor.line(),
            at: cursor.position(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.line.text[self.at..]
    }

    /// False at the end.
    fn skip_separators(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        self.at += rest.len() - trimmed.len();
        !trimmed.is_empty()
    }

    fn spanned(&self, start: usize, end: usize) -> Spanned<Name> {
        let name = canonical(self.line.text[start..end].trim());
        Spanned::new(name, self.line.span(start..end))
    }

    fn name(&mut self, cursor: &Cursor) -> Result<Spanned<Name>> {
        let is_end = |c: char| c.is_whitespace() || "=(),{}'\"".contains(c);
        let length = self.rest().find(is_end).unwrap_or(self.rest().len());
        let start = self.at;
        self.at += length;
        match length {
            0 => Err(self.fault(cursor, start)),
            _ => Ok(self.spanned(start, self.at)),
        }
    }

    /// `(x, y)` behind the name of a function.
    fn arguments(&mut self) -> Result<Option<Vec<Name>>> {
        let rest = self.rest();
        let open = rest.trim_start();
        let Some(inner) = open.strip_prefix('(') else {
            return Ok(None);
        };
        let start = self.at + rest.len() - inner.len();
        let Some(length) = inner.find(')') else {
            let opener = self.spanned(start - 1, start);
            return Err(NetlistFault::Unclosed {
                opener,
                closer: ")",
            });
        };
        self.at = start + length + 1;
        let words = inner[..length].split([',', ' ', '\t']);
        Ok(Some(
            words.filter(|w| !w.is_empty()).map(canonical).collect(),
        ))
    }

    fn equals(&mut self, cursor: &Cursor) -> Result<()> {
        self.skip_separators();
        if !self.rest().starts_with('=') {
            return Err(self.fault(cursor, self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn expression(&mut self, cursor: &Cursor) -> Result<Expr> {
        if !self.skip_separators() {
            return Err(cursor.missing("an expression"));
        }
        let parsed = Expr::parse_prefix(self.rest(), self.at, self.line, PROBES);
        let (expr, length) = parsed.map_err(NetlistFault::Expression)?;
        self.at += length;
        Ok(expr)
    }

    fn fault(&self, cursor: &Cursor, start: usize) -> NetlistFault {
        let end = self.line.text.len();
        if start >= end {
            return cursor.missing("an equals sign");
        }
        let word = self.line.text[start..].split_whitespace().next();
        let end = start + word.map_or(1, str::len);
        NetlistFault::Unexpected {
            subject: cursor.subject().value,
            found: self.spanned(start, end),
            form: cursor.form,
        }
    }
}
