//! Standard circuits of any size, for benches, tests and training; and random ones.

mod crossbars;
mod deep;
mod family;
mod kendall;
mod lattices;
mod parts;
mod shapes;
mod wild;

use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::device::{Device, Environment, Shockley, ShockleyParameters};

use super::{Circuit, NodeId, TopologyError};

pub use crossbars::{crossbar, random_amplifiers, wired_crossbar};
pub use deep::DeepNetwork;
pub use family::Family;
pub use kendall::KendallNetwork;
pub use lattices::{cube, mesh, power_grid, rectifier_mesh, string};
pub use wild::{Kind, Wild};

/// A Shockley diode with SPICE's default model card.
pub fn default_diode() -> Device {
    let diode = Shockley::new(ShockleyParameters::default(), Environment::default());
    diode.map_or(Device::IdealDiode, Device::from)
}

/// A small-signal diode as makers describe it: `D(IS=2.52n RS=0.568 N=1.752)`.
pub fn diode_1n4148() -> Device {
    let card = ShockleyParameters {
        saturation_current: 2.52e-9,
        series_resistance: 0.568,
        emission_coefficient: 1.752,
        ..ShockleyParameters::default()
    };
    Shockley::new(card, Environment::default()).map_or(Device::IdealDiode, Device::from)
}

fn resistor(resistance: f64) -> Device {
    Device::Resistor { resistance }
}

/// A source drives a chain of `stages` series resistors; every node has a resistor and a diode to
/// ground.
pub fn ladder(stages: usize) -> Result<Circuit, TopologyError> {
    let mut c = Circuit::new(format!("resistor-diode ladder of {stages} stages"));
    let mut previous = c.node("in");
    c.add(
        "vin",
        Device::VoltageSource { voltage: 5.0 },
        [previous, NodeId::GROUND],
    )?;
    for k in 1..=stages {
        let node = c.node(&format!("n{k}"));
        c.add(&format!("rs{k}"), resistor(100.0), [previous, node])?;
        c.add(&format!("rp{k}"), resistor(100e3), [node, NodeId::GROUND])?;
        c.add(&format!("d{k}"), default_diode(), [node, NodeId::GROUND])?;
        previous = node;
    }
    Ok(c)
}

/// A `rows x columns` mesh of resistors (1 kohm) with a Shockley diode from every node to ground;
/// the corners are driven by 5 V through 10 ohm. Element values vary by 10 % with `seed`.
pub fn grid(rows: usize, columns: usize, seed: u64) -> Result<Circuit, TopologyError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut vary = |value: f64| value * rng.random_range(0.9..1.1);
    let mut c = Circuit::new(format!(
        "{rows} x {columns} resistor grid with diodes to ground"
    ));
    let supply = c.node("in");
    c.add(
        "vin",
        Device::VoltageSource { voltage: 5.0 },
        [supply, NodeId::GROUND],
    )?;
    let mut nodes = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for column in 0..columns {
            nodes.push(c.node(&format!("n{row}_{column}")));
        }
    }
    for row in 0..rows {
        for column in 0..columns {
            let here = nodes[row * columns + column];
            c.add(
                &format!("d{row}_{column}"),
                default_diode(),
                [here, NodeId::GROUND],
            )?;
            if column + 1 < columns {
                let right = nodes[row * columns + column + 1];
                c.add(
                    &format!("rh{row}_{column}"),
                    resistor(vary(1e3)),
                    [here, right],
                )?;
            }
            if row + 1 < rows {
                let below = nodes[(row + 1) * columns + column];
                c.add(
                    &format!("rv{row}_{column}"),
                    resistor(vary(1e3)),
                    [here, below],
                )?;
            }
        }
    }
    let mut corners = vec![
        (0, 0),
        (0, columns - 1),
        (rows - 1, 0),
        (rows - 1, columns - 1),
    ];
    corners.sort_unstable();
    corners.dedup();
    for (k, (row, column)) in corners.into_iter().enumerate() {
        let corner = nodes[row * columns + column];
        c.add(&format!("rc{k}"), resistor(10.0), [supply, corner])?;
    }
    Ok(c)
}

/// Which clamp a hidden node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clamp {
    /// One ideal diode to ground, alternately each way round (Scellier 2024).
    Ideal,
    /// The same with a Shockley diode.
    Shockley,
    /// The same with a 1N4148.
    #[serde(rename = "1n4148")]
    D1N4148,
    /// Two opposed Shockley diodes, each in series with a bias source (Kendall et al. 2020).
    Biased,
}

/// A layered resistive network: crossbars of resistors between layers, a clamp at each hidden node.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Layered {
    /// Number of features. Each drives two sources, `x` and `-x`, named `vp<k>` and `vn<k>`.
    pub inputs: usize,
    /// Nodes of each hidden layer.
    pub hidden: Vec<usize>,
    /// Output nodes, named `out<k>`.
    pub outputs: usize,
    pub clamp: Clamp,
    /// Typical conductance of a resistor, S: values are drawn between nothing and twice this, and
    /// divided by the square root of the number of resistors at the node they lead to.
    #[serde(default = "default_conductance")]
    pub conductance: f64,
    /// Voltage of the two bias nodes, V: one positive, one negative, led to every node.
    #[serde(default = "default_bias")]
    pub bias: f64,
    #[serde(default)]
    pub seed: u64,
}

fn default_conductance() -> f64 {
    1e-3
}

fn default_bias() -> f64 {
    1.0
}

impl Layered {
    /// About how many elements there are.
    pub fn size(inputs: usize, hidden: &[usize], outputs: usize) -> usize {
        let mut before = inputs.saturating_mul(2);
        let mut sum = before;
        for &size in hidden.iter().chain([&outputs]) {
            // Two bias nodes and a clamp besides.
            sum = sum.saturating_add(size.saturating_mul(before.saturating_add(4)));
            before = size;
        }
        sum
    }

    /// Resistors are named `r<layer>_<from>_<to>`, hidden nodes `h<layer>_<k>`.
    pub fn build(&self) -> Result<Circuit, TopologyError> {
        let mut c = Circuit::new(format!(
            "layered resistor-diode network: {} features, hidden layers {:?}, {} outputs",
            self.inputs, self.hidden, self.outputs
        ));
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut layer = Vec::new();
        for k in 0..self.inputs {
            for (prefix, name) in [("p", format!("p{k}")), ("n", format!("n{k}"))] {
                let node = c.node(&format!("x{name}"));
                let source = Device::VoltageSource { voltage: 0.0 };
                c.add(&format!("v{prefix}{k}"), source, [node, NodeId::GROUND])?;
                layer.push(node);
            }
        }
        let bias = [("vbp", "biasp", self.bias), ("vbn", "biasn", -self.bias)]
            .map(|(source, node, voltage)| (source, c.node(node), voltage));
        for (source, node, voltage) in bias {
            c.add(
                source,
                Device::VoltageSource { voltage },
                [node, NodeId::GROUND],
            )?;
        }
        let biases = bias.map(|b| b.1);
        for (index, &size) in self.hidden.iter().enumerate() {
            let nodes = self.crossbar(&mut c, &mut rng, index + 1, &layer, biases, size, "h")?;
            for (k, &node) in nodes.iter().enumerate() {
                add_clamp(
                    self.clamp,
                    &mut c,
                    &format!("{}_{k}", index + 1),
                    node,
                    k % 2 == 0,
                )?;
            }
            layer = nodes;
        }
        let last = self.hidden.len() + 1;
        self.crossbar(&mut c, &mut rng, last, &layer, biases, self.outputs, "out")?;
        Ok(c)
    }

    /// Resistors from every node of `from` and from the bias nodes to `size` new nodes.
    #[allow(clippy::too_many_arguments)]
    fn crossbar(
        &self,
        c: &mut Circuit,
        rng: &mut ChaCha8Rng,
        layer: usize,
        from: &[NodeId],
        biases: [NodeId; 2],
        size: usize,
        prefix: &str,
    ) -> Result<Vec<NodeId>, TopologyError> {
        let is_output = prefix == "out";
        let scale = self.conductance / ((from.len() + 2) as f64).sqrt();
        let mut nodes = Vec::with_capacity(size);
        for to in 0..size {
            let name = if is_output {
                format!("out{to}")
            } else {
                format!("h{layer}_{to}")
            };
            let node = c.node(&name);
            for (k, &source) in from.iter().chain(&biases).enumerate() {
                let conductance = scale * rng.random_range(0.02..2.0);
                let name = format!("r{layer}_{k}_{to}");
                c.add(&name, resistor(1.0 / conductance), [source, node])?;
            }
            nodes.push(node);
        }
        Ok(nodes)
    }
}

/// Clamps a node: from above if `upper`, from below if not; both for [`Clamp::Biased`].
fn add_clamp(
    clamp: Clamp,
    c: &mut Circuit,
    name: &str,
    node: NodeId,
    upper: bool,
) -> Result<(), TopologyError> {
    let port = if upper {
        [node, NodeId::GROUND]
    } else {
        [NodeId::GROUND, node]
    };
    match clamp {
        Clamp::Ideal => c
            .add(&format!("d{name}"), Device::IdealDiode, port)
            .map(drop),
        Clamp::Shockley => c.add(&format!("d{name}"), default_diode(), port).map(drop),
        Clamp::D1N4148 => c.add(&format!("d{name}"), diode_1n4148(), port).map(drop),
        Clamp::Biased => {
            let (top, bottom) = (c.node(&format!("t{name}")), c.node(&format!("b{name}")));
            c.add(&format!("dt{name}"), default_diode(), [node, top])?;
            c.add(&format!("db{name}"), default_diode(), [bottom, node])?;
            let ground = NodeId::GROUND;
            c.add(
                &format!("vt{name}"),
                Device::VoltageSource { voltage: 0.3 },
                [top, ground],
            )?;
            let low = Device::VoltageSource { voltage: -0.7 };
            c.add(&format!("vb{name}"), low, [bottom, ground]).map(drop)
        }
    }
}
