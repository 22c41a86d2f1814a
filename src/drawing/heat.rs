//! Crossbars as heat maps of conductance or of what conductances do.

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Device;
use crate::report::picture::svg::shortened;
use crate::report::picture::{ColourScale, HeatMap, HeatMaps, heat_maps};

use super::crossbar::{Crossbar, crossbars};
use super::{Annotations, Effects};

pub(super) fn draw(circuit: &Circuit, found: &[Crossbar], annotations: Annotations) -> String {
    let number = |id: ElementId| match annotations.effects {
        Some(effects) => by_conductance(effects, id),
        None => conductance(circuit, id),
    };
    let maps: Vec<HeatMap> = found
        .iter()
        .map(|crossbar| map(circuit, crossbar, &number))
        .collect();
    let values = || maps.iter().flat_map(|map| map.cells.iter().copied());
    let shown: usize = found.iter().map(|crossbar| crossbar.elements.len()).sum();
    let others = circuit.element_count() - shown;
    let mut subtitle = format!(
        "{} of {} resistors; {} other elements are not shown",
        if found.len() == 1 {
            "A crossbar"
        } else {
            "Crossbars"
        },
        grouped(shown),
        grouped(others)
    );
    let (colours, quantity, unit) = match annotations.effects {
        Some(effects) => {
            let (colours, is_cut) = ColourScale::signed_areas_of_most(values());
            let name = format!("d {} / d conductance", effects.output);
            let beyond = if is_cut {
                "; 1 % of the cells are beyond the bar"
            } else {
                ""
            };
            subtitle += beyond;
            (colours, name, format!("{}/S", effects.unit))
        }
        None => (
            ColourScale::areas(values()),
            "conductance".to_string(),
            "S".to_string(),
        ),
    };
    heat_maps(&HeatMaps {
        title: shortened(&circuit.title, 78),
        subtitle,
        maps,
        colours,
        quantity,
        unit,
    })
}

/// The crossbars of a circuit before and after its training, none if it has none. Both circuits have the
/// same elements.
pub fn before_and_after(before: &Circuit, after: &Circuit) -> Option<String> {
    let found = crossbars(after);
    if found.is_empty() {
        return None;
    }
    let mut maps = Vec::new();
    for crossbar in &found {
        for (circuit, when) in [(before, "before"), (after, "after")] {
            let mut map = map(circuit, crossbar, &|id| conductance(circuit, id));
            map.title = format!("{} training, {}", when, map.title);
            maps.push(map);
        }
    }
    let cells = maps.iter().flat_map(|map| map.cells.iter().copied());
    Some(heat_maps(&HeatMaps {
        title: shortened(&after.title, 78),
        subtitle: "Conductances before training and after".to_string(),
        colours: ColourScale::areas(cells),
        quantity: "conductance".to_string(),
        unit: "S".to_string(),
        maps,
    }))
}

pub(super) fn conductance(circuit: &Circuit, id: ElementId) -> f64 {
    match circuit.element(id).device {
        Device::Resistor { resistance } => 1.0 / resistance,
        _ => f64::NAN,
    }
}

/// The derivative to the conductance g = 1 / R, of the one to R: -R^2 d/dR.
fn by_conductance(effects: &Effects, id: ElementId) -> f64 {
    let effect = effects.of(id);
    effect.map_or(f64::NAN, |e| -e.value * e.value * e.gradient)
}

/// Resistors in parallel add up: their conductances, and so the effects of each are one.
fn map(circuit: &Circuit, crossbar: &Crossbar, number: &dyn Fn(ElementId) -> f64) -> HeatMap {
    let (rows, columns) = (crossbar.rows.len(), crossbar.columns.len());
    let mut cells = vec![f64::NAN; rows * columns];
    for &(row, column, id) in &crossbar.elements {
        let cell = &mut cells[row * columns + column];
        let value = number(id);
        *cell = if cell.is_nan() { value } else { *cell + value };
    }
    let name =
        |node: Option<&NodeId>| node.map_or(String::new(), |id| circuit.node_name(*id).to_string());
    let ends = |nodes: &[NodeId]| [name(nodes.first()), name(nodes.last())];
    HeatMap {
        title: format!("{rows} × {columns} nodes"),
        x_title: String::new(),
        y_title: String::new(),
        x_ends: ends(&crossbar.columns),
        y_ends: ends(&crossbar.rows),
        rows,
        columns,
        cells,
    }
}

/// A count with commas: `156,800`.
pub(super) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
