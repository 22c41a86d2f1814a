//! How good an order of rows and columns is.

use super::Graph;

/// Weights, in columns of horizontal wire.
const ROW: i64 = 3;
const COLUMN: i64 = 2;
const CROSSING: i64 = 5;
const AGAINST_DIRECTION: i64 = 4;
const LINK: i64 = 4;

/// The cost of a layout of one graph.
#[derive(Debug)]
pub(super) struct Cost<'a> {
    graph: &'a Graph,
    /// Branches of each net.
    incident: Vec<Vec<usize>>,
}

impl<'a> Cost<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        let mut incident = vec![Vec::new(); graph.nets];
        for (k, branch) in graph.branches.iter().enumerate() {
            incident[branch.ends[0]].push(k);
            if branch.ends[1] != branch.ends[0] {
                incident[branch.ends[1]].push(k);
            }
        }
        Self { graph, incident }
    }

    /// `rows[net]` and `columns[branch]` are places; lower is better.
    pub fn of(&self, rows: &[usize], columns: &[usize]) -> i64 {
        let bars: Vec<(usize, usize, usize)> = self
            .incident
            .iter()
            .enumerate()
            .map(|(net, branches)| {
                let ends = branches.iter().map(|&k| columns[k]);
                let (left, right) = (ends.clone().min(), ends.max());
                (rows[net], left.unwrap_or(0), right.unwrap_or(0))
            })
            .collect();
        let mut cost: i64 = bars.iter().map(|b| COLUMN * (b.2 - b.1) as i64).sum();
        for (branch, &column) in self.graph.branches.iter().zip(columns) {
            let [a, b] = branch.ends.map(|net| rows[net]);
            if branch.is_directed && a > b {
                cost += AGAINST_DIRECTION;
            }
            let (top, bottom) = (a.min(b), a.max(b));
            if bottom - top < 2 {
                cost += ROW * (bottom - top) as i64;
                continue;
            }
            let is_crossed = |bar: &&(usize, usize, usize)| {
                top < bar.0 && bar.0 < bottom && bar.1 < column && column < bar.2
            };
            let crossings = bars.iter().filter(is_crossed).count();
            cost += ROW * (bottom - top) as i64 + CROSSING * crossings as i64;
        }
        for &(a, b) in &self.graph.links {
            let middle = |k: usize| {
                let ends = self.graph.branches[k].ends;
                (rows[ends[0]] + rows[ends[1]]) as i64 / 2
            };
            // Side by side, the first on the left.
            let apart = (columns[b] as i64 - columns[a] as i64 - 1).abs();
            cost += LINK * (apart + (middle(a) - middle(b)).abs());
        }
        cost
    }
}
