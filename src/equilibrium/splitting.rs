//! Peaceman-Rachford splitting of many samples with one matrix.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::DenseSolveCore;
use faer::{Accum, Mat, MatMut, MatRef, Par};

const MOST_ITERATIONS: usize = 4000;

/// `S` of an equilibrium network with its resolvent `(I + α S)^-1`.
#[derive(Debug)]
pub(super) struct Splitting {
    /// α, the step: one over the geometric mean of modulus and Lipschitz constant.
    step: f64,
    resolvent: Mat<f64>,
}

/// Room for the samples of one task; n x samples, by columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    forced: Vec<f64>,
    u: Vec<f64>,
    half: Vec<f64>,
}

impl Splitting {
    /// `s` is n x n, strongly monotone with modulus `m`.
    pub fn new(s: MatRef<'_, f64>, m: f64) -> Self {
        let n = s.nrows();
        let sums = |by_row: bool| {
            let line = |i: usize| {
                let entry = |j: usize| if by_row { s[(i, j)] } else { s[(j, i)] };
                (0..n).map(|j| entry(j).abs()).sum::<f64>()
            };
            (0..n).map(line).fold(m, f64::max)
        };
        // The spectral norm is at most the geometric mean of the largest sums of rows and columns.
        let lipschitz = (sums(true) * sums(false)).sqrt();
        let step = 1.0 / (m * lipschitz).sqrt();
        let identity = |i: usize, j: usize| f64::from(u8::from(i == j));
        let shifted = Mat::from_fn(n, n, |i, j| identity(i, j) + step * s[(i, j)]);
        Self {
            step,
            resolvent: shifted.partial_piv_lu().inverse(),
        }
    }

    /// Operating points: z ≥ 0 with `S z - q ≥ 0` and `z' (S z - q) = 0` for each column of `q`, both n x
    /// samples. Ends where no entry moves by more than `tolerance` of the largest of its kind; false if
    /// it does not.
    pub fn solve(&self, q: &[f64], tolerance: f64, room: &mut Room, z: &mut [f64]) -> bool {
        let positive = |_: usize, u: f64| u.max(0.0);
        self.iterate(self.resolvent.as_ref(), positive, q, tolerance, room, z)
    }

    /// The adjoint: `S' λ = g` at the units that are above zero in `z`, and zero at the others.
    pub fn solve_adjoint(
        &self,
        z: &[f64],
        g: &[f64],
        tolerance: f64,
        room: &mut Room,
        lambda: &mut [f64],
    ) -> bool {
        let conducting = |k: usize, u: f64| if z[k] > 0.0 { u } else { 0.0 };
        let resolvent = self.resolvent.as_ref().transpose();
        self.iterate(resolvent, conducting, g, tolerance, room, lambda)
    }

    fn iterate(
        &self,
        resolvent: MatRef<'_, f64>,
        project: impl Fn(usize, f64) -> f64,
        q: &[f64],
        tolerance: f64,
        room: &mut Room,
        z: &mut [f64],
    ) -> bool {
        let n = resolvent.nrows();
        if n == 0 || q.is_empty() {
            return true;
        }
        let samples = q.len() / n;
        for buffer in [&mut room.forced, &mut room.u, &mut room.half] {
            buffer.clear();
            buffer.resize(q.len(), 0.0);
        }
        let product = |out: &mut [f64], x: &[f64], factor: f64, sum: Accum| {
            let out = MatMut::from_column_major_slice_mut(out, n, samples);
            let x = MatRef::from_column_major_slice(x, n, samples);
            matmul(out, sum, resolvent, x, factor, Par::Seq);
        };
        product(&mut room.forced, q, self.step, Accum::Replace);
        z.fill(0.0);
        for _ in 0..MOST_ITERATIONS {
            room.half.copy_from_slice(&room.forced);
            product(&mut room.half, &room.u, 1.0, Accum::Add);
            let (mut moved, mut largest) = (0.0f64, 0.0f64);
            let all = z.iter_mut().zip(&mut room.u).zip(&room.half);
            for (k, ((z, u), half)) in all.enumerate() {
                let reflected = 2.0 * half - *u;
                let new = project(k, reflected);
                moved = moved.max((new - *z).abs());
                largest = largest.max(new.abs());
                *u = 2.0 * new - reflected;
                *z = new;
            }
            if !largest.is_finite() {
                return false;
            }
            if moved <= tolerance * largest {
                return true;
            }
        }
        false
    }
}
