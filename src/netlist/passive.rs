//! `R`, and what is left of `L`, `C` and `K` at DC.

use super::cursor::{Cursor, Result, named};
use super::diagnostic::Diagnostic;
use super::element::build;
use super::fault::NetlistFault;
use super::token::{Token, TokenKind};
use super::{Assignment, Element, ElementKind, Name, ResistorDetails, Value};
use crate::source::{LogicalLine, Spanned};

const PARAMETERS: [&str; 19] = [
    "r",
    "resistance",
    "tc",
    "tc1",
    "tc2",
    "tce",
    "m",
    "scale",
    "temp",
    "dtemp",
    "l",
    "w",
    "ac",
    "noisy",
    "noise",
    "bv_max",
    "geo",
    "tol",
    "pwr",
];

pub(super) fn resistor(mut cursor: Cursor, warnings: &mut Vec<Diagnostic>) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let mut resistance: Option<Spanned<Value>> = None;
    let mut details = ResistorDetails::default();
    while let Some(token) = cursor.peek() {
        if let Some(name) = cursor.parameter() {
            if !PARAMETERS.iter().any(|known| name.is(known)) {
                return Err(NetlistFault::UnknownParameter {
                    subject: cursor.subject().value,
                    suggestion: super::closest(&named(name).value, PARAMETERS).map(Name::from),
                    found: named(name),
                    form: "r= tc1= tc2= m= temp= dtemp= l= w=",
                });
            }
            if name.is("tol") || name.is("pwr") {
                // LTspice's notes on the part: `5%` is no number.
                cursor.skip(1);
                continue;
            }
            if name.is("r") || name.is("resistance") {
                resistance = Some(cursor.open_value("its resistance")?);
            } else {
                let value = cursor.value("the value of a parameter")?;
                let name = named(name);
                details.parameters.push(Assignment { name, value });
            }
            if name.is("tc") {
                second_coefficient(&mut cursor, &mut details)?;
            }
        } else if resistance.is_none() {
            check_decimal_point(cursor.line(), token)?;
            resistance = Some(cursor.value("its resistance")?);
            warnings.extend(warn_of_milliohm(token));
        } else if token.kind == TokenKind::Word && is_name(token.text) && details.model.is_none() {
            details.model = Some(cursor.name("its model")?);
        } else if let Some(Value::Expression(name)) = resistance.as_ref().map(|r| &r.value)
            && details.model.is_none()
            && let Some(name) = super::value::name(name)
        {
            // `R1 a b model value` of PSpice.
            let span = resistance.as_ref().map(|r| r.span).unwrap_or_default();
            details.model = Some(Spanned::new(name.clone(), span));
            resistance = Some(cursor.value("its resistance")?);
        } else {
            positional_coefficient(&mut cursor, &mut details)?;
        }
    }
    let has_model_only = details.parameters.iter().any(|p| p.name.value == "l");
    if resistance.is_none() && details.model.is_none() && !has_model_only {
        return Err(cursor.missing("its resistance"));
    }
    let is_plain = details.model.is_none() && details.parameters.is_empty();
    let details = (!is_plain).then(|| Box::new(details));
    let kind = ElementKind::Resistor {
        resistance,
        details,
    };
    Ok(build(&cursor, nodes, kind))
}

/// `2,2k` would be read as 2 and a temperature coefficient.
fn check_decimal_point(line: &LogicalLine, token: Token) -> Result<()> {
    let rest = &line.text[token.end()..];
    let is_digit = |c: char| c.is_ascii_digit();
    let has_comma = rest
        .strip_prefix(',')
        .is_some_and(|r| r.starts_with(is_digit));
    if !(has_comma && token.text.chars().all(is_digit)) {
        return Ok(());
    }
    let length = 1 + rest[1..]
        .find(char::is_whitespace)
        .unwrap_or(rest.len() - 1);
    let range = token.start..token.end() + length;
    Err(NetlistFault::BadNumber {
        found: Spanned::new(line.text[range.clone()].into(), line.span(range)),
        what: "its resistance, with a point",
    })
}

/// In SPICE `1M` is a thousandth; people who write a large letter mean a million.
fn warn_of_milliohm(token: Token) -> Option<Diagnostic> {
    let digits = token.text.strip_suffix('M')?;
    crate::units::parse_number(digits)?;
    let message = format!("`{}` is {digits} milliohm", token.text);
    let warning = Diagnostic::warning(message).at(token.span, "M is milli in SPICE");
    Some(warning.help(format!(
        "write `{digits}MEG` for megohm, `{digits}m` for milliohm"
    )))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tc2(value: Spanned<Value>) -> Assignment {
    let name = Spanned::new(Name::const_new("tc2"), value.span);
    Assignment { name, value }
}

/// The second number of `tc=tc1,tc2`.
fn second_coefficient(cursor: &mut Cursor, details: &mut ResistorDetails) -> Result<()> {
    if let Some(first) = details.parameters.last_mut() {
        first.name.value = Name::const_new("tc1");
    }
    let is_number = |text: &str| crate::units::parse_number(text).is_some();
    if let Some(token) = cursor.peek()
        && (is_number(token.text) || token.kind == TokenKind::Expression)
    {
        let value = cursor.value("its second temperature coefficient")?;
        details.parameters.push(tc2(value));
    }
    Ok(())
}

/// `R1 a b value tc1 tc2`.
fn positional_coefficient(cursor: &mut Cursor, details: &mut ResistorDetails) -> Result<()> {
    let token = cursor.peek().ok_or_else(|| cursor.missing("a value"))?;
    let has = |name: &str| details.parameters.iter().any(|p| p.name.value == name);
    if has("tc2") {
        return Err(cursor.unexpected(token));
    }
    let value = cursor.value("a temperature coefficient")?;
    let mut coefficient = tc2(value);
    if !has("tc1") {
        coefficient.name.value = Name::const_new("tc1");
    }
    details.parameters.push(coefficient);
    Ok(())
}

pub(super) fn capacitor(mut cursor: Cursor, warnings: &mut Vec<Diagnostic>) -> Result<()> {
    cursor.two_nodes()?;
    let Spanned { value: name, span } = cursor.subject();
    let message = format!("the capacitor `{name}` is open for DC, left out");
    warnings.push(Diagnostic::warning(message).at(span, "left out"));
    Ok(())
}

/// Coupled inductors are shorts as well.
pub(super) fn coupling(cursor: Cursor, warnings: &mut Vec<Diagnostic>) {
    let Spanned { value: name, span } = cursor.subject();
    let message = format!("the coupling `{name}` does nothing at DC, left out");
    warnings.push(Diagnostic::warning(message).at(span, "left out"));
}

/// A short, or what `Rser=` of LTspice leaves of it.
pub(super) fn inductor(mut cursor: Cursor, warnings: &mut Vec<Diagnostic>) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let Spanned { value: name, span } = cursor.subject();
    let mut resistance = Spanned::new(Value::Number(0.0), span);
    while cursor.peek().is_some() {
        match cursor.parameter() {
            Some(parameter) if parameter.is("rser") => {
                resistance = cursor.value("its series resistance")?;
            }
            _ => cursor.skip(1),
        }
    }
    if resistance.value == Value::Number(0.0) {
        let message = format!("the inductor `{name}` is a short for DC, taken as 0 ohm");
        warnings.push(Diagnostic::warning(message).at(span, "taken as 0 ohm"));
    }
    let kind = ElementKind::Resistor {
        resistance: Some(resistance),
        details: None,
    };
    Ok(build(&cursor, nodes, kind))
}
