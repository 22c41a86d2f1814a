//! The elimination tree of a symmetric pattern (Liu 1990) and an order in which every subtree is in one
//! piece.

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

fn elimination_tree(pattern: &Matrix, order: &[usize]) -> Vec<u32> {
    let n = order.len();
    let mut place = vec![0u32; n];
    for (new, &old) in order.iter().enumerate() {
        place[old] = new as u32;
    }
    let (starts, earlier) = earlier_neighbours(pattern, &place);
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

/// For each place, the places before it that its row of the matrix has an entry in.
fn earlier_neighbours(pattern: &Matrix, place: &[u32]) -> (Vec<usize>, Vec<u32>) {
    let n = place.len();
    let columns = pattern.indptr().into_raw_storage();
    let rows = pattern.indices();
    let mut starts = vec![0usize; n + 2];
    let pairs = || {
        (0..n).flat_map(move |column| {
            let range = columns[column]..columns[column + 1];
            rows[range]
                .iter()
                .map(move |&row| (place[column], place[row]))
        })
    };
    for (a, b) in pairs() {
        starts[a.max(b) as usize + 2] += usize::from(a != b);
    }
    for k in 2..starts.len() {
        starts[k] += starts[k - 1];
    }
    let mut earlier = vec![0; starts[n + 1]];
    for (a, b) in pairs() {
        if a != b {
            let next = &mut starts[a.max(b) as usize + 1];
            earlier[*next] = a.min(b);
            *next += 1;
        }
    }
    starts.pop();
    (starts, earlier)
}
