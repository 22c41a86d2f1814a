//! Solves `0 in H z + N(z) + q` by operator splitting.

use super::spectrum::resolvent;
use super::{
    Definiteness, Dense, Diagnosis, Guarantee, Kernel, KernelError, Method, Spectrum,
    SplittingError, Step,
};

/// When a splitting ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplittingOptions {
    /// In the inverse unit of the [equilibrated](Kernel::equilibrated) `H`, which has none; chosen from
    /// it if not given.
    pub step: Option<f64>,
    /// Of the residual `min(z, w)`, relative to the largest entry of `B u + c`, both of the equilibrated
    /// equation. What rounding leaves of it is always enough.
    pub tolerance: f64,
    pub max_iterations: usize,
}

impl Default for SplittingOptions {
    fn default() -> Self {
        Self {
            step: None,
            tolerance: 1e-13,
            max_iterations: 1_000_000,
        }
    }
}

/// A solution of a kernel equation.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// n
    pub z: Vec<f64>,
    /// `H z + B u + c`, n: zero or more but for the residual.
    pub w: Vec<f64>,
    /// `-(C z + D u + d)`, p.
    pub y: Vec<f64>,
    pub iterations: usize,
    /// Largest entry of `min(z, w)` of the equilibrated equation, in the root of a watt.
    pub residual: f64,
    /// How far the equilibrated `z` is from the only solution at most, in the root of a watt; none if H
    /// is semidefinite.
    pub error_bound: Option<f64>,
}

/// One kernel and one method, with all that does not depend on the input computed beforehand. Works on
/// the [equilibrated](Kernel::equilibrated) equation. Iterations do not allocate.
#[derive(Clone, Debug)]
pub struct Splitting {
    original: Kernel,
    /// `z = scale z^`.
    scales: Vec<f64>,
    h: Dense,
    spectrum: Spectrum,
    method: Method,
    step: Step,
    options: SplittingOptions,
    /// `(I + a H)^-1` for the methods that go backward in both terms.
    resolvent: Dense,
    state: State,
}

/// Vectors of n numbers.
#[derive(Clone, Debug, Default)]
struct State {
    /// What is iterated: z itself, or the point whose positive part is z.
    x: Vec<f64>,
    z: Vec<f64>,
    w: Vec<f64>,
    q: Vec<f64>,
    right: Vec<f64>,
    /// How far the last iteration moved x.
    moved: Vec<f64>,
}

/// Iterations from one look at the residual to the next.
const LOOK: usize = 8;

/// Units in the last place of the terms of a residual that are rounding.
const FLOOR: f64 = 8.0 * f64::EPSILON;

/// Iterates beyond this have left.
const LARGEST: f64 = 1e150;

impl Splitting {
    /// # Errors
    /// [`KernelError::Range`] if `H` overflows.
    pub fn new(
        kernel: &Kernel,
        method: Method,
        options: SplittingOptions,
    ) -> Result<Self, KernelError> {
        let (scaled, scales) = kernel.equilibrated();
        let spectrum = Spectrum::of(&scaled)?;
        let step = match options.step {
            Some(length) => Step::new(&scaled, &spectrum, method, length),
            None => Step::choose(&scaled, &spectrum, method),
        };
        let resolvent = match method {
            Method::ForwardBackward => Dense::default(),
            _ => Dense::from_faer(resolvent(&scaled.h, step.length).as_ref()),
        };
        let vector = vec![0.0; kernel.order()];
        Ok(Self {
            original: kernel.clone(),
            scales,
            h: scaled.h,
            spectrum,
            method,
            step,
            options,
            resolvent,
            state: State {
                x: vector.clone(),
                z: vector.clone(),
                w: vector.clone(),
                q: vector.clone(),
                right: vector.clone(),
                moved: vector,
            },
        })
    }

    /// The step and what it promises.
    pub fn step(&self) -> Step {
        self.step
    }

    /// Of the equilibrated `H`.
    pub fn spectrum(&self) -> Spectrum {
        self.spectrum
    }

    /// Solves for the inputs `u` (m) from a cold start.
    ///
    /// # Errors
    /// [`SplittingError`] with what was found at the last iteration and what kept it from its end.
    pub fn solve(&mut self, u: &[f64]) -> Result<Solution, SplittingError> {
        if u.len() != self.original.inputs() {
            return Err(SplittingError::Inputs {
                given: u.len(),
                expected: self.original.inputs(),
            });
        }
        self.state.x.fill(0.0);
        self.state.moved.fill(0.0);
        let drive = self.original.drive(u);
        let scaled = drive.iter().zip(&self.scales).map(|(q, s)| q * s);
        self.state
            .q
            .iter_mut()
            .zip(scaled)
            .for_each(|(q, x)| *q = x);
        let largest = self.state.q.iter().fold(0.0f64, |m, q| m.max(q.abs()));
        let tolerance = self.options.tolerance * largest;
        let mut iterations = 0;
        loop {
            let (residual, floor) = self.look();
            if residual <= tolerance.max(floor) {
                return Ok(self.solution(u, iterations, residual));
            }
            if !(residual < LARGEST) {
                return Err(self.diverged(iterations));
            }
            if iterations >= self.options.max_iterations {
                return Err(self.no_convergence(iterations, residual, tolerance));
            }
            let more = LOOK.min(self.options.max_iterations - iterations);
            (0..more).for_each(|_| self.iterate());
            iterations += more;
        }
    }

    fn iterate(&mut self) {
        let a = self.step.length;
        let State {
            x,
            z,
            w,
            q,
            right,
            moved,
        } = &mut self.state;
        if self.method == Method::ForwardBackward {
            w.copy_from_slice(q);
            self.h.multiply_add(1.0, x, w);
            for ((x, w), moved) in x.iter_mut().zip(w.iter()).zip(moved) {
                let next = (*x - a * w).max(0.0);
                *moved = next - *x;
                *x = next;
            }
            return;
        }
        // Reflected at the cone, then resolved.
        for k in 0..x.len() {
            z[k] = x[k].max(0.0);
            right[k] = 2.0 * z[k] - x[k] - a * q[k];
        }
        w.fill(0.0);
        self.resolvent.multiply_add(1.0, right, w);
        let relaxation = match self.method {
            Method::PeacemanRachford => 2.0,
            _ => 1.0,
        };
        for k in 0..x.len() {
            moved[k] = relaxation * (w[k] - z[k]);
            x[k] += moved[k];
        }
    }

    /// Residual and the rounding in it, at the positive part of x; w is left as it is there.
    fn look(&mut self) -> (f64, f64) {
        let State { x, z, w, q, .. } = &mut self.state;
        z.iter_mut()
            .zip(x.iter())
            .for_each(|(z, x)| *z = x.max(0.0));
        let (mut residual, mut floor) = (0.0f64, 0.0f64);
        for i in 0..z.len() {
            let (mut sum, mut size) = (q[i], q[i].abs());
            for (h, z) in self.h.row(i).iter().zip(z.iter()) {
                let product = h * z;
                sum += product;
                size += product.abs();
            }
            w[i] = sum;
            // NaN counts as the largest of all.
            let entry = if sum.is_nan() {
                f64::INFINITY
            } else {
                z[i].min(sum).abs()
            };
            residual = residual.max(entry);
            floor = floor.max(FLOOR * size);
        }
        (residual, floor)
    }

    fn solution(&self, u: &[f64], iterations: usize, residual: f64) -> Solution {
        let z = self.state.z.iter().zip(&self.scales).map(|(z, s)| z * s);
        let z: Vec<f64> = z.collect();
        let w = self.state.w.iter().zip(&self.scales).map(|(w, s)| w / s);
        let Spectrum { smallest, norm, .. } = self.spectrum;
        let is_positive = self.spectrum.definiteness == Definiteness::Positive;
        // |z - z*| <= (1 + L)/m |min(z, w)|, from the strong monotonicity of H.
        let size = residual * (z.len() as f64).sqrt();
        Solution {
            w: w.collect(),
            y: self.original.output(&z, u),
            z,
            iterations,
            residual,
            error_bound: is_positive.then_some((1.0 + norm) / smallest * size),
        }
    }

    fn diverged(&self, iterations: usize) -> SplittingError {
        SplittingError::Diverged {
            method: self.method,
            step: self.step.length,
            iterations,
            diagnosis: self.diagnose(iterations),
        }
    }

    fn no_convergence(&self, iterations: usize, residual: f64, tolerance: f64) -> SplittingError {
        SplittingError::NoConvergence {
            method: self.method,
            step: self.step.length,
            iterations,
            residual,
            tolerance,
            diagnosis: self.diagnose(iterations),
        }
    }

    fn diagnose(&self, iterations: usize) -> Diagnosis {
        if self.spectrum.definiteness == Definiteness::Indefinite {
            return Diagnosis::NotMonotone;
        }
        if let Some(unknown) = self.leaving(iterations) {
            return Diagnosis::NoSolution { unknown };
        }
        match self.step.guarantee {
            Guarantee::Linear { factor } => Diagnosis::Slow {
                factor,
                needed: self.options.tolerance.max(f64::EPSILON).ln() / factor.ln(),
            },
            Guarantee::Convergent => Diagnosis::NoRate,
            Guarantee::None { .. } if self.options.step.is_some() => Diagnosis::Step,
            Guarantee::None { reason } => Diagnosis::NoGuarantee { reason },
        }
    }

    /// The unknown along which the iterates leave by equal steps; there is a solution wherever H is
    /// positive definite.
    fn leaving(&self, iterations: usize) -> Option<String> {
        if self.spectrum.definiteness == Definiteness::Positive {
            return None;
        }
        let moved = &self.state.moved;
        let fastest =
            (0..moved.len()).max_by(|&a, &b| moved[a].abs().total_cmp(&moved[b].abs()))?;
        let (speed, far) = (moved[fastest].abs(), self.state.x[fastest].abs());
        let is_steady = far > 0.0 && speed * iterations as f64 >= 0.5 * far;
        is_steady.then(|| self.original.names[fastest].clone())
    }
}
