//! Orders of elimination with little fill.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::amd;

use super::dissection::nested_dissection;
use super::tree::{column_counts, postorder};
use super::{LinearError, Matrix, pattern_view};

/// Multiplications for each unknown by minimum degree from which nested dissection pays, where a matrix is factored
/// many times and where it is once.
const DISSECTION: [f64; 2] = [4e3, 3e4];
/// Fewer unknowns are never worth it.
const LEAST_DISSECTION: usize = 20_000;

/// An order of elimination and what it costs.
#[derive(Clone, Debug, Default)]
pub struct Ordering {
    /// The unknown that is eliminated at each place.
    pub order: Vec<usize>,
    /// Entries of the factor below the diagonal.
    pub fill: f64,
    /// Multiplications of a factorization.
    pub products: f64,
}

impl Ordering {
    /// An order, its subtrees each in one piece, and what it costs.
    pub(super) fn of(pattern: &Matrix, order: &[usize]) -> Self {
        let order = postorder(pattern, order);
        let (mut fill, mut products) = (0.0, 0.0);
        for count in column_counts(pattern, &order) {
            let count = f64::from(count);
            fill += count;
            products += count * (count + 1.0) / 2.0;
        }
        Self {
            order,
            fill,
            products,
        }
    }
}

/// The order of less work of minimum degree and nested dissection, for a pattern that counts as symmetric.
///
/// # Errors
/// [`LinearError::OutOfMemory`].
pub fn least_work(pattern: &Matrix, is_factored_once: bool) -> Result<Ordering, LinearError> {
    let n = pattern.rows();
    if n < LEAST_DISSECTION {
        return minimum_degree(pattern);
    }
    let least = DISSECTION[usize::from(is_factored_once)] * n as f64;
    let is_unwanted = AtomicBool::new(false);
    let (first, second) = rayon::join(
        || {
            let ordering = minimum_degree(pattern);
            let has_little = |ordering: &Ordering| ordering.products < least;
            is_unwanted.store(ordering.as_ref().map_or(true, has_little), Relaxed);
            ordering
        },
        || nested_dissection(pattern, &is_unwanted),
    );
    let first = first?;
    if first.products < least {
        return Ok(first);
    }
    // Whoever has no memory for the second can do with the first.
    Ok(match second {
        Ok(Some(order)) => Some(Ordering::of(pattern, &order)),
        _ => None,
    }
    .filter(|second| second.products < first.products)
    .unwrap_or(first))
}

/// Approximate minimum degree (Amestoy, Davis and Duff 1996) of a symmetric pattern, of which one triangle
/// does.
///
/// # Errors
/// [`LinearError::OutOfMemory`].
pub fn minimum_degree(pattern: &Matrix) -> Result<Ordering, LinearError> {
    let n = pattern.rows();
    if n == 0 {
        return Ok(Ordering::default());
    }
    let (mut order, mut place) = (vec![0; n], vec![0; n]);
    let memory = MemBuffer::try_new(amd::order_maybe_unsorted_scratch::<usize>(n, pattern.nnz()));
    let mut memory = memory.map_err(|_| LinearError::OutOfMemory { order: n })?;
    let count = amd::order_maybe_unsorted(
        &mut order,
        &mut place,
        pattern_view(pattern),
        amd::Control::default(),
        MemStack::new(&mut memory),
    )
    .map_err(|_| LinearError::OutOfMemory { order: n })?;
    Ok(Ordering {
        order,
        fill: count.n_div,
        products: count.n_mult_subs_ldl,
    })
}
