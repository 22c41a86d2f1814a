//! A small dense matrix by rows, as it is printed and written.

use std::ops::{Index, IndexMut};

use faer::MatRef;

/// Real numbers, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dense {
    rows: usize,
    columns: usize,
    numbers: Vec<f64>,
}

impl Dense {
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            numbers: vec![0.0; rows * columns],
        }
    }

    pub fn from_fn(
        rows: usize,
        columns: usize,
        mut entry: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let mut matrix = Self::zeros(rows, columns);
        for i in 0..rows {
            for j in 0..columns {
                matrix[(i, j)] = entry(i, j);
            }
        }
        matrix
    }

    /// None unless there are `rows * columns` numbers.
    pub fn from_rows(rows: usize, columns: usize, numbers: Vec<f64>) -> Option<Self> {
        (Some(numbers.len()) == rows.checked_mul(columns)).then_some(Self {
            rows,
            columns,
            numbers,
        })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row by row.
    pub fn numbers(&self) -> &[f64] {
        &self.numbers
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.numbers[row * self.columns..(row + 1) * self.columns]
    }

    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.numbers[row * self.columns..(row + 1) * self.columns]
    }

    /// `out += factor A x`; entries beyond `x` or `out` are left out.
    pub fn multiply_add(&self, factor: f64, x: &[f64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate().take(self.rows) {
            let products = self.row(i).iter().zip(x).map(|(a, x)| a * x);
            *out += factor * products.sum::<f64>();
        }
    }

    /// The largest entry in size; zero if there is none.
    pub fn largest(&self) -> f64 {
        self.numbers.iter().fold(0.0, |most, x| most.max(x.abs()))
    }

    pub(super) fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.numbers, self.rows, self.columns)
    }

    pub(super) fn from_faer(matrix: MatRef<'_, f64>) -> Self {
        Self::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)])
    }
}

impl Index<(usize, usize)> for Dense {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        &self.numbers[i * self.columns + j]
    }
}

impl IndexMut<(usize, usize)> for Dense {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        &mut self.numbers[i * self.columns + j]
    }
}
