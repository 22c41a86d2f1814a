//! The elimination tree of a symmetric pattern (Liu 1990), an order in which every subtree is in one piece,
//! and what a factor will hold.

use super::Matrix;

/// No front, no node.
pub(super) const NONE: u32 = u32::MAX;

/// Reorders an elimination so that children come right before their parents; fill stays the same.
/// `order` has the old index at each place.
pub(super) fn postorder(pattern: &Matrix, order: &[usize]) -> Vec<usize> {
    let parents = elimination_tree(pattern, order);
    let n = order.len();
    let (mut first_child, mut next_sibling) = (vec![NONE; n], vec![NONE; n]);
    let mut roots = Vec::new();
    for node in (0..n).rev() {
        match parents[node] {
            NONE => roots.push(node as u32),
            parent => {
                let first = &mut first_child[parent as usize];
                next_sibling[node] = std::mem::replace(first, node as u32);
            }
        }
    }
    let mut ordered = Vec::with_capacity(n);
    let mut stack = Vec::new();
    for root in roots.into_iter().rev() {
        stack.push(root);
        while let Some(&node) = stack.last() {
            match std::mem::replace(&mut first_child[node as usize], NONE) {
                NONE => {
                    stack.pop();
                    ordered.push(order[node as usize]);
                    let sibling = next_sibling[node as usize];
                    if sibling != NONE {
                        stack.push(sibling);
                    }
                }
                child => stack.push(child),
            }
        }
    }
    ordered
}

/// Entries of each column of the factor below its diagonal (Gilbert, Ng and Peyton 1994), for an order in
/// which every subtree is in one piece.
pub(super) fn column_counts(pattern: &Matrix, order: &[usize]) -> Vec<u32> {
    let parents = elimination_tree(pattern, order);
    let n = order.len();
    let (starts, later) = neighbours(pattern, &places(order), Which::Later);
    // The first node of each subtree; that of the last subtree which a row was met in; its last leaf.
    let mut firsts: Vec<u32> = (0..n as u32).collect();
    let (mut met, mut leaves) = (vec![0u32; n], vec![NONE; n]);
    let mut ancestors: Vec<u32> = (0..n as u32).collect();
    let mut counts = vec![0i64; n];
    for node in 0..n {
        let (parent, first) = (parents[node], firsts[node]);
        counts[node] += i64::from(first == node as u32);
        if parent != NONE {
            counts[parent as usize] -= 1;
            let above = &mut firsts[parent as usize];
            *above = first.min(*above);
        }
        for &row in &later[starts[node]..starts[node + 1]] {
            let row = row as usize;
            if met[row] > first {
                continue;
            }
            met[row] = first + 1;
            counts[node] += 1;
            let leaf = std::mem::replace(&mut leaves[row], node as u32);
            if leaf != NONE {
                counts[root(&mut ancestors, leaf) as usize] -= 1;
            }
        }
        if parent != NONE {
            ancestors[node] = parent;
        }
    }
    for node in 0..n {
        if parents[node] != NONE {
            counts[parents[node] as usize] += counts[node];
        }
    }
    counts.iter().map(|count| *count as u32 - 1).collect()
}

/// The root above a node so far; the way to it becomes short.
fn root(ancestors: &mut [u32], node: u32) -> u32 {
    let mut root = node;
    while ancestors[root as usize] != root {
        root = ancestors[root as usize];
    }
    let mut at = node;
    while at != root {
        at = std::mem::replace(&mut ancestors[at as usize], root);
    }
    root
}

fn places(order: &[usize]) -> Vec<u32> {
    let mut places = vec![0u32; order.len()];
    for (new, &old) in order.iter().enumerate() {
        places[old] = new as u32;
    }
    places
}

fn elimination_tree(pattern: &Matrix, order: &[usize]) -> Vec<u32> {
    let n = order.len();
    let (starts, earlier) = neighbours(pattern, &places(order), Which::Earlier);
    let (mut parents, mut ancestors) = (vec![NONE; n], vec![NONE; n]);
    for node in 0..n {
        for &neighbour in &earlier[starts[node]..starts[node + 1]] {
            let mut at = neighbour;
            while at != NONE && at != node as u32 {
                let next = std::mem::replace(&mut ancestors[at as usize], node as u32);
                if next == NONE {
                    parents[at as usize] = node as u32;
                }
                at = next;
            }
        }
    }
    parents
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Earlier,
    Later,
}

/// For each place the places before it, or after it, that its row of the matrix has an entry in.
fn neighbours(pattern: &Matrix, place: &[u32], which: Which) -> (Vec<usize>, Vec<u32>) {
    let n = place.len();
    let columns = pattern.indptr().into_raw_storage();
    let rows = pattern.indices();
    let mut starts = vec![0usize; n + 2];
    let pairs = || {
        (0..n).flat_map(move |column| {
            let range = columns[column]..columns[column + 1];
            rows[range].iter().filter_map(move |&row| {
                let (a, b) = (place[column], place[row]);
                let [low, high] = [a.min(b), a.max(b)];
                (a != b).then_some(match which {
                    Which::Earlier => (high as usize, low),
                    Which::Later => (low as usize, high),
                })
            })
        })
    };
    for (from, _) in pairs() {
        starts[from + 2] += 1;
    }
    for k in 2..starts.len() {
        starts[k] += starts[k - 1];
    }
    let mut found = vec![0; starts[n + 1]];
    for (from, to) in pairs() {
        let next = &mut starts[from + 1];
        found[*next] = to;
        *next += 1;
    }
    starts.pop();
    (starts, found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear::ordering::minimum_degree;

    proptest! {
        #[test]
        fn counts_are_those_of_an_elimination(
            n in 1..25_usize,
            pairs in proptest::collection::vec((0..25_usize, 0..25_usize), 0..60),
        ) {
            let mut entries = sprs::TriMat::new((n, n));
            let mut is_there = vec![vec![false; n]; n];
            for (a, b) in pairs.iter().map(|&(a, b)| (a % n, b % n)).filter(|(a, b)| a != b) {
                entries.add_triplet(a.max(b), a.min(b), 1.0);
                (is_there[a][b], is_there[b][a]) = (true, true);
            }
            let pattern: Matrix = entries.to_csc();
            let order = postorder(&pattern, &minimum_degree(&pattern).unwrap().order);
            let mut counts = Vec::new();
            for (place, &node) in order.iter().enumerate() {
                let later = order[place + 1..].iter().copied();
                let below: Vec<usize> = later.filter(|&other| is_there[node][other]).collect();
                for &a in &below {
                    for &b in &below {
                        is_there[a][b] |= a != b;
                    }
                }
                counts.push(below.len() as u32);
            }
            prop_assert_eq!(column_counts(&pattern, &order), counts);
        }
    }
}
