//! Where nets and branches lie on paper.
//!
//! A net (a node other than ground) is a horizontal wire, a branch a vertical one between two of them, or
//! from one to a ground symbol below it: a visibility representation (Tamassia and Tollis 1986) that allows
//! wires to cross where the graph is not planar. Symbols stand between rows, so that none lies upon
//! another whatever the circuit. Orders of rows and columns are improved by local search, and then rows
//! and columns are shared where nothing is in the way.
//!
//! **Invariant:** this folder knows indices only: no circuit, no pixel. The same graph gives the same
//! plan.

mod compact;
mod cost;
mod order;
mod pieces;

use cost::Cost;

/// What is to be laid out.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub nets: usize,
    pub branches: Vec<Branch>,
    /// Pairs of branches that belong together.
    pub links: Vec<(usize, usize)>,
}

/// A branch from a net to another. Both ends are one net if it leads to ground or is a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    pub ends: [usize; 2],
    /// The first end wants to be above the second.
    pub is_directed: bool,
    /// Where rows begin: a source holds its net.
    pub is_source: bool,
}

/// Rows count from the top, columns from the left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub rows: usize,
    pub columns: usize,
    pub nets: Vec<Bar>,
    /// Column of each branch, and the row in the gap below which its symbol stands.
    pub branches: Vec<Place>,
}

/// A net: one row, from column to column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    pub row: usize,
    pub left: usize,
    pub right: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub column: usize,
    pub gap: usize,
}

/// Rounds of search in turns on rows and columns.
const ROUNDS: usize = 4;

/// Lays a graph out.
pub fn plan(graph: &Graph) -> Plan {
    pieces::plan(graph, plan_piece)
}

fn plan_piece(graph: &Graph) -> Plan {
    let mut rows = order::first_rows(graph);
    let mut columns = order::first_columns(graph, &rows);
    let cost = Cost::new(graph);
    let mut budget = order::Budget::new(graph);
    for _ in 0..ROUNDS {
        let before = cost.of(&rows, &columns);
        order::improve(&mut columns, &mut budget, |columns| cost.of(&rows, columns));
        order::improve(&mut rows, &mut budget, |rows| cost.of(rows, &columns));
        if cost.of(&rows, &columns) >= before {
            break;
        }
    }
    let columns = compact::share_columns(graph, &cost, &rows, columns);
    compact::plan(graph, &rows, &columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn branch(ends: [usize; 2]) -> Branch {
        Branch {
            ends,
            is_directed: false,
            is_source: false,
        }
    }

    #[test]
    fn a_divider_takes_two_rows_and_two_columns() {
        let source = Branch {
            is_source: true,
            ..branch([0, 0])
        };
        let graph = Graph {
            nets: 2,
            branches: vec![source, branch([0, 1]), branch([1, 1])],
            links: Vec::new(),
        };
        let plan = plan(&graph);
        assert_eq!((plan.rows, plan.columns), (2, 2));
        assert_eq!((plan.nets[0].row, plan.nets[1].row), (0, 1));
        assert_eq!(plan.branches[1].column, plan.branches[2].column);
    }

    /// From row to row, half open; a grounded branch takes the gap below its net.
    fn span(plan: &Plan, branch: &Branch) -> (usize, usize) {
        let [a, b] = branch.ends.map(|net| plan.nets[net].row);
        match a == b {
            true => (a, a + 1),
            false => (a.min(b), a.max(b)),
        }
    }

    proptest! {
        #[test]
        fn nothing_lies_upon_anything_else(
            ends in prop::collection::vec((0usize..7, 0usize..7, any::<bool>()), 1..18)
        ) {
            let branches: Vec<Branch> = ends
                .iter()
                .map(|&(a, b, directed)| Branch { is_directed: directed, ..branch([a, b]) })
                .collect();
            let graph = Graph { nets: 7, branches, links: vec![] };
            let plan = plan(&graph);
            prop_assert_eq!(&plan, &super::plan(&graph));
            let spans: Vec<_> = graph.branches.iter().map(|b| span(&plan, b)).collect();
            for (k, branch) in graph.branches.iter().enumerate() {
                let place = plan.branches[k];
                prop_assert!((spans[k].0..spans[k].1).contains(&place.gap));
                for net in branch.ends {
                    let bar = plan.nets[net];
                    prop_assert!((bar.left..=bar.right).contains(&place.column));
                }
                for other in 0..k {
                    let apart = spans[k].1 <= spans[other].0 || spans[other].1 <= spans[k].0;
                    prop_assert!(apart || place.column != plan.branches[other].column);
                }
                // A wire may cross another net, but not where that ends.
                for bar in &plan.nets {
                    let inside = spans[k].0 < bar.row && bar.row < spans[k].1;
                    let at_end = place.column == bar.left || place.column == bar.right;
                    let used = bar.left != bar.right;
                    prop_assert!(!(inside && at_end && used));
                }
            }
            for (k, bar) in plan.nets.iter().enumerate() {
                for (other_net, other) in plan.nets[..k].iter().enumerate() {
                    let used = |net: usize| graph.branches.iter().any(|b| b.ends.contains(&net));
                    let apart = bar.right < other.left || other.right < bar.left;
                    let same_row = bar.row == other.row && used(k) && used(other_net);
                    prop_assert!(apart || !same_row);
                }
            }
        }
    }
}
