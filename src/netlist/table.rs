//! `G … TABLE {V(p,n)} = (v,i) …`: a piecewise-linear one-port.

use super::cursor::{Cursor, Result, named, node_name, number};
use super::element::build;
use super::fault::NetlistFault;
use super::token::{Token, TokenKind, tokenize};
use super::{Element, ElementKind, GROUND, Name};
use crate::source::Spanned;

const FORM: &str = "Gname n+ n- TABLE {V(n+,n-)} = (v1,i1) (v2,i2) …";

/// `cursor` stands after the word `TABLE`.
pub(super) fn element(mut cursor: Cursor, nodes: Vec<Spanned<Name>>) -> Result<Element> {
    cursor.form = FORM;
    let control = cursor
        .peek()
        .ok_or_else(|| cursor.missing("its control expression"))?;
    cursor.skip(1);
    check_control(&cursor, control, &nodes)?;
    cursor.take("=");
    let points = points(&mut cursor)?;
    Ok(build(
        &cursor,
        nodes,
        ElementKind::PiecewiseLinear { points },
    ))
}

fn check_control(cursor: &Cursor, control: Token, nodes: &[Spanned<Name>]) -> Result<()> {
    let terminals = [nodes[0].value.clone(), nodes[1].value.clone()];
    if controlling_nodes(control).is_some_and(|found| found == terminals) {
        return Ok(());
    }
    Err(NetlistFault::TableControl {
        element: cursor.subject().value,
        found: named(control),
        terminals,
    })
}

/// The nodes of `{V(p,n)}`, or of `{V(p)}`, which is against ground.
fn controlling_nodes(control: Token) -> Option<[Name; 2]> {
    if control.kind != TokenKind::Expression {
        return None;
    }
    let inner = control.text.trim_matches(['{', '}', '\'']);
    let mut tokens = Vec::new();
    tokenize(inner, 0, 0, &mut tokens);
    let is_word = |t: &&Token| t.kind == TokenKind::Word;
    match tokens.as_slice() {
        [v, p] if v.is("v") && is_word(&p) => Some([node_name(p.text), GROUND]),
        [v, p, n] if v.is("v") && is_word(&p) && is_word(&n) => {
            Some([node_name(p.text), node_name(n.text)])
        }
        _ => None,
    }
}

fn points(cursor: &mut Cursor) -> Result<Vec<(f64, f64)>> {
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(cursor.rest().len() / 2);
    while let Some(token) = cursor.peek() {
        let voltage = number(token, "a voltage of its table")?.value;
        cursor.skip(1);
        let current = cursor.number("the current of the last point of its table")?;
        let point = (voltage, current.value);
        if let Some(&last) = points.last() {
            check_order(cursor, [last, point], token)?;
        }
        points.push(point);
    }
    match points.len() {
        0 | 1 => Err(NetlistFault::TableTooShort {
            element: cursor.subject(),
            points: points.len(),
        }),
        _ => Ok(points),
    }
}

fn check_order(cursor: &Cursor, points: [(f64, f64); 2], token: Token) -> Result<()> {
    let [(v0, i0), (v1, i1)] = points;
    if v1 > v0 && i1 >= i0 {
        return Ok(());
    }
    Err(NetlistFault::TableNotMonotone {
        element: cursor.subject().value,
        points,
        span: token.span,
    })
}
