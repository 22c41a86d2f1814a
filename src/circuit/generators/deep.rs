//! Deep resistive networks (Scellier 2024).

use std::sync::Arc;

use compact_str::format_compact;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::circuit::{Circuit, Fan, NodeId, TopologyError};
use crate::device::Device;

use super::{Clamp, add_clamp};

/// A deep resistive network: crossbars of resistors between layers, a clamp at each hidden node, a
/// current source for the bias of every node.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeepNetwork {
    /// Features, nodes of each hidden layer, outputs. Each feature drives two sources, `x` and `-x`,
    /// named `vp<k>` and `vn<k>`; output nodes are `out<k>`, hidden ones `h<layer>_<k>`.
    pub layers: Vec<usize>,
    /// Every other hidden node is held from above, the others from below; both if biased.
    #[serde(default = "ideal")]
    pub clamp: Clamp,
    /// Unit of the conductances, S. They are drawn from `max(floor, U(-c, c))` with
    /// `c = conductance / sqrt(resistors from the layer before)`.
    #[serde(default = "one")]
    pub conductance: f64,
    /// Smallest conductance, in that unit: a resistor is never absent.
    #[serde(default = "floor")]
    pub floor: f64,
    #[serde(default)]
    pub seed: u64,
}

fn ideal() -> Clamp {
    Clamp::Ideal
}

fn one() -> f64 {
    1.0
}

fn floor() -> f64 {
    1e-7
}

impl DeepNetwork {
    /// About how many elements there are.
    pub fn size(&self) -> usize {
        let mut before = self.layers.first().map_or(0, |n| n.saturating_mul(2));
        let mut sum = before;
        for &size in self.layers.iter().skip(1) {
            sum = sum.saturating_add(size.saturating_mul(before.saturating_add(2)));
            before = size;
        }
        sum
    }

    /// Resistors are named `r<layer>_<from>_<to>`, bias sources `i<layer>_<k>`.
    pub fn build(&self) -> Result<Circuit, TopologyError> {
        let name: Vec<String> = self.layers.iter().map(usize::to_string).collect();
        let mut c = Circuit::new(format!("deep resistive network {}", name.join("-")));
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut before = Vec::new();
        for k in 0..self.layers.first().copied().unwrap_or(0) {
            for sign in ["p", "n"] {
                let node = c.node(&format!("x{sign}{k}"));
                let source = Device::VoltageSource { voltage: 0.0 };
                c.add(&format!("v{sign}{k}"), source, [node, NodeId::GROUND])?;
                before.push(node);
            }
        }
        let mut before: Arc<[NodeId]> = before.into();
        let last = self.layers.len() - 1;
        for (layer, &size) in self.layers.iter().enumerate().skip(1) {
            let bound = 1.0 / (before.len() as f64).sqrt();
            let mut nodes = Vec::with_capacity(size);
            for to in 0..size {
                let node = match layer == last {
                    true => c.node(&format!("out{to}")),
                    false => c.node(&format!("h{layer}_{to}")),
                };
                let draw = |_| {
                    let drawn: f64 = rng.random_range(-bound..bound);
                    1.0 / (self.conductance * drawn.max(self.floor))
                };
                c.add_fan(Fan {
                    head: format_compact!("r{layer}_"),
                    tail: format_compact!("_{to}"),
                    from: before.clone(),
                    to: node,
                    resistances: (0..before.len()).map(draw).collect(),
                });
                let bias = Device::CurrentSource { current: 0.0 };
                c.add(&format!("i{layer}_{to}"), bias, [NodeId::GROUND, node])?;
                if layer != last {
                    add_clamp(
                        self.clamp,
                        &mut c,
                        &format!("{layer}_{to}"),
                        node,
                        to % 2 == 0,
                    )?;
                }
                nodes.push(node);
            }
            before = nodes.into();
        }
        Ok(c)
    }
}
