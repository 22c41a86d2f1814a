//! Parts of a system of equations that can be solved one after the other.

use petgraph::Directed;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{Graph, NodeIndex};

use crate::linear::Matrix;

/// Equations and unknowns in the order in which their blocks can be solved: each needs unknowns of earlier
/// blocks and its own only (block triangular form, Duff and Reid 1978).
pub(super) struct BlockForm {
    /// The column at each place, and the row that its pivot is in.
    pub columns: Vec<u32>,
    pub rows: Vec<u32>,
    /// Where each block begins, and where the last ends.
    pub starts: Vec<usize>,
}

impl BlockForm {
    /// `row_of` has the row that is matched to each column.
    pub fn new(matrix: &Matrix, row_of: &[u32]) -> Self {
        let n = row_of.len();
        let mut column_of = vec![0u32; n];
        for (column, &row) in row_of.iter().enumerate() {
            column_of[row as usize] = column as u32;
        }
        let mut graph: Graph<(), (), Directed> = Graph::with_capacity(n, matrix.nnz());
        for _ in 0..n {
            graph.add_node(());
        }
        for (_, (row, column)) in matrix {
            let own = column_of[row] as usize;
            if own != column {
                graph.add_edge(NodeIndex::new(own), NodeIndex::new(column), ());
            }
        }
        let mut form = Self {
            columns: Vec::with_capacity(n),
            rows: Vec::with_capacity(n),
            starts: vec![0],
        };
        // Components come after those that they lead to.
        for mut component in kosaraju_scc(&graph) {
            component.sort_unstable();
            for column in component {
                form.columns.push(column.index() as u32);
                form.rows.push(row_of[column.index()]);
            }
            form.starts.push(form.columns.len());
        }
        form
    }
}
