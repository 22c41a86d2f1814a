//! What the eigenvalues of `H` say: whether the equation has a solution, and how steep it is.

use faer::{Mat, Side};

use super::{Dense, Kernel, KernelError};

/// Eigenvalues of the symmetric part of `H`, and its norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spectrum {
    /// Modulus of strong monotonicity m: the smallest eigenvalue of `(H + H')/2`.
    pub smallest: f64,
    /// The smallest of them that is not zero within rounding; the norm if there is none.
    pub smallest_positive: f64,
    /// The largest of them.
    pub largest: f64,
    /// Lipschitz constant L: the largest singular value of `H`.
    pub norm: f64,
    pub definiteness: Definiteness,
}

/// The sign of `z' H z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Definiteness {
    /// One solution for each input.
    Positive,
    /// Zero within rounding at some z: there may be no solution, or several.
    Semidefinite,
    Indefinite,
}

impl Definiteness {
    pub fn name(self) -> &'static str {
        match self {
            Definiteness::Positive => "positive definite",
            Definiteness::Semidefinite => "positive semidefinite",
            Definiteness::Indefinite => "indefinite",
        }
    }
}

/// Entries carry rounding of their own beyond that of the eigenvalues.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

impl Spectrum {
    /// Of `H` in its own units; [equilibrated](Kernel::equilibrated), that of all diodes is in the same
    /// units and small eigenvalues are told from rounding best.
    ///
    /// # Errors
    /// [`KernelError::Range`] if numbers overflow.
    pub fn of(kernel: &Kernel) -> Result<Self, KernelError> {
        let h = &kernel.h;
        let n = h.rows();
        if n == 0 {
            return Ok(Self {
                smallest: 0.0,
                smallest_positive: 0.0,
                largest: 0.0,
                norm: 0.0,
                definiteness: Definiteness::Positive,
            });
        }
        let symmetric = Mat::from_fn(n, n, |i, j| 0.5 * h[(i, j)] + 0.5 * h[(j, i)]);
        let eigenvalues = eigenvalues(&symmetric)?;
        let singular = h.view().singular_values();
        let singular = singular.map_err(|_| KernelError::Range)?;
        let norm = singular.iter().copied().fold(0.0, f64::max);
        let (smallest, largest) = (eigenvalues[0], eigenvalues[n - 1]);
        let noise = ROUNDING * n as f64 * norm;
        let definiteness = match smallest {
            m if m > noise => Definiteness::Positive,
            m if m >= -noise => Definiteness::Semidefinite,
            _ => Definiteness::Indefinite,
        };
        let positive = eigenvalues.iter().copied().find(|x| *x > noise);
        Ok(Self {
            smallest,
            smallest_positive: positive.unwrap_or(norm),
            largest,
            norm,
            definiteness,
        })
    }
}

/// In rising order.
fn eigenvalues(symmetric: &Mat<f64>) -> Result<Vec<f64>, KernelError> {
    let values = symmetric.self_adjoint_eigenvalues(Side::Lower);
    let values = values.map_err(|_| KernelError::Range)?;
    match values.iter().all(|x| x.is_finite()) {
        true => Ok(values),
        false => Err(KernelError::Range),
    }
}

/// Largest singular value of a matrix of norm one or so; infinite where it has none.
pub(super) fn norm(matrix: &Mat<f64>) -> f64 {
    let square = matrix.transpose() * matrix;
    let values = square.self_adjoint_eigenvalues(Side::Lower);
    let largest = values.ok().and_then(|values| values.last().copied());
    largest.map_or(f64::INFINITY, |x| x.max(0.0).sqrt())
}

/// `(I + step H)^-1`.
pub(super) fn resolvent(h: &Dense, step: f64) -> Mat<f64> {
    use faer::linalg::solvers::DenseSolveCore;
    shifted(h, step).partial_piv_lu().inverse()
}

/// `I + factor H`.
pub(super) fn shifted(h: &Dense, factor: f64) -> Mat<f64> {
    Mat::from_fn(h.rows(), h.rows(), |i, j| {
        let diagonal = if i == j { 1.0 } else { 0.0 };
        diagonal + factor * h[(i, j)]
    })
}
