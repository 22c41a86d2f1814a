//! An equilibrium network as a circuit (Chaffey 2025): 1 V for each unit of z and x, 1 mA for each unit
//! of the logits, 1 mS for each unit of the matrices.
//!
//! | part | elements |
//! |---|---|
//! | unit i | node `z<i>`; ideal diode `d<i>` from ground holds it at zero or above, its current is w |
//! | m | resistor `rm<i>` from `z<i>` to ground |
//! | A'A, gyrators | for each row k a resistor `ra<k>` at node `a<k>`, whose voltage is `A z`, and gyrators `xa<k>_<i>` between it and `z<i>`, which take it back |
//! | A'A, transformers | for each row k windings in series that end at a resistor `ra<k>`, transformers `xa<k>_<i>` of ratio `A[k,i]` from `z<i>` |
//! | B' - B | gyrators `xb<i>_<j>` between `z<i>` and `z<j>` |
//! | U | gyrators `xu<i>_<j>` from `x<j>`, which the source `vx<j>` holds, to `z<i>` |
//! | b | current sources `ib<i>` |
//! | V, v | gyrators `xo<c>_<i>` from `z<i>` to `o<c>`, which the source `vo<c>` holds at 0 V so that nothing acts back, and current sources `io<c>`; the logit is the current of `vo<c>` |
//!
//! Entries that are zero have no element.

use crate::circuit::{Circuit, NodeId, TopologyError};
use crate::device::Device;

use super::{Equilibrium, SynthesisError, check_elements};

/// What makes the symmetric part A'A.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SymmetricPart {
    /// Gyrators to one resistor for each row of A: n nodes more.
    #[default]
    Gyrators,
    /// Transformers in series, which leave a network without B reciprocal: some 2 n^2 unknowns more.
    Transformers,
}

/// Conductance of a matrix entry of one, S.
const UNIT: f64 = 1e-3;

impl Equilibrium {
    /// Checks that the circuit fits into memory.
    ///
    /// # Errors
    /// [`SynthesisError::TooLarge`]
    pub fn check_size(&self) -> Result<(), SynthesisError> {
        let (n, inputs) = (self.units() as u64, self.u.columns() as u64);
        let classes = self.out_weight.rows() as u64;
        let per_unit = n
            .saturating_mul(2)
            .saturating_add(inputs)
            .saturating_add(classes);
        let elements = n.saturating_mul(per_unit);
        check_elements(elements, 1)
    }

    /// The circuit, with all inputs at 0 V. Its operating point has `z` (V) as the potentials of
    /// `z<i>`, and the logits (mA) as the currents of the sources `vo<c>`.
    ///
    /// # Errors
    /// None that is known: names are made here.
    pub fn circuit(&self, part: SymmetricPart) -> Result<Circuit, TopologyError> {
        let n = self.units();
        let mut circuit = Circuit::new(format!(
            "equilibrium network of {n} units, {} inputs and {} outputs",
            self.u.columns(),
            self.out_weight.rows()
        ));
        let mut builder = Builder {
            inputs: nodes(&mut circuit, "x", self.u.columns()),
            units: nodes(&mut circuit, "z", n),
            circuit,
        };
        builder.sources()?;
        builder.units(self)?;
        match part {
            SymmetricPart::Gyrators => builder.gyrator_bank(self)?,
            SymmetricPart::Transformers => builder.transformer_bank(self)?,
        }
        builder.skew(self)?;
        builder.injection(self)?;
        builder.outputs(self)?;
        Ok(builder.circuit)
    }
}

fn nodes(circuit: &mut Circuit, prefix: &str, count: usize) -> Vec<NodeId> {
    (0..count)
        .map(|k| circuit.node(&format!("{prefix}{k}")))
        .collect()
}

fn resistor(conductance: f64) -> Device {
    Device::Resistor {
        resistance: conductance.recip(),
    }
}

struct Builder {
    circuit: Circuit,
    inputs: Vec<NodeId>,
    units: Vec<NodeId>,
}

impl Builder {
    fn sources(&mut self) -> Result<(), TopologyError> {
        for (j, &node) in self.inputs.iter().enumerate() {
            let device = Device::VoltageSource { voltage: 0.0 };
            self.circuit
                .add(&format!("vx{j}"), device, [node, NodeId::GROUND])?;
        }
        Ok(())
    }

    fn units(&mut self, network: &Equilibrium) -> Result<(), TopologyError> {
        for (i, &node) in self.units.iter().enumerate() {
            let c = &mut self.circuit;
            c.add(&format!("d{i}"), Device::IdealDiode, [NodeId::GROUND, node])?;
            c.add(
                &format!("rm{i}"),
                resistor(network.m * UNIT),
                [node, NodeId::GROUND],
            )?;
            let current = network.bias[i] * UNIT;
            if current != 0.0 {
                let device = Device::CurrentSource { current };
                c.add(&format!("ib{i}"), device, [NodeId::GROUND, node])?;
            }
        }
        Ok(())
    }

    /// A gyrator takes the voltage of a unit to a current into `a<k>`, and that of `a<k>` back to one out
    /// of the unit.
    fn gyrator_bank(&mut self, network: &Equilibrium) -> Result<(), TopologyError> {
        for k in 0..network.units() {
            let row = network.a.row(k);
            if row.iter().all(|entry| *entry == 0.0) {
                continue;
            }
            let node = self.circuit.node(&format!("a{k}"));
            self.circuit
                .add(&format!("ra{k}"), resistor(UNIT), [node, NodeId::GROUND])?;
            for (i, &entry) in row.iter().enumerate() {
                self.gyrator(&format!("xa{k}_{i}"), entry, self.units[i], node)?;
            }
        }
        Ok(())
    }

    /// Each row of A adds the voltages of the units to one across a resistor, whose current it draws
    /// from them in the same proportion.
    fn transformer_bank(&mut self, network: &Equilibrium) -> Result<(), TopologyError> {
        for k in 0..network.units() {
            let mut below = NodeId::GROUND;
            for (i, &ratio) in network.a.row(k).iter().enumerate() {
                if ratio == 0.0 {
                    continue;
                }
                let above = self.circuit.node(&format!("a{k}_{i}"));
                let second = [self.units[i], NodeId::GROUND];
                let device = Device::Transformer { ratio };
                let name = format!("xa{k}_{i}");
                self.circuit
                    .add_two_port(&name, device, [above, below], second)?;
                below = above;
            }
            if below != NodeId::GROUND {
                let name = format!("ra{k}");
                self.circuit
                    .add(&name, resistor(UNIT), [below, NodeId::GROUND])?;
            }
        }
        Ok(())
    }

    fn skew(&mut self, network: &Equilibrium) -> Result<(), TopologyError> {
        for i in 0..network.units() {
            for j in i + 1..network.units() {
                let entry = network.b[(j, i)] - network.b[(i, j)];
                self.gyrator(&format!("xb{i}_{j}"), entry, self.units[i], self.units[j])?;
            }
        }
        Ok(())
    }

    /// A gyrator takes its current from the input's source, which holds its voltage all the same.
    fn injection(&mut self, network: &Equilibrium) -> Result<(), TopologyError> {
        for i in 0..network.units() {
            for (j, &entry) in network.u.row(i).iter().enumerate() {
                self.gyrator(&format!("xu{i}_{j}"), entry, self.inputs[j], self.units[i])?;
            }
        }
        Ok(())
    }

    /// `entry` times the second voltage leaves the first node, and enters the second times the first.
    fn gyrator(
        &mut self,
        name: &str,
        entry: f64,
        first: NodeId,
        second: NodeId,
    ) -> Result<(), TopologyError> {
        if entry == 0.0 {
            return Ok(());
        }
        let conductance = entry * UNIT;
        let device = Device::Gyrator { conductance };
        let ports = [first, second].map(|node| [node, NodeId::GROUND]);
        self.circuit
            .add_two_port(name, device, ports[0], ports[1])
            .map(drop)
    }

    fn outputs(&mut self, network: &Equilibrium) -> Result<(), TopologyError> {
        for (c, &bias) in network.out_bias.iter().enumerate() {
            let node = self.circuit.node(&format!("o{c}"));
            let device = Device::VoltageSource { voltage: 0.0 };
            self.circuit
                .add(&format!("vo{c}"), device, [node, NodeId::GROUND])?;
            let device = Device::CurrentSource {
                current: bias * UNIT,
            };
            self.circuit
                .add(&format!("io{c}"), device, [NodeId::GROUND, node])?;
            for (i, &entry) in network.out_weight.row(c).iter().enumerate() {
                self.gyrator(&format!("xo{c}_{i}"), entry, self.units[i], node)?;
            }
        }
        Ok(())
    }
}
