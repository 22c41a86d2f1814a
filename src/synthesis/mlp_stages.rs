//! A ReLU network as a cascade, one stage for each layer; 1 V for each unit of inputs, units and outputs.
//!
//! Conductances are not negative, so that each input j of a layer comes twice, as `x_j` and `-x_j`
//! (Kendall et al. 2020), and a bias as 1 V and -1 V. Unit i is a node that a resistor joins to the copy of
//! the sign of each weight, with a conductance in proportion to its magnitude. Unloaded, it stands at the mean
//!
//! ```text
//! u_i = (W x + b)_i / s_i        s_i = sum_j |W_ij| + |b_i|
//! ```
//!
//! An ideal diode from ground to the node holds it at zero or above without any other change: its
//! potential is `ReLU(u_i)` exactly. The buffer that follows has the gain `s_i`, which restores what the
//! divider takes; amplifiers between layers are also what Scellier and Mishra 2025 use. No approximation
//! is made: the outputs are those of the network but for rounding.
//!
//! | part | elements of a stage |
//! |---|---|
//! | input j | source `vp<j>` follows it, `vn<j>` its negative; only where a weight needs it |
//! | bias | sources `vbp` at 1 V and `vbn` at -1 V |
//! | weight | resistor `r<i>_<j>` from `xp<j>` or `xn<j>` to `h<i>`, the largest of each row 1 kohm |
//! | bias | resistor `rb<i>` |
//! | ReLU | ideal diode `d<i>` from ground to `h<i>`; none in the last layer |
//! | row of zeros | resistor `rz<i>` from `h<i>` to ground |

use crate::cascade::{Cascade, CascadeError, Readout, Stage};
use crate::circuit::{Circuit, NodeId};
use crate::device::Device;

use super::{Layer, Mlp, SynthesisError, check_elements};

/// Resistance of the largest weight of a row, ohm.
const UNIT: f64 = 1e3;

/// Weights below this part of the largest of their row have no resistor: no sum in double precision has
/// digits for them.
const NEGLIGIBLE: f64 = 1e-30;

impl Mlp {
    /// Checks that the cascade, and the one circuit of it, fit into memory.
    ///
    /// # Errors
    /// [`SynthesisError::TooLarge`]
    pub fn check_size(&self) -> Result<(), SynthesisError> {
        let of_layer = |layer: &Layer| {
            let (rows, columns) = (layer.weight.rows() as u64, layer.weight.columns() as u64);
            let resistors = rows.saturating_mul(columns.saturating_add(2));
            resistors.saturating_add(columns.saturating_mul(2))
        };
        let sizes = self.layers().iter().map(of_layer);
        let elements = sizes.fold(0u64, u64::saturating_add);
        // Once as stages and once as a whole.
        check_elements(elements, 2)
    }

    /// The cascade of as many stages as there are layers; V for each unit of inputs and outputs.
    ///
    /// # Errors
    /// None that is known: names and links are made here.
    pub fn cascade(&self) -> Result<Cascade, CascadeError> {
        let mut stages = Vec::with_capacity(self.layers().len());
        // The scale of what a stage is driven by: outputs of the stage before are divided by theirs.
        let mut scales = vec![1.0; self.inputs()];
        for (k, layer) in self.layers().iter().enumerate() {
            let is_last = k + 1 == self.layers().len();
            let (stage, next) = stage(k, layer, &scales, !is_last)?;
            stages.push(stage);
            scales = next;
        }
        let readouts = scales.iter().enumerate();
        let readouts = readouts.map(|(from, &gain)| Readout { from, gain });
        Cascade::new(self.inputs(), stages, readouts.collect())
    }
}

/// The stage of layer k, and the gain that restores each of its outputs.
fn stage(
    k: usize,
    layer: &Layer,
    scales: &[f64],
    with_relu: bool,
) -> Result<(Stage, Vec<f64>), CascadeError> {
    let (rows, columns) = (layer.weight.rows(), layer.weight.columns());
    let title = format!("layer {k}: {columns} inputs, {rows} units");
    let mut circuit = Circuit::new(title);
    let mut drives = Vec::new();
    let mut gains = Vec::with_capacity(rows);
    for (i, &bias) in layer.bias.iter().enumerate() {
        let row = layer.weight.row(i);
        let largest = row.iter().fold(bias.abs(), |m, w| m.max(w.abs()));
        let node = circuit.node(&format!("h{i}"));
        let is_there = |w: f64| w != 0.0 && w.abs() >= NEGLIGIBLE * largest;
        let resistor = |w: f64| Device::Resistor {
            resistance: UNIT * (largest / w.abs()),
        };
        let mut sum = 0.0;
        for (j, &w) in row.iter().enumerate().filter(|(_, w)| is_there(**w)) {
            let source = if w > 0.0 { "p" } else { "n" };
            let input = circuit.node(&format!("x{source}{j}"));
            let name = format!("v{source}{j}");
            if circuit.find_element(&name).is_none() {
                let device = Device::VoltageSource { voltage: 0.0 };
                circuit.add(&name, device, [input, NodeId::GROUND])?;
                drives.push((name, j, scales[j] * w.signum()));
            }
            circuit.add(&format!("r{i}_{j}"), resistor(w), [input, node])?;
            sum += w.abs();
        }
        if is_there(bias) {
            let (source, supply) = match bias > 0.0 {
                true => ("vbp", circuit.node("bp")),
                false => ("vbn", circuit.node("bn")),
            };
            if circuit.find_element(source).is_none() {
                let voltage = bias.signum();
                let device = Device::VoltageSource { voltage };
                circuit.add(source, device, [supply, NodeId::GROUND])?;
            }
            circuit.add(&format!("rb{i}"), resistor(bias), [supply, node])?;
            sum += bias.abs();
        }
        if sum == 0.0 {
            let device = Device::Resistor { resistance: UNIT };
            circuit.add(&format!("rz{i}"), device, [node, NodeId::GROUND])?;
            sum = 1.0;
        }
        if with_relu {
            let port = [NodeId::GROUND, node];
            circuit.add(&format!("d{i}"), Device::IdealDiode, port)?;
        }
        gains.push(sum);
    }
    let mut stage = Stage::new(circuit);
    for (name, from, gain) in drives {
        stage = stage.drive(&name, from, gain)?;
    }
    for i in 0..rows {
        stage = stage.output(&format!("h{i}"), "0")?;
    }
    Ok((stage, gains))
}
