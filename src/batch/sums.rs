//! Sums over the samples of a batch, which make a gradient.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::assembly::Assembly;
use super::block::BlockState;
use super::ends::End;
use super::features::Features;
use super::inputs::NO_COLUMN;
use super::real::Real;
use super::rows::{Common, sum_of};
use super::share::Share;
use super::structure::BatchSystem;

/// Rows and columns of a gradient that one task sums; kernels take 96 or 48 columns at once.
pub(super) const ROWS: usize = 128;
pub(super) const COLUMNS: usize = 192;

/// Sums over the samples of a batch.
#[derive(Debug)]
pub(super) struct Sums<T> {
    pub samples: usize,
    /// Adjoint potentials and potentials of all samples: nodes x samples.
    lambda: Vec<T>,
    x: Vec<T>,
    /// Adjoint potentials of the fed nodes, where these are not neighbours.
    fed: Vec<T>,
    /// `sum lambda` and `sum lambda x` of each node.
    pub lambda_sum: Vec<f64>,
    product_sum: Vec<f64>,
    /// `sum lambda u`: fed nodes x columns.
    feed: Vec<T>,
    /// `sum lambda_a x_b + x_a lambda_b` of each dense block.
    blocks: Vec<Vec<T>>,
}

impl<T: Real> Sums<T> {
    pub(super) fn new(system: &BatchSystem) -> Self {
        let zeros = |count: usize| vec![T::ZERO; count];
        Self {
            samples: 0,
            lambda: Vec::new(),
            x: Vec::new(),
            fed: Vec::new(),
            lambda_sum: vec![0.0; system.nodes],
            product_sum: vec![0.0; system.nodes],
            feed: zeros(system.fed.len() * system.inputs.columns()),
            blocks: system
                .blocks
                .iter()
                .map(|b| zeros(b.conductances.len()))
                .collect(),
        }
    }

    /// Rows of all blocks side by side; of those of other ranks, what [`Share`] says.
    pub(super) fn collect<'a>(
        &mut self,
        system: &BatchSystem,
        states: impl Iterator<Item = &'a BlockState<T>> + Clone + Sync,
        (lanes, samples): (usize, usize),
        share: Option<&mut Share<T>>,
    ) where
        T: 'a,
    {
        self.samples = samples;
        self.lambda.resize(system.nodes * samples, T::ZERO);
        self.x.resize(system.nodes * samples, T::ZERO);
        let apart = match fed_range(system) {
            Some(_) => 0,
            None => system.fed.len(),
        };
        self.fed.resize(apart * samples, T::ZERO);
        if samples == 0 {
            return;
        }
        let of_ranks = share.as_ref().map(|share| {
            let blocks = share.blocks(samples.div_ceil(lanes)).into_iter();
            let samples =
                blocks.map(|b| (b.start * lanes).min(samples)..(b.end * lanes).min(samples));
            (samples.collect::<Vec<_>>(), share.ranks.rank())
        });
        let own = of_ranks
            .as_ref()
            .map_or(0..samples, |(all, me)| all[*me].clone());
        let is_whole = of_ranks.is_none();
        let copy = |row: &mut [T], index: usize, of: fn(&BlockState<T>) -> &Vec<T>| {
            for (part, state) in row[own.clone()].chunks_mut(lanes).zip(states.clone()) {
                let source = &of(state)[index * lanes..];
                part.copy_from_slice(&source[..part.len()]);
            }
        };
        let rows = self
            .lambda
            .par_chunks_mut(samples)
            .zip(self.x.par_chunks_mut(samples));
        let sums = self.lambda_sum.par_iter_mut().zip(&mut self.product_sum);
        rows.zip(sums)
            .enumerate()
            .for_each(|(node, ((lambda, x), sums))| {
                copy(lambda, node, |state| &state.lambda);
                copy(x, node, |state| &state.x);
                if is_whole {
                    add_up(lambda, x, sums);
                }
            });
        if let (Some(share), Some((of_ranks, _))) = (share, of_ranks) {
            share.complete([&mut self.lambda, &mut self.x], samples, &of_ranks);
            for &node in share.own_nodes() {
                let row = node as usize * samples..(node as usize + 1) * samples;
                let node = node as usize;
                let sums = (&mut self.lambda_sum[node], &mut self.product_sum[node]);
                add_up(&self.lambda[row.clone()], &self.x[row], sums);
            }
        }
        let rows = self.fed.par_chunks_mut(samples).zip(&system.fed);
        let lambda = &self.lambda;
        rows.for_each(|(row, &node)| {
            row.copy_from_slice(&lambda[node as usize * samples..][..samples]);
        });
    }

    /// The products of the rows at hand. Those of the dense blocks come first, so that they are on their way
    /// to the other ranks while the rest is computed; [`Self::complete`] takes theirs.
    pub(super) fn multiply(
        &mut self,
        system: &BatchSystem,
        features: &Features<T>,
        share: Option<&mut Share<T>>,
    ) {
        let (samples, columns) = (self.samples, system.inputs.columns());
        if samples == 0 {
            return;
        }
        self.multiply_blocks(system, share.as_deref());
        let share = share.map(|share| {
            let sums = [&self.lambda_sum[..], &self.product_sum[..]];
            share.post(system, &self.blocks, sums);
            &*share
        });
        if columns > 0 {
            let inputs = features.matrix(samples);
            let lambda = match fed_range(system) {
                Some(nodes) => &self.lambda[nodes.start * samples..nodes.end * samples],
                None => &self.fed,
            };
            let all = 0..system.fed.len();
            let own = share.map_or(all, |share| share.own_places());
            let tiles =
                self.feed[own.start * columns..own.end * columns].par_chunks_mut(ROWS * columns);
            tiles
                .zip(lambda[own.start * samples..own.end * samples].par_chunks(ROWS * samples))
                .for_each(|(tile, lambda)| {
                    outer((tile, 0..columns), Accum::Replace, inputs, lambda, samples);
                });
        }
    }

    /// Takes what the other ranks have found since the last time.
    pub(super) fn complete(&mut self, system: &BatchSystem, share: &mut Share<T>) {
        let sums = [&mut self.lambda_sum[..], &mut self.product_sum[..]];
        share.take(system, &mut self.blocks, sums);
    }

    fn multiply_blocks(&mut self, system: &BatchSystem, share: Option<&Share<T>>) {
        let samples = self.samples;
        for (index, (products, block)) in self.blocks.iter_mut().zip(&system.blocks).enumerate() {
            let [rows, others] = block
                .groups
                .map(|g| system.groups.groups[g as usize].clone());
            let part = |range: &std::ops::Range<usize>| range.start * samples..range.end * samples;
            let around = part(&others);
            let [x, lambda] = [&self.x, &self.lambda]
                .map(|v| MatRef::from_row_major_slice(&v[around.clone()], others.len(), samples));
            let width = others.len();
            let (mut own_rows, mut own_columns) = (0..rows.len(), 0..width);
            if let Some(share) = share {
                let part = share.own_part(index);
                (own_rows, own_columns) = (part.rows.clone(), part.columns.clone());
            }
            let own = part(&(rows.start + own_rows.start..rows.start + own_rows.end));
            let tiles =
                products[own_rows.start * width..own_rows.end * width].par_chunks_mut(ROWS * width);
            let states = self.lambda[own.clone()].par_chunks(ROWS * samples);
            let states = states.zip(self.x[own].par_chunks(ROWS * samples));
            tiles.zip(states).for_each(|(tile, (own_lambda, own_x))| {
                let columns = own_columns.clone();
                outer(
                    (tile, columns.clone()),
                    Accum::Replace,
                    x,
                    own_lambda,
                    samples,
                );
                outer((tile, columns), Accum::Add, lambda, own_x, samples);
            });
        }
    }

    /// `sum lambda di/du` over the currents `i` that each column `u` sends into the free nodes: samples x
    /// columns.
    pub(super) fn columns(
        &self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        g: &[f64],
        out: &mut [f64],
    ) {
        let (samples, columns) = (self.samples, system.inputs.columns());
        out.fill(0.0);
        if samples == 0 || columns == 0 {
            return;
        }
        let fed = system.fed.len();
        if fed > 0 {
            let lambda = match fed_range(system) {
                Some(nodes) => &self.lambda[nodes.start * samples..nodes.end * samples],
                None => &self.fed,
            };
            let lambda = MatRef::from_column_major_slice(lambda, samples, fed);
            let feed = MatRef::from_column_major_slice(&assembly.feed, columns, fed);
            let tiles = out.par_chunks_mut(ROWS * columns);
            tiles
                .zip(lambda.par_row_chunks(ROWS))
                .for_each(|(tile, lambda)| {
                    let mut product = vec![T::ZERO; tile.len()];
                    let matrix =
                        MatMut::from_column_major_slice_mut(&mut product, columns, lambda.nrows());
                    let lambda = lambda.transpose();
                    matmul(matrix, Accum::Replace, feed, lambda, T::ONE, Par::Seq);
                    for (out, value) in tile.iter_mut().zip(product) {
                        *out = value.f64();
                    }
                });
        }
        let mut send = |node: usize, column: u32, factor: f64| {
            let lambda = &self.lambda[node * samples..(node + 1) * samples];
            if column != NO_COLUMN {
                let rows = out.chunks_mut(columns).zip(lambda);
                rows.for_each(|(row, lambda)| row[column as usize] += factor * lambda.f64());
            }
        };
        let inputs = &system.inputs;
        for node in (0..system.nodes).filter(|&k| system.fed_place[k].is_none()) {
            for feed in system.feeds(node) {
                let affine = &inputs.held[feed.held as usize];
                send(
                    node,
                    affine.column,
                    affine.coefficient * g[feed.conductance as usize],
                );
            }
        }
        for offset in &system.offsets {
            let affine = &inputs.held[offset.held as usize];
            let factor = offset.sign * g[offset.conductance as usize];
            send(
                offset.node as usize,
                affine.column,
                factor * affine.coefficient,
            );
        }
        for injection in &system.injections {
            let source = &inputs.sources[injection.source as usize];
            send(
                injection.node as usize,
                source.column,
                injection.sign * source.coefficient,
            );
        }
    }

    /// `-sum lambda_pn v_pn` (Director and Rohrer 1969).
    pub(super) fn conductances(
        &self,
        system: &BatchSystem,
        features: &Features<T>,
        first: usize,
        factor: f64,
        out: &mut [f64],
    ) {
        let end = first + out.len();
        let columns = system.inputs.columns();
        let mut rows = system.rows.from(first).iter().peekable();
        let mut ends = system.ends.cursor(first);
        let mut from = first;
        while from < end {
            let Some(row) = rows.next_if(|row| row.conductances.start <= from) else {
                out[from - first] =
                    factor * self.other_conductance(system, features, ends.at(from));
                from += 1;
                continue;
            };
            let own = from..row.conductances.end.min(end);
            let feed = &self.feed[row.place as usize * columns..][..columns];
            let common = Common {
                factor,
                lambda: self.lambda_sum[row.node as usize],
                product: self.product_sum[row.node as usize],
            };
            let start = row.conductances.start;
            let members = own.start - start..own.end - start;
            let out = &mut out[own.start - first..own.end - first];
            let pattern = system.rows.pattern_of(row);
            pattern.derivatives(members, feed, common, out);
            from = own.end;
        }
    }

    fn other_conductance(
        &self,
        system: &BatchSystem,
        features: &Features<T>,
        ends: [End; 2],
    ) -> f64 {
        if let [Some(p), Some(n)] = ends.map(End::node)
            && !ends.iter().any(|end| end.is_offset())
            && let Some((block, entry)) = system.block_entry(p, n)
        {
            let cross = self.blocks[block][entry].f64();
            return cross - self.product_sum[p] - self.product_sum[n];
        }
        // Sample by sample: differences lose no digit.
        let derivative = |sample: usize| {
            let at = |values: &[T], node: usize| values[node * self.samples + sample].f64();
            let [p, n] = ends.map(|end| {
                let affine = &system.inputs.held[end.held as usize];
                let prescribed = affine.at(|column| features.value(column, sample).f64());
                let node = |values| end.node().map_or(0.0, |node| at(values, node));
                (node(&self.lambda), node(&self.x) + prescribed)
            });
            -(p.0 - n.0) * (p.1 - n.1)
        };
        (0..self.samples).map(derivative).sum()
    }
}

/// The fed nodes, if they are neighbours.
fn fed_range(system: &BatchSystem) -> Option<std::ops::Range<usize>> {
    let (&first, &last) = (system.fed.first()?, system.fed.last()?);
    let is_dense = (last - first) as usize + 1 == system.fed.len();
    is_dense.then_some(first as usize..last as usize + 1)
}

/// `sum lambda` and `sum lambda x` of one node.
fn add_up<T: Real>(lambda: &[T], x: &[T], (sum, products): (&mut f64, &mut f64)) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        move || {
            let (sum, products) = (sum, products);
            *sum = sum_of(lambda.iter().map(|l| l.f64()));
            let pairs = lambda.iter().zip(x);
            *products = sum_of(pairs.map(|(l, x)| l.f64() * x.f64()));
        },
    );
}

/// `out (+)= own others'`: rows of `own` by these of `others`, summed over samples.
fn outer<T: Real>(
    (out, columns): (&mut [T], std::ops::Range<usize>),
    sum: Accum,
    others: MatRef<'_, T>,
    own: &[T],
    samples: usize,
) {
    let (rows, width) = (own.len() / samples, others.nrows());
    let own = MatRef::from_column_major_slice(own, samples, rows);
    let out = MatMut::from_column_major_slice_mut(out, width, rows);
    let out = out.subrows_mut(columns.start, columns.len());
    let others = others.subrows(columns.start, columns.len());
    let tiles = out.par_row_chunks_mut(COLUMNS);
    let tiles = tiles.zip(others.par_row_chunks(COLUMNS));
    tiles.for_each(|(tile, others)| matmul(tile, sum, others, own, T::ONE, Par::Seq));
}
