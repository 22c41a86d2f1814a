//! States of least energy: one layer after the other goes to its minimum, the other held.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Hidden units and outputs of some samples, by columns, a column for each sample.
#[derive(Debug, Default)]
pub(super) struct States {
    pub hidden: Vec<f64>,
    pub out: Vec<f64>,
}

/// What couples hidden units and outputs: W (classes x hidden) and the biases of the outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coupling<'a> {
    pub weight: MatRef<'a, f64>,
    pub bias: &'a [f64],
}

impl Coupling<'_> {
    /// `hidden = clip(drive + W' out)`.
    pub fn settle_hidden(&self, drive: &[f64], out: &[f64], hidden: &mut [f64]) {
        let (classes, units) = (self.weight.nrows(), self.weight.ncols());
        let samples = out.len() / classes;
        hidden.copy_from_slice(drive);
        let out = MatRef::from_column_major_slice(out, classes, samples);
        let target = MatMut::from_column_major_slice_mut(hidden, units, samples);
        let weight = self.weight.transpose();
        matmul(target, Accum::Add, weight, out, 1.0, Par::Seq);
        hidden.iter_mut().for_each(|h| *h = hard_sigmoid(*h));
    }

    /// `out = W hidden + b`; with a nudge (beta and the wanted outputs y) that of the energy plus
    /// `beta |out - y|^2 / 2`, `(W hidden + b + beta y) / (1 + beta)`.
    pub fn settle_out(&self, hidden: &[f64], nudge: Option<(f64, &[f64])>, out: &mut [f64]) {
        let (classes, units) = (self.weight.nrows(), self.weight.ncols());
        let samples = out.len() / classes;
        let columns = out.chunks_exact_mut(classes);
        columns.for_each(|out| out.copy_from_slice(self.bias));
        let hidden = MatRef::from_column_major_slice(hidden, units, samples);
        let target = MatMut::from_column_major_slice_mut(&mut *out, classes, samples);
        matmul(target, Accum::Add, self.weight, hidden, 1.0, Par::Seq);
        if let Some((beta, wanted)) = nudge {
            let pairs = out.iter_mut().zip(wanted);
            pairs.for_each(|(out, y)| *out = (*out + beta * y) / (1.0 + beta));
        }
    }
}

/// The minimum of `s^2 / 2 - u s` where s may be from 0 to 1.
fn hard_sigmoid(u: f64) -> f64 {
    u.clamp(0.0, 1.0)
}
