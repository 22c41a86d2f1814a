//! What is connected to the outputs in place of a current: conductances to targets, and clamps.

use crate::circuit::{Circuit, ElementId, ParameterId};
use crate::device::{Device, Parameter};

use super::versions::{add_at_output, compile};
use super::{Bench, Estimator, EstimatorError, Inapplicable};

impl Bench {
    /// Centered equilibrium propagation with conductances `±beta` to the targets: the nudge is the loss
    /// itself, `beta s^2 (y - t/s)`, with s the loss's scale. A conductance to a target is drawn as one
    /// across the output beside a current source.
    pub(super) fn conductance(
        &mut self,
        beta: f64,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        let estimator = Estimator::EqPropConductance;
        let beta = beta * self.unit();
        let mut sides = Vec::new();
        let targets = |bench: &Self, sample| {
            let found = bench
                .loss
                .quadratic(&bench.data.targets, sample, bench.outputs.len());
            found.ok_or(EstimatorError::Inapplicable {
                estimator,
                reason: Inapplicable::NoTarget,
            })
        };
        let Some(&first) = samples.first() else {
            return Ok(());
        };
        let (curvature, _) = targets(self, first)?;
        for sign in [1.0, -1.0] {
            let conductance = sign * beta * curvature;
            let (circuit, currents) = self.with_conductances(conductance)?;
            let solver = compile(circuit, estimator)?;
            sides.push((sign, conductance, solver, currents));
        }
        for &sample in samples {
            let (_, targets) = targets(self, sample)?;
            let mut states = Vec::new();
            for (_, conductance, solver, currents) in &mut sides {
                let values = targets.iter().map(|t| -*conductance * t);
                let own: Vec<_> = currents.iter().copied().zip(values).collect();
                states.push(self.settle_other(solver, &own, (sample, estimator))?);
            }
            if let [up, down] = &states[..] {
                self.add_contrast((down, up), 0.5 / beta, gradient);
            }
        }
        Ok(())
    }

    fn with_conductances(
        &self,
        conductance: f64,
    ) -> Result<(Circuit, Vec<ElementId>), EstimatorError> {
        let mut circuit = self.solver.circuit.clone();
        let mut currents = Vec::new();
        for pair in self.output_pairs() {
            let resistance = 1.0 / conductance;
            add_at_output(&mut circuit, "r", Device::Resistor { resistance }, pair)?;
            let source = Device::CurrentSource { current: 0.0 };
            currents.push(add_at_output(&mut circuit, "i", source, pair)?);
        }
        Ok((circuit, currents))
    }

    /// Coupled learning: outputs held at `y + eta (target - y)`. The currents of the clamps tell how strong
    /// a nudge that was: beta is the factor that brings `-dL/dy` closest to them.
    pub(super) fn coupled(
        &mut self,
        eta: f64,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        let estimator = Estimator::Coupled;
        let inapplicable = |reason| EstimatorError::Inapplicable { estimator, reason };
        if eta > 1.0 {
            return Err(inapplicable(Inapplicable::NotAPart { beta: eta }));
        }
        let mut circuit = self.solver.circuit.clone();
        let mut clamps = Vec::new();
        for pair in self.output_pairs() {
            let source = Device::VoltageSource { voltage: 0.0 };
            clamps.push(add_at_output(&mut circuit, "v", source, pair)?);
        }
        let mut clamped = compile(circuit, estimator)?;
        for &sample in samples {
            let targets = &self.data.targets;
            let found = self.loss.quadratic(targets, sample, self.outputs.len());
            let (_, targets) = found.ok_or_else(|| inapplicable(Inapplicable::NoTarget))?;
            let free = self.settle(sample, &[], estimator)?;
            let (outputs, slope, _) = self.slope(&free, sample);
            let goals = outputs.iter().zip(&targets).map(|(y, t)| y + eta * (t - y));
            let own: Vec<_> = clamps.iter().copied().zip(goals).collect();
            let state = self.settle_other(&mut clamped, &own, (sample, estimator))?;
            // A clamp's current flows through it from p to n: into the circuit goes the opposite one.
            let given = clamps
                .iter()
                .map(|&id| -state.current(&clamped.circuit, id));
            let power: f64 = given.zip(&slope).map(|(i, d)| -i * d).sum();
            let square: f64 = slope.iter().map(|d| d * d).sum();
            if square == 0.0 || power == 0.0 {
                return Err(inapplicable(Inapplicable::NothingToClamp { sample }));
            }
            self.add_contrast((&free, &state), square / power, gradient);
        }
        Ok(())
    }

    /// Sets a parameter on the bench; false if its element cannot take the value.
    pub(super) fn set(&mut self, id: ParameterId, value: f64) -> bool {
        // A resistance of zero would be another circuit.
        let is_short = id.parameter == Parameter::Resistance && value == 0.0;
        !is_short && self.solver.circuit.set(id, value)
    }
}
