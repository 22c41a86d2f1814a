//! Which part of a batch each rank computes.
//!
//! Samples are solved by the rank that has their block. What crossbars inject, and what is summed over
//! samples, is computed by the rank that has the node: its conductances are needed nowhere else, and never
//! travel. Ranges end where tasks of a single process end, so that every number is computed as there.

use std::ops::Range;
use std::sync::Arc;

use crate::parallel::{Channel, Mail, Ranks, shares};

use super::real::Real;
use super::structure::{BatchSystem, Block};
use super::sums::{COLUMNS, ROWS};

/// Rows and columns of a dense block.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

/// This rank's share, and that of the others.
#[derive(Debug)]
pub(super) struct Share<T> {
    pub ranks: Arc<dyn Ranks>,
    /// Fed places of each rank.
    places: Vec<Range<usize>>,
    /// What each rank sums of each dense block.
    parts: Vec<Vec<Part>>,
    /// Nodes whose states each rank needs of all samples.
    nodes: Vec<Vec<u32>>,
    /// Nodes whose sums the others take from each rank.
    summed: Vec<Vec<u32>>,
    mail: Mail<T>,
    /// Posted by this rank: products of dense blocks, and sums of each node.
    products: Mail<T>,
    numbers: Mail<f64>,
    /// They have not been taken.
    is_posted: bool,
}

impl<T: Real> Share<T> {
    pub(super) fn new(system: &BatchSystem, ranks: Arc<dyn Ranks>) -> Self {
        let size = ranks.size();
        let places = shares(system.fed.len(), ROWS, size);
        let parts: Vec<Vec<Part>> = (system.blocks.iter())
            .map(|block| parts(system, block, size))
            .collect();
        let nodes = needs(system, &places, &parts);
        let mut is_taken = vec![false; system.nodes];
        let summed = nodes.iter().map(|nodes| {
            let own = nodes.iter().copied();
            own.filter(|&k| !std::mem::replace(&mut is_taken[k as usize], true))
                .collect()
        });
        Self {
            summed: summed.collect(),
            ranks,
            places,
            parts,
            nodes,
            mail: Mail::default(),
            products: Mail::default(),
            numbers: Mail::default(),
            is_posted: false,
        }
    }

    /// The places of the fed nodes that this rank computes.
    pub(super) fn own_places(&self) -> Range<usize> {
        self.places[self.ranks.rank()].clone()
    }

    /// What this rank sums of a dense block.
    pub(super) fn own_part(&self, block: usize) -> &Part {
        &self.parts[block][self.ranks.rank()]
    }

    /// Nodes whose sums over samples this rank takes.
    pub(super) fn own_nodes(&self) -> &[u32] {
        &self.nodes[self.ranks.rank()]
    }

    /// The blocks of samples of each rank, of so many.
    pub(super) fn blocks(&self, count: usize) -> Vec<Range<usize>> {
        shares(count, 1, self.ranks.size())
    }

    /// The conductances that no rank but this one knows, for each rank.
    pub(super) fn conductances(&self, system: &BatchSystem) -> Vec<Vec<Range<usize>>> {
        let of_place = |place| system.rows.of_place(place);
        let own = self.places.iter().map(|places| {
            let rows = places.clone().flat_map(of_place);
            rows.map(|row| row.conductances.clone()).collect()
        });
        own.collect()
    }

    /// Makes of the currents into the own nodes in all samples those into all nodes in the own samples:
    /// `fed` is places x samples, of which each rank has `samples`. `pairs`, one for each place, go to all.
    pub(super) fn turn(
        &mut self,
        fed: &mut [T],
        stride: usize,
        samples: &[Range<usize>],
        pairs: &mut [[T; 2]],
    ) {
        let me = self.ranks.rank();
        let mine = &self.places[me];
        let mail = &mut self.mail;
        mail.clear();
        for (to, samples) in samples.iter().enumerate() {
            for place in mine.clone().filter(|_| to != me) {
                let row = &fed[place * stride..(place + 1) * stride];
                mail.send.extend_from_slice(&row[samples.clone()]);
            }
            if to != me {
                mail.send.extend(pairs[mine.clone()].iter().flatten());
            }
            mail.seal();
        }
        let own = &samples[me];
        let count = |(from, places): (usize, &Range<usize>)| match from == me {
            true => 0,
            false => places.len() * (own.len() + 2),
        };
        let counts: Vec<usize> = self.places.iter().enumerate().map(count).collect();
        mail.all_to_all(&*self.ranks, &counts);
        let mut values = mail.received.as_slice();
        for from in (0..samples.len()).filter(|&from| from != me) {
            let places = self.places[from].clone();
            let (currents, rest) = values.split_at(places.len() * own.len());
            let (others, rest) = rest.split_at(2 * places.len());
            values = rest;
            for (pair, received) in pairs[places.clone()].iter_mut().zip(others.chunks_exact(2)) {
                *pair = [received[0], received[1]];
            }
            for (place, values) in places.zip(currents.chunks_exact(own.len().max(1))) {
                fed[place * stride..][own.clone()].copy_from_slice(values);
            }
        }
    }

    /// Completes the rows of `states`, nodes x samples, that this rank needs, of which every rank has
    /// `samples`.
    pub(super) fn complete(
        &mut self,
        states: [&mut [T]; 2],
        stride: usize,
        samples: &[Range<usize>],
    ) {
        let me = self.ranks.rank();
        let own = &samples[me];
        let mail = &mut self.mail;
        mail.clear();
        for (to, nodes) in self.nodes.iter().enumerate() {
            for &node in nodes.iter().filter(|_| to != me) {
                for states in &states {
                    let row = &states[node as usize * stride..][own.clone()];
                    mail.send.extend_from_slice(row);
                }
            }
            mail.seal();
        }
        let nodes = &self.nodes[me];
        let count = |(from, samples): (usize, &Range<usize>)| match from == me {
            true => 0,
            false => 2 * nodes.len() * samples.len(),
        };
        let counts: Vec<usize> = samples.iter().enumerate().map(count).collect();
        mail.all_to_all(&*self.ranks, &counts);
        let mut values = mail.received.as_slice();
        let [lambda, x] = states;
        for from in (0..samples.len()).filter(|&from| from != me) {
            let samples = &samples[from];
            for &node in nodes {
                for states in [&mut *lambda, &mut *x] {
                    let row = &mut states[node as usize * stride..][samples.clone()];
                    let (own, rest) = values.split_at(row.len());
                    row.copy_from_slice(own);
                    values = rest;
                }
            }
        }
    }

    /// Sends all ranks this one's parts of `blocks`, and of the sums over samples of each node.
    pub(super) fn post(&mut self, system: &BatchSystem, blocks: &[Vec<T>], sums: [&[f64]; 2]) {
        let me = self.ranks.rank();
        let mail = &mut self.products;
        mail.clear();
        for ((block, parts), width) in blocks.iter().zip(&self.parts).zip(widths(system)) {
            for row in parts[me].rows.clone() {
                let row = &block[row * width..][parts[me].columns.clone()];
                mail.send.extend_from_slice(row);
            }
        }
        let counts = counts_of(&self.parts, self.ranks.size());
        mail.post(&*self.ranks, Channel::Products, &counts);
        let numbers = &mut self.numbers;
        numbers.clear();
        for &node in &self.summed[me] {
            let pair = sums.map(|sums| sums[node as usize]);
            numbers.send.extend(pair);
        }
        let counts: Vec<usize> = self.summed.iter().map(|nodes| 2 * nodes.len()).collect();
        numbers.post(&*self.ranks, Channel::Sums, &counts);
        self.is_posted = true;
    }

    /// Every rank's parts of `blocks` and of the sums, if they have been posted since the last time.
    pub(super) fn take(
        &mut self,
        system: &BatchSystem,
        blocks: &mut [Vec<T>],
        sums: [&mut [f64]; 2],
    ) {
        if !std::mem::replace(&mut self.is_posted, false) {
            return;
        }
        let mail = &mut self.products;
        let counts = counts_of(&self.parts, self.ranks.size());
        mail.take(&*self.ranks, Channel::Products, &counts);
        let mut values = mail.received.as_slice();
        for rank in 0..self.ranks.size() {
            let blocks = blocks.iter_mut().zip(&self.parts).zip(widths(system));
            for ((block, parts), width) in blocks {
                for row in parts[rank].rows.clone() {
                    let row = &mut block[row * width..][parts[rank].columns.clone()];
                    let (own, rest) = values.split_at(row.len());
                    row.copy_from_slice(own);
                    values = rest;
                }
            }
        }
        let numbers = &mut self.numbers;
        let counts: Vec<usize> = self.summed.iter().map(|nodes| 2 * nodes.len()).collect();
        numbers.take(&*self.ranks, Channel::Sums, &counts);
        let [a, b] = sums;
        let pairs = numbers.received.chunks_exact(2);
        for (&node, pair) in self.summed.iter().flatten().zip(pairs) {
            (a[node as usize], b[node as usize]) = (pair[0], pair[1]);
        }
    }
}

/// Columns of each dense block.
fn widths(system: &BatchSystem) -> impl Iterator<Item = usize> + '_ {
    let width = |block: &Block| system.groups.groups[block.groups[1] as usize].len();
    system.blocks.iter().map(width)
}

/// Numbers that each rank has of all dense blocks.
fn counts_of(parts: &[Vec<Part>], ranks: usize) -> Vec<usize> {
    let size = |part: &Part| part.rows.len() * part.columns.len();
    let count = |rank: usize| parts.iter().map(|parts| size(&parts[rank])).sum();
    (0..ranks).map(count).collect()
}

/// The longer side of a block is split.
fn parts(system: &BatchSystem, block: &Block, size: usize) -> Vec<Part> {
    let [rows, columns] = block.groups.map(|g| system.groups.groups[g as usize].len());
    if rows >= columns {
        let own = shares(rows, ROWS, size).into_iter();
        let part = |rows| Part {
            rows,
            columns: 0..columns,
        };
        own.map(part).collect()
    } else {
        let own = shares(columns, COLUMNS, size).into_iter();
        let part = |columns| Part {
            rows: 0..rows,
            columns,
        };
        own.map(part).collect()
    }
}

/// For each rank, the nodes that its sums are over. Conductances outside of crossbars are everyone's.
fn needs(system: &BatchSystem, places: &[Range<usize>], parts: &[Vec<Part>]) -> Vec<Vec<u32>> {
    let mut is_common = vec![false; system.nodes];
    let edges = system.edges.iter().flat_map(|edge| edge.nodes);
    let offsets = system.offsets.iter().map(|offset| offset.node);
    edges
        .chain(offsets)
        .for_each(|node| is_common[node as usize] = true);
    for (node, is_common) in is_common.iter_mut().enumerate() {
        *is_common |= !system.feeds(node).is_empty();
    }
    let mut needs: Vec<Vec<bool>> = vec![is_common; places.len()];
    for (rank, needed) in needs.iter_mut().enumerate() {
        for &node in &system.fed[places[rank].clone()] {
            needed[node as usize] = true;
        }
        for (block, parts) in system.blocks.iter().zip(parts) {
            let part = &parts[rank];
            if part.rows.is_empty() || part.columns.is_empty() {
                continue;
            }
            let sides = block.groups.into_iter().zip([&part.rows, &part.columns]);
            for (group, members) in sides {
                let first = system.groups.groups[group as usize].start;
                needed[first + members.start..first + members.end].fill(true);
            }
        }
    }
    // What nobody needs the first rank takes.
    for node in 0..system.nodes {
        needs[0][node] |= !needs.iter().any(|needed| needed[node]);
    }
    let list = |needed: &Vec<bool>| {
        let own = needed.iter().zip(0u32..);
        own.filter_map(|(needed, node)| needed.then_some(node))
            .collect()
    };
    needs.iter().map(list).collect()
}
