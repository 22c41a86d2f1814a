//! Elimination of nodes by the star-mesh transformation: sparse `L D L'` without a subtraction.
//!
//! The reduced Jacobian of positive conductances is a grounded Laplacian. Removing a node of star
//! conductances `g_i` puts a mesh of `g_i g_j / sum g` between its neighbours (Kennelly 1899; Rosen
//! 1924). With the conductance of each node to ground kept apart, instead of in a diagonal entry where
//! larger ones drown it, every number is a sum of products of positive numbers: the factors are right
//! to a few units in the last place of each entry, however far apart the conductances are (Grassmann,
//! Taksar and Heyman 1985; Alfa, Xue and Ye 2002).

use std::sync::Arc;

use super::LinearError;
use super::pattern::EliminationPattern;

/// Numeric factors.
#[derive(Debug)]
pub struct StarMeshFactor {
    symbolic: Arc<EliminationPattern>,
    /// Branches of the stars relative to their sum, positive.
    lower: Vec<f64>,
    /// Sum of the conductances of each star, S.
    diagonal: Vec<f64>,
    ground: Vec<f64>,
    work: Vec<f64>,
    /// For each node, the first of the removed nodes that reach it next, and for each removed node
    /// the next of them and the entry of its star there.
    first: Vec<u32>,
    next: Vec<u32>,
    position: Vec<usize>,
    permuted: Vec<f64>,
}

const NONE: u32 = u32::MAX;

impl StarMeshFactor {
    pub fn new(symbolic: Arc<EliminationPattern>) -> Self {
        let n = symbolic.order.len();
        Self {
            lower: vec![0.0; symbolic.factor.items.len()],
            diagonal: vec![0.0; n],
            ground: vec![0.0; n],
            work: vec![0.0; n],
            first: vec![NONE; n],
            next: vec![NONE; n],
            position: vec![0; n],
            permuted: vec![0.0; n],
            symbolic,
        }
    }

    /// Factors the Laplacian whose entries are conductances between nodes, off the diagonal, and
    /// conductances to ground, on it, by place in the analyzed pattern (S, none negative).
    ///
    /// # Errors
    /// [`LinearError::Singular`] if nothing holds some node, or a number is negative or not finite.
    pub fn factor(&mut self, conductances: &[f64]) -> Result<(), LinearError> {
        let symbolic = self.symbolic.clone();
        self.first.fill(NONE);
        for (ground, &entry) in self.ground.iter_mut().zip(&symbolic.diagonal) {
            *ground = conductances.get(entry).copied().unwrap_or(0.0);
        }
        for column in 0..symbolic.order.len() {
            let range = symbolic.factor.range(column);
            let rows = &symbolic.factor.items[range.clone()];
            for &row in rows {
                self.work[row as usize] = 0.0;
            }
            for &(row, entry) in symbolic.entries.get(column) {
                self.work[row as usize] += conductances[entry as usize];
            }
            self.add_meshes(&symbolic, column);
            let star: f64 = rows.iter().map(|&row| self.work[row as usize]).sum();
            let sum = star + self.ground[column];
            if !(sum > 0.0 && sum < f64::INFINITY) {
                return Err(LinearError::Singular);
            }
            self.diagonal[column] = sum;
            for (value, &row) in self.lower[range.clone()].iter_mut().zip(rows) {
                *value = self.work[row as usize] / sum;
                self.ground[row as usize] += *value * self.ground[column];
            }
            self.reach(&symbolic, column, range.start);
        }
        Ok(())
    }

    /// Adds what the removed neighbours of a node put between it and the others.
    fn add_meshes(&mut self, symbolic: &EliminationPattern, column: usize) {
        let mut removed = std::mem::replace(&mut self.first[column], NONE);
        while removed != NONE {
            let k = removed as usize;
            removed = self.next[k];
            let (here, end) = (self.position[k], symbolic.factor.start[k + 1]);
            let branch = self.lower[here] * self.diagonal[k];
            let rows = &symbolic.factor.items[here + 1..end];
            for (&row, &other) in rows.iter().zip(&self.lower[here + 1..end]) {
                self.work[row as usize] += branch * other;
            }
            self.reach(symbolic, k, here + 1);
        }
    }

    /// Notes that the star of removed node `k` reaches the row of its entry `position` next.
    fn reach(&mut self, symbolic: &EliminationPattern, k: usize, position: usize) {
        if position < symbolic.factor.start[k + 1] {
            let row = symbolic.factor.items[position] as usize;
            self.position[k] = position;
            self.next[k] = std::mem::replace(&mut self.first[row], k as u32);
        }
    }

    /// Potentials for the currents `b` into each node, in place.
    pub fn solve(&mut self, b: &mut [f64]) {
        let symbolic = &*self.symbolic;
        let x = &mut self.permuted;
        for (x, &node) in x.iter_mut().zip(&symbolic.order) {
            *x = b[node];
        }
        for column in 0..x.len() {
            let range = symbolic.factor.range(column);
            let current = x[column];
            let rows = &symbolic.factor.items[range.clone()];
            for (&row, &share) in rows.iter().zip(&self.lower[range]) {
                x[row as usize] += share * current;
            }
        }
        for column in (0..x.len()).rev() {
            let range = symbolic.factor.range(column);
            let rows = &symbolic.factor.items[range.clone()];
            let mut sum = x[column] / self.diagonal[column];
            for (&row, &share) in rows.iter().zip(&self.lower[range]) {
                sum += share * x[row as usize];
            }
            x[column] = sum;
        }
        for (x, &node) in x.iter().zip(&symbolic.order) {
            b[node] = *x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Matrix;
    use super::*;

    /// Lower-triangular pattern and values of conductances between nodes and to ground.
    fn laplacian(n: usize, branches: &[(usize, usize, f64)]) -> Matrix {
        let mut entries = sprs::TriMat::new((n, n));
        for k in 0..n {
            entries.add_triplet(k, k, 0.0);
        }
        for &(a, b, g) in branches {
            entries.add_triplet(a.max(b), a.min(b), g);
        }
        entries.to_csc()
    }

    fn solve(matrix: &Matrix, b: &[f64]) -> Vec<f64> {
        let symbolic = EliminationPattern::analyze(matrix).unwrap();
        let mut factor = StarMeshFactor::new(Arc::new(symbolic));
        factor.factor(matrix.data()).unwrap();
        let mut x = b.to_vec();
        factor.solve(&mut x);
        x
    }

    #[test]
    fn a_grid_agrees_with_its_equations() {
        let (side, mut branches) = (7, vec![(0, 0, 0.5)]);
        for k in 0..side * side {
            let g = 1.0 + (k % 5) as f64;
            if k % side + 1 < side {
                branches.push((k, k + 1, g));
            }
            if k + side < side * side {
                branches.push((k, k + side, 2.0 * g));
            }
        }
        let matrix = laplacian(side * side, &branches);
        let b: Vec<f64> = (0..side * side).map(|k| (k % 3) as f64 - 1.0).collect();
        let x = solve(&matrix, &b);
        let mut left = b;
        for &(a, c, g) in &branches {
            let current = if a == c { g * x[a] } else { g * (x[a] - x[c]) };
            left[a] -= current;
            if a != c {
                left[c] += current;
            }
        }
        assert!(left.iter().all(|r| r.abs() < 1e-13), "{left:?}");
    }

    #[test]
    fn thirty_orders_of_magnitude_cost_no_digit() {
        // Three nodes tied by 1e15 S, held by 1e-15 S: all of the current passes there.
        let matrix = laplacian(3, &[(0, 1, 1e15), (1, 2, 1e15), (2, 2, 1e-15)]);
        for (x, expected) in solve(&matrix, &[1.0, 0.0, 0.0]).iter().zip([1e15; 3]) {
            assert!((x / expected - 1.0).abs() < 1e-15, "{x:e}");
        }
    }

    #[test]
    fn a_node_that_nothing_holds_is_singular() {
        let matrix = laplacian(2, &[(0, 1, 1.0)]);
        let symbolic = EliminationPattern::analyze(&matrix).unwrap();
        let mut factor = StarMeshFactor::new(Arc::new(symbolic));
        assert_eq!(factor.factor(matrix.data()), Err(LinearError::Singular));
    }
}
