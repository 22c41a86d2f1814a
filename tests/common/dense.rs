//! Dense linear algebra for the tests: Gaussian elimination with partial pivoting.

/// A square matrix by rows.
pub type Matrix = Vec<Vec<f64>>;

pub fn zeros(rows: usize, columns: usize) -> Matrix {
    vec![vec![0.0; columns]; rows]
}

/// Solves `a x = b` for several right sides, the columns of `b`; None if `a` is singular.
pub fn solve(mut a: Matrix, mut b: Matrix) -> Option<Matrix> {
    let n = a.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs()))?;
        if a[pivot][k] == 0.0 || !a[pivot][k].is_finite() {
            return None;
        }
        a.swap(k, pivot);
        b.swap(k, pivot);
        let (upper_a, lower_a) = a.split_at_mut(k + 1);
        let (upper_b, lower_b) = b.split_at_mut(k + 1);
        for (row, right) in lower_a.iter_mut().zip(lower_b) {
            let factor = row[k] / upper_a[k][k];
            if factor != 0.0 {
                subtract(&mut row[k..], factor, &upper_a[k][k..]);
                subtract(right, factor, &upper_b[k]);
            }
        }
    }
    for k in (0..n).rev() {
        let (upper, lower) = b.split_at_mut(k);
        let solved = &mut lower[0];
        for x in solved.iter_mut() {
            *x /= a[k][k];
        }
        for (row, right) in a.iter().zip(upper) {
            if row[k] != 0.0 {
                subtract(right, row[k], solved);
            }
        }
    }
    Some(b)
}

/// `x -= factor y`.
pub fn subtract(x: &mut [f64], factor: f64, y: &[f64]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x -= factor * y;
    }
}
