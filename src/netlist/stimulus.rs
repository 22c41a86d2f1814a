//! `V` and `I` cards: the value that an independent source has at DC.

use super::cursor::{Cursor, Result, number};
use super::diagnostic::Diagnostic;
use super::element::build;
use super::token::{Token, TokenKind};
use super::{Element, ElementKind};
use crate::source::{Span, Spanned};
use crate::units::{format_exact, parse_number};

pub(super) fn voltage_source(
    mut cursor: Cursor,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let dc = dc_value(&mut cursor, "its voltage", warnings)?;
    Ok(build(&cursor, nodes, ElementKind::VoltageSource { dc }))
}

pub(super) fn current_source(
    mut cursor: Cursor,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let dc = dc_value(&mut cursor, "its current", warnings)?;
    Ok(build(&cursor, nodes, ElementKind::CurrentSource { dc }))
}

/// The DC value if there is one, else the transient function at time zero, else 0.
fn dc_value(
    cursor: &mut Cursor,
    what: &'static str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Spanned<f64>> {
    let (mut dc, mut wave) = (None, None);
    while let Some(token) = cursor.peek() {
        if cursor.take("dc") {
            cursor.take("=");
            dc = Some(cursor.number(what)?);
        } else if ["ac", "distof1", "distof2"].iter().any(|w| token.is(w)) {
            cursor.skip(1);
            cursor.take("=");
            take_values(cursor);
        } else if let Some(shape) = Shape::from_word(token) {
            cursor.skip(1);
            wave = Some((shape, token.span, take_values(cursor)));
            take_repeat_parameters(cursor);
        } else if dc.is_none() && wave.is_none() {
            dc = Some(cursor.number(what)?);
        } else {
            return Err(cursor.unexpected(token));
        }
    }
    match (dc, wave) {
        (Some(dc), _) => Ok(dc),
        (None, Some(wave)) => value_at_time_zero(cursor, wave, warnings),
        (None, None) => Ok(Spanned::new(0.0, cursor.subject().span)),
    }
}

fn take_values<'t, 'a>(cursor: &mut Cursor<'t, 'a>) -> &'t [Token<'a>] {
    let is_value = |t: &Token| match t.kind {
        TokenKind::Word => parse_number(t.text).is_some(),
        TokenKind::Expression => true,
        TokenKind::Equals => false,
    };
    let rest = cursor.rest();
    let count = rest.iter().take_while(|t| is_value(t)).count();
    cursor.skip(count);
    &rest[..count]
}

/// `r=` and `td=` of a PWL.
fn take_repeat_parameters(cursor: &mut Cursor) {
    let mut ahead = *cursor;
    while ahead.parameter().is_some_and(|p| p.is("r") || p.is("td")) {
        ahead.skip(1);
        *cursor = ahead;
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Sine,
    /// A wave that starts at the value with this index.
    StartsAt(usize),
    /// Noise and modulation start from zero.
    StartsAtZero,
}

impl Shape {
    fn from_word(token: Token) -> Option<Self> {
        let shape = match token.text.to_ascii_lowercase().as_str() {
            "sin" => Self::Sine,
            "pulse" | "exp" | "sffm" => Self::StartsAt(0),
            "pwl" => Self::StartsAt(1),
            "am" | "trnoise" | "trrandom" | "external" => Self::StartsAtZero,
            _ => return None,
        };
        (token.kind == TokenKind::Word).then_some(shape)
    }

    fn value_at_time_zero(self, values: &[Token]) -> Result<f64> {
        let value = |index: usize| match values.get(index) {
            Some(token) => number(*token, "a value of its wave").map(|v| v.value),
            None => Ok(0.0),
        };
        match self {
            Self::Sine => Ok(value(0)? + value(1)? * value(5)?.to_radians().sin()),
            Self::StartsAt(index) => value(index),
            Self::StartsAtZero => Ok(0.0),
        }
    }
}

fn value_at_time_zero(
    cursor: &Cursor,
    (shape, span, values): (Shape, Span, &[Token]),
    warnings: &mut Vec<Diagnostic>,
) -> Result<Spanned<f64>> {
    let value = shape.value_at_time_zero(values)?;
    let message = format!(
        "`{}` has no DC value; its wave at time zero, {}, is used",
        cursor.subject().value,
        format_exact(value)
    );
    let warning = Diagnostic::warning(message).at(span, "taken at time zero");
    warnings.push(warning.help("write `DC value` before the wave to choose another value"));
    Ok(Spanned::new(value, span))
}
