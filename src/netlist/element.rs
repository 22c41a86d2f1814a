//! Element cards: one function for each letter.

use super::cursor::{Cursor, Result, named, node_name};
use super::diagnostic::Diagnostic;
use super::fault::NetlistFault;
use super::stimulus;
use super::table;
use super::token::Token;
use super::{BuiltIn, Element, ElementKind, Name};
use crate::source::Spanned;

/// An element, or nothing for one that is open at DC; a warning goes to `warnings`.
pub(super) fn element(tokens: &[Token], warnings: &mut Vec<Diagnostic>) -> Result<Option<Element>> {
    let cursor = |form| Cursor::new(tokens, form);
    let element = match tokens[0].text.as_bytes()[0].to_ascii_lowercase() {
        b'r' => resistor(cursor("Rname n+ n- resistance")),
        b'v' => stimulus::voltage_source(cursor("Vname n+ n- [DC] voltage"), warnings),
        b'i' => stimulus::current_source(cursor("Iname n+ n- [DC] current"), warnings),
        b'd' => diode(cursor("Dname anode cathode model [area]")),
        b'e' => vcvs(cursor("Ename n+ n- nc+ nc- gain")),
        b'g' => vccs(cursor("Gname n+ n- nc+ nc- transconductance")),
        b'f' => cccs(cursor("Fname n+ n- Vcontrol gain")),
        b'h' => ccvs(cursor("Hname n+ n- Vcontrol transresistance")),
        b'x' => call(cursor("Xname nodes… subcircuit")),
        b'l' => inductor(cursor("Lname n+ n- inductance"), warnings),
        b'c' => return capacitor(cursor("Cname n+ n- capacitance"), warnings).map(|()| None),
        _ => Err(NetlistFault::UnknownElement {
            name: named(tokens[0]),
        }),
    };
    element.map(Some)
}

pub(super) fn build(cursor: &Cursor, nodes: Vec<Spanned<Name>>, kind: ElementKind) -> Element {
    let Spanned { value: name, span } = cursor.subject();
    Element {
        name,
        span,
        nodes,
        kind,
    }
}

fn resistor(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let start = cursor;
    if let Some(name) = cursor.parameter()
        && !name.is("r")
    {
        return Err(start.unexpected(name));
    }
    let resistance = cursor.number("its resistance")?;
    cursor.finish()?;
    Ok(build(&cursor, nodes, ElementKind::Resistor { resistance }))
}

fn diode(mut cursor: Cursor) -> Result<Element> {
    let nodes = vec![
        cursor.node("its anode node")?,
        cursor.node("its cathode node")?,
    ];
    let model = cursor.name("the name of its model")?;
    let area = diode_area(&mut cursor)?;
    Ok(build(&cursor, nodes, ElementKind::Diode { model, area }))
}

/// The area factor times `m=`; initial conditions are for transients and are ignored.
fn diode_area(cursor: &mut Cursor) -> Result<f64> {
    let (mut area, mut multiplier) = (None, 1.0);
    while let Some(token) = cursor.peek() {
        match cursor.parameter() {
            Some(name) if name.is("area") => area = Some(cursor.number("its area")?.value),
            Some(name) if name.is("m") => multiplier = cursor.number("its multiplier")?.value,
            Some(name) if name.is("ic") => cursor.skip(1),
            Some(name) => return Err(cursor.unexpected(name)),
            None if cursor.take("off") => {}
            None if area.is_none() => area = Some(cursor.number("its area")?.value),
            None => return Err(cursor.unexpected(token)),
        }
    }
    Ok(area.unwrap_or(1.0) * multiplier)
}

fn vcvs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let (nodes, gain) = controlled(&mut cursor, nodes, "its gain")?;
    Ok(build(&cursor, nodes, ElementKind::Vcvs { gain }))
}

fn vccs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    if cursor.take("table") {
        return table::element(cursor, nodes);
    }
    let (nodes, transconductance) = controlled(&mut cursor, nodes, "its transconductance")?;
    Ok(build(
        &cursor,
        nodes,
        ElementKind::Vccs { transconductance },
    ))
}

/// The control pair and the gain of `E` and `G`.
fn controlled(
    cursor: &mut Cursor,
    mut nodes: Vec<Spanned<Name>>,
    what: &'static str,
) -> Result<(Vec<Spanned<Name>>, Spanned<f64>)> {
    refuse_behavioural_form(cursor)?;
    nodes.push(cursor.node("its first control node")?);
    nodes.push(cursor.node("its second control node")?);
    let gain = cursor.number(what)?;
    cursor.finish()?;
    Ok((nodes, gain))
}

fn cccs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let (control, gain) = current_controlled(&mut cursor, "its gain")?;
    Ok(build(&cursor, nodes, ElementKind::Cccs { control, gain }))
}

fn ccvs(mut cursor: Cursor) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let (control, transresistance) = current_controlled(&mut cursor, "its transresistance")?;
    let kind = ElementKind::Ccvs {
        control,
        transresistance,
    };
    Ok(build(&cursor, nodes, kind))
}

fn current_controlled(
    cursor: &mut Cursor,
    what: &'static str,
) -> Result<(Spanned<Name>, Spanned<f64>)> {
    refuse_behavioural_form(cursor)?;
    let control = cursor.name("the voltage source that senses its control current")?;
    let gain = cursor.number(what)?;
    cursor.finish()?;
    Ok((control, gain))
}

fn refuse_behavioural_form(cursor: &Cursor) -> Result<()> {
    const FORMS: [&str; 8] = [
        "poly", "value", "table", "vol", "cur", "laplace", "freq", "pwl",
    ];
    // A node may bear such a name: the linear forms have exactly two or three words here.
    let linear = matches!(cursor.rest().len(), 2 | 3);
    match cursor.peek() {
        Some(token) if !linear && FORMS.iter().any(|form| token.is(form)) => {
            Err(NetlistFault::UnsupportedForm {
                subject: cursor.subject().value,
                found: named(token),
            })
        }
        _ => Ok(()),
    }
}

fn capacitor(mut cursor: Cursor, warnings: &mut Vec<Diagnostic>) -> Result<()> {
    cursor.two_nodes()?;
    let Spanned { value: name, span } = cursor.subject();
    let message = format!("the capacitor `{name}` is open for DC, left out");
    warnings.push(Diagnostic::warning(message).at(span, "left out"));
    Ok(())
}

fn inductor(mut cursor: Cursor, warnings: &mut Vec<Diagnostic>) -> Result<Element> {
    let nodes = cursor.two_nodes()?;
    let Spanned { value: name, span } = cursor.subject();
    let message = format!("the inductor `{name}` is a short for DC, taken as 0 ohm");
    warnings.push(Diagnostic::warning(message).at(span, "taken as 0 ohm"));
    let resistance = Spanned::new(0.0, span);
    Ok(build(&cursor, nodes, ElementKind::Resistor { resistance }))
}

fn call(mut cursor: Cursor) -> Result<Element> {
    let words = cursor.words_before_parameters("a node")?;
    let words = match words {
        [words @ .., last] if last.is("params:") => words,
        words => words,
    };
    let Some((definition, nodes)) = words.split_last() else {
        return Err(cursor.missing("the name of its subcircuit"));
    };
    let nodes = nodes
        .iter()
        .map(|t| Spanned::new(node_name(t.text), t.span))
        .collect();
    let definition = named(*definition);
    match (BuiltIn::from_name(&definition.value), cursor.peek()) {
        (Some(built_in), Some(_)) => built_in_call(cursor, built_in, nodes),
        (None, Some(parameter)) => Err(NetlistFault::SubcircuitParameter {
            subcircuit: definition.value,
            parameter: named(parameter),
        }),
        (_, None) => Ok(build(&cursor, nodes, ElementKind::Call { definition })),
    }
}

fn built_in_call(
    mut cursor: Cursor,
    built_in: BuiltIn,
    nodes: Vec<Spanned<Name>>,
) -> Result<Element> {
    cursor.form = built_in.form();
    let name = cursor.word("its parameter")?;
    if !name.is(built_in.parameter()) {
        return Err(cursor.unexpected(name));
    }
    cursor.skip(1);
    let value = cursor.number("the value of its parameter")?;
    cursor.finish()?;
    let element = build(&cursor, nodes, built_in.kind(value));
    built_in.check_ports(&element)?;
    Ok(element)
}
