//! The first orders of rows and columns, and their improvement.

use std::collections::VecDeque;

use super::Graph;

/// Work that a search may still do; a count and no clock, so that plans do not depend on the machine.
#[derive(Debug)]
pub(super) struct Budget {
    left: i64,
    /// About what it takes to evaluate one order.
    each: i64,
}

const WORK: i64 = 40_000_000;

impl Budget {
    pub fn new(graph: &Graph) -> Self {
        let (nets, branches) = (graph.nets as i64, graph.branches.len() as i64);
        Self {
            left: WORK,
            each: 20 + nets + branches + nets * branches / 8,
        }
    }

    fn take(&mut self) -> bool {
        self.left -= self.each;
        self.left > 0
    }
}

/// Nets by their distance from sources, which are on top; `rows[net]` is its place.
pub(super) fn first_rows(graph: &Graph) -> Vec<usize> {
    let mut beside = vec![Vec::new(); graph.nets];
    for branch in &graph.branches {
        let [a, b] = branch.ends;
        beside[a].push(b);
        beside[b].push(a);
    }
    let held = |net: usize| {
        let mut own = graph.branches.iter().filter(|b| b.ends.contains(&net));
        own.any(|b| b.is_source)
    };
    let mut sources: Vec<usize> = (0..graph.nets).filter(|&net| held(net)).collect();
    let others: Vec<usize> = (0..graph.nets).filter(|&net| !held(net)).collect();
    sources.extend(others);
    let held: Vec<bool> = (0..graph.nets).map(held).collect();
    let mut place = vec![usize::MAX; graph.nets];
    let mut next = 0;
    let mut queue: VecDeque<usize> = VecDeque::new();
    for start in sources {
        // All sources begin together; other nets only where no source leads.
        if held[start] {
            queue.push_back(start);
            continue;
        }
        drain(&mut queue, &beside, &mut place, &mut next);
        queue.push_back(start);
    }
    drain(&mut queue, &beside, &mut place, &mut next);
    place
}

fn drain(
    queue: &mut VecDeque<usize>,
    beside: &[Vec<usize>],
    place: &mut [usize],
    next: &mut usize,
) {
    while let Some(net) = queue.pop_front() {
        if place[net] != usize::MAX {
            continue;
        }
        place[net] = *next;
        *next += 1;
        queue.extend(
            beside[net]
                .iter()
                .filter(|other| place[**other] == usize::MAX),
        );
    }
}

/// Branches near the middle of their neighbours; `columns[branch]` is its place.
pub(super) fn first_columns(graph: &Graph, rows: &[usize]) -> Vec<usize> {
    let count = graph.branches.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&k| {
        let ends = graph.branches[k].ends.map(|net| rows[net]);
        (ends[0].min(ends[1]), ends[0].max(ends[1]), k)
    });
    let mut columns = places(&order);
    for _ in 0..SWEEPS {
        let mut sums = vec![(0.0, 0.0); graph.nets];
        for (branch, &column) in graph.branches.iter().zip(&columns) {
            for net in branch.ends {
                sums[net] = (sums[net].0 + column as f64, sums[net].1 + 1.0);
            }
        }
        let middle = |k: &usize| {
            let ends = graph.branches[*k].ends;
            ends.iter()
                .map(|&net| sums[net].0 / sums[net].1)
                .sum::<f64>()
        };
        order.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
        columns = places(&order);
    }
    columns
}

const SWEEPS: usize = 12;

/// From who is at a place to the place of each.
fn places(order: &[usize]) -> Vec<usize> {
    let mut places = vec![0; order.len()];
    for (place, &item) in order.iter().enumerate() {
        places[item] = place;
    }
    places
}

/// Moves one item after the other to its best place, until no move helps or the budget is used up.
pub(super) fn improve(place: &mut Vec<usize>, budget: &mut Budget, cost: impl Fn(&[usize]) -> i64) {
    let count = place.len();
    let mut best = cost(place);
    let mut order = places(place);
    loop {
        let before = best;
        for item in 0..count {
            let at = place[item];
            let mut chosen = at;
            for to in 0..count {
                if to == at || !budget.take() {
                    continue;
                }
                let found = cost(&places(&moved(&order, at, to)));
                if found < best {
                    (best, chosen) = (found, to);
                }
            }
            if chosen != at {
                order = moved(&order, at, chosen);
                *place = places(&order);
            }
        }
        if best >= before || budget.left <= 0 {
            return;
        }
    }
}

fn moved(order: &[usize], from: usize, to: usize) -> Vec<usize> {
    let mut order = order.to_vec();
    let item = order.remove(from);
    order.insert(to, item);
    order
}
