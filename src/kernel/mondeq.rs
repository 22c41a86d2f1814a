//! ReLU monotone operator equilibrium networks (Winston and Kolter 2020).

use super::{
    Dense, Diagnosis, Guarantee, Kernel, KernelError, Method, Spectrum, SplittingError, Step,
};

/// `z = ReLU(W z + U x + b)`, n units and m inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct MonDeq {
    /// n x n.
    pub w: Dense,
    /// n x m.
    pub u: Dense,
    /// n.
    pub b: Vec<f64>,
}

impl MonDeq {
    /// The network of a kernel equation: `W = I - a H`, `U = -a B`, `b = -a c`, with the same `z` for
    /// every step `a > 0`, and the inputs of the circuit for x (Chaffey 2025). It contracts where
    /// forward-backward splitting of that step does.
    pub fn of_kernel(kernel: &Kernel, step: f64) -> Self {
        let n = kernel.order();
        Self {
            w: Dense::from_fn(n, n, |i, j| {
                let diagonal = if i == j { 1.0 } else { 0.0 };
                diagonal - step * kernel.h[(i, j)]
            }),
            u: Dense::from_fn(n, kernel.inputs(), |i, j| -step * kernel.b[(i, j)]),
            b: kernel.bias.iter().map(|c| -step * c).collect(),
        }
    }

    /// `H = I - W`, `B = -U`, `c = -b`, without outputs.
    pub fn kernel(&self) -> Kernel {
        let n = self.w.rows();
        Kernel {
            h: Dense::from_fn(n, n, |i, j| {
                let diagonal = if i == j { 1.0 } else { 0.0 };
                diagonal - self.w[(i, j)]
            }),
            b: Dense::from_fn(n, self.u.columns(), |i, j| -self.u[(i, j)]),
            c: Dense::zeros(0, n),
            d: Dense::zeros(0, self.u.columns()),
            bias: self.b.iter().map(|b| -b).collect(),
            output_bias: Vec::new(),
            names: (0..n).map(|k| format!("z{k}")).collect(),
        }
    }

    /// One pass of the network: `ReLU(W z + U x + b)`.
    pub fn layer(&self, z: &[f64], x: &[f64]) -> Vec<f64> {
        let mut out = self.injection(x);
        self.w.multiply_add(1.0, z, &mut out);
        out.iter_mut().for_each(|z| *z = z.max(0.0));
        out
    }

    fn injection(&self, x: &[f64]) -> Vec<f64> {
        let mut bias = self.b.clone();
        self.u.multiply_add(1.0, x, &mut bias);
        bias
    }

    /// Iterates `z <- (1 - a) z + a (W z + U x + b)`, cut off at zero, to where a whole pass changes no
    /// entry by more than `tolerance` times the largest of `U x + b`. `a = 1` is the network itself.
    ///
    /// # Errors
    /// [`SplittingError`]
    pub fn fixed_point(
        &self,
        x: &[f64],
        damping: f64,
        tolerance: f64,
        max_iterations: usize,
    ) -> Result<Vec<f64>, SplittingError> {
        if x.len() != self.u.columns() {
            return Err(SplittingError::Inputs {
                given: x.len(),
                expected: self.u.columns(),
            });
        }
        let bias = self.injection(x);
        let largest = bias.iter().fold(0.0f64, |m, b| m.max(b.abs()));
        let mut z = vec![0.0; bias.len()];
        let mut next = vec![0.0; bias.len()];
        let mut iterations = 0;
        let residual = loop {
            next.copy_from_slice(&bias);
            self.w.multiply_add(1.0, &z, &mut next);
            let changes = z.iter().zip(&next).map(|(z, next)| match next.is_finite() {
                true => (next.max(0.0) - z).abs(),
                false => f64::INFINITY,
            });
            let residual = changes.fold(0.0, f64::max);
            let size = z.iter().fold(largest, |m, z| m.max(*z));
            if residual <= (tolerance * largest).max(4.0 * f64::EPSILON * size) {
                return Ok(z);
            }
            if iterations >= max_iterations || !residual.is_finite() {
                break residual;
            }
            for (z, next) in z.iter_mut().zip(&next) {
                *z = (*z + damping * (next - *z)).max(0.0);
            }
            iterations += 1;
        };
        Err(SplittingError::NoConvergence {
            method: Method::ForwardBackward,
            step: damping,
            iterations,
            residual,
            tolerance: tolerance * largest,
            diagnosis: self.diagnose(damping, tolerance),
        })
    }

    fn diagnose(&self, damping: f64, tolerance: f64) -> Diagnosis {
        let kernel = self.kernel();
        let guarantee = |spectrum: Spectrum| {
            Step::new(&kernel, &spectrum, Method::ForwardBackward, damping).guarantee
        };
        let spectrum: Result<Spectrum, KernelError> = Spectrum::of(&kernel);
        match spectrum.map(guarantee) {
            Ok(Guarantee::Linear { factor }) => Diagnosis::Slow {
                factor,
                needed: tolerance.max(f64::EPSILON).ln() / factor.ln(),
            },
            Ok(Guarantee::Convergent) => Diagnosis::NoRate,
            _ => Diagnosis::Step,
        }
    }
}
