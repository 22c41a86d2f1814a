//! The features of a whole batch, and the currents that sources send by them: one product.

use std::sync::Arc;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::assembly::Assembly;
use super::pool::Pool;
use super::real::Real;
use super::sample::{Conversion, Sample};
use super::share::Share;
use super::structure::BatchSystem;

/// Samples of the product that one task computes: a multiple of what its kernels take at once.
const SAMPLES: usize = 288;

/// Rows of the product that one task computes: fewer where there are few samples.
fn rows_at_once(samples: usize) -> usize {
    if samples > SAMPLES { 128 } else { 32 }
}

/// What samples bring along.
#[derive(Debug, Default)]
pub(super) struct Features<T> {
    /// Samples, and those that fill the last block.
    stride: usize,
    columns: usize,
    /// Values of the columns: stride x columns, as they come.
    values: Arc<Vec<T>>,
    pool: Pool<T>,
    /// Currents that the columns send into the fed nodes: fed nodes x stride, A.
    fed: Vec<T>,
}

impl<T: Real> Features<T> {
    /// Takes the features of `samples` samples; the last block of `lanes` is filled with its first. The sums
    /// of the assembly's rows become those of all ranks.
    pub(super) fn load<'a>(
        &mut self,
        system: &BatchSystem,
        assembly: &mut Assembly<T>,
        (samples, lanes): (usize, usize),
        input: impl Fn(usize) -> Sample<'a> + Sync,
        share: Option<&mut Share<T>>,
    ) {
        let inputs = &system.inputs;
        let (columns, stride) = (inputs.columns(), samples.next_multiple_of(lanes));
        (self.columns, self.stride) = (columns, stride);
        let values = self.pool.renew(&mut self.values, columns * stride);
        self.fed.resize(system.fed.len() * stride, T::ZERO);
        if samples == 0 || columns == 0 {
            return;
        }
        let last = (samples - 1) / lanes * lanes;
        let conversion = Conversion::new(T::of);
        let rows = values.par_chunks_mut(columns).enumerate();
        rows.with_min_len(8).for_each(|(k, row)| {
            let features = input(if k < samples { k } else { last });
            let (plain, derived) = row.split_at_mut(inputs.features);
            features.write(&conversion, plain);
            for (value, terms) in derived.iter_mut().zip(&inputs.derived) {
                let terms = terms.iter().map(|&(f, c)| c * features.get(f as usize));
                *value = T::of(terms.sum());
            }
        });
        let values = MatRef::from_row_major_slice(&self.values, stride, columns);
        let at_once = rows_at_once(stride);
        let all = 0..system.fed.len();
        let own = share.as_ref().map_or(all, |share| share.own_places());
        let matrices = &assembly.feed[own.start * columns..own.end * columns];
        let matrices = matrices.par_chunks(at_once * columns);
        let rows = &mut self.fed[own.start * stride..own.end * stride];
        let rows = rows.par_chunks_mut(at_once * stride).zip(matrices);
        rows.for_each(|(out, matrix)| {
            let rows = out.len() / stride;
            let matrix = MatRef::from_column_major_slice(matrix, columns, rows);
            let out = MatMut::from_column_major_slice_mut(out, stride, rows);
            let values = values.par_row_chunks(SAMPLES);
            let tiles = out.par_row_chunks_mut(SAMPLES).zip(values);
            tiles.for_each(|(out, values)| {
                matmul(out, Accum::Replace, values, matrix, T::ONE, Par::Seq);
            });
        });
        if let Some(share) = share {
            let blocks = share.blocks(stride / lanes).into_iter();
            let samples: Vec<_> = blocks.map(|b| b.start * lanes..b.end * lanes).collect();
            share.turn(&mut self.fed, stride, &samples, &mut assembly.fed_sums);
        }
    }

    /// Values of the columns, of which the first are the features: samples x columns.
    pub(super) fn all(&self) -> (&Arc<Vec<T>>, usize) {
        (&self.values, self.columns)
    }

    /// Value of a column in one sample.
    pub(super) fn value(&self, column: usize, sample: usize) -> T {
        self.values[sample * self.columns + column]
    }

    /// The values of all columns in the first `samples` samples: columns x samples.
    pub(super) fn matrix(&self, samples: usize) -> MatRef<'_, T> {
        let values = &self.values[..samples * self.columns];
        MatRef::from_column_major_slice(values, self.columns, samples)
    }

    /// Current into a fed node in `lanes` samples from `first` on, A.
    pub(super) fn current(&self, place: usize, first: usize, lanes: usize) -> &[T] {
        &self.fed[place * self.stride + first..][..lanes]
    }
}
