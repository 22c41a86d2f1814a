//! Few vertices that cut a graph in two (multilevel: Karypis and Kumar 1998; exchange of single vertices:
//! Fiduccia and Mattheyses 1982, for separators Ashcraft and Liu 1997).

use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::graph::Graph;

/// The side of what separates the sides 0 and 1.
pub(super) const BETWEEN: u8 = 2;

/// Graphs of so many vertices are small enough for a first cut.
const COARSEST: usize = 120;
/// Larger ones are too large for it.
const LARGEST_FIRST: usize = 5_000;
/// First cuts that are tried.
const TRIES: usize = 6;
/// The heavier side has at most this share.
const LARGEST_SHARE: f64 = 0.6;
/// Rounds of exchanges on each level, and moves in vain until one ends.
const ROUNDS: usize = 6;
const VAIN_MOVES: usize = 120;

/// A side of each vertex, and the weights of both and of what is between.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub sides: Vec<u8>,
    pub weights: [u64; 3],
}

/// A small separator of a graph. None if there are hubs or many parts, which do not become smaller by pairs, or if it
/// `is_unwanted`.
pub(super) fn cut(graph: &Graph, is_unwanted: &AtomicBool) -> Option<Cut> {
    let heaviest = 1.5 * graph.weight() as f64 / COARSEST as f64;
    let mut levels: Vec<(Graph, Vec<u32>)> = Vec::new();
    loop {
        let finest = levels.last().map_or(graph, |level| &level.0);
        if is_unwanted.load(Relaxed) {
            return None;
        }
        if finest.len() <= COARSEST {
            break;
        }
        let (count, groups) = finest.pairs((heaviest as u32).max(2));
        if count as f64 > 0.95 * finest.len() as f64 {
            break;
        }
        let coarse = finest.contracted(count, &groups);
        levels.push((coarse, groups));
    }
    if levels.last().map_or(graph, |level| &level.0).len() > LARGEST_FIRST {
        return None;
    }
    let mut cut = first_cut(levels.last().map_or(graph, |level| &level.0));
    while let Some((_, groups)) = levels.pop() {
        let finer = levels.last().map_or(graph, |level| &level.0);
        let sides = groups.iter().map(|&group| cut.sides[group as usize]);
        cut.sides = sides.collect();
        refine(finer, &mut cut);
        if is_unwanted.load(Relaxed) {
            return None;
        }
    }
    Some(cut)
}

/// The best of some cuts around regions that grow from a vertex.
fn first_cut(graph: &Graph) -> Cut {
    let mut best: Option<(Score, Cut)> = None;
    let mut seed = farthest(graph, 0);
    for attempt in 0..TRIES {
        let mut cut = grown(graph, seed);
        refine(graph, &mut cut);
        let score = score(&cut.weights);
        if best.as_ref().is_none_or(|(least, _)| score < *least) {
            best = Some((score, cut));
        }
        seed = match attempt {
            0 => farthest(graph, seed),
            // Multiples of the golden ratio fall evenly.
            _ => (graph.len() as f64 * (attempt as f64 * 0.618_034).fract()) as usize,
        };
    }
    match best {
        Some((_, cut)) => cut,
        None => grown(graph, seed),
    }
}

/// The last vertex that a search from `start` comes to.
fn farthest(graph: &Graph, start: usize) -> usize {
    let mut last = start;
    visit(graph, start, |vertex| {
        last = vertex;
        true
    });
    last
}

/// Visits all vertices, nearest first, until `go_on` says no.
fn visit(graph: &Graph, start: usize, mut go_on: impl FnMut(usize) -> bool) {
    let mut seen = vec![false; graph.len()];
    let mut queue = VecDeque::new();
    let starts = std::iter::once(start).chain(0..graph.len());
    for start in starts {
        if start >= seen.len() || std::mem::replace(&mut seen[start], true) {
            continue;
        }
        queue.push_back(start as u32);
        while let Some(vertex) = queue.pop_front() {
            if !go_on(vertex as usize) {
                return;
            }
            for &other in graph.neighbours(vertex as usize) {
                if !std::mem::replace(&mut seen[other as usize], true) {
                    queue.push_back(other);
                }
            }
        }
    }
}

/// Half of the weight around a vertex is side 0, what touches it is between.
fn grown(graph: &Graph, start: usize) -> Cut {
    let total = graph.weight();
    let mut weights = [0, total, 0];
    let mut sides = vec![1u8; graph.len()];
    visit(graph, start, |vertex| {
        sides[vertex] = 0;
        weights[0] += u64::from(graph.weights[vertex]);
        2 * weights[0] < total
    });
    weights[1] -= weights[0];
    for vertex in 0..graph.len() {
        let touches = |&other: &u32| sides[other as usize] == 0;
        if sides[vertex] == 1 && graph.neighbours(vertex).iter().any(touches) {
            sides[vertex] = BETWEEN;
            weights[1] -= u64::from(graph.weights[vertex]);
            weights[2] += u64::from(graph.weights[vertex]);
        }
    }
    Cut { sides, weights }
}

/// Too much on one side, the weight of the separator, the difference of the sides: less is better.
type Score = (u64, u64, u64);

fn score(weights: &[u64; 3]) -> Score {
    let most = (LARGEST_SHARE * weights.iter().sum::<u64>() as f64) as u64;
    let excess = weights[0].max(weights[1]).saturating_sub(most);
    (excess, weights[2], weights[0].abs_diff(weights[1]))
}

/// Moves vertices out of the separator, those that must follow into it, and keeps what was best.
fn refine(graph: &Graph, cut: &mut Cut) {
    let mut exchange = Exchange {
        graph,
        pulled: vec![[0; 2]; graph.len()],
        is_moved: vec![false; graph.len()],
        queues: Default::default(),
        moves: Vec::new(),
    };
    for _ in 0..ROUNDS {
        if !exchange.round(cut) {
            break;
        }
    }
}

struct Exchange<'a> {
    graph: &'a Graph,
    /// Of a vertex of the separator, the weight of its neighbours on each side.
    pulled: Vec<[u64; 2]>,
    is_moved: Vec<bool>,
    /// For each side the vertices that may move there, what that gains first; some entries are stale.
    queues: [BinaryHeap<(i64, u32)>; 2],
    /// Vertices and the sides they left.
    moves: Vec<(u32, u8)>,
}

impl Exchange<'_> {
    /// True if the separator became better.
    fn round(&mut self, cut: &mut Cut) -> bool {
        self.moves.clear();
        self.queues.iter_mut().for_each(BinaryHeap::clear);
        for vertex in 0..cut.sides.len() {
            if cut.sides[vertex] == BETWEEN {
                self.enter(cut, vertex);
            }
        }
        let before = score(&cut.weights);
        let (mut best, mut kept, mut vain) = (before, 0, 0);
        while vain < VAIN_MOVES {
            let Some((vertex, side)) = self.next(cut) else {
                break;
            };
            self.step(cut, vertex, side);
            let now = score(&cut.weights);
            vain += 1;
            if now < best {
                (best, kept, vain) = (now, self.moves.len(), 0);
            }
        }
        for &(vertex, _) in &self.moves {
            self.is_moved[vertex as usize] = false;
        }
        while self.moves.len() > kept {
            let (vertex, side) = self.moves.pop().expect("more moves than are kept");
            self.change(cut, vertex as usize, side);
        }
        best < before
    }

    /// The move that gains most and does not make a side too heavy.
    fn next(&mut self, cut: &Cut) -> Option<(usize, usize)> {
        let mut found: [Option<(i64, u32)>; 2] = [None; 2];
        for (side, found) in found.iter_mut().enumerate() {
            while let Some(&(gain, vertex)) = self.queues[side].peek() {
                let at = vertex as usize;
                let is_current =
                    cut.sides[at] == BETWEEN && !self.is_moved[at] && gain == self.gain(at, side);
                if is_current {
                    *found = Some((gain, vertex));
                    break;
                }
                self.queues[side].pop();
            }
        }
        let lighter = usize::from(cut.weights[1] < cut.weights[0]);
        let side = match (found[lighter], found[1 - lighter]) {
            (None, None) => return None,
            (Some(_), None) => lighter,
            (None, Some(_)) => 1 - lighter,
            (Some(here), Some(there)) => {
                let after =
                    cut.weights[1 - lighter] + u64::from(self.graph.weights[there.1 as usize]);
                let most = LARGEST_SHARE * cut.weights.iter().sum::<u64>() as f64;
                match there.0 > here.0 && (after as f64) <= most {
                    true => 1 - lighter,
                    false => lighter,
                }
            }
        };
        self.queues[side]
            .pop()
            .map(|(_, vertex)| (vertex as usize, side))
    }

    /// Weight that leaves the separator if a vertex goes to a side and what it touches on the other one
    /// comes in.
    fn gain(&self, vertex: usize, side: usize) -> i64 {
        i64::from(self.graph.weights[vertex]) - self.pulled[vertex][1 - side] as i64
    }

    fn change(&mut self, cut: &mut Cut, vertex: usize, side: u8) {
        let weight = u64::from(self.graph.weights[vertex]);
        cut.weights[cut.sides[vertex] as usize] -= weight;
        cut.weights[side as usize] += weight;
        cut.sides[vertex] = side;
    }

    /// A vertex of the separator may move.
    fn enter(&mut self, cut: &Cut, vertex: usize) {
        let mut pulled = [0; 2];
        for &other in self.graph.neighbours(vertex) {
            if let Some(sum) = pulled.get_mut(cut.sides[other as usize] as usize) {
                *sum += u64::from(self.graph.weights[other as usize]);
            }
        }
        self.pulled[vertex] = pulled;
        if !self.is_moved[vertex] {
            for side in 0..2 {
                let gain = self.gain(vertex, side);
                self.queues[side].push((gain, vertex as u32));
            }
        }
    }

    /// The neighbours of what came to a side, or left it, gain otherwise by a move to the other.
    fn update(&mut self, cut: &Cut, neighbour: usize, side: usize, weight: i64) {
        debug_assert_eq!(cut.sides[neighbour], BETWEEN);
        let sum = &mut self.pulled[neighbour][side];
        *sum = sum.saturating_add_signed(weight);
        if !self.is_moved[neighbour] {
            let gain = self.gain(neighbour, 1 - side);
            self.queues[1 - side].push((gain, neighbour as u32));
        }
    }

    fn step(&mut self, cut: &mut Cut, vertex: usize, side: usize) {
        let graph = self.graph;
        self.moves.push((vertex as u32, BETWEEN));
        self.is_moved[vertex] = true;
        self.change(cut, vertex, side as u8);
        let weight = i64::from(graph.weights[vertex]);
        for &other in graph.neighbours(vertex) {
            let other = other as usize;
            if cut.sides[other] == BETWEEN {
                self.update(cut, other, side, weight);
            } else if cut.sides[other] as usize == 1 - side {
                self.moves.push((other as u32, 1 - side as u8));
                self.change(cut, other, BETWEEN);
                let weight = -i64::from(graph.weights[other]);
                for &third in graph.neighbours(other) {
                    if cut.sides[third as usize] == BETWEEN && third as usize != other {
                        self.update(cut, third as usize, 1 - side, weight);
                    }
                }
                self.enter(cut, other);
            }
        }
    }
}
