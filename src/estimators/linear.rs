//! On the linearized circuit: the adjoint, the adjoint as a bench measures it, forward sensitivities.

use crate::adjoint::{Adjoint, AdjointError, AdjointNetwork, Cotangent, derivative};
use crate::analysis::OperatingPoint;
use crate::circuit::ParameterId;
use crate::device::Device;
use crate::learning::data::SampleRandom;
use crate::mna::BranchCurrents;

use super::{Bench, Estimator, EstimatorError, Inapplicable, Settings, local};

/// What voltages and currents are read with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meter {
    /// Standard deviation of a reading relative to its value.
    pub noise: f64,
    /// Steps of a reading: `2^bits` over the range from `-` to `+` the largest reading of a sample; none
    /// for a meter of any resolution.
    pub bits: Option<u32>,
}

impl Default for Meter {
    /// 1 % and 12 bits.
    fn default() -> Self {
        Self {
            noise: 1e-2,
            bits: Some(12),
        }
    }
}

impl Meter {
    /// Readings of one quantity at many places, on one range.
    fn read(&self, values: &mut [f64], random: &mut SampleRandom) {
        for value in values.iter_mut() {
            *value *= 1.0 + random.gaussian(self.noise);
        }
        let range = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        if let (Some(bits), true) = (self.bits, range > 0.0) {
            let step = 2.0 * range / 2f64.powi(bits as i32);
            values
                .iter_mut()
                .for_each(|v| *v = (*v / step).round() * step);
        }
    }
}

impl Bench {
    /// The free state of a sample, with `dL/dz` there.
    fn linearize(
        &mut self,
        sample: usize,
        estimator: Estimator,
    ) -> Result<(OperatingPoint, Cotangent), EstimatorError> {
        let free = self.settle(sample, &[], estimator)?;
        let (_, slope, _) = self.slope(&free, sample);
        let mut cotangent = Cotangent::new(&self.solver.system);
        for (&output, &weight) in self.outputs.iter().zip(&slope) {
            cotangent.add(&self.solver, output, weight);
        }
        Ok((free, cotangent))
    }

    /// Leaves the factors of the Jacobian at the free state in the workspace.
    fn transposed(
        &mut self,
        sample: usize,
        cotangent: &Cotangent,
        estimator: Estimator,
    ) -> Result<Adjoint, EstimatorError> {
        let solver = &mut self.solver;
        let mut adjoint = Adjoint::new(&solver.system);
        let solved = adjoint.solve(
            &solver.system,
            &solver.values,
            &mut solver.workspace,
            cotangent,
        );
        solved.map_err(|error| EstimatorError::Adjoint {
            sample,
            estimator,
            error,
        })?;
        Ok(adjoint)
    }

    pub(super) fn adjoint(
        &mut self,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        for &sample in samples {
            let (_, cotangent) = self.linearize(sample, Estimator::Adjoint)?;
            let adjoint = self.transposed(sample, &cotangent, Estimator::Adjoint)?;
            self.cost.linear += 1;
            let solver = &self.solver;
            let ties = BranchCurrents::of_workspace(&solver.system, &solver.workspace);
            for (g, id) in gradient.iter_mut().zip(self.parameters.ids()) {
                *g += derivative(
                    &solver.circuit,
                    &solver.system,
                    &solver.values,
                    &solver.workspace,
                    (&adjoint, &cotangent, &ties),
                    id,
                );
            }
        }
        Ok(())
    }

    /// Two circuits side by side, the free one and its adjoint network, and one meter for each: the update
    /// of an element is `-lambda di/dtheta` with both drops as read. Any element may stand in the circuit,
    /// since its adjoint network is turned round where it is not reciprocal.
    pub(super) fn measured(
        &mut self,
        settings: &Settings,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        let estimator = Estimator::AdjointMeasured;
        let inapplicable = |reason| EstimatorError::Inapplicable { estimator, reason };
        // Readings of voltages do not tell the current of an adjoint voltage source.
        self.check_local(false).map_err(inapplicable)?;
        let ids: Vec<_> = self.parameters.ids().collect();
        for &sample in samples {
            let mut random = SampleRandom::new(settings.seed, sample);
            let (free, cotangent) = self.linearize(sample, estimator)?;
            if !cotangent.direct.is_empty() {
                let output = "i(…)".to_string();
                return Err(inapplicable(Inapplicable::CurrentOutput { output }));
            }
            let wrap = |error| EstimatorError::Network {
                sample,
                estimator,
                error: Box::new(error),
            };
            let network = AdjointNetwork::new(&self.solver, &free, &cotangent)?;
            let adjoint = network.solve(&self.solver).map_err(wrap)?;
            self.cost.linear += 1;
            let port = |id: &ParameterId| self.solver.circuit.element(id.element).port;
            let drop = |id: &ParameterId| free.voltage(port(id)[0], port(id)[1]);
            let mut drops: Vec<f64> = ids.iter().map(drop).collect();
            let lambda = |id: &ParameterId| {
                let [p, n] = port(id);
                adjoint.full[p.index()] - adjoint.full[n.index()]
            };
            let mut lambdas: Vec<f64> = ids.iter().map(lambda).collect();
            settings.meter.read(&mut drops, &mut random);
            settings.meter.read(&mut lambdas, &mut random);
            for (k, id) in ids.iter().enumerate() {
                let device = &self.solver.circuit.element(id.element).device;
                gradient[k] -= lambdas[k] * local::slope(device, id.parameter, drops[k]);
            }
        }
        Ok(())
    }

    /// `J dz = -dF/dtheta` for one parameter after the other, `dL = dL/dz dz`.
    pub(super) fn forward(
        &mut self,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        let estimator = Estimator::Forward;
        let inapplicable = |reason| EstimatorError::Inapplicable { estimator, reason };
        // A voltage source that the system has eliminated has no equation to be moved in.
        self.check_local(false).map_err(inapplicable)?;
        let ids: Vec<_> = self.parameters.ids().collect();
        for &sample in samples {
            let (free, cotangent) = self.linearize(sample, estimator)?;
            if !cotangent.direct.is_empty() {
                let output = "i(…)".to_string();
                return Err(inapplicable(Inapplicable::CurrentOutput { output }));
            }
            // The factors are made, and the point is found regular, where the adjoint is solved.
            self.transposed(sample, &cotangent, estimator)?;
            let solver = &mut self.solver;
            for (g, id) in gradient.iter_mut().zip(&ids) {
                let element = solver.circuit.element(id.element);
                let [p, n] = element.port;
                let current = match &element.device {
                    Device::VoltageSource { .. } => 0.0,
                    device => local::slope(device, id.parameter, free.voltage(p, n)),
                };
                let reduced = &mut solver.workspace.reduced;
                reduced.fill(0.0);
                for (node, leaving) in [(p, current), (n, -current)] {
                    let unknown = solver.system.unknowns()[node.index()];
                    if let Some(entry) = reduced.get_mut(unknown.index()) {
                        *entry += leaving;
                    }
                }
                solver.workspace.solve_step();
                self.cost.linear += 1;
                let mut moved = vec![0.0; solver.system.full_len()];
                let system = &solver.system;
                system.add_reduced(&solver.workspace.reduced, &mut moved);
                let change: f64 = moved.iter().zip(&cotangent.full).map(|(z, c)| z * c).sum();
                if !change.is_finite() {
                    return Err(EstimatorError::Adjoint {
                        sample,
                        estimator,
                        error: AdjointError::OutOfRange,
                    });
                }
                *g += change;
            }
        }
        Ok(())
    }
}
