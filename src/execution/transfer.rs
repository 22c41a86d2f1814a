//! `.tf` as a dataset with ngspice's names.

use super::{Execution, ExecutionError, HEAD};
use crate::adjoint::TransferFunction;
use crate::analysis::dataset::{Unit, Variable};
use crate::analysis::{Output, Probe, RequestError, Solver};
use crate::circuit::ElementId;
use crate::device::Device;
use crate::netlist::{Diagnostic, Name};
use crate::source::Spanned;

impl Execution {
    pub(super) fn transfer_function(
        &mut self,
        solver: &mut Solver,
        output: &Spanned<Name>,
        input: &Spanned<Name>,
    ) -> Result<(), ExecutionError> {
        let in_deck = |solver: &Solver, d| RequestError::in_deck(&solver.circuit, d);
        let probe = Probe::read(&solver.circuit, output).map_err(|fault| in_deck(solver, fault))?;
        let source = solver.circuit.find_element_spelled(&input.value);
        let op = solver.operating_point_from_anywhere()?;
        self.watch.note(&solver.circuit, &op);
        if let Some(output) = probe.output() {
            solver.check_determined(&op, &[(output, 1.0)])?;
        }
        let found = match (probe.output(), source) {
            (Some(output), Some(source)) => solver.transfer_function(output, source)?,
            _ => None,
        };
        let (Some(transfer), Some(output), Some(source)) = (found, probe.output(), source) else {
            let fault = no_transfer_function(solver, output, input);
            return Err(in_deck(solver, fault).into());
        };
        self.reserve(4 * HEAD)?;
        let variables = transfer_variables(&probe.name, output, source, solver);
        let mut dataset = self.dataset(solver, ("tf", "Transfer Function"), variables);
        let TransferFunction {
            gain,
            input_resistance,
            output_resistance,
        } = transfer;
        dataset.rows = vec![vec![gain, input_resistance, output_resistance]];
        self.push(dataset, None);
        Ok(())
    }
}

/// ngspice's names.
fn transfer_variables(
    name: &str,
    output: Output,
    source: ElementId,
    solver: &Solver,
) -> Vec<Variable> {
    let (of_output, impedance) = match output {
        Output::Voltage { .. } => (Unit::Voltage, format!("output_impedance_at_{name}")),
        Output::Current { element } => {
            let element = &solver.circuit.element(element).name();
            (Unit::Current, format!("{element}#output_impedance"))
        }
    };
    let source = solver.circuit.element(source);
    let of_source = match source.device {
        Device::VoltageSource { .. } => Unit::Voltage,
        _ => Unit::Current,
    };
    let gain = of_output.per(&of_source);
    let source = &source.name();
    vec![
        Variable::new("transfer_function", gain),
        Variable::new(format!("{source}#input_impedance"), Unit::Resistance),
        Variable::new(impedance, Unit::Resistance),
    ]
}

fn no_transfer_function(
    solver: &Solver,
    output: &Spanned<Name>,
    input: &Spanned<Name>,
) -> Diagnostic {
    let source = solver.circuit.find_element_spelled(&input.value);
    let is_source = source.is_some_and(|id| {
        let device = &solver.circuit.element(id).device;
        matches!(
            device,
            Device::VoltageSource { .. } | Device::CurrentSource { .. }
        )
    });
    if is_source {
        Diagnostic::error(format!("`.tf` cannot take the output `{}`", output.value))
            .at(output.span, "neither v(…) nor the current of a source")
            .help("write v(node), v(node,node), or i(v1) of a voltage source v1")
    } else {
        Diagnostic::error(format!("`{}` is no independent source", input.value))
            .at(input.span, "not a V or I source of the circuit")
            .help("write .tf output source, for instance .tf v(out) v1")
    }
}
