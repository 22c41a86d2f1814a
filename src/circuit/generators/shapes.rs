//! Shapes of random circuits: which pairs of nodes are joined. Node 0 is ground.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A random tree with chords.
    Tree,
    Mesh,
    Ladder,
    Chain,
    Star,
    /// Bridges whose arms are bridges.
    Bridges,
    /// A tree whose edges are bunches of parallel elements.
    Bunch,
}

impl Shape {
    const ALL: [Shape; 7] = [
        Shape::Tree,
        Shape::Mesh,
        Shape::Ladder,
        Shape::Chain,
        Shape::Star,
        Shape::Bridges,
        Shape::Bunch,
    ];

    pub fn any(rng: &mut ChaCha8Rng) -> Self {
        Self::ALL[rng.random_range(0..Self::ALL.len())]
    }

    pub fn name(self) -> &'static str {
        match self {
            Shape::Tree => "tree",
            Shape::Mesh => "mesh",
            Shape::Ladder => "ladder",
            Shape::Chain => "chain",
            Shape::Star => "star",
            Shape::Bridges => "bridges",
            Shape::Bunch => "bunches",
        }
    }

    /// Pairs that join the nodes `0..=size` to one piece.
    pub fn pairs(self, size: usize, rng: &mut ChaCha8Rng) -> Vec<[usize; 2]> {
        match self {
            Shape::Tree => {
                let mut pairs = tree(size, rng);
                for _ in 0..rng.random_range(0..=size) {
                    pairs.push([rng.random_range(0..=size), rng.random_range(0..=size)]);
                }
                pairs.retain(|[a, b]| a != b);
                pairs
            }
            Shape::Mesh => mesh(size, rng),
            Shape::Ladder => (1..=size).flat_map(|k| [[k, k - 1], [k, 0]]).collect(),
            Shape::Chain => (1..=size).map(|k| [k, k - 1]).collect(),
            Shape::Star => star(size, rng),
            Shape::Bridges => bridges(size, rng),
            Shape::Bunch => {
                let tree = tree(size, rng);
                let copies = |pair| std::iter::repeat_n(pair, rng.random_range(1..=6));
                tree.into_iter().flat_map(copies).collect()
            }
        }
    }
}

fn tree(size: usize, rng: &mut ChaCha8Rng) -> Vec<[usize; 2]> {
    (1..=size).map(|k| [k, rng.random_range(0..k)]).collect()
}

fn mesh(size: usize, rng: &mut ChaCha8Rng) -> Vec<[usize; 2]> {
    let widest = (size as f64).sqrt().ceil() as usize;
    let columns = rng.random_range(1..=widest);
    let mut pairs = vec![[1, 0]];
    for k in 1..=size {
        if k % columns != 0 && k < size {
            pairs.push([k, k + 1]);
        }
        if k + columns <= size {
            pairs.push([k, k + columns]);
        }
        if rng.random_bool(0.1) {
            pairs.push([k, 0]);
        }
    }
    pairs
}

fn star(size: usize, rng: &mut ChaCha8Rng) -> Vec<[usize; 2]> {
    let mut pairs = vec![[1, 0]];
    for k in 2..=size {
        pairs.push([k, 1]);
        if rng.random_bool(0.5) {
            pairs.push([k, 0]);
        }
    }
    pairs
}

fn bridges(size: usize, rng: &mut ChaCha8Rng) -> Vec<[usize; 2]> {
    let mut pairs = vec![[1, 0]];
    let mut nodes = 1;
    while nodes + 2 <= size {
        let [a, b] = pairs.swap_remove(rng.random_range(0..pairs.len()));
        let (c, d) = (nodes + 1, nodes + 2);
        pairs.extend([[a, c], [a, d], [c, b], [d, b], [c, d]]);
        nodes += 2;
    }
    if nodes < size {
        pairs.push([size, rng.random_range(0..size)]);
    }
    pairs
}
