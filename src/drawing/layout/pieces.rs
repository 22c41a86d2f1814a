//! Pieces of a graph that nothing joins, each laid out for itself and set beside the others.

use super::{Bar, Branch, Graph, Place, Plan};

/// A connected part with numbers of its own.
struct Piece {
    graph: Graph,
    /// What its nets and branches are called in the whole graph.
    nets: Vec<usize>,
    branches: Vec<usize>,
}

/// Shelves of pieces, the whole about half as wide again as high.
pub(super) fn plan(graph: &Graph, one: impl Fn(&Graph) -> Plan) -> Plan {
    let pieces = pieces(graph);
    let plans: Vec<Plan> = pieces.iter().map(|piece| one(&piece.graph)).collect();
    let area: usize = plans.iter().map(|plan| plan.rows * plan.columns).sum();
    let widest = plans.iter().map(|plan| plan.columns).max().unwrap_or(0);
    let width = widest.max((1.5 * area as f64).sqrt().ceil() as usize);
    let mut whole = Plan {
        nets: vec![Bar::default(); graph.nets],
        branches: vec![Place::default(); graph.branches.len()],
        ..Plan::default()
    };
    let (mut top, mut left) = (0, 0);
    for (piece, plan) in pieces.iter().zip(plans) {
        if left > 0 && left + plan.columns > width {
            (top, left) = (whole.rows, 0);
        }
        for (&net, bar) in piece.nets.iter().zip(&plan.nets) {
            whole.nets[net] = Bar {
                row: bar.row + top,
                left: bar.left + left,
                right: bar.right + left,
            };
        }
        for (&branch, place) in piece.branches.iter().zip(&plan.branches) {
            whole.branches[branch] = Place {
                column: place.column + left,
                gap: place.gap + top,
            };
        }
        left += plan.columns;
        whole.columns = whole.columns.max(left);
        // The gap below the last row is taken, too: a net may end there.
        whole.rows = whole.rows.max(top + plan.rows);
    }
    whole
}

/// In the order of their first branches; nets without a branch are in none.
fn pieces(graph: &Graph) -> Vec<Piece> {
    let mut parent: Vec<usize> = (0..graph.nets).collect();
    for branch in &graph.branches {
        join(&mut parent, branch.ends);
    }
    for &(a, b) in &graph.links {
        join(&mut parent, [a, b].map(|k| graph.branches[k].ends[0]));
    }
    let mut piece_of = vec![None; graph.nets];
    let mut pieces: Vec<Piece> = Vec::new();
    for branch in &graph.branches {
        let root = root(&mut parent, branch.ends[0]);
        if piece_of[root].is_none() {
            piece_of[root] = Some(pieces.len());
            pieces.push(Piece {
                graph: Graph::default(),
                nets: Vec::new(),
                branches: Vec::new(),
            });
        }
    }
    let mut own = vec![0; graph.nets];
    for net in 0..graph.nets {
        let root = root(&mut parent, net);
        if let Some(piece) = piece_of[root] {
            own[net] = pieces[piece].nets.len();
            piece_of[net] = Some(piece);
            pieces[piece].nets.push(net);
            pieces[piece].graph.nets += 1;
        }
    }
    let mut own_branch = vec![0; graph.branches.len()];
    for (k, branch) in graph.branches.iter().enumerate() {
        if let Some(piece) = piece_of[branch.ends[0]] {
            let piece = &mut pieces[piece];
            own_branch[k] = piece.branches.len();
            piece.branches.push(k);
            piece.graph.branches.push(Branch {
                ends: branch.ends.map(|net| own[net]),
                ..*branch
            });
        }
    }
    for &(a, b) in &graph.links {
        if let Some(piece) = piece_of[graph.branches[a].ends[0]] {
            let link = (own_branch[a], own_branch[b]);
            pieces[piece].graph.links.push(link);
        }
    }
    pieces
}

fn join(parent: &mut [usize], [a, b]: [usize; 2]) {
    let (a, b) = (root(parent, a), root(parent, b));
    parent[a.max(b)] = a.min(b);
}

fn root(parent: &mut [usize], mut net: usize) -> usize {
    while parent[net] != net {
        parent[net] = parent[parent[net]];
        net = parent[net];
    }
    net
}
