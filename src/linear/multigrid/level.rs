//! The matrix of one level, and what is done with vectors on it.

use rayon::prelude::*;

use crate::linear::{LinearError, Matrix};

/// Parts that sweeps and sums are made in. What is between two parts a sweep takes from before.
const PARTS: usize = 16;
/// Vectors are not cut in parts that are shorter.
const SHORTEST: usize = 4096;

/// A symmetric matrix by rows.
#[derive(Debug)]
pub(super) struct Level {
    pub starts: Vec<u32>,
    pub columns: Vec<u32>,
    pub values: Vec<f64>,
    /// What sweeps divide by: the diagonal and what ties a row to other parts, which keeps a sweep of parts side
    /// by side from overshooting (Baker, Falgout, Kolev and Yang 2011).
    pub pivots: Vec<f64>,
    /// The unknown of the next level that each one is part of; [`NONE`] where sweeps suffice.
    pub group: Vec<u32>,
    pub residual: Vec<f64>,
    pub vectors: [Vec<f64>; 5],
}

pub(super) const NONE: u32 = u32::MAX;

impl Level {
    /// # Errors
    /// [`LinearError::Singular`] if a diagonal entry is not positive.
    pub fn new(starts: Vec<u32>, columns: Vec<u32>, values: Vec<f64>) -> Result<Self, LinearError> {
        let n = starts.len() - 1;
        let mut level = Self {
            starts,
            columns,
            values,
            pivots: vec![0.0; n],
            group: Vec::new(),
            residual: vec![0.0; n],
            vectors: std::array::from_fn(|_| vec![0.0; n]),
        };
        let mut pivots = std::mem::take(&mut level.pivots);
        let size = part(n);
        let is_good = |(index, pivots): (usize, &mut [f64])| {
            let own = index * size..(index + 1) * size;
            pivots.iter_mut().enumerate().all(|(k, pivot)| {
                let row = own.start + k;
                let mut diagonal = 0.0;
                for (column, value) in level.row(row) {
                    if column == row {
                        diagonal = value;
                    } else if !own.contains(&column) {
                        *pivot += value.abs();
                    }
                }
                *pivot += diagonal;
                diagonal > 0.0 && diagonal.is_finite()
            })
        };
        let parts = pivots.par_chunks_mut(size).enumerate();
        match parts.map(is_good).reduce(|| true, |a, b| a & b) {
            true => level.pivots = pivots,
            false => return Err(LinearError::Singular),
        }
        Ok(level)
    }

    pub fn order(&self) -> usize {
        self.starts.len() - 1
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[row] as usize..self.starts[row + 1] as usize;
        let columns = self.columns[range.clone()].iter().map(|&c| c as usize);
        columns.zip(self.values[range].iter().copied())
    }

    pub fn lower_triangle(&self) -> Matrix {
        let n = self.order();
        // Rows of a symmetric matrix are its columns.
        let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
        for column in 0..n {
            let below = self.row(column).filter(|(row, _)| *row >= column);
            let mut below: Vec<(usize, f64)> = below.collect();
            below.sort_by_key(|entry| entry.0);
            rows.extend(below.iter().map(|entry| entry.0));
            values.extend(below.iter().map(|entry| entry.1));
            starts.push(rows.len());
        }
        Matrix::new_csc((n, n), starts, rows, values)
    }
}

fn part(n: usize) -> usize {
    n.div_ceil(PARTS).max(SHORTEST)
}

/// `a . b`, by parts.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let size = part(a.len());
    let pairs = a.par_chunks(size).zip(b.par_chunks(size));
    let mut sums = [0.0; PARTS];
    sums.par_iter_mut().zip(pairs).for_each(|(sum, (a, b))| {
        *sum = a.iter().zip(b).map(|(a, b)| a * b).sum();
    });
    sums.iter().sum()
}

/// Changes each number of a vector by that of another.
pub(super) fn each(out: &mut [f64], other: &[f64], change: impl Fn(&mut f64, f64) + Sync) {
    let size = part(out.len());
    let pairs = out.par_chunks_mut(size).zip(other.par_chunks(size));
    pairs.for_each(|(out, other)| {
        for (out, other) in out.iter_mut().zip(other) {
            change(out, *other);
        }
    });
}

/// `out = A x`.
pub(super) fn multiply(level: &Level, x: &[f64], out: &mut [f64]) {
    rows(out, |row, out| {
        *out = level
            .row(row)
            .map(|(column, value)| value * x[column])
            .sum();
    });
}

/// `out = b - A x`.
pub(super) fn subtract(level: &Level, b: &[f64], x: &[f64], out: &mut [f64]) {
    rows(out, |row, out| {
        let image: f64 = level
            .row(row)
            .map(|(column, value)| value * x[column])
            .sum();
        *out = b[row] - image;
    });
}

fn rows(out: &mut [f64], f: impl Fn(usize, &mut f64) + Sync) {
    let size = part(out.len());
    let parts = out.par_chunks_mut(size).enumerate();
    parts.for_each(|(index, out)| {
        for (k, out) in out.iter_mut().enumerate() {
            f(index * size + k, out);
        }
    });
}

/// A sweep of Gauss-Seidel from zero, down the rows of each part: `x = M^-1 b`.
pub(super) fn sweep_down(level: &Level, b: &[f64], x: &mut [f64]) {
    let size = part(x.len());
    x.par_chunks_mut(size).enumerate().for_each(|(index, x)| {
        let first = index * size;
        for k in 0..x.len() {
            let mut sum = b[first + k];
            for (column, value) in level.row(first + k) {
                if let Some(before) = column.checked_sub(first)
                    && before < k
                {
                    sum -= value * x[before];
                }
            }
            x[k] = sum / level.pivots[first + k];
        }
    });
}

/// The same up the rows: `x = M'^-1 b`.
pub(super) fn sweep_up(level: &Level, b: &[f64], x: &mut [f64]) {
    let size = part(x.len());
    x.par_chunks_mut(size).enumerate().for_each(|(index, x)| {
        let (first, n) = (index * size, x.len());
        for k in (0..n).rev() {
            let mut sum = b[first + k];
            for (column, value) in level.row(first + k) {
                let after = column.wrapping_sub(first);
                if after > k && after < n {
                    sum -= value * x[after];
                }
            }
            x[k] = sum / level.pivots[first + k];
        }
    });
}
