//! Matrices that scaled rows and columns make symmetric: what amplifiers in both directions leave (Kendall et
//! al. 2020), a voltage `gain` times as large forwards and a current `1/gain` as large backwards. Where
//! `E A E^-1` with a diagonal `E` is symmetric and positive definite, Cholesky does half the work of LU, and
//! its pivots are large enough.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use crate::linear::multifrontal::{MultifrontalFactor, MultifrontalSymbolic};
use crate::linear::ordering::Ordering;
use crate::linear::{LinearError, Matrix, made};

/// Entries that mirror each other differ by so much at most, relative to them. Below the first limit the mean of
/// both is as good as either, above it solutions are to be checked.
const CERTAIN: f64 = 16.0 * f64::EPSILON;
const ACCEPTED: f64 = 1e-11;

/// What is known of a matrix whose pattern is symmetric.
#[derive(Debug)]
pub(super) struct BalancedSymbolic {
    pattern: Matrix,
    lower: Matrix,
    order: Vec<usize>,
    /// Entries of `lower` among all, each with its mirror image.
    pairs: Vec<[u32; 2]>,
    /// Ties each row to one before it, as far as there are entries.
    forest: Vec<Branch>,
    /// Made when they are first needed.
    half: OnceLock<Arc<MultifrontalSymbolic>>,
    whole: OnceLock<Arc<MultifrontalSymbolic>>,
}

/// A branch of a spanning forest, and which of the pairs it is.
#[derive(Clone, Copy, Debug)]
struct Branch {
    parent: u32,
    node: u32,
    pair: u32,
}

impl BalancedSymbolic {
    /// None if the pattern is not symmetric.
    pub(super) fn analyze(pattern: &Matrix, ordering: &Ordering) -> Option<Self> {
        let n = pattern.rows();
        let starts = pattern.indptr().into_raw_storage();
        let rows = pattern.indices();
        let mut next = starts[..n].to_vec();
        let (mut pairs, mut lower_starts, mut lower_rows) = (Vec::new(), vec![0], Vec::new());
        for column in 0..n {
            for entry in starts[column]..starts[column + 1] {
                let row = rows[entry];
                let mirror = next[row];
                if mirror >= starts[row + 1] || rows[mirror] != column {
                    return None;
                }
                next[row] += 1;
                if row >= column {
                    pairs.push([entry as u32, mirror as u32]);
                    lower_rows.push(row);
                }
            }
            lower_starts.push(lower_rows.len());
        }
        let values = vec![0.0; lower_rows.len()];
        let lower = Matrix::new_csc((n, n), lower_starts, lower_rows, values);
        Some(Self {
            forest: spanning_forest(&lower),
            pattern: pattern.clone(),
            order: ordering.order.clone(),
            lower,
            pairs,
            half: OnceLock::new(),
            whole: OnceLock::new(),
        })
    }

    fn half(&self) -> Result<&Arc<MultifrontalSymbolic>, LinearError> {
        made(&self.half, self.order.len(), || {
            let symbolic = MultifrontalSymbolic::analyze(&self.lower, &self.order)?;
            Ok(Arc::new(symbolic))
        })
    }

    fn whole(&self) -> Result<&Arc<MultifrontalSymbolic>, LinearError> {
        made(&self.whole, self.order.len(), || {
            let symbolic = MultifrontalSymbolic::analyze_general(&self.pattern, &self.order)?;
            Ok(Arc::new(symbolic))
        })
    }

    /// Fills the scale of each row, and the lower triangle of the symmetric matrix. Returns how far from symmetric it
    /// was, or None if that is too far.
    fn balance(&self, values: &[f64], scales: &mut [f64], lower: &mut Vec<f64>) -> Option<f64> {
        scales.fill(1.0);
        for branch in &self.forest {
            let [below, above] = self.pairs[branch.pair as usize].map(|k| values[k as usize]);
            // Of the row of the node, and of its column.
            let [own, other] = match branch.node > branch.parent {
                true => [below, above],
                false => [above, below],
            };
            let ratio = if own == 0.0 && other == 0.0 {
                1.0
            } else {
                other / own
            };
            if !(ratio > 0.0 && ratio.is_finite()) {
                return None;
            }
            scales[branch.node as usize] = scales[branch.parent as usize] * ratio.sqrt();
        }
        lower.clear();
        let mut worst = 0.0f64;
        let starts = self.lower.indptr().into_raw_storage();
        for column in 0..scales.len() {
            for entry in starts[column]..starts[column + 1] {
                let row = self.lower.indices()[entry];
                let [below, above] = self.pairs[entry].map(|k| values[k as usize]);
                let ratio = scales[row] / scales[column];
                let (below, above) = (below * ratio, above / ratio);
                let (apart, size) = ((below - above).abs(), below.abs() + above.abs());
                // What is not a number is not balanced.
                let is_symmetric = apart <= ACCEPTED * size;
                if !is_symmetric || (row == column && !(below > 0.0)) {
                    return None;
                }
                if apart > 0.0 {
                    worst = worst.max(apart / size);
                }
                lower.push(0.5 * (below + above));
            }
        }
        Some(worst)
    }
}

fn spanning_forest(lower: &Matrix) -> Vec<Branch> {
    let n = lower.rows();
    let mut neighbours: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n];
    for (pair, (_, (row, column))) in lower.iter().enumerate() {
        if row != column {
            neighbours[row].push((column as u32, pair as u32));
            neighbours[column].push((row as u32, pair as u32));
        }
    }
    let mut is_seen = vec![false; n];
    let (mut forest, mut queue) = (Vec::new(), VecDeque::new());
    for root in 0..n {
        if std::mem::replace(&mut is_seen[root], true) {
            continue;
        }
        queue.push_back(root as u32);
        // Nearest first: the errors of ratios add up along the branches.
        while let Some(parent) = queue.pop_front() {
            for &(node, pair) in &neighbours[parent as usize] {
                if !std::mem::replace(&mut is_seen[node as usize], true) {
                    forest.push(Branch { parent, node, pair });
                    queue.push_back(node);
                }
            }
        }
    }
    forest
}

/// Numeric factors of either kind.
#[derive(Debug)]
pub(super) struct BalancedFactor {
    symbolic: Arc<BalancedSymbolic>,
    scales: Vec<f64>,
    lower: Vec<f64>,
    half: Option<MultifrontalFactor>,
    whole: Option<MultifrontalFactor>,
    is_balanced: bool,
}

impl BalancedFactor {
    pub(super) fn new(symbolic: Arc<BalancedSymbolic>) -> Self {
        Self {
            scales: vec![1.0; symbolic.order.len()],
            lower: Vec::new(),
            half: None,
            whole: None,
            is_balanced: false,
            symbolic,
        }
    }

    /// Returns the largest entry of a column relative to its pivot, where that says something.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is zero or not finite, [`LinearError::OutOfMemory`].
    pub(super) fn factor(&mut self, values: &[f64]) -> Result<f64, LinearError> {
        let symbolic = &self.symbolic;
        let balance = symbolic.balance(values, &mut self.scales, &mut self.lower);
        self.is_balanced = balance.is_some();
        if let Some(apart) = balance {
            let mut half = match self.half.take() {
                Some(half) => half,
                None => MultifrontalFactor::new(symbolic.half()?.clone()),
            };
            let outcome = half.factor(&self.lower);
            self.half = Some(half);
            match outcome {
                Ok(()) if apart <= CERTAIN => return Ok(1.0),
                Ok(()) => return Ok(f64::INFINITY),
                Err(LinearError::Singular) => self.is_balanced = false,
                Err(error) => return Err(error),
            }
        }
        let mut whole = match self.whole.take() {
            Some(whole) => whole,
            None => MultifrontalFactor::new(symbolic.whole()?.clone()),
        };
        let outcome = whole.factor(values).map(|()| whole.growth());
        self.whole = Some(whole);
        outcome
    }

    /// `A x = b` in place.
    pub(super) fn solve(&mut self, b: &mut [f64]) {
        match (&mut self.half, &mut self.whole) {
            (Some(half), _) if self.is_balanced => {
                b.iter_mut().zip(&self.scales).for_each(|(b, e)| *b *= e);
                half.solve(b);
                b.iter_mut().zip(&self.scales).for_each(|(b, e)| *b /= e);
            }
            (_, Some(whole)) => whole.solve(b),
            _ => b.fill(f64::NAN),
        }
    }

    /// `A' x = b` in place.
    pub(super) fn solve_transpose(&mut self, b: &mut [f64]) {
        match (&mut self.half, &mut self.whole) {
            (Some(half), _) if self.is_balanced => {
                b.iter_mut().zip(&self.scales).for_each(|(b, e)| *b /= e);
                half.solve(b);
                b.iter_mut().zip(&self.scales).for_each(|(b, e)| *b *= e);
            }
            (_, Some(whole)) => whole.solve_transpose(b),
            _ => b.fill(f64::NAN),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear::ordering::least_work;

    /// Conductances between all nodes, and to ground; the second factor of an entry is that of its row over that
    /// of its column.
    fn scaled(conductances: &[f64], gains: &[f64], sign: f64) -> Matrix {
        let n = gains.len();
        let mut entries = sprs::TriMat::new((n, n));
        for row in 0..n {
            let g =
                |column: usize| conductances[(row + column + row * column) % conductances.len()];
            let sum: f64 = (0..n).filter(|&k| k != row).map(g).sum();
            for column in 0..n {
                let own = if row == column { sum + 0.1 } else { -g(column) };
                entries.add_triplet(row, column, sign * own * gains[row] / gains[column]);
            }
        }
        entries.to_csc()
    }

    fn error(matrix: &Matrix, x: &[f64], b: &[f64], is_transposed: bool) -> f64 {
        let (mut left, mut size): (Vec<f64>, Vec<f64>) = b.iter().map(|b| (-b, b.abs())).unzip();
        for (value, (row, column)) in matrix {
            let [to, from] = if is_transposed {
                [column, row]
            } else {
                [row, column]
            };
            left[to] += value * x[from];
            size[to] += (value * x[from]).abs();
        }
        left.iter()
            .zip(size)
            .fold(0.0, |m, (r, s)| m.max(r.abs() / s))
    }

    proptest! {
        #[test]
        fn what_scales_make_symmetric_is_factored_so(
            conductances in proptest::collection::vec(0.01..100.0_f64, 40..60),
            gains in proptest::collection::vec(0.01..100.0_f64, 2..40),
            case in 0..3,
        ) {
            let mut matrix = scaled(&conductances, &gains, if case == 1 { -1.0 } else { 1.0 });
            if case == 2 {
                // The last entry of the first column loses its mirror image.
                let last = gains.len() - 1;
                matrix.data_mut()[last] *= 0.5;
            }
            let ordering = least_work(&matrix, false).unwrap();
            let symbolic = BalancedSymbolic::analyze(&matrix, &ordering).unwrap();
            let mut factor = BalancedFactor::new(Arc::new(symbolic));
            factor.factor(matrix.data()).unwrap();
            prop_assert_eq!(factor.is_balanced, case == 0 || (case == 2 && gains.len() == 2));
            let b: Vec<f64> = (0..gains.len()).map(|k| (k % 7) as f64 - 3.5).collect();
            let mut x = b.clone();
            factor.solve(&mut x);
            prop_assert!(error(&matrix, &x, &b, false) < 1e-12);
            let mut x = b.clone();
            factor.solve_transpose(&mut x);
            prop_assert!(error(&matrix, &x, &b, true) < 1e-12);
        }
    }

    #[test]
    fn a_pattern_that_is_not_symmetric_is_left() {
        let mut entries = sprs::TriMat::new((3, 3));
        for (row, column) in [(0, 0), (1, 1), (2, 2), (1, 0), (2, 1), (1, 2)] {
            entries.add_triplet(row, column, 1.0);
        }
        let matrix: Matrix = entries.to_csc();
        let ordering = least_work(&matrix, false).unwrap();
        assert!(BalancedSymbolic::analyze(&matrix, &ordering).is_none());
    }
}
