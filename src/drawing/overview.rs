//! A circuit that is too large for symbols and has no crossbar: its matrix, and what it consists of.

use std::collections::{BTreeMap, VecDeque};

use crate::circuit::{BranchId, Circuit, ElementId, NodeId};
use crate::device::Device;
use crate::report::picture::heat::range_text;
use crate::report::picture::svg::shortened;
use crate::report::picture::{ColourScale, HeatMap, HeatMaps, heat_maps};

use super::heat::{conductance, grouped};
use super::{Annotations, MOST_BRANCHES};

/// Cells of the matrix along each side.
const SIDE: usize = 200;

pub(super) fn draw(circuit: &Circuit, annotations: Annotations) -> String {
    let map = matrix(circuit, annotations);
    let cells = map.cells.iter().copied();
    let (colours, quantity, unit) = match annotations.effects {
        Some(effects) => (
            ColourScale::signed_areas(cells),
            format!("change of {} for +1 %", effects.output),
            effects.unit.clone(),
        ),
        None => (
            ColourScale::areas(cells),
            "conductance".to_string(),
            "S".to_string(),
        ),
    };
    heat_maps(&HeatMaps {
        title: shortened(&circuit.title, 78),
        subtitle: subtitle(circuit, annotations),
        maps: vec![map],
        colours,
        quantity,
        unit,
    })
}

/// Branches by the places of their nodes; a cell is the mean of what falls into it.
fn matrix(circuit: &Circuit, annotations: Annotations) -> HeatMap {
    let place = order(circuit);
    let nodes = circuit.node_count().max(2) - 1;
    let side = nodes.min(SIDE);
    let mut sums = vec![(0.0, 0usize); side * side];
    for (id, branch) in branches(circuit) {
        let number = match annotations.effects {
            Some(effects) => effects.of(id).map_or(f64::NAN, |e| e.of_a_percent()),
            None => conductance(circuit, id),
        };
        let ends = circuit.branch_nodes(branch);
        let ends = ends.map(|node| place[node.index()].map(|at| at * side / nodes));
        let (row, column) = match ends {
            _ if !number.is_finite() => continue,
            [Some(p), Some(n)] => (p, n),
            // A branch to ground stands on the diagonal.
            [Some(p), None] | [None, Some(p)] => (p, p),
            [None, None] => continue,
        };
        let mut add = |row: usize, column: usize| {
            let sum = &mut sums[row * side + column];
            *sum = (sum.0 + number, sum.1 + 1);
        };
        add(row, column);
        if row != column {
            add(column, row);
        }
    }
    HeatMap {
        title: "Which nodes are joined; branches to ground on the diagonal".to_string(),
        x_title: "nodes, neighbours beside each other".to_string(),
        y_title: "the same nodes".to_string(),
        rows: side,
        columns: side,
        cells: sums.iter().map(|(sum, n)| sum / *n as f64).collect(),
        ..HeatMap::default()
    }
}

fn branches(circuit: &Circuit) -> impl Iterator<Item = (ElementId, BranchId)> + '_ {
    let elements = circuit.elements();
    elements.flat_map(|(id, element)| element.branches().map(move |branch| (id, branch)))
}

fn subtitle(circuit: &Circuit, annotations: Annotations) -> String {
    let branches = circuit.branch_count();
    let mut text = match branches > MOST_BRANCHES {
        true => format!(
            "Overview: {} branches are too many for symbols ({MOST_BRANCHES} at most) and form no crossbar.",
            grouped(branches)
        ),
        false => format!("Overview of {} branches.", grouped(branches)),
    };
    text += &format!(" {} nodes;", grouped(circuit.node_count() - 1));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, element) in circuit.elements() {
        *counts.entry(kind(&element.device)).or_default() += 1;
    }
    let counts = counts.iter().map(|(kind, n)| match n {
        1 => format!("1 {}", kind.trim_end_matches('s')),
        n => format!("{} {kind}", grouped(*n)),
    });
    text += &format!(" {}.", counts.collect::<Vec<_>>().join(", "));
    if let Some(op) = annotations.operating_point {
        let potentials = range_text(op.potentials.iter().copied(), "V");
        let currents = range_text(op.currents.iter().map(|i| i.abs()), "A");
        text += &format!(" Potentials {potentials}; currents {currents}.");
    }
    text
}

fn kind(device: &Device) -> &'static str {
    match device {
        Device::Resistor { .. } => "resistors",
        Device::VoltageSource { .. } => "voltage sources",
        Device::CurrentSource { .. } => "current sources",
        Device::OnePort(_) => "diodes",
        Device::IdealDiode => "ideal diodes",
        Device::Transformer { .. } => "transformers",
        Device::Gyrator { .. } => "gyrators",
        Device::Behavioural(_) => "behavioural sources",
        Device::Vcvs { .. } | Device::Vccs { .. } | Device::Cccs { .. } | Device::Ccvs { .. } => {
            "controlled sources"
        }
    }
}

/// Places of nodes in the order of Cuthill and McKee (1969), which brings neighbours together; none for
/// ground.
fn order(circuit: &Circuit) -> Vec<Option<usize>> {
    let count = circuit.node_count();
    let mut beside: Vec<Vec<NodeId>> = vec![Vec::new(); count];
    for (_, branch) in branches(circuit) {
        let [p, n] = circuit.branch_nodes(branch);
        if p != NodeId::GROUND && n != NodeId::GROUND {
            beside[p.index()].push(n);
            beside[n.index()].push(p);
        }
    }
    let degree: Vec<usize> = beside.iter().map(Vec::len).collect();
    let mut starts: Vec<usize> = (1..count).collect();
    starts.sort_by_key(|&node| (degree[node], node));
    let mut place = vec![None; count];
    let mut next = 0;
    for start in starts {
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            if place[node].is_some() {
                continue;
            }
            place[node] = Some(next);
            next += 1;
            let mut others: Vec<usize> = beside[node].iter().map(|n| n.index()).collect();
            others.sort_by_key(|&other| (degree[other], other));
            queue.extend(others.into_iter().filter(|other| place[*other].is_none()));
        }
    }
    place
}
