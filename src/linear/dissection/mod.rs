//! Nested dissection: few vertices that cut a graph in two are eliminated last, and so within each half
//! (George 1973; the cuts by levels of smaller graphs, Karypis and Kumar 1998).

mod graph;
mod separator;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::ordering::minimum_degree;
use super::{LinearError, Matrix};
use graph::Graph;
use separator::{BETWEEN, Cut, cut};

/// Parts of so many vertices are ordered by minimum degree.
const LEAF: usize = 6_000;
/// A separator of a larger share of a part is none.
const LARGEST_SEPARATOR: f64 = 0.4;

/// The unknown that is eliminated at each place, for a pattern that counts as symmetric. None if there is no
/// good cut, or if `is_unwanted` became true meanwhile.
///
/// # Errors
/// [`LinearError::OutOfMemory`].
pub(super) fn nested_dissection(
    pattern: &Matrix,
    is_unwanted: &AtomicBool,
) -> Result<Option<Vec<usize>>, LinearError> {
    let n = pattern.rows();
    let graph = Graph::of_pattern(pattern).ok_or(LinearError::OutOfMemory { order: n })?;
    let Some(cut) = good_cut(&graph, is_unwanted) else {
        return Ok(None);
    };
    let mut order = vec![0; n];
    let names: Vec<u32> = (0..n as u32).collect();
    divide(graph, names, &cut, &mut order, is_unwanted)?;
    Ok((!is_unwanted.load(Relaxed)).then_some(order))
}

fn good_cut(graph: &Graph, is_unwanted: &AtomicBool) -> Option<Cut> {
    let most = LARGEST_SEPARATOR * graph.weight() as f64;
    cut(graph, is_unwanted).filter(|cut| {
        let [left, right, between] = cut.weights;
        left > 0 && right > 0 && between as f64 <= most
    })
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
    match good_cut(&graph, is_unwanted) {
        Some(cut) => divide(graph, names, &cut, order, is_unwanted),
        None if is_unwanted.load(Relaxed) => Ok(()),
        None => order_leaf(&graph, &names, order),
    }
}

/// The sides of a cut, one after the other, and what is between them.
fn divide(
    graph: Graph,
    names: Vec<u32>,
    cut: &Cut,
    order: &mut [usize],
    is_unwanted: &AtomicBool,
) -> Result<(), LinearError> {
    let count = |side| cut.sides.iter().filter(|&&other| other == side).count();
    let (left, rest) = order.split_at_mut(count(0));
    let (right, between) = rest.split_at_mut(count(1));
    let separator = names.iter().zip(&cut.sides);
    let separator = separator.filter(|&(_, &side)| side == BETWEEN);
    for (place, (&name, _)) in between.iter_mut().zip(separator) {
        *place = name as usize;
    }
    let parts = [0, 1].map(|side| graph.side(&cut.sides, side, &names));
    drop((graph, names));
    let [(graph, names), (other_graph, other_names)] = parts;
    let (here, there) = rayon::join(
        || dissect(graph, names, left, is_unwanted),
        || dissect(other_graph, other_names, right, is_unwanted),
    );
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

#[cfg(test)]
mod tests {
    use super::super::ordering::Ordering;
    use super::*;

    /// A square grid of this side.
    fn grid(side: usize) -> Matrix {
        let mut entries = sprs::TriMat::new((side * side, side * side));
        for k in 0..side * side {
            entries.add_triplet(k, k, 1.0);
            if k % side + 1 < side {
                entries.add_triplet(k + 1, k, 1.0);
            }
            if k + side < side * side {
                entries.add_triplet(k + side, k, 1.0);
            }
        }
        entries.to_csc()
    }

    #[test]
    fn grids_are_less_work_than_by_minimum_degree_whatever_the_threads() {
        let pattern = grid(320);
        let orders = [1, 4].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let order = pool
                .unwrap()
                .install(|| nested_dissection(&pattern, &AtomicBool::new(false)));
            order.unwrap().expect("nobody objects")
        });
        assert_eq!(orders[0], orders[1]);
        let best = Ordering::of(&pattern, &orders[0]).products;
        let plain = minimum_degree(&pattern).unwrap().products;
        assert!(best < 0.9 * plain, "{best:e} of {plain:e}");
        let mut sorted = orders[0].clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..pattern.rows()));
    }

    #[test]
    fn parts_hubs_and_nothing_are_left_to_minimum_degree() {
        let n = 12 * LEAF;
        let mut entries = sprs::TriMat::new((n, n));
        for k in 2..n {
            // A third in pairs, a third around one node, a third alone.
            match k % 3 {
                0 => entries.add_triplet(k, k - 2, 0.0),
                1 => entries.add_triplet(k, 1, 0.0),
                _ => {}
            }
        }
        for pattern in [entries.to_csc(), Matrix::zero((0, 0)), Matrix::zero((n, n))] {
            let order = nested_dissection(&pattern, &AtomicBool::new(false));
            assert_eq!(order.unwrap(), None);
        }
        // Entries in both triangles are those of one.
        let lower = grid(90);
        let both = &lower + &lower.transpose_view().to_csc();
        let [one, other] = [&lower, &both].map(|pattern| {
            let order = nested_dissection(pattern, &AtomicBool::new(false));
            order.unwrap().expect("nobody objects")
        });
        let work = [one, other].map(|order| Ordering::of(&both, &order).products);
        assert!(work[1] < 1.2 * work[0], "{work:?}");
        let unwanted = nested_dissection(&grid(100), &AtomicBool::new(true));
        assert_eq!(unwanted.unwrap(), None);
    }
}
