//! The incidence matrix of a circuit: Kirchhoff's current law is `A i = 0`, his voltage law
//! `v = A' u` with u the node potentials.

use crate::circuit::{BranchId, Circuit};
use crate::linear::Matrix;

/// Nodes x branches, +1 where a branch leaves a node and -1 where it enters; ground included.
pub fn incidence(circuit: &Circuit) -> Matrix {
    let branches = circuit.branch_count();
    let mut entries = sprs::TriMat::new((circuit.node_count(), branches));
    for index in 0..branches {
        let [p, n] = circuit.branch_nodes(BranchId::from_index(index));
        if p != n {
            entries.add_triplet(p.index(), index, 1.0);
            entries.add_triplet(n.index(), index, -1.0);
        }
    }
    entries.to_csc()
}
