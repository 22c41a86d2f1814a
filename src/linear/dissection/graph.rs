//! Weighted graphs of a symmetric pattern, smaller ones of them, and parts of them.

use rayon::prelude::*;

use crate::linear::Matrix;

/// No vertex.
const NONE: u32 = u32::MAX;
/// Vertices that a thread takes at a time, and among which the order of choices is without system.
const CHUNK: usize = 1 << 15;
const WINDOW: usize = 1 << 12;

/// Vertices and edges with weights, both directions of each edge.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub starts: Vec<u32>,
    pub neighbours: Vec<u32>,
    pub edge_weights: Vec<u32>,
    pub weights: Vec<u32>,
}

/// Every neighbour of a vertex once.
fn keep_first_ones(starts: &mut [u32], neighbours: &mut Vec<u32>) {
    let mut seen_by = vec![NONE; starts.len()];
    let (mut kept, mut begin) = (0, 0);
    for vertex in 0..starts.len() - 1 {
        let end = starts[vertex + 1] as usize;
        for edge in begin..end {
            let other = neighbours[edge];
            if seen_by[other as usize] != vertex as u32 {
                seen_by[other as usize] = vertex as u32;
                neighbours[kept] = other;
                kept += 1;
            }
        }
        begin = end;
        starts[vertex + 1] = kept as u32;
    }
    neighbours.truncate(kept);
}

impl Graph {
    /// Of a pattern, whichever triangle an entry is in; None if it has more entries than can be counted.
    pub fn of_pattern(pattern: &Matrix) -> Option<Self> {
        let n = pattern.rows();
        u32::try_from(2 * pattern.nnz() + n).ok()?;
        let columns = pattern.indptr().into_raw_storage();
        let pairs = || {
            (0..n).flat_map(move |column| {
                let rows = &pattern.indices()[columns[column]..columns[column + 1]];
                let off_diagonal = rows.iter().filter(move |&&row| row != column);
                off_diagonal.map(move |&row| (row, column))
            })
        };
        let mut starts = vec![0u32; n + 2];
        for (row, column) in pairs() {
            starts[row + 2] += 1;
            starts[column + 2] += 1;
        }
        for k in 2..starts.len() {
            starts[k] += starts[k - 1];
        }
        let mut neighbours = vec![0; starts[n + 1] as usize];
        for (row, column) in pairs() {
            for (from, to) in [(row, column), (column, row)] {
                let next = &mut starts[from + 1];
                neighbours[*next as usize] = to as u32;
                *next += 1;
            }
        }
        starts.pop();
        if pairs().any(|(row, column)| row < column) && pairs().any(|(row, column)| row > column) {
            keep_first_ones(&mut starts, &mut neighbours);
        }
        Some(Self {
            edge_weights: vec![1; neighbours.len()],
            weights: vec![1; n],
            starts,
            neighbours,
        })
    }

    pub fn len(&self) -> usize {
        self.weights.len()
    }

    pub fn range(&self, vertex: usize) -> std::ops::Range<usize> {
        self.starts[vertex] as usize..self.starts[vertex + 1] as usize
    }

    pub fn neighbours(&self, vertex: usize) -> &[u32] {
        &self.neighbours[self.range(vertex)]
    }

    pub fn weight(&self) -> u64 {
        self.weights.iter().map(|&weight| u64::from(weight)).sum()
    }

    /// Neighbours with the heaviest edges between them, two by two and none heavier than `heaviest` together:
    /// the number of groups, and the group of each vertex.
    ///
    /// Vertices choose in an order without system, since cuts of what lines up are worse.
    pub fn pairs(&self, heaviest: u32) -> (usize, Vec<u32>) {
        let mut partners = vec![NONE; self.len()];
        let chunks = partners.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(index, partners)| self.pair_chunk(index * CHUNK, heaviest, partners));
        for vertex in 0..self.len() {
            if partners[vertex] == NONE
                && let Some(other) = self.choose(vertex, heaviest, 0, &partners)
            {
                partners[vertex] = other;
                partners[other as usize] = vertex as u32;
            }
        }
        let mut groups = vec![NONE; self.len()];
        let mut count = 0;
        for vertex in 0..self.len() {
            if groups[vertex] == NONE {
                groups[vertex] = count;
                if let Some(group) = groups.get_mut(partners[vertex] as usize) {
                    *group = count;
                }
                count += 1;
            }
        }
        (count as usize, groups)
    }

    /// Pairs the vertices from `first` on among themselves.
    fn pair_chunk(&self, first: usize, heaviest: u32, partners: &mut [u32]) {
        let mut window: Vec<u32> = Vec::with_capacity(WINDOW);
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for begin in (0..partners.len()).step_by(WINDOW) {
            window.clear();
            window.extend(begin as u32..(begin + WINDOW).min(partners.len()) as u32);
            for last in (1..window.len()).rev() {
                // A linear congruential generator (Knuth 1997); its upper half is good enough.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let any = ((state >> 32) * (last as u64 + 1)) >> 32;
                window.swap(last, any as usize);
            }
            for &vertex in &window {
                if partners[vertex as usize] == NONE
                    && let Some(other) =
                        self.choose(first + vertex as usize, heaviest, first, partners)
                {
                    partners[vertex as usize] = other;
                    partners[other as usize - first] = first as u32 + vertex;
                }
            }
        }
    }

    /// The neighbour at the heaviest edge, the lightest of such, that is free; `partners` are of the vertices
    /// from `first` on.
    fn choose(&self, vertex: usize, heaviest: u32, first: usize, partners: &[u32]) -> Option<u32> {
        let room = heaviest.saturating_sub(self.weights[vertex]);
        let mut best = (0, u32::MAX, None);
        for edge in self.range(vertex) {
            let other = self.neighbours[edge];
            let partner = partners.get((other as usize).wrapping_sub(first));
            let (weight, edge_weight) = (self.weights[other as usize], self.edge_weights[edge]);
            let is_better = edge_weight > best.0 || (edge_weight == best.0 && weight < best.1);
            if is_better && weight <= room && partner == Some(&NONE) {
                best = (edge_weight, weight, Some(other));
            }
        }
        best.2
    }

    /// The graph whose vertices are groups of one or two of this one.
    pub fn contracted(&self, count: usize, groups: &[u32]) -> Self {
        let mut members = vec![[NONE; 2]; count];
        for (vertex, &group) in groups.iter().enumerate() {
            let pair = &mut members[group as usize];
            pair[usize::from(pair[0] != NONE)] = vertex as u32;
        }
        let chunks = members.par_chunks(CHUNK).enumerate();
        let chunks = chunks
            .map(|(index, members)| self.contract_chunk(index * CHUNK, members, groups, count));
        let mut chunks: Vec<Self> = chunks.collect();
        if chunks.len() == 1 {
            return chunks.remove(0);
        }
        let mut coarse = Self::default();
        coarse.starts.push(0);
        for chunk in chunks {
            let before = coarse.neighbours.len() as u32;
            coarse
                .starts
                .extend(chunk.starts[1..].iter().map(|start| before + start));
            coarse.neighbours.extend(chunk.neighbours);
            coarse.edge_weights.extend(chunk.edge_weights);
            coarse.weights.extend(chunk.weights);
        }
        coarse
    }

    /// The part of a contracted graph that begins at the group `first`.
    fn contract_chunk(
        &self,
        first: usize,
        members: &[[u32; 2]],
        groups: &[u32],
        count: usize,
    ) -> Self {
        let mut coarse = Self::default();
        coarse.starts.reserve(members.len() + 1);
        coarse.weights.reserve(members.len());
        // Where a group was last seen as a neighbour.
        let mut seen = vec![NONE; count];
        for (group, pair) in (first..).zip(members) {
            let begin = coarse.neighbours.len() as u32;
            coarse.starts.push(begin);
            let mut weight = 0;
            for &vertex in pair.iter().filter(|&&vertex| vertex != NONE) {
                weight += self.weights[vertex as usize];
                for edge in self.range(vertex as usize) {
                    let other = groups[self.neighbours[edge] as usize];
                    if other as usize == group {
                        continue;
                    }
                    let at = seen[other as usize];
                    if at != NONE && at >= begin {
                        coarse.edge_weights[at as usize] += self.edge_weights[edge];
                    } else {
                        seen[other as usize] = coarse.neighbours.len() as u32;
                        coarse.neighbours.push(other);
                        coarse.edge_weights.push(self.edge_weights[edge]);
                    }
                }
            }
            coarse.weights.push(weight);
        }
        coarse.starts.push(coarse.neighbours.len() as u32);
        coarse
    }

    /// The graph of the vertices of one `side`, and their names: those of `names` here.
    pub fn side(&self, sides: &[u8], side: u8, names: &[u32]) -> (Self, Vec<u32>) {
        let mut local = vec![0u32; self.len()];
        let mut kept = Vec::new();
        let mut edges = 0;
        for vertex in 0..self.len() {
            if sides[vertex] == side {
                local[vertex] = kept.len() as u32;
                kept.push(vertex as u32);
                edges += self.range(vertex).len();
            }
        }
        let mut part = Self {
            starts: Vec::with_capacity(kept.len() + 1),
            neighbours: Vec::with_capacity(edges),
            edge_weights: Vec::with_capacity(edges),
            weights: Vec::with_capacity(kept.len()),
        };
        for &vertex in &kept {
            part.starts.push(part.neighbours.len() as u32);
            part.weights.push(self.weights[vertex as usize]);
            for edge in self.range(vertex as usize) {
                let other = self.neighbours[edge] as usize;
                if sides[other] == side {
                    part.neighbours.push(local[other]);
                    part.edge_weights.push(self.edge_weights[edge]);
                }
            }
        }
        part.starts.push(part.neighbours.len() as u32);
        let names = kept.iter().map(|&vertex| names[vertex as usize]);
        (part, names.collect())
    }
}
