//! Elements that are controlled by the current of another one, which may come later in the deck.

use super::Elaborator;
use crate::circuit::{Control, ElementId};
use crate::device::{Device, Quantity};
use crate::netlist::{Diagnostic, Name, closest};
use crate::source::{Span, Spanned};

/// A reference to an element by name.
pub(super) struct PendingControl {
    element: ElementId,
    /// Index among the controls of a behavioural source; none for F and H.
    index: Option<usize>,
    /// Flat name of the element that controls.
    name: Name,
    span: Span,
}

impl<'a> Elaborator<'a> {
    /// `name` is what the innermost frame calls the source.
    pub(super) fn control_later(
        &mut self,
        element: ElementId,
        index: Option<usize>,
        name: &Spanned<Name>,
    ) {
        self.pending.push(PendingControl {
            element,
            index,
            name: self.flat_name(&name.value),
            span: name.span,
        });
    }

    pub(super) fn connect_controls(&mut self) {
        for control in std::mem::take(&mut self.pending) {
            self.connect(&control);
        }
    }

    fn connect(&mut self, control: &PendingControl) {
        let found = self.circuit.find_element_spelled(&control.name);
        let carries = |device: &Device| match device {
            Device::VoltageSource { .. } => true,
            // These may have a branch current as well, which a behavioural source can use.
            Device::Resistor { .. }
            | Device::Vcvs { .. }
            | Device::Ccvs { .. }
            | Device::Transformer { .. }
            | Device::IdealDiode => control.index.is_some(),
            Device::Behavioural(source) => {
                control.index.is_some() && source.quantity == Quantity::Voltage
            }
            _ => false,
        };
        let usable = found.filter(|id| carries(&self.circuit.element(*id).device));
        match (usable, control.index) {
            (Some(id), None) => self.circuit.set_control(control.element, id),
            (Some(id), Some(index)) => {
                self.circuit
                    .set_control_of_law(control.element, index, Control::Current(id));
            }
            (None, _) => self.no_source(control, found),
        }
    }

    fn no_source(&mut self, control: &PendingControl, found: Option<ElementId>) {
        if self.faults.len() >= super::MOST_FAULTS {
            return;
        }
        let name = self.circuit.element(control.element).name();
        let problem = match found {
            None => "not there",
            Some(_) if control.index.is_some() => "not a branch that can be sensed",
            Some(_) => "not a voltage source",
        };
        let sources = self.circuit.elements().filter(|(_, e)| {
            let device = &e.device;
            matches!(device, Device::VoltageSource { .. })
        });
        let suggestion = closest(&control.name, sources.map(|(_, e)| e.name()));
        let help = match (found, suggestion) {
            (None, Some(name)) => format!("did you mean `{name}`?"),
            _ => "put a 0 V source in series with the branch and name that".to_string(),
        };
        let fault = Diagnostic::error(format!(
            "`{name}` is controlled by the current of `{}`, which is {problem}",
            control.name
        ))
        .at(control.span, problem)
        .help(help);
        self.diagnose(fault);
    }
}
