//! Orders of elimination with little fill.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::amd;

use super::{LinearError, Matrix, pattern_view};

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
