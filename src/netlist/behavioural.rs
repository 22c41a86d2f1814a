//! `E G F H` in all their forms, `B`, `S` and `W`.

use super::cursor::{Cursor, Result, named, node_name, value};
use super::element::{build, own_resistor, parameters};
use super::fault::NetlistFault;
use super::table;
use super::token::{Token, TokenKind};
use super::{
    Assignment, Behavioural, Element, ElementKind, Name, Nodes, Polynomial, PolynomialControls,
    Quantity, Switch, Value,
};
use crate::source::Spanned;

pub(super) fn vcvs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    if let Some(kind) = special_form(&mut cursor, &nodes, Quantity::Voltage, Control::Voltage)? {
        return Ok(build(&cursor, nodes, kind));
    }
    let (nodes, gain) = controlled(&mut cursor, nodes, "its gain")?;
    cursor.finish()?;
    Ok(build(&cursor, nodes, ElementKind::Vcvs { gain }))
}

pub(super) fn vccs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    if let Some(kind) = special_form(&mut cursor, &nodes, Quantity::Current, Control::Voltage)? {
        return Ok(build(&cursor, nodes, kind));
    }
    let (nodes, mut transconductance) = controlled(&mut cursor, nodes, "its transconductance")?;
    multiplied(&mut cursor, &mut transconductance)?;
    cursor.finish()?;
    let kind = ElementKind::Vccs { transconductance };
    Ok(build(&cursor, nodes, kind))
}

/// The control pair and the gain of `E` and `G`.
fn controlled(
    cursor: &mut Cursor,
    mut nodes: Nodes,
    what: &'static str,
) -> Result<(Nodes, Spanned<Value>)> {
    nodes.push(cursor.node("its first control node")?);
    nodes.push(cursor.node("its second control node")?);
    let gain = gain(cursor, what)?;
    Ok((nodes, gain))
}

/// A gain, which may be written `gain=`.
fn gain(cursor: &mut Cursor, what: &'static str) -> Result<Spanned<Value>> {
    let mut ahead = *cursor;
    if ahead.parameter().is_some_and(|name| name.is("gain")) {
        *cursor = ahead;
    }
    cursor.value(what)
}

pub(super) fn cccs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    if let Some(kind) = special_form(&mut cursor, &nodes, Quantity::Current, Control::Current)? {
        return Ok(build(&cursor, nodes, kind));
    }
    let (control, mut gain) = current_controlled(&mut cursor, "its gain")?;
    multiplied(&mut cursor, &mut gain)?;
    cursor.finish()?;
    Ok(build(&cursor, nodes, ElementKind::Cccs { control, gain }))
}

pub(super) fn ccvs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    if let Some(kind) = special_form(&mut cursor, &nodes, Quantity::Voltage, Control::Current)? {
        return Ok(build(&cursor, nodes, kind));
    }
    let (control, transresistance) = current_controlled(&mut cursor, "its transresistance")?;
    cursor.finish()?;
    let kind = ElementKind::Ccvs {
        control,
        transresistance,
    };
    Ok(build(&cursor, nodes, kind))
}

/// `m=`: so many sources of current in parallel.
fn multiplied(cursor: &mut Cursor, value: &mut Spanned<Value>) -> Result<()> {
    let mut ahead = *cursor;
    if ahead.parameter().is_some_and(|name| name.is("m")) {
        *cursor = ahead;
        let m = cursor.value("its multiplier")?;
        value.value = super::value::product(value, &m);
    }
    Ok(())
}

fn current_controlled(
    cursor: &mut Cursor,
    what: &'static str,
) -> Result<(Spanned<Name>, Spanned<Value>)> {
    let control = cursor.name("the voltage source that senses its control current")?;
    let gain = gain(cursor, what)?;
    Ok((control, gain))
}

#[derive(Clone, Copy, PartialEq)]
enum Control {
    Voltage,
    Current,
}

/// `POLY(n)`, `VALUE={}`, `VOL=''`, `CUR=''`, `TABLE {}`, if that is what comes next.
fn special_form(
    cursor: &mut Cursor,
    nodes: &[Spanned<Name>],
    quantity: Quantity,
    control: Control,
) -> Result<Option<ElementKind>> {
    skip_kind(cursor, quantity, control);
    let Some(token) = cursor.peek() else {
        return Ok(None);
    };
    let is_named = |names: &[&str]| names.iter().any(|name| token.is(name));
    let next = cursor.rest().get(1).map(|t| t.kind);
    let takes_expression = matches!(next, Some(TokenKind::Equals | TokenKind::Expression));
    if is_named(&["value", "vol", "cur", "v", "i"]) && takes_expression {
        cursor.skip(1);
        cursor.take_equals();
        return behavioural(cursor, quantity).map(Some);
    }
    if token.kind == TokenKind::Expression && cursor.rest().len() == 1 {
        return behavioural(cursor, quantity).map(Some);
    }
    // A node may bear such a name: the linear forms have exactly two or three words here.
    let is_linear = matches!(cursor.rest().len(), 2 | 3) && !takes_expression;
    if is_named(&["poly"]) && !is_linear {
        cursor.skip(1);
        return polynomial(cursor, quantity, control).map(Some);
    }
    if is_named(&["table"]) && !is_linear {
        cursor.skip(1);
        return table::kind(cursor, nodes, quantity).map(Some);
    }
    let unsupported = [
        "laplace", "freq", "pwl", "delay", "npwl", "ppwl", "and", "or",
    ];
    if is_named(&unsupported) && !is_linear {
        return Err(NetlistFault::UnsupportedForm {
            subject: cursor.subject().value,
            found: named(token),
        });
    }
    Ok(None)
}

/// HSPICE may write what kind of source it is: `E1 o 0 VCVS a 0 3`.
fn skip_kind(cursor: &mut Cursor, quantity: Quantity, control: Control) {
    let word = match (quantity, control) {
        (Quantity::Voltage, Control::Voltage) => "vcvs",
        (Quantity::Current, Control::Voltage) => "vccs",
        (Quantity::Current, Control::Current) => "cccs",
        (Quantity::Voltage, Control::Current) => "ccvs",
    };
    let linear = if control == Control::Voltage { 3 } else { 2 };
    if cursor.rest().len() > linear {
        cursor.take(word);
    }
}

fn behavioural(cursor: &mut Cursor, quantity: Quantity) -> Result<ElementKind> {
    let law = cursor.expression("an expression")?;
    let parameters = parameters(cursor)?;
    Ok(ElementKind::Behavioural(Box::new(Behavioural {
        quantity,
        law,
        parameters,
    })))
}

/// `n`, the controls, the coefficients.
fn polynomial(cursor: &mut Cursor, quantity: Quantity, control: Control) -> Result<ElementKind> {
    cursor.take_equals();
    let count = cursor.number("the number of its controls")?;
    let most = cursor.rest().len();
    let is_count = count.value >= 1.0 && count.value.fract() == 0.0 && count.value <= most as f64;
    if !is_count {
        return Err(cursor.missing("its controls"));
    }
    let count = count.value as usize;
    let controls = match control {
        Control::Voltage => PolynomialControls::Voltages(
            (0..count)
                .map(|_| {
                    Ok([
                        cursor.node("a control node")?,
                        cursor.node("a control node")?,
                    ])
                })
                .collect::<Result<_>>()?,
        ),
        Control::Current => PolynomialControls::Currents(
            (0..count)
                .map(|_| cursor.name("a control source"))
                .collect::<Result<_>>()?,
        ),
    };
    let mut coefficients = Vec::new();
    while cursor.peek().is_some() {
        coefficients.push(cursor.value("a coefficient")?);
    }
    if coefficients.is_empty() {
        return Err(cursor.missing("its coefficients"));
    }
    Ok(ElementKind::Polynomial(Box::new(Polynomial {
        quantity,
        controls,
        coefficients,
    })))
}

/// `B n+ n- V=expression` or `I=expression`.
pub(super) fn source(mut cursor: Cursor, elements: &mut Vec<Element>) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let token = cursor
        .peek()
        .ok_or_else(|| cursor.missing("`V=` or `I=`"))?;
    let quantity = match () {
        () if token.is("v") => Quantity::Voltage,
        () if token.is("i") => Quantity::Current,
        () => return Err(cursor.unexpected(token)),
    };
    cursor.skip(1);
    if !cursor.take_equals() {
        return Err(cursor.missing("`V=` or `I=`"));
    }
    let mut kind = behavioural(&mut cursor, quantity)?;
    if let ElementKind::Behavioural(card) = &mut kind {
        let is_parallel = |p: &Assignment| p.name.value == "rpar";
        if let Some(at) = card.parameters.iter().position(is_parallel) {
            let resistance = card.parameters.remove(at).value;
            let terminals = [&nodes[0], &nodes[1]];
            elements.push(own_resistor(&cursor, terminals, "rpar", resistance));
        }
        card.parameters.retain(|p| p.name.value != "cpar");
    }
    Ok(build(&cursor, nodes, kind))
}

pub(super) fn voltage_switch(mut cursor: Cursor) -> Result<Element> {
    let mut nodes = cursor.two_nodes()?;
    if let Some((model, condition)) = conditional(&mut cursor)? {
        return switch(cursor, nodes, None, model, Some(condition));
    }
    nodes.push(cursor.node("its first control node")?);
    nodes.push(cursor.node("its second control node")?);
    let model = cursor.name("the name of its model")?;
    switch(cursor, nodes, None, model, None)
}

pub(super) fn current_switch(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let control = cursor.name("the voltage source that senses its control current")?;
    let model = cursor.name("the name of its model")?;
    switch(cursor, nodes, Some(control), model, None)
}

type Condition = std::sync::Arc<crate::expression::Expr>;

/// `S n+ n- model [ON] CONTROL={expression}` of Xyce.
fn conditional(cursor: &mut Cursor) -> Result<Option<(Spanned<Name>, Condition)>> {
    let rest = cursor.rest();
    let Some(at) = rest.iter().position(|t| t.is("control")) else {
        return Ok(None);
    };
    if at == 0 || rest.get(at + 1).is_none_or(|t| t.kind != TokenKind::Equals) {
        return Ok(None);
    }
    let model = cursor.name("the name of its model")?;
    while !cursor.take("control") {
        cursor.skip(1);
    }
    cursor.take_equals();
    let condition = cursor.expression("an expression")?;
    Ok(Some((model, condition)))
}

fn switch(
    mut cursor: Cursor,
    nodes: Nodes,
    control: Option<Spanned<Name>>,
    model: Spanned<Name>,
    condition: Option<Condition>,
) -> Result<Element> {
    let starts_on = cursor.take("on");
    if !starts_on {
        cursor.take("off");
    }
    cursor.finish()?;
    let kind = ElementKind::Switch(Box::new(Switch {
        control,
        model,
        starts_on,
        condition,
    }));
    Ok(build(&cursor, nodes, kind))
}

/// The nodes of `V(p,n)` alone, or of `V(p)`, which is against ground.
pub(super) fn plain_voltage(expr: &crate::expression::Expr) -> Option<[Name; 2]> {
    let (kind, arguments) = super::value::probe(expr)?;
    let node = |index: usize| arguments.get(index).map(|(name, _)| node_name(name));
    match (kind.as_str(), arguments.len()) {
        ("v", 1) => Some([node(0)?, super::GROUND]),
        ("v", 2) => Some([node(0)?, node(1)?]),
        _ => None,
    }
}

/// A point of a table.
pub(super) fn point(cursor: &mut Cursor, token: Token) -> Result<[Spanned<Value>; 2]> {
    let x = value(cursor.line(), token, "a point of its table")?;
    cursor.skip(1);
    let y = cursor.value("the second number of the last point of its table")?;
    Ok([x, y])
}
