//! `A x = b` for sparse matrices: analyze once, then factor, solve and solve the transpose.
//!
//! **Invariant:** this folder knows matrices only; it never sees a circuit. A singular matrix is a
//! result, not a panic. Bits do not depend on threads.
//! Numbers are doubles or, where these do not suffice, [`Extended`].

mod cholesky;
mod dissection;
mod general;
mod lu;
pub mod multifrontal;
pub mod multigrid;
pub mod ordering;
pub mod pattern;
pub mod scheduled;
mod star_mesh;
mod tree;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, OnceLock};

pub use cholesky::{CholeskyFactor, CholeskySymbolic, Way};
pub use general::{GeneralFactor, GeneralSymbolic};
pub use lu::{LuFactor, LuSymbolic};
pub use pattern::EliminationPattern;
pub use star_mesh::StarMeshFactor;

/// A sparse matrix by columns. For Cholesky only the lower triangle is stored.
pub type Matrix = sprs::CsMat<f64>;

/// The unevaluated sum of two doubles: 31 digits in the range of one.
pub type Extended = faer::fx128;

/// Multiplications for each entry of the factor from which dense fronts pay.
const DENSE_FRONTS: f64 = 8.0;

/// Numbers that a matrix can be factored in.
pub trait Scalar: faer::traits::RealField {}

impl Scalar for f64 {}
impl Scalar for Extended {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Symmetric positive definite, lower triangle given.
    Cholesky,
    /// General.
    Lu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinearError {
    #[error("the matrix is singular or not positive definite")]
    Singular,
    #[error("out of memory in a factorization of order {order}")]
    OutOfMemory { order: usize },
}

/// The symbolic analysis of one sparsity pattern, shared by all its factors.
#[derive(Clone, Debug)]
pub enum Symbolic {
    Cholesky(CholeskySymbolic),
    Lu(Arc<GeneralSymbolic>),
}

impl Symbolic {
    /// Zeros among the numbers of a general pattern say what must not be a pivot. `way` is that of positive definite
    /// ones.
    ///
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix, method: Method, way: Way) -> Result<Self, LinearError> {
        Ok(match method {
            Method::Cholesky => Symbolic::Cholesky(CholeskySymbolic::analyze_for(pattern, way)?),
            Method::Lu => Symbolic::Lu(Arc::new(GeneralSymbolic::analyze(pattern)?)),
        })
    }

    pub fn method(&self) -> Method {
        match self {
            Symbolic::Cholesky(_) => Method::Cholesky,
            Symbolic::Lu(_) => Method::Lu,
        }
    }

    /// Storage for numeric factors of this pattern.
    pub fn factor(&self) -> Factor {
        match self {
            Symbolic::Cholesky(s) => Factor::Cholesky(CholeskyFactor::new(s)),
            Symbolic::Lu(s) => Factor::Lu(Box::new(GeneralFactor::new(s.clone()))),
        }
    }
}

/// Numeric factors of one matrix; buffers are kept from one factorization to the next.
pub enum Factor {
    Cholesky(CholeskyFactor),
    Lu(Box<GeneralFactor>),
    /// There was no memory for the analysis.
    Missing(LinearError),
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Factor::Cholesky(_) => "Factor::Cholesky",
            Factor::Lu(_) => "Factor::Lu",
            Factor::Missing(_) => "Factor::Missing",
        })
    }
}

impl Factor {
    /// Storage for numeric factors of an analyzed pattern; every factorization repeats its error.
    pub fn of(symbolic: Result<&Symbolic, LinearError>) -> Self {
        symbolic.map_or_else(Factor::Missing, Symbolic::factor)
    }

    /// Replaces the factors by those of the matrix with the analyzed pattern and these `values`.
    pub fn factor(&mut self, values: &[f64]) -> Result<(), LinearError> {
        match self {
            Factor::Cholesky(f) => f.factor(values),
            Factor::Lu(f) => f.factor(values),
            Factor::Missing(error) => Err(*error),
        }
    }

    /// `A x = b` in place.
    pub fn solve(&mut self, b: &mut [f64]) {
        match self {
            Factor::Cholesky(f) => f.solve(b),
            Factor::Lu(f) => f.solve(b),
            Factor::Missing(_) => b.fill(f64::NAN),
        }
    }

    /// `A' x = b` in place: the adjoint network, on the same factors.
    pub fn solve_transpose(&mut self, b: &mut [f64]) {
        match self {
            Factor::Cholesky(f) => f.solve(b),
            Factor::Lu(f) => f.solve_transpose(b),
            Factor::Missing(_) => b.fill(f64::NAN),
        }
    }
}

/// Writes a matrix in MatrixMarket form (Boisvert, Pozo and Remington 1996), of which the lower triangle
/// stands for a symmetric one: what Cholesky has. sprs would look for the upper one.
///
/// # Errors
/// If the file cannot be written.
pub fn write_matrix_market(
    path: &std::path::Path,
    matrix: &Matrix,
    method: Method,
) -> std::io::Result<()> {
    let kind = match method {
        Method::Cholesky => "symmetric",
        Method::Lu => "general",
    };
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "%%MatrixMarket matrix coordinate real {kind}")?;
    let (rows, columns) = matrix.shape();
    writeln!(out, "{rows} {columns} {}", matrix.nnz())?;
    for (value, (row, column)) in matrix {
        writeln!(out, "{} {} {value:e}", row + 1, column + 1)?;
    }
    out.flush()
}

/// What a place holds, made when it is first needed, for a matrix of this order.
fn made<T>(
    place: &OnceLock<T>,
    order: usize,
    make: impl FnOnce() -> Result<T, LinearError>,
) -> Result<&T, LinearError> {
    if place.get().is_none() {
        // Another thread may have been faster: both made the same.
        let _ = place.set(make()?);
    }
    place.get().ok_or(LinearError::OutOfMemory { order })
}

/// The matrix as faer sees it; no copy.
fn view<'a, T>(
    pattern: &'a Matrix,
    values: &'a [T],
) -> faer::sparse::SparseColMatRef<'a, usize, T> {
    faer::sparse::SparseColMatRef::new(pattern_view(pattern), values)
}

fn pattern_view(matrix: &Matrix) -> faer::sparse::SymbolicSparseColMatRef<'_, usize> {
    debug_assert!(matrix.is_csc());
    let columns = matrix.indptr().into_raw_storage();
    faer::sparse::SymbolicSparseColMatRef::new_checked(
        matrix.rows(),
        matrix.cols(),
        columns,
        None,
        matrix.indices(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matrix.mtx");
        let (starts, rows) = (vec![0, 2, 3], vec![0, 1, 1]);
        let lower = Matrix::new_csc((2, 2), starts, rows, vec![2.0 / 3.0, -1e-300, 3.0]);
        for (method, mirrored) in [(Method::Cholesky, -1e-300), (Method::Lu, 0.0)] {
            write_matrix_market(&path, &lower, method).unwrap();
            let read: Matrix = sprs::io::read_matrix_market(&path).unwrap().to_csc();
            let at = |row, column| read.get(row, column).copied().unwrap_or(0.0);
            assert_eq!((at(0, 0), at(1, 1)), (2.0 / 3.0, 3.0));
            assert_eq!((at(1, 0), at(0, 1)), (-1e-300, mirrored));
        }
    }
}
