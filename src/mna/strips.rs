//! Sums over the branches of each node, on all threads.
//!
//! Nodes are cut in strips. Each strip goes through the branches that touch it, in their order, and adds to its
//! own nodes only: every sum is made as one thread would make it. Ground, where everything meets, is summed by
//! strips and then over them. Where strips end depends on the circuit alone, so that bits do not depend on
//! threads.

use std::ops::{AddAssign, Range};

use rayon::prelude::*;

use crate::circuit::NodeId;

use super::System;
use super::stamps::{CurrentStamp, PairStamp};

/// Circuits of fewer branches are one strip.
const MANY_BRANCHES: usize = 40_000;
/// Branches of a strip, about.
const BRANCHES_OF_A_STRIP: usize = 10_000;

/// The strips of a system.
#[derive(Debug)]
pub(super) struct Strips {
    strips: Vec<Strip>,
}

/// Nodes, and the branches that touch them.
#[derive(Debug)]
pub(super) struct Strip {
    nodes: Range<usize>,
    pub conductances: Branches,
    pub current_sources: Branches,
    pub one_ports: Branches,
}

/// Some of the branches of one kind, ascending.
#[derive(Debug)]
pub(super) enum Branches {
    All(usize),
    Some(Vec<u32>),
}

impl Branches {
    #[inline(always)]
    pub(super) fn for_each(&self, mut f: impl FnMut(usize)) {
        match self {
            Branches::All(count) => (0..*count).for_each(f),
            Branches::Some(list) => list.iter().for_each(|&k| f(k as usize)),
        }
    }
}

impl Strips {
    pub(super) fn of(system: &System) -> Self {
        let (conductances, one_ports) = (&system.conductances, &system.one_ports);
        let sources = &system.current_sources;
        let branches = conductances.len() + one_ports.len() + sources.len();
        if branches < MANY_BRANCHES {
            let whole = Strip {
                nodes: 0..system.node_count,
                conductances: Branches::All(conductances.len()),
                current_sources: Branches::All(sources.len()),
                one_ports: Branches::All(one_ports.len()),
            };
            return Self {
                strips: vec![whole],
            };
        }
        let count = (branches / BRANCHES_OF_A_STRIP).min(system.node_count);
        let size = system.node_count.div_ceil(count);
        let pair = |stamp: &PairStamp| [stamp.p, stamp.n];
        let of_pairs = |stamps: &[PairStamp]| deal(stamps.iter().map(pair), size, count);
        let of_sources = |stamp: &CurrentStamp| [stamp.p, stamp.n];
        let (conductances, (one_ports, sources)) = rayon::join(
            || of_pairs(conductances),
            || {
                rayon::join(
                    || of_pairs(one_ports),
                    || deal(sources.iter().map(of_sources), size, count),
                )
            },
        );
        let kinds = conductances.into_iter().zip(one_ports).zip(sources);
        let strips = kinds
            .enumerate()
            .map(|(k, ((conductances, one_ports), sources))| {
                let end = ((k + 1) * size).min(system.node_count);
                Strip {
                    nodes: (k * size).min(end)..end,
                    conductances: Branches::Some(conductances),
                    current_sources: Branches::Some(sources),
                    one_ports: Branches::Some(one_ports),
                }
            });
        Self {
            strips: strips.collect(),
        }
    }

    /// Whether one thread goes through all nodes.
    pub(super) fn is_one(&self) -> bool {
        matches!(self.strips.as_slice(), [whole] if matches!(whole.conductances, Branches::All(_)))
    }

    /// Lets `add` add to the sums of the nodes, which `sums` begins with.
    pub(super) fn run<T: Copy + Default + Send + AddAssign>(
        &self,
        sums: &mut [T],
        add: impl Fn(&Strip, &mut Part<T>) + Sync,
    ) {
        if let [
            whole @ Strip {
                conductances: Branches::All(_),
                ..
            },
        ] = self.strips.as_slice()
        {
            let mut part = Part::of(whole, sums);
            return add(whole, &mut part);
        }
        let mut parts = Vec::with_capacity(self.strips.len());
        let mut rest = sums;
        for strip in &self.strips {
            let (own, others) = rest.split_at_mut(strip.nodes.len());
            parts.push((strip, Part::of(strip, own)));
            rest = others;
        }
        parts
            .par_iter_mut()
            .for_each(|(strip, part)| add(strip, part));
        let ground = parts.iter().fold(T::default(), |mut sum, (_, part)| {
            sum += part.ground;
            sum
        });
        if let Some((_, first)) = parts.first_mut() {
            first.own[0] += ground;
        }
    }
}

/// The branches of each strip. One between ground and a node belongs to the strip of the node.
fn deal(branches: impl Iterator<Item = [NodeId; 2]>, size: usize, count: usize) -> Vec<Vec<u32>> {
    let mut strips = vec![Vec::new(); count];
    for (k, [p, n]) in branches.enumerate() {
        let [p, n] = [p, n].map(NodeId::index);
        let (first, second) = match (p, n) {
            (0, n) => (n, n),
            (p, 0) => (p, p),
            both => both,
        };
        let [first, second] = [first / size, second / size];
        strips[first].push(k as u32);
        if second != first {
            strips[second].push(k as u32);
        }
    }
    strips
}

/// The sums of one strip.
pub(super) struct Part<'a, T> {
    first: usize,
    own: &'a mut [T],
    /// Of ground, in strips other than one for all.
    ground: T,
    /// What goes to other strips, which find it themselves.
    elsewhere: T,
    is_whole: bool,
}

impl<'a, T: Copy + Default> Part<'a, T> {
    fn of(strip: &Strip, own: &'a mut [T]) -> Self {
        Self {
            first: strip.nodes.start,
            own,
            ground: T::default(),
            elsewhere: T::default(),
            is_whole: matches!(strip.conductances, Branches::All(_)),
        }
    }

    /// The sum of a node.
    #[inline(always)]
    pub(super) fn at(&mut self, node: NodeId) -> &mut T {
        let node = node.index();
        if node == 0 && !self.is_whole {
            return &mut self.ground;
        }
        let place = node.wrapping_sub(self.first);
        match self.own.get_mut(place) {
            Some(sum) => sum,
            None => &mut self.elsewhere,
        }
    }
}
