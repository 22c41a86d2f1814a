//! `J' lambda = dL/dz` on the factors of the operating point.

use crate::analysis::{Output, Solver};
use crate::circuit::Circuit;
use crate::mna::{BranchCurrents, System, TransposedResidual, Values, Workspace};

/// `dL/dz` in full form: how the loss depends on potentials and on branch currents.
#[derive(Clone, Debug, PartialEq)]
pub struct Cotangent {
    /// By node (per V), then by kept branch (per A).
    pub full: Vec<f64>,
    /// By eliminated voltage source, per A.
    pub ties: Vec<f64>,
    /// Outputs that are currents also depend on their element's own parameters.
    pub direct: Vec<(crate::circuit::ElementId, f64)>,
}

/// `lambda`: adjoint potentials and branch currents.
#[derive(Clone, Debug)]
pub struct Adjoint {
    /// By node, then by kept branch.
    pub full: Vec<f64>,
    /// Adjoint currents of eliminated voltage sources and shorts.
    pub ties: BranchCurrents,
    residual: Vec<f64>,
    reduced: Vec<f64>,
    evaluator: TransposedResidual,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AdjointError {
    /// The Jacobian at the operating point is singular in the direction the loss asks about.
    #[error(
        "the linearized circuit is singular: its adjoint leaves a relative residual of {residual:.1e}\n  \
         help: a node is held by blocking diodes or flat tables only; put a large resistor there"
    )]
    Singular { residual: f64 },
    /// A derivative has no finite value in double precision.
    #[error(
        "a derivative is beyond the range of double precision\n  help: look for element values that \
         are out of range"
    )]
    OutOfRange,
    /// The output itself has no one value.
    #[error(
        "`{output}` is not determined at the operating point, and has no derivative\n  help: {help}"
    )]
    Undetermined { output: String, help: &'static str },
}

/// Refinement ends at this relative residual, or when it stops falling.
const TARGET: f64 = 1e-18;
const ACCEPTED: f64 = 1e-9;
/// Rounding of the sums of an equation stays below this many units in the last place.
const ROUNDING_UNITS: f64 = 64.0;
const MAX_REFINEMENTS: usize = 12;

impl Cotangent {
    pub fn new(system: &System) -> Self {
        Self {
            full: vec![0.0; system.full_len()],
            ties: vec![0.0; system.tie_count()],
            direct: Vec::new(),
        }
    }

    pub fn clear(&mut self) {
        self.full.fill(0.0);
        self.ties.fill(0.0);
        self.direct.clear();
    }

    /// Adds `weight` times the derivative of `output` at the operating point of `solver`.
    pub fn add(&mut self, solver: &Solver, output: Output, weight: f64) {
        let Solver {
            circuit,
            system,
            values,
            workspace,
            ..
        } = solver;
        self.add_output(circuit, system, values, workspace, output, weight);
    }

    /// Adds `weight` times the derivative of `output` at the iterate of `workspace`.
    pub fn add_output(
        &mut self,
        circuit: &Circuit,
        system: &System,
        values: &Values,
        workspace: &Workspace,
        output: Output,
        weight: f64,
    ) {
        match output {
            Output::Voltage { p, n } => {
                self.full[p.index()] += weight;
                self.full[n.index()] -= weight;
            }
            Output::Current { element } => {
                system.add_current_derivative(
                    circuit,
                    values,
                    workspace,
                    element,
                    weight,
                    (&mut self.full, &mut self.ties),
                );
                self.direct.push((element, weight));
            }
        }
    }
}

impl Adjoint {
    pub fn new(system: &System) -> Self {
        Self {
            full: vec![0.0; system.full_len()],
            ties: BranchCurrents::zero(system),
            residual: vec![0.0; system.full_len()],
            reduced: vec![0.0; system.order()],
            evaluator: TransposedResidual::new(system),
        }
    }

    /// Solves for `lambda` on the Jacobian of `workspace`, which stands at its converged point, and
    /// refines the solution until the transposed equations hold to rounding.
    ///
    /// # Errors
    /// [`AdjointError::Singular`] if they do not.
    pub fn solve(
        &mut self,
        system: &System,
        values: &Values,
        workspace: &mut Workspace,
        cotangent: &Cotangent,
    ) -> Result<(), AdjointError> {
        let singular = AdjointError::Singular {
            residual: f64::INFINITY,
        };
        workspace.settle(system, values);
        if workspace.factor(system, values).is_err() {
            workspace.regularize();
            workspace
                .factor(system, values)
                .map_err(|_| singular.clone())?;
        }
        match self.refine(system, values, workspace, cotangent) {
            Err(_) if !workspace.is_regularized() => {
                workspace.regularize();
                workspace.factor(system, values).map_err(|_| singular)?;
                self.refine(system, values, workspace, cotangent)
            }
            outcome => outcome,
        }?;
        self.ties.recover(system, &self.residual);
        Ok(())
    }

    /// Leaves `J' lambda - dL/dz` without ties in `self.residual`.
    fn refine(
        &mut self,
        system: &System,
        values: &Values,
        workspace: &mut Workspace,
        cotangent: &Cotangent,
    ) -> Result<(), AdjointError> {
        self.full.fill(0.0);
        system.apply_adjoint_ties(&cotangent.ties, &mut self.full);
        let (mut last, mut asked) = (f64::INFINITY, 0.0f64);
        for round in 0..=MAX_REFINEMENTS {
            self.evaluator.evaluate(
                (system, values, workspace),
                &self.full,
                &cotangent.full,
                &mut self.residual,
                &mut self.reduced,
            );
            // The first residual is all that the loss asks for, also where that lies on the
            // currents of eliminated sources alone.
            let left = self.reduced.iter().fold(0.0f64, |m, x| {
                if x.is_nan() { f64::NAN } else { m.max(x.abs()) }
            });
            if round == 0 {
                asked = left;
            }
            let size = if asked == 0.0 { 0.0 } else { left / asked };
            let is_settled = round >= 2 && size > 0.25 * last && size <= ACCEPTED;
            if size <= TARGET || is_settled {
                return Ok(());
            }
            if !size.is_finite() || round == MAX_REFINEMENTS {
                let is_solved = size <= ACCEPTED
                    || (size.is_finite() && self.is_rounding((system, values, workspace)));
                return match is_solved {
                    true => Ok(()),
                    false => Err(AdjointError::Singular { residual: size }),
                };
            }
            last = size;
            workspace.solve_transpose(&mut self.reduced);
            system.add_reduced(&self.reduced, &mut self.full);
        }
        Ok(())
    }
}

impl Adjoint {
    /// True if what is left of each equation is the rounding of the numbers that meet in it.
    fn is_rounding(&self, at: (&System, &Values, &Workspace)) -> bool {
        let magnitudes = TransposedResidual::magnitudes(at, &self.full);
        let mut pairs = self.reduced.iter().zip(magnitudes);
        pairs.all(|(left, size)| left.abs() <= ROUNDING_UNITS * f64::EPSILON * size)
    }
}

impl Solver {
    /// The adjoint of `sum weight * output` at the operating point held in the workspace.
    ///
    /// # Errors
    /// [`AdjointError::Singular`].
    pub fn adjoint(
        &mut self,
        seeds: &[(Output, f64)],
    ) -> Result<(Adjoint, Cotangent), AdjointError> {
        let mut cotangent = Cotangent::new(&self.system);
        for &(output, weight) in seeds {
            cotangent.add(self, output, weight);
        }
        let mut adjoint = Adjoint::new(&self.system);
        adjoint.solve(&self.system, &self.values, &mut self.workspace, &cotangent)?;
        Ok((adjoint, cotangent))
    }
}
