//! The numbers of a batch: conductances in the form that its products want.

use rayon::prelude::*;

use super::elimination::Elimination;
use super::real::Real;
use super::share::Share;
use super::structure::{BatchSystem, Method};

/// What depends on the conductances alone; shared by all samples.
#[derive(Debug)]
pub(super) struct Assembly<T> {
    /// Input product: fed nodes x columns, row-major (S).
    pub feed: Vec<T>,
    /// Currents that constant held potentials and current sources send into each node, A.
    pub constant: Vec<T>,
    /// Sum of the conductances at each node, S.
    pub diagonal: Vec<T>,
    /// Total conductance to held nodes and current from them, of the fed nodes.
    pub fed_sums: Vec<[T; 2]>,
    /// What comes after [`Self::begin`] has been done.
    is_whole: bool,
    /// Dense blocks, row-major (S).
    pub blocks: Vec<Vec<T>>,
    /// Entries of the rest before a sample's diodes: diagonal, then below it (S).
    pub rest: Vec<T>,
    /// For each group that goes first: neighbours' conductances, members x neighbours.
    pub couplings: Vec<Vec<T>>,
    /// The same: products of pairs of neighbours, members x pairs.
    pub pairs: Vec<Vec<T>>,
}

impl<T: Real> Assembly<T> {
    pub(super) fn new(system: &BatchSystem) -> Self {
        let zeros = |count: usize| vec![T::ZERO; count];
        let (rest, couplings, pairs) = match system.method() {
            Method::Relaxation(_) => (Vec::new(), Vec::new(), Vec::new()),
            Method::Elimination(e) => (
                zeros(e.entries()),
                (e.first
                    .iter()
                    .map(|g| zeros(g.nodes.len() * g.neighbours.len())))
                .collect(),
                (e.first
                    .iter()
                    .map(|g| zeros(g.nodes.len() * g.targets.len())))
                .collect(),
            ),
        };
        Self {
            feed: zeros(system.fed.len() * system.inputs.columns()),
            fed_sums: vec![[T::ZERO; 2]; system.fed.len()],
            is_whole: false,
            constant: zeros(system.nodes),
            diagonal: zeros(system.nodes),
            blocks: system
                .blocks
                .iter()
                .map(|b| zeros(b.conductances.len()))
                .collect(),
            rest,
            couplings,
            pairs,
        }
    }

    /// Takes new conductances (S) into the own rows of the input product; [`Self::finish`] does the rest,
    /// once [`Self::fed_sums`] are those of all ranks.
    pub(super) fn begin(&mut self, system: &BatchSystem, g: &[f64], share: Option<&Share<T>>) {
        self.update_feeds(system, g, share);
        self.is_whole = false;
    }

    /// Takes the other conductances, and values of constant current sources (A).
    pub(super) fn finish(&mut self, system: &BatchSystem, g: &[f64]) {
        if std::mem::replace(&mut self.is_whole, true) {
            return;
        }
        self.add_feeds_to_diagonal(system, g);
        for (entries, block) in self.blocks.iter_mut().zip(&system.blocks) {
            let columns = system.groups.groups[block.groups[1] as usize].len();
            let indices = block.conductances.par_chunks(columns);
            entries
                .par_chunks_mut(columns)
                .zip(indices)
                .for_each(|(row, indices)| {
                    for (entry, &k) in row.iter_mut().zip(indices) {
                        *entry = T::of(g[k as usize]);
                    }
                });
            for &(entry, k) in &block.parallel {
                entries[entry as usize] += T::of(g[k as usize]);
            }
        }
        self.add_blocks_to_diagonal(system);
        for edge in &system.edges {
            let g = T::of(g[edge.conductance as usize]);
            edge.nodes
                .iter()
                .for_each(|&k| self.diagonal[k as usize] += g);
        }
        for injection in &system.injections {
            let source = &system.inputs.sources[injection.source as usize];
            self.constant[injection.node as usize] += T::of(injection.sign * source.constant);
        }
        if let Method::Elimination(elimination) = system.method() {
            self.update_rest(system, elimination, g);
            self.update_first(system, elimination);
        }
    }

    /// What held nodes add to the diagonal and the constants.
    fn add_feeds_to_diagonal(&mut self, system: &BatchSystem, g: &[f64]) {
        let held = &system.inputs.held;
        let (diagonal, constant) = (&mut self.diagonal, &mut self.constant);
        let loose = (0..system.nodes).filter(|&node| system.fed_place[node].is_none());
        for node in loose {
            let (mut total, mut sent) = (0.0, 0.0);
            for feed in system.feeds(node) {
                let g = g[feed.conductance as usize];
                total += g;
                sent += g * held[feed.held as usize].constant;
            }
            (diagonal[node], constant[node]) = (T::of(total), T::of(sent));
        }
        for (&node, &[total, sent]) in system.fed.iter().zip(&self.fed_sums) {
            (diagonal[node as usize], constant[node as usize]) = (total, sent);
        }
    }

    /// Own rows of the input product.
    fn update_feeds(&mut self, system: &BatchSystem, g: &[f64], share: Option<&Share<T>>) {
        let columns = system.inputs.columns().max(1);
        let held = &system.inputs.held;
        let fed = &system.fed;
        let own = share.map_or(0..fed.len(), |s| s.own_places());
        // A system without columns has no rows.
        let feed = match system.inputs.columns() {
            0 => &mut self.feed[..],
            _ => &mut self.feed[own.start * columns..own.end * columns],
        };
        let rows = feed.par_chunks_mut(columns).zip(&fed[own.clone()]);
        rows.with_min_len(4)
            .zip(&mut self.fed_sums[own.clone()])
            .enumerate()
            .for_each(|(place, ((row, &node), sums))| {
                let place = own.start + place;
                row.fill(T::ZERO);
                let (mut total, mut sent) = (0.0, 0.0);
                for own in system.rows.of_place(place) {
                    let pattern = system.rows.pattern_of(own);
                    let sums = pattern.add_to(&g[own.conductances.clone()], row);
                    (total, sent) = (total + sums[0], sent + sums[1]);
                }
                for feed in system.feeds(node as usize) {
                    let affine = &held[feed.held as usize];
                    let g = g[feed.conductance as usize];
                    total += g;
                    sent += g * affine.constant;
                    if let Some(entry) = row.get_mut(affine.column as usize) {
                        *entry += T::of(affine.coefficient * g);
                    }
                }
                *sums = [T::of(total), T::of(sent)];
            });
    }

    fn add_blocks_to_diagonal(&mut self, system: &BatchSystem) {
        const STRIP: usize = 64;
        for (entries, block) in self.blocks.iter().zip(&system.blocks) {
            let [rows, columns] = block
                .groups
                .map(|g| system.groups.groups[g as usize].clone());
            let width = columns.len();
            let own = self.diagonal[rows]
                .par_iter_mut()
                .zip(entries.par_chunks(width));
            own.for_each(|(d, row)| row.iter().for_each(|&g| *d += g));
            let strips = self.diagonal[columns].par_chunks_mut(STRIP).enumerate();
            strips.for_each(|(k, strip)| {
                for row in entries.chunks(width) {
                    for (d, &g) in strip.iter_mut().zip(&row[k * STRIP..]) {
                        *d += g;
                    }
                }
            });
        }
    }

    fn update_rest(&mut self, system: &BatchSystem, elimination: &Elimination, g: &[f64]) {
        self.rest.fill(T::ZERO);
        for (place, &node) in elimination.rest.iter().enumerate() {
            self.rest[place] = self.diagonal[node as usize];
        }
        let place = |node: usize| elimination.rest_of[node];
        for edge in &system.edges {
            if let [Some(a), Some(b)] = edge.nodes.map(|k| place(k as usize)) {
                let target = elimination.target(a, b) as usize;
                self.rest[target] -= T::of(g[edge.conductance as usize]);
            }
        }
        for (entries, block) in self.blocks.iter().zip(&system.blocks) {
            let [rows, columns] = block
                .groups
                .map(|g| system.groups.groups[g as usize].clone());
            if place(rows.start).is_none() || place(columns.start).is_none() {
                continue;
            }
            for (row, entries) in rows.zip(entries.chunks(columns.len())) {
                for (column, &g) in columns.clone().zip(entries) {
                    if let (Some(a), Some(b)) = (place(row), place(column)) {
                        self.rest[elimination.target(a, b) as usize] -= g;
                    }
                }
            }
        }
    }

    fn update_first(&mut self, system: &BatchSystem, elimination: &Elimination) {
        for (index, first) in elimination.first.iter().enumerate() {
            let (width, count) = (first.neighbours.len(), first.targets.len());
            let (members, blocks) = (first.nodes.len(), &self.blocks);
            let entry =
                |member: usize, (block, is_row): (usize, bool), other: usize, len: usize| {
                    match is_row {
                        true => blocks[block][member * len + other],
                        false => blocks[block][other * members + member],
                    }
                };
            let couplings = self.couplings[index].par_chunks_mut(width);
            let pairs = self.pairs[index].par_chunks_mut(count);
            couplings
                .zip(pairs)
                .enumerate()
                .for_each(|(member, (coupling, pairs))| {
                    let mut next = coupling.iter_mut();
                    for &(block, is_row) in &first.blocks {
                        let other = system.blocks[block].groups[usize::from(is_row)];
                        let len = system.groups.groups[other as usize].len();
                        for (other, place) in (0..len).zip(&mut next) {
                            *place = entry(member, (block, is_row), other, len);
                        }
                    }
                    let mut pair = pairs.iter_mut();
                    for (i, &a) in coupling.iter().enumerate() {
                        for (&b, place) in coupling[..=i].iter().zip(&mut pair) {
                            *place = a * b;
                        }
                    }
                });
        }
    }
}
