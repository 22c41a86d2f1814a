//! Columns and rows that several branches and nets share.

use super::cost::Cost;
use super::{Bar, Graph, Place, Plan};

/// What a column of its own costs, in the units of [`Cost`].
const COLUMN: i64 = 5;

/// Rows from and to which a branch takes its column; below its net if it is grounded.
fn span(graph: &Graph, rows: &[usize], branch: usize) -> (usize, usize) {
    let [a, b] = graph.branches[branch].ends.map(|net| rows[net]);
    match a == b {
        true => (a, a + 1),
        false => (a.min(b), a.max(b)),
    }
}

/// Moves branches into columns of others where those are free, as long as it helps.
pub(super) fn share_columns(
    graph: &Graph,
    cost: &Cost,
    rows: &[usize],
    mut columns: Vec<usize>,
) -> Vec<usize> {
    let count = columns.len();
    let spans: Vec<_> = (0..count).map(|k| span(graph, rows, k)).collect();
    let is_free = |columns: &[usize], branch: usize, column: usize| {
        let apart =
            |other: usize| spans[branch].1 <= spans[other].0 || spans[other].1 <= spans[branch].0;
        (0..count).all(|other| other == branch || columns[other] != column || apart(other))
    };
    // Larger circuits are wide whatever is done, and every trial costs more.
    let passes = if count <= 80 { 4 } else { 1 };
    for _ in 0..passes {
        let mut changed = false;
        for branch in 0..count {
            let own = columns[branch];
            let is_alone = (0..count).all(|k| k == branch || columns[k] != own);
            let mut best = (
                cost.of(rows, &columns) + if is_alone { COLUMN } else { 0 },
                own,
            );
            let mut used: Vec<usize> = columns.clone();
            used.sort_unstable();
            used.dedup();
            for column in used {
                if column != own && is_free(&columns, branch, column) {
                    columns[branch] = column;
                    best = best.min((cost.of(rows, &columns), column));
                }
            }
            columns[branch] = best.1;
            changed |= best.1 != own;
        }
        columns = ranked(&columns);
        if !changed {
            break;
        }
    }
    columns
}

/// The same order without unused numbers.
fn ranked(values: &[usize]) -> Vec<usize> {
    let mut used = values.to_vec();
    used.sort_unstable();
    used.dedup();
    let rank = |value: &usize| used.binary_search(value).unwrap_or_default();
    values.iter().map(rank).collect()
}

/// Nets beside each other share a row.
pub(super) fn plan(graph: &Graph, rows: &[usize], columns: &[usize]) -> Plan {
    let mut nets = vec![None::<Bar>; graph.nets];
    for (branch, &column) in graph.branches.iter().zip(columns) {
        for net in branch.ends {
            let bar = nets[net].get_or_insert(Bar {
                row: 0,
                left: column,
                right: column,
            });
            bar.left = bar.left.min(column);
            bar.right = bar.right.max(column);
        }
    }
    let mut order: Vec<usize> = (0..graph.nets).collect();
    order.sort_by_key(|&net| rows[net]);
    let mut above: Vec<Bar> = Vec::new();
    for net in order {
        if let Some(bar) = &mut nets[net] {
            let meets = |other: &&Bar| bar.left <= other.right && other.left <= bar.right;
            let lowest = above.iter().filter(meets).map(|other| other.row + 1).max();
            bar.row = lowest.unwrap_or(0);
            above.push(*bar);
        }
    }
    let nets: Vec<Bar> = nets.into_iter().map(Option::unwrap_or_default).collect();
    let rows: Vec<usize> = nets.iter().map(|bar| bar.row).collect();
    let place = |(k, &column): (usize, &usize)| {
        let (top, bottom) = span(graph, &rows, k);
        Place {
            column,
            gap: (top + bottom - 1) / 2,
        }
    };
    Plan {
        rows: rows.iter().map(|row| row + 1).max().unwrap_or(0),
        columns: columns.iter().map(|column| column + 1).max().unwrap_or(0),
        branches: columns.iter().enumerate().map(place).collect(),
        nets,
    }
}
