//! Element cards: one function for each letter.

use super::behavioural;
use super::cursor::{Cursor, Result, named, node_name};
use super::diagnostic::Diagnostic;
use super::fault::NetlistFault;
use super::passive;
use super::stimulus;
use super::token::Token;
use super::{Assignment, Element, ElementKind, Name, Nodes, Value};
use crate::source::{LogicalLine, Spanned};

/// Appends the elements of a card: one, none for what is open at DC, two for a source with a
/// resistor in it. A warning goes to `warnings`.
pub(super) fn element<'a>(
    line: &'a LogicalLine,
    tokens: &[Token<'a>],
    warnings: &mut Vec<Diagnostic>,
    elements: &mut Vec<Element>,
) -> Result<()> {
    let cursor = |form| Cursor::new(line, tokens, form);
    let element = match tokens[0].text.as_bytes()[0].to_ascii_lowercase() {
        b'r' => passive::resistor(cursor("Rname n+ n- resistance"), warnings),
        b'v' => stimulus::voltage_source(cursor("Vname n+ n- [DC] voltage"), warnings, elements),
        b'i' => stimulus::current_source(cursor("Iname n+ n- [DC] current"), warnings),
        b'd' => diode(cursor("Dname anode cathode model [area]")),
        b'e' => behavioural::vcvs(cursor("Ename n+ n- nc+ nc- gain")),
        b'g' => behavioural::vccs(cursor("Gname n+ n- nc+ nc- transconductance")),
        b'f' => behavioural::cccs(cursor("Fname n+ n- Vcontrol gain")),
        b'h' => behavioural::ccvs(cursor("Hname n+ n- Vcontrol transresistance")),
        b'b' => behavioural::source(cursor("Bname n+ n- V={expression}"), elements),
        b's' => behavioural::voltage_switch(cursor("Sname n+ n- nc+ nc- model [ON|OFF]")),
        b'w' => behavioural::current_switch(cursor("Wname n+ n- Vcontrol model [ON|OFF]")),
        b'x' => call(cursor("Xname nodes… subcircuit [name=value …]")),
        b'l' => passive::inductor(cursor("Lname n+ n- inductance"), warnings),
        b'c' => return passive::capacitor(cursor("Cname n+ n- capacitance"), warnings),
        b'k' => {
            passive::coupling(cursor("Kname L1 L2 coefficient"), warnings);
            return Ok(());
        }
        _ => Err(NetlistFault::UnknownElement {
            name: named(tokens[0]),
        }),
    };
    elements.push(element?);
    Ok(())
}

/// A resistor between two nodes that belongs to the element of the card (`Rser=` and `Rpar=` of
/// LTspice).
pub(super) fn own_resistor(
    cursor: &Cursor,
    nodes: [&Spanned<Name>; 2],
    suffix: &str,
    resistance: Spanned<Value>,
) -> Element {
    let Spanned { value: name, span } = cursor.subject();
    Element {
        name: compact_str::format_compact!("r{name}#{suffix}"),
        span,
        nodes: nodes.map(Spanned::clone).into(),
        kind: ElementKind::Resistor {
            resistance: Some(resistance),
            details: None,
        },
    }
}

pub(super) fn build(cursor: &Cursor, nodes: Nodes, kind: ElementKind) -> Element {
    let Spanned { value: name, span } = cursor.subject();
    Element {
        name,
        span,
        nodes,
        kind,
    }
}

fn diode(mut cursor: Cursor) -> Result<Element> {
    let anode = cursor.node("its anode node")?;
    let nodes = [anode, cursor.node("its cathode node")?].into();
    let model = cursor.name("the name of its model")?;
    let parameters = diode_parameters(&mut cursor)?;
    Ok(build(
        &cursor,
        nodes,
        ElementKind::Diode { model, parameters },
    ))
}

const DIODE_PARAMETERS: [&str; 16] = [
    "area", "pj", "perim", "m", "temp", "dtemp", "w", "l", "lm", "wm", "lp", "wp", "nf", "scale",
    "thermal", "ic",
];

/// `[area] [OFF] [name=value …]`; initial conditions and geometry of metal are for others.
fn diode_parameters(cursor: &mut Cursor) -> Result<Vec<Assignment>> {
    let mut parameters: Vec<Assignment> = Vec::new();
    while let Some(token) = cursor.peek() {
        if let Some(name) = cursor.parameter() {
            if !DIODE_PARAMETERS.iter().any(|known| name.is(known)) {
                return Err(NetlistFault::UnknownParameter {
                    subject: cursor.subject().value,
                    suggestion: super::closest(&named(name).value, DIODE_PARAMETERS)
                        .map(Name::from),
                    found: named(name),
                    form: "area= pj= m= temp= dtemp=",
                });
            }
            let value = cursor.value("the value of a parameter")?;
            if !name.is("ic") {
                let name = named(name);
                parameters.push(Assignment { name, value });
            }
        } else if cursor.take("off") || cursor.take("thermal") {
        } else if parameters.is_empty() {
            let value = cursor.value("its area")?;
            let name = Spanned::new(Name::const_new("area"), token.span);
            parameters.push(Assignment { name, value });
        } else {
            return Err(cursor.unexpected(token));
        }
    }
    Ok(parameters)
}

fn call(mut cursor: Cursor) -> Result<Element> {
    let words = cursor.words_before_parameters()?;
    let words = match words {
        [words @ .., last] if last.is("params:") || last.is("params") => words,
        words => words,
    };
    let Some((definition, nodes)) = words.split_last() else {
        return Err(cursor.missing("the name of its subcircuit"));
    };
    let nodes: Nodes = nodes
        .iter()
        .map(|t| Spanned::new(node_name(t.text), t.span))
        .collect();
    let definition = named(*definition);
    let parameters = parameters(&mut cursor)?;
    let kind = ElementKind::Call {
        definition,
        parameters,
    };
    Ok(build(&cursor, nodes, kind))
}

/// `name=value …` to the end of the card; `params:` may stand before them.
pub(super) fn parameters(cursor: &mut Cursor) -> Result<Vec<Assignment>> {
    let mut parameters = Vec::new();
    while let Some(token) = cursor.peek() {
        if token.is("params:") || token.is("params") {
            cursor.skip(1);
            continue;
        }
        match cursor.assignment("the value of a parameter")? {
            Some(parameter) => parameters.push(parameter),
            None => return Err(cursor.unexpected(token)),
        }
    }
    Ok(parameters)
}
