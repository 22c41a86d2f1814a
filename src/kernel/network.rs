//! Which elements a circuit has: those of a kernel equation, or others.

use crate::circuit::{Circuit, ElementId};
use crate::device::{Device, OnePort};
use crate::netlist::Diagnostic;

use super::{KernelError, Port, Unsupported};

/// A circuit whose elements have been looked at.
pub struct Network<'a> {
    pub circuit: &'a Circuit,
    pub ports: &'a [Port],
    /// Ideal diodes in deck order.
    pub diodes: Vec<ElementId>,
    pub has_gyrators: bool,
    /// A typical resistance, ohm: the geometric mean of all resistors and gyrators.
    pub resistance: f64,
}

impl<'a> Network<'a> {
    /// # Errors
    /// [`KernelError::Unsupported`] names the first element that does not belong.
    pub fn new(circuit: &'a Circuit, ports: &'a [Port]) -> Result<Self, KernelError> {
        let mut diodes = Vec::new();
        let mut has_gyrators = false;
        let (mut logarithms, mut count) = (0.0, 0.0);
        let mut note = |resistance: f64| {
            let logarithm = resistance.abs().ln();
            if logarithm.is_finite() {
                logarithms += logarithm;
                count += 1.0;
            }
        };
        for (id, element) in circuit.elements() {
            match &element.device {
                Device::IdealDiode => diodes.push(id),
                Device::Resistor { resistance } => note(*resistance),
                Device::Gyrator { conductance } => {
                    has_gyrators |= *conductance != 0.0;
                    note(conductance.recip());
                }
                Device::Transformer { .. }
                | Device::VoltageSource { .. }
                | Device::CurrentSource { .. } => {}
                device => return Err(unsupported(circuit, id, device)),
            }
        }
        let resistance = match count > 0.0 {
            true => f64::exp(logarithms / count),
            false => 1e3,
        };
        Ok(Self {
            circuit,
            ports,
            diodes,
            has_gyrators,
            resistance,
        })
    }

    /// Diodes and ports.
    pub fn size(&self) -> usize {
        self.diodes.len() + self.ports.len()
    }
}

fn unsupported(circuit: &Circuit, id: ElementId, device: &Device) -> KernelError {
    const CONTROLLED: &str = "keep controlled sources out: write a transformer or a gyrator where both \
                              of its ports are meant, or drive a port of its own in their place";
    let (what, help) = match device {
        Device::OnePort(one_port) => match **one_port {
            OnePort::Shockley(_) => (
                "a Shockley diode",
                "make it ideal, `.model NAME D(IDEAL)`, with a source in series for its forward voltage",
            ),
            OnePort::PiecewiseDiode(_) | OnePort::PiecewiseTable(_) => (
                "a piecewise-linear one-port",
                "build it of resistors, sources and ideal diodes, `.model NAME D(IDEAL)`",
            ),
        },
        Device::Behavioural(_) => ("a behavioural source", CONTROLLED),
        _ => ("a controlled source", CONTROLLED),
    };
    let element = circuit.element(id);
    let message = format!(
        "`{}` is {what}: kernel equations are those of resistors, transformers, gyrators, ideal diodes \
         and independent sources",
        element.name()
    );
    let mut diagnostic = Diagnostic::error(message).help(help);
    if let Some(span) = element.span {
        diagnostic = diagnostic.at(span, what);
    }
    KernelError::Unsupported(Box::new(Unsupported {
        element: element.name().to_string(),
        diagnostic,
        sources: circuit.sources.clone(),
    }))
}
