//! Where the entries of A, B, U, b, V and v are among the trained numbers; matrices by columns.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::kernel::Dense;
use crate::synthesis::Equilibrium;

/// Units, inputs and classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub units: usize,
    pub inputs: usize,
    pub classes: usize,
}

impl Layout {
    /// One past the end of A, B, U, b, V and v.
    fn ends(&self) -> [usize; 6] {
        let n = self.units;
        let sizes = [
            n * n,
            n * n,
            n * self.inputs,
            n,
            self.classes * n,
            self.classes,
        ];
        let mut sum = 0;
        sizes.map(|size| {
            sum += size;
            sum
        })
    }

    fn part(&self, part: usize) -> Range<usize> {
        let ends = self.ends();
        let start = part.checked_sub(1).map_or(0, |before| ends[before]);
        start..ends[part]
    }

    pub fn len(&self) -> usize {
        self.ends()[5]
    }

    /// n x n.
    pub fn a(&self) -> Range<usize> {
        self.part(0)
    }

    /// n x n.
    pub fn b(&self) -> Range<usize> {
        self.part(1)
    }

    /// n x inputs.
    pub fn u(&self) -> Range<usize> {
        self.part(2)
    }

    /// n.
    pub fn bias(&self) -> Range<usize> {
        self.part(3)
    }

    /// Classes x n.
    pub fn out_weight(&self) -> Range<usize> {
        self.part(4)
    }

    /// Classes.
    pub fn out_bias(&self) -> Range<usize> {
        self.part(5)
    }

    /// Matrices from a uniform distribution within one over the root of what they sum over; no bias.
    pub fn draw(&self, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut theta = vec![0.0; self.len()];
        let of_units = [self.a(), self.b(), self.out_weight()].map(|part| (part, self.units));
        for (part, summed) in of_units.into_iter().chain([(self.u(), self.inputs)]) {
            let bound = 1.0 / (summed as f64).sqrt();
            let numbers = theta[part].iter_mut();
            numbers.for_each(|x| *x = rng.random_range(-bound..bound));
        }
        theta
    }

    /// The network of these numbers, for inputs `(x - mean) / deviation`.
    pub fn network(&self, theta: &[f64], m: f64) -> Equilibrium {
        let matrix = |part: Range<usize>, columns: usize| {
            let numbers = &theta[part];
            let rows = numbers.len() / columns.max(1);
            Dense::from_fn(rows, columns, |i, j| numbers[j * rows + i])
        };
        Equilibrium {
            m,
            a: matrix(self.a(), self.units),
            b: matrix(self.b(), self.units),
            u: matrix(self.u(), self.inputs),
            bias: theta[self.bias()].to_vec(),
            out_weight: matrix(self.out_weight(), self.units),
            out_bias: theta[self.out_bias()].to_vec(),
        }
    }
}
