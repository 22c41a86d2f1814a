//! The network of Kendall et al. 2020 (arXiv 2006.01981).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::circuit::{Circuit, NodeId, TopologyError};
use crate::device::Device;

use super::crossbars::add_amplifier;
use super::{Clamp, add_clamp, resistor};

/// Crossbars of resistors between layers; doubled inputs and a bias node; at each hidden node two
/// antiparallel Shockley diodes, each in series with a bias source, and an amplifier in both directions
/// to the next crossbar: a voltage A times larger forwards, a current A times smaller backwards.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct KendallNetwork {
    /// Features, nodes of each hidden layer, outputs. Each feature drives two sources, `x` and `-x`,
    /// named `vp<k>` and `vn<k>`; output nodes are `out<k>`, hidden ones `h<layer>_<k>`, and those behind
    /// their amplifiers `a<layer>_<k>`.
    pub layers: Vec<usize>,
    /// A, the gain of each amplifier.
    #[serde(default = "gain")]
    pub gain: f64,
    /// Voltage of the bias node, V.
    #[serde(default = "bias")]
    pub bias: f64,
    /// Unit of the conductances, S. They are drawn from `U(floor, 2.8 conductance / sqrt(nodes before +
    /// nodes behind))`.
    #[serde(default = "conductance")]
    pub conductance: f64,
    /// Smallest conductance, S.
    #[serde(default = "floor")]
    pub floor: f64,
    #[serde(default)]
    pub seed: u64,
}

fn gain() -> f64 {
    4.0
}

fn bias() -> f64 {
    1.0
}

fn conductance() -> f64 {
    1e-4
}

fn floor() -> f64 {
    1e-7
}

impl KendallNetwork {
    /// About how many elements there are.
    pub fn size(&self) -> usize {
        let mut before = self.layers.first().map_or(0, |n| n.saturating_mul(2));
        let mut sum = before;
        for &size in self.layers.iter().skip(1) {
            // Clamps, their sources, and an amplifier of three elements besides.
            sum = sum.saturating_add(size.saturating_mul(before.saturating_add(8)));
            before = size;
        }
        sum
    }

    /// Resistors are named `r<layer>_<from>_<to>`; those from the bias node come last in each row.
    pub fn build(&self) -> Result<Circuit, TopologyError> {
        let name: Vec<String> = self.layers.iter().map(usize::to_string).collect();
        let title = format!("resistive network with amplifiers {}", name.join("-"));
        let mut c = Circuit::new(title);
        c.reserve(self.size());
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let ground = NodeId::GROUND;
        let bias = c.node("bias");
        let source = Device::VoltageSource { voltage: self.bias };
        c.add("vbias", source, [bias, ground])?;
        let mut before = Vec::new();
        for k in 0..self.layers.first().copied().unwrap_or(0) {
            for sign in ["p", "n"] {
                let node = c.node(&format!("x{sign}{k}"));
                let source = Device::VoltageSource { voltage: 0.0 };
                c.add(&format!("v{sign}{k}"), source, [node, ground])?;
                before.push(node);
            }
        }
        let last = self.layers.len() - 1;
        for (layer, &size) in self.layers.iter().enumerate().skip(1) {
            let around = (before.len() + size) as f64;
            let most = (2.8 * self.conductance / around.sqrt()).max(2.0 * self.floor);
            let mut nodes = Vec::with_capacity(size);
            for to in 0..size {
                let node = match layer == last {
                    true => c.node(&format!("out{to}")),
                    false => c.node(&format!("h{layer}_{to}")),
                };
                for (from, &source) in before.iter().chain([&bias]).enumerate() {
                    let g = rng.random_range(self.floor..most);
                    let name = format!("r{layer}_{from}_{to}");
                    c.add(&name, resistor(1.0 / g), [source, node])?;
                }
                nodes.push(node);
                if layer < last {
                    let name = format!("{layer}_{to}");
                    add_clamp(Clamp::Biased, &mut c, &name, node, true)?;
                    nodes[to] = add_amplifier(&mut c, &name, node, self.gain)?;
                }
            }
            before = nodes;
        }
        Ok(c)
    }
}
