//! `V` and `I` cards: the value that an independent source has at DC.

use super::cursor::{Cursor, Result, value};
use super::diagnostic::Diagnostic;
use super::element::{build, own_resistor};
use super::fault::NetlistFault;
use super::token::{Token, TokenKind};
use super::{Element, ElementKind, Value};
use crate::source::{LogicalLine, Span, Spanned};
use crate::units::{format_exact, parse_number};

pub(super) fn voltage_source(
    mut cursor: Cursor,
    warnings: &mut Vec<Diagnostic>,
    elements: &mut Vec<Element>,
) -> Result<Element> {
    let mut nodes = cursor.two_nodes()?;
    let (dc, series) = dc_value(&mut cursor, "its voltage", warnings)?;
    if let Some(resistance) = series {
        let inner = Spanned::new(
            compact_str::format_compact!("{}#inner", cursor.subject().value),
            nodes[0].span,
        );
        let terminals = [&nodes[0], &inner];
        elements.push(own_resistor(&cursor, terminals, "rser", resistance));
        nodes[0] = inner;
    }
    Ok(build(&cursor, nodes, ElementKind::VoltageSource { dc }))
}

pub(super) fn current_source(
    mut cursor: Cursor,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let (dc, _) = dc_value(&mut cursor, "its current", warnings)?;
    Ok(build(&cursor, nodes, ElementKind::CurrentSource { dc }))
}

/// The DC value if there is one, else the transient function at time zero, else 0; and the series
/// resistance that LTspice allows.
fn dc_value(
    cursor: &mut Cursor,
    what: &'static str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(Spanned<Value>, Option<Spanned<Value>>)> {
    let (mut dc, mut wave, mut series) = (None, None, None);
    while let Some(token) = cursor.peek() {
        if cursor.take("dc") {
            cursor.take_equals();
            if cursor.peek().is_none() && dc.is_some() {
                break;
            }
            dc = Some(cursor.value(what)?);
        } else if ["ac", "distof1", "distof2"].iter().any(|w| token.is(w)) {
            cursor.skip(1);
            cursor.take_equals();
            take_values(cursor);
        } else if let Some(shape) = Shape::from_word(token) {
            cursor.skip(1);
            wave = Some((shape, token.span, take_values(cursor)));
            take_repeat_parameters(cursor);
        } else if token.is("rser") || token.is("cpar") {
            cursor.skip(1);
            cursor.take_equals();
            let value = cursor.value("its series resistance")?;
            series = token.is("rser").then_some(value).or(series);
        } else if token.is("load") {
            cursor.skip(1);
        } else if dc.is_none() && wave.is_none() {
            dc = Some(cursor.value(what)?);
        } else {
            return Err(cursor.unexpected(token));
        }
    }
    let dc = match (dc, wave) {
        (Some(dc), _) => dc,
        (None, Some(wave)) => value_at_time_zero(cursor, wave, warnings)?,
        (None, None) => Spanned::new(Value::Number(0.0), cursor.subject().span),
    };
    Ok((dc, series))
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
            "sin" | "sine" => Self::Sine,
            "pulse" | "exp" | "sffm" => Self::StartsAt(0),
            "pwl" => Self::StartsAt(1),
            "am" | "pat" | "noise" | "trnoise" | "trrandom" | "external" => Self::StartsAtZero,
            _ => return None,
        };
        (token.kind == TokenKind::Word).then_some(shape)
    }

    fn value_at_time_zero(self, line: &LogicalLine, values: &[Token]) -> Result<Value> {
        let at = |index: usize| match values.get(index) {
            Some(token) => value(line, *token, "a value of its wave").map(|v| v.value),
            None => Ok(Value::Number(0.0)),
        };
        match self {
            Self::Sine => match (at(0)?.number(), at(1)?.number(), at(5)?.number()) {
                (Some(offset), Some(amplitude), Some(phase)) => {
                    Ok(Value::Number(offset + amplitude * phase.to_radians().sin()))
                }
                // Without a phase the wave starts at its offset.
                (.., Some(0.0)) => at(0),
                _ => Err(NetlistFault::BadNumber {
                    found: Spanned::new(values[5].text.into(), values[5].span),
                    what: "a number, for a phase needs an amplitude in numbers",
                }),
            },
            Self::StartsAt(index) => at(index),
            Self::StartsAtZero => Ok(Value::Number(0.0)),
        }
    }
}

fn value_at_time_zero(
    cursor: &Cursor,
    (shape, span, values): (Shape, Span, &[Token]),
    warnings: &mut Vec<Diagnostic>,
) -> Result<Spanned<Value>> {
    let value = shape.value_at_time_zero(cursor.line(), values)?;
    let message = format!(
        "`{}` has no DC value; its wave at time zero{} is used",
        cursor.subject().value,
        value
            .number()
            .map_or(String::new(), |v| format!(", {},", format_exact(v)))
    );
    let warning = Diagnostic::warning(message).at(span, "taken at time zero");
    warnings.push(warning.help("write `DC value` before the wave to choose another value"));
    Ok(Spanned::new(value, span))
}
