//! Port behaviour of circuits of resistors, transformers, gyrators and ideal diodes (RTGD), and the
//! ReLU equilibrium networks that they are (Chaffey 2025; Winston and Kolter 2020).
//!
//! Taken out of its diodes and ports, such a circuit is linear and passive. Of each diode one of its
//! two numbers goes into `z` and the other into `w`, so that both are non-negative and one of them is
//! zero; of each port one number `u` is given and the other, `y`, is read:
//!
//! ```text
//! w = H z + B u + c        0 <= z  perp  w >= 0        that is  0 in H z + N(z) + B u + c
//! y = -(C z + D u + d)     N: the normal cone of z >= 0
//! ```
//!
//! | | goes into `z` or `u` | is left to `w` or `y` |
//! |---|---|---|
//! | diode by its current | its current, A | minus its voltage, V |
//! | diode by its voltage | minus its voltage, V | its current, A |
//! | port driven by a voltage | voltage p to n, V | current p to n of the driving source, A |
//! | port driven by a current | current into p, A | voltage n to p, V |
//!
//! So `w' z` is the power that diodes put into the linear part, `-y' u` what ports put into it, and of
//! a passive circuit `H`, `D` and the whole of `[H B; C D]` have a positive semidefinite symmetric part.
//! Independent sources inside stay as they are and make the constants `c` and `d`.
//!
//! Without gyrators the circuit is reciprocal: entries of `[H B; C D]` that lie opposite each other are
//! equal where both variables are currents or both are voltages, and of opposite sign where they are
//! not. `H` is symmetric, then, if all diodes are taken by their currents or all by their voltages.
//!
//! Text to [`Port`]s, [`CircuitKernel::of`] a circuit, its [`Kernel`] to a solution by a [`Splitting`],
//! or to a [`MonDeq`].

mod choice;
mod circuit;
mod dense;
mod driven;
mod error;
mod mondeq;
mod network;
mod port;
mod spectrum;
mod splitting;
mod step;
mod summary;

pub use choice::{Choice, Variable};
pub use circuit::{CircuitKernel, Diode};
pub use dense::Dense;
pub use error::{Diagnosis, KernelError, SplittingError, Unsupported};
pub use mondeq::MonDeq;
pub use port::{Port, PortError};
pub use spectrum::{Definiteness, Spectrum};
pub use splitting::{Solution, Splitting, SplittingOptions};
pub use step::{Guarantee, Method, Step};
pub use summary::Summary;

/// `0 in H z + N(z) + B u + c` and `y = -(C z + D u + d)` with n unknowns, m inputs and p outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// `H`, n x n.
    pub h: Dense,
    /// `B`, n x m.
    pub b: Dense,
    /// `C`, p x n.
    pub c: Dense,
    /// `D`, p x m.
    pub d: Dense,
    /// `c`: what sources inside add to `w`, n.
    pub bias: Vec<f64>,
    /// `d`: what sources inside take from `y`, p.
    pub output_bias: Vec<f64>,
    /// What each of `z` belongs to, for messages, n.
    pub names: Vec<String>,
}

impl Kernel {
    /// Number of unknowns.
    pub fn order(&self) -> usize {
        self.h.rows()
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.b.columns()
    }

    /// `B u + c`, n. Inputs beyond `u` count as zero.
    pub fn drive(&self, u: &[f64]) -> Vec<f64> {
        let mut q = self.bias.clone();
        self.b.multiply_add(1.0, u, &mut q);
        q
    }

    /// `w = H z + B u + c`, n.
    pub fn slack(&self, z: &[f64], u: &[f64]) -> Vec<f64> {
        let mut w = self.drive(u);
        self.h.multiply_add(1.0, z, &mut w);
        w
    }

    /// `y = -(C z + D u + d)`, p.
    pub fn output(&self, z: &[f64], u: &[f64]) -> Vec<f64> {
        let mut y: Vec<f64> = self.output_bias.iter().map(|d| -d).collect();
        self.c.multiply_add(-1.0, z, &mut y);
        self.d.multiply_add(-1.0, u, &mut y);
        y
    }

    /// The largest entry of `min(z, w)` in size: zero at a solution, in the mixed units of both.
    pub fn residual(&self, z: &[f64], u: &[f64]) -> f64 {
        let w = self.slack(z, u);
        let entries = z.iter().zip(&w).map(|(z, w)| z.min(*w).abs());
        entries.fold(0.0, f64::max)
    }

    /// True if `H` equals its transpose bit by bit.
    pub fn is_symmetric(&self) -> bool {
        let n = self.order();
        (0..n).all(|i| (0..i).all(|j| self.h[(i, j)] == self.h[(j, i)]))
    }

    /// The same equation in `z = s z^`, `w = w^ / s`, with the factors `s > 0`: the diagonal of `s H s`
    /// is one where that of `H` is positive. Both `z^` and `w^` are then in the root of a watt, and a
    /// circuit of large and small resistances has a smaller ratio of eigenvalues.
    pub fn equilibrated(&self) -> (Kernel, Vec<f64>) {
        let scales = self.scales();
        let mut scaled = self.clone();
        for (i, si) in scales.iter().enumerate() {
            for (j, sj) in scales.iter().enumerate() {
                scaled.h[(i, j)] *= si * sj;
            }
            scaled.b.row_mut(i).iter_mut().for_each(|x| *x *= si);
            scaled.bias[i] *= si;
        }
        for row in 0..scaled.c.rows() {
            let entries = scaled.c.row_mut(row).iter_mut();
            entries.zip(&scales).for_each(|(x, s)| *x *= s);
        }
        (scaled, scales)
    }

    /// Rows without a diagonal, as of a diode across a gyrator, are measured by their largest entry.
    fn scales(&self) -> Vec<f64> {
        const SMALL: f64 = 1e-12;
        let n = self.order();
        let scale = |i: usize| {
            let entries = (0..n).map(|j| self.h[(i, j)].abs().max(self.h[(j, i)].abs()));
            let largest = entries.fold(0.0, f64::max);
            let diagonal = self.h[(i, i)];
            let size = if diagonal > SMALL * largest {
                diagonal
            } else {
                largest
            };
            let scale = size.sqrt().recip();
            if scale.is_finite() && scale > 0.0 {
                scale
            } else {
                1.0
            }
        };
        (0..n).map(scale).collect()
    }
}
