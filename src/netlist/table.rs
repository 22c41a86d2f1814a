//! `TABLE {expression} = (x,y) …`: a piecewise-linear source, or one-port.

use super::behavioural::{plain_voltage, point};
use super::cursor::{Cursor, Result};
use super::fault::NetlistFault;
use super::{ElementKind, Name, Quantity, Table, Value};
use crate::source::Spanned;

const FORM: &str = "Gname n+ n- TABLE {expression} = (x1,y1) (x2,y2) …";

/// `cursor` stands after the word `TABLE`.
pub(super) fn kind(
    cursor: &mut Cursor,
    nodes: &[Spanned<Name>],
    quantity: Quantity,
) -> Result<ElementKind> {
    cursor.form = FORM;
    cursor.take_equals();
    let control = cursor.expression("its control expression")?;
    cursor.take_equals();
    let mut points = Vec::with_capacity(cursor.rest().len() / 2);
    while let Some(token) = cursor.peek() {
        points.push(point(cursor, token)?);
    }
    if points.len() < 2 {
        return Err(NetlistFault::TableTooShort {
            element: cursor.subject(),
            points: points.len(),
        });
    }
    let numbers = numbers(&points);
    if let Some(numbers) = &numbers {
        check_order(cursor, numbers, &points)?;
    }
    // A resistor by table is a one-port with a co-content where its current never falls.
    let terminals = [nodes[0].value.clone(), nodes[1].value.clone()];
    let is_own = quantity == Quantity::Current && plain_voltage(&control) == Some(terminals);
    match numbers {
        Some(points) if is_own && points.windows(2).all(|w| w[1].1 >= w[0].1) => {
            Ok(ElementKind::PiecewiseLinear { points })
        }
        _ => Ok(ElementKind::Table(Box::new(Table {
            quantity,
            control,
            points,
        }))),
    }
}

fn numbers(points: &[[Spanned<Value>; 2]]) -> Option<Vec<(f64, f64)>> {
    points
        .iter()
        .map(|[x, y]| Some((x.value.number()?, y.value.number()?)))
        .collect()
}

fn check_order(
    cursor: &Cursor,
    numbers: &[(f64, f64)],
    points: &[[Spanned<Value>; 2]],
) -> Result<()> {
    let falls = numbers.windows(2).position(|w| !(w[1].0 > w[0].0));
    match falls {
        None => Ok(()),
        Some(at) => Err(NetlistFault::TableNotSorted {
            element: cursor.subject().value,
            points: [numbers[at], numbers[at + 1]],
            span: points[at + 1][0].span,
        }),
    }
}
