//! Which unknowns a singular Jacobian leaves open.

use crate::circuit::{Circuit, NodeId};
use crate::linear::{Matrix, Method, Symbolic, Way};
use crate::mna::{System, Values, Workspace};
use crate::newton::{NoConvergence, Outcome};

/// Added to the diagonal of the Jacobian, whose rows and columns are scaled to one.
const SHIFT: f64 = 1e-9;

/// A direction that grows by this is one of the null space.
const GROWTH: f64 = 0.01 / SHIFT;

/// Unknowns above this part of the largest belong to the direction.
const LARGE: f64 = 0.1;

/// Outputs shown.
const SHOWN: usize = 6;

pub(super) fn is_singular(failure: &NoConvergence) -> bool {
    let mut attempts = failure.attempts.iter();
    attempts.all(|a| a.outcome == Outcome::Singular)
}

/// Whether some strategy found the Jacobian singular.
pub(super) fn was_singular(failure: &NoConvergence) -> bool {
    let mut attempts = failure.attempts.iter();
    attempts.any(|a| a.outcome == Outcome::Singular)
}

/// `v(a), v(b), i(e1)`: the largest unknowns in a direction that the Jacobian at the state of the
/// workspace takes to zero, by inverse iteration; empty if there is none.
pub(super) fn open_outputs(
    circuit: &Circuit,
    system: &System,
    values: &Values,
    workspace: &Workspace,
) -> Vec<String> {
    let jacobian = workspace.jacobian(system, values);
    let direction = null_direction(&shifted(&jacobian, system.method()));
    direction.map_or(Vec::new(), |direction| largest(circuit, system, &direction))
}

/// The whole matrix with its rows, then its columns scaled to a largest entry of one, and a small
/// diagonal.
fn shifted(matrix: &Matrix, method: Method) -> Matrix {
    let mut entries: Vec<(f64, (usize, usize))> =
        matrix.iter().map(|(x, place)| (*x, place)).collect();
    if method == Method::Cholesky {
        let lower = entries.iter().filter(|(_, (i, j))| i != j);
        let upper: Vec<_> = lower.map(|&(x, (i, j))| (x, (j, i))).collect();
        entries.extend(upper);
    }
    let order = matrix.rows();
    scale(&mut entries, order, |(i, _)| i);
    scale(&mut entries, order, |(_, j)| j);
    let mut shifted = sprs::TriMat::new((order, order));
    for (x, (i, j)) in entries {
        shifted.add_triplet(i, j, x);
    }
    for k in 0..order {
        shifted.add_triplet(k, k, SHIFT);
    }
    shifted.to_csc()
}

fn scale(
    entries: &mut [(f64, (usize, usize))],
    order: usize,
    index: impl Fn((usize, usize)) -> usize,
) {
    let mut largest = vec![0.0f64; order];
    for (x, place) in entries.iter() {
        let largest = &mut largest[index(*place)];
        *largest = largest.max(x.abs());
    }
    for (x, place) in entries {
        let largest = largest[index(*place)];
        if largest > 0.0 {
            *x /= largest;
        }
    }
}

fn null_direction(matrix: &Matrix) -> Option<Vec<f64>> {
    let mut factor = Symbolic::analyze(matrix, Method::Lu, Way::Best)
        .ok()?
        .factor();
    factor.factor(matrix.data()).ok()?;
    // A start that is orthogonal to no likely direction.
    let start = (0..matrix.rows()).map(|k| 1.0 + (0.618 * k as f64).fract());
    let mut direction: Vec<f64> = start.collect();
    let mut size = 0.0;
    for _ in 0..3 {
        factor.solve(&mut direction);
        size = direction.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        if !size.is_finite() || size == 0.0 {
            return None;
        }
        direction.iter_mut().for_each(|x| *x /= size);
    }
    (size > GROWTH).then_some(direction)
}

fn largest(circuit: &Circuit, system: &System, direction: &[f64]) -> Vec<String> {
    let is_large = |index: usize| direction[index].abs() >= LARGE;
    let potentials = (1..circuit.node_count()).map(NodeId::from_index);
    let potentials = potentials
        .filter(|&node| {
            let unknown = system.node_unknown(node);
            unknown.is_some_and(|u| is_large(u.index()))
        })
        .map(|node| format!("v({})", circuit.node_name(node)));
    let currents = circuit.elements().filter(|(id, _)| {
        let branch = system.branch_location(*id).and_then(Result::ok);
        branch
            .is_some_and(|full| is_large(system.node_unknown_count() + full - system.node_count()))
    });
    let currents = currents.map(|(_, element)| format!("i({})", element.name()));
    let mut outputs: Vec<_> = potentials.chain(currents).collect();
    if outputs.len() > SHOWN {
        let rest = outputs.len() - SHOWN;
        outputs.truncate(SHOWN);
        outputs.push(format!("{rest} more"));
    }
    outputs
}
