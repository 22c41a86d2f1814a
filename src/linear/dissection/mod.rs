//! Nested dissection: few vertices that cut a graph in two are eliminated last, and so within each half
//! (George 1973; the cuts by levels of smaller graphs, Karypis and Kumar 1998).

mod graph;
mod separator;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::ordering::minimum_degree;
use super::{LinearError, Matrix};
use graph::Graph;
use separator::{BETWEEN, cut};

/// Parts of so many vertices are ordered by minimum degree.
const LEAF: usize = 6_000;
/// A separator of a larger share of a part is none.
const LARGEST_SEPARATOR: f64 = 0.4;
/// Parts of fewer vertices are not worth a thread.
const LEAST_TASK: usize = 2_000;

/// The unknown that is eliminated at each place, for a symmetric pattern of which one triangle does. None if
/// `is_unwanted` became true meanwhile.
///
/// # Errors
/// [`LinearError::OutOfMemory`].
pub(super) fn nested_dissection(
    pattern: &Matrix,
    is_unwanted: &AtomicBool,
) -> Result<Option<Vec<usize>>, LinearError> {
    let n = pattern.rows();
    let graph = Graph::of_pattern(pattern).ok_or(LinearError::OutOfMemory { order: n })?;
    let mut order = vec![0; n];
    let names = (0..n as u32).collect();
    dissect(graph, names, &mut order, is_unwanted)?;
    Ok((!is_unwanted.load(Relaxed)).then_some(order))
}

/// Writes the names of the vertices in their order, unless it `is_unwanted`.
fn dissect(
    graph: Graph,
    names: Vec<u32>,
    order: &mut [usize],
    is_unwanted: &AtomicBool,
) -> Result<(), LinearError> {
    if graph.len() <= LEAF {
        return order_leaf(&graph, &names, order);
    }
    let cut = cut(&graph, is_unwanted);
    if is_unwanted.load(Relaxed) {
        return Ok(());
    }
    let most = LARGEST_SEPARATOR * graph.weight() as f64;
    if cut.weights[2] as f64 > most || cut.weights[0] == 0 || cut.weights[1] == 0 {
        return order_leaf(&graph, &names, order);
    }
    let count = |side| cut.sides.iter().filter(|&&other| other == side).count();
    let (left, rest) = order.split_at_mut(count(0));
    let (right, between) = rest.split_at_mut(count(1));
    let separator = names.iter().zip(&cut.sides);
    let separator = separator.filter(|&(_, &side)| side == BETWEEN);
    for (place, (&name, _)) in between.iter_mut().zip(separator) {
        *place = name as usize;
    }
    let is_large = graph.len() >= LEAST_TASK;
    let parts = [0, 1].map(|side| graph.side(&cut.sides, side, &names));
    drop((graph, names, cut));
    let [(graph, names), (other_graph, other_names)] = parts;
    let here = || dissect(graph, names, left, is_unwanted);
    let there = || dissect(other_graph, other_names, right, is_unwanted);
    let (here, there) = match is_large {
        true => rayon::join(here, there),
        false => (here(), there()),
    };
    here.and(there)
}

fn order_leaf(graph: &Graph, names: &[u32], order: &mut [usize]) -> Result<(), LinearError> {
    let n = graph.len();
    let (mut starts, mut rows) = (Vec::with_capacity(n + 1), Vec::new());
    for column in 0..n {
        starts.push(rows.len());
        let begin = rows.len();
        let below = graph.neighbours(column).iter().map(|&row| row as usize);
        rows.extend(below.filter(|&row| row > column));
        rows[begin..].sort_unstable();
    }
    starts.push(rows.len());
    let entries = vec![0.0; rows.len()];
    let ordering = minimum_degree(&Matrix::new_csc((n, n), starts, rows, entries))?;
    for (place, vertex) in order.iter_mut().zip(ordering.order) {
        *place = names[vertex] as usize;
    }
    Ok(())
}
