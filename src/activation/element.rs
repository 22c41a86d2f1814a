//! What stands behind the resistor, and its circuit.

use std::path::PathBuf;

use crate::circuit::{Circuit, ElementId, NodeId, ParameterId};
use crate::device::{Device, Parameter};

use super::closed_form::ClosedForm;
use super::diode::DiodeCard;
use super::error::ActivationError;

/// A one-port: a built-in element, or two nodes of a deck.
#[derive(Clone, Debug)]
pub struct Element {
    /// The text that it was read from.
    pub name: String,
    /// The deck's file, if it comes from one.
    pub file: Option<PathBuf>,
    kind: Kind,
    /// Terminals exchanged.
    is_reversed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Ideal,
    Diode(DiodeCard),
    Antiparallel(DiodeCard),
    /// Diodes to a source of `high` volts and from one of `low` volts; ideal ones without a card.
    Pair {
        diode: Option<DiodeCard>,
        low: f64,
        high: f64,
    },
    /// Needs no temperature and no N.
    Device(Device),
    Deck {
        circuit: Box<Circuit>,
        port: [NodeId; 2],
    },
}

/// What a family of curves is drawn over. An element that has a temperature or an N of its own keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Degrees Celsius; without it 27, or that of the deck.
    pub temperature: Option<f64>,
    /// Emission coefficient N of all diodes.
    pub emission: Option<f64>,
}

/// An element behind its source and its resistor.
#[derive(Debug)]
pub(super) struct Stage {
    pub circuit: Circuit,
    /// The voltage of the source, V.
    pub input: ParameterId,
    pub resistor: ElementId,
    /// Of the resistor, ohm.
    pub resistance: f64,
    /// p and n.
    pub port: [NodeId; 2],
    pub closed_form: Option<ClosedForm>,
}

impl Element {
    pub(super) fn new(name: &str, kind: Kind, is_reversed: bool) -> Self {
        Self {
            name: name.to_string(),
            file: None,
            kind,
            is_reversed,
        }
    }

    /// False if the element is the same at any temperature, or has one of its own.
    pub fn depends_on_temperature(&self) -> bool {
        match &self.kind {
            Kind::Ideal | Kind::Device(_) => false,
            Kind::Deck { .. } => true,
            kind => kind.card().is_some_and(|card| !card.has_own_temperature()),
        }
    }

    /// False if the element has no diodes with an N, or was given its own.
    pub fn depends_on_emission(&self) -> bool {
        match &self.kind {
            Kind::Ideal | Kind::Device(_) => false,
            Kind::Deck { circuit, .. } => !emission_coefficients(circuit).is_empty(),
            kind => kind.card().is_some_and(|card| !card.has_own_emission()),
        }
    }

    /// The circuit of the element behind `resistance` (ohm).
    pub(super) fn stage(
        &self,
        conditions: &Conditions,
        resistance: f64,
    ) -> Result<Stage, ActivationError> {
        let (mut circuit, port) = match &self.kind {
            Kind::Deck { circuit, port } => (self.deck_at(circuit, conditions)?, *port),
            kind => {
                let mut circuit = Circuit::new(self.name.clone());
                let p = circuit.node("p");
                let port = [p, NodeId::GROUND];
                let inside = match self.is_reversed {
                    true => [NodeId::GROUND, p],
                    false => port,
                };
                self.build(kind, conditions, &mut circuit, inside)?;
                (circuit, port)
            }
        };
        let closed_form = match &self.kind {
            Kind::Pair {
                diode: None,
                low,
                high,
            } => Some(ClosedForm::clip(*low, *high).reversed_if(self.is_reversed)),
            _ => ClosedForm::of(&circuit, port),
        };
        let [p, n] = port;
        if !touches_ground(&circuit) {
            let name = fresh_name(&circuit, "v_ground");
            let device = Device::VoltageSource { voltage: 0.0 };
            circuit.add(&name, device, [n, NodeId::GROUND])?;
        }
        let x = circuit.fresh_node("x_drive");
        let name = fresh_name(&circuit, "v_drive");
        let source = circuit.add(&name, Device::VoltageSource { voltage: 0.0 }, [x, n])?;
        let name = fresh_name(&circuit, "r_drive");
        let resistor = circuit.add(&name, Device::Resistor { resistance }, [x, p])?;
        Ok(Stage {
            circuit,
            input: ParameterId {
                element: source,
                parameter: Parameter::Voltage,
            },
            resistor,
            resistance,
            port,
            closed_form,
        })
    }

    fn build(
        &self,
        kind: &Kind,
        conditions: &Conditions,
        circuit: &mut Circuit,
        [p, n]: [NodeId; 2],
    ) -> Result<(), ActivationError> {
        let device = |card: &DiodeCard| card.diode(&self.name, conditions).map(Device::from);
        match kind {
            Kind::Ideal => {
                circuit.add("d1", Device::IdealDiode, [p, n])?;
            }
            Kind::Diode(card) => {
                circuit.add("d1", device(card)?, [p, n])?;
            }
            Kind::Antiparallel(card) => {
                circuit.add("d1", device(card)?, [p, n])?;
                circuit.add("d2", device(card)?, [n, p])?;
            }
            Kind::Pair { diode, low, high } => {
                let device = match diode {
                    Some(card) => device(card)?,
                    None => Device::IdealDiode,
                };
                let [top, bottom] = ["high", "low"].map(|name| circuit.node(name));
                let source = |voltage: f64| Device::VoltageSource { voltage };
                circuit.add("v1", source(*high), [top, n])?;
                circuit.add("v2", source(*low), [bottom, n])?;
                circuit.add("d1", device.clone(), [p, top])?;
                circuit.add("d2", device, [bottom, p])?;
            }
            Kind::Device(device) => {
                circuit.add("d1", device.clone(), [p, n])?;
            }
            Kind::Deck { .. } => {}
        }
        Ok(())
    }

    /// A deck's circuit at given conditions.
    fn deck_at(
        &self,
        circuit: &Circuit,
        conditions: &Conditions,
    ) -> Result<Circuit, ActivationError> {
        let mut circuit = circuit.clone();
        if let Some(celsius) = conditions.temperature
            && !circuit.set_temperature(celsius)
        {
            return Err(ActivationError::Temperature {
                element: self.name.clone(),
                value: celsius,
                rule: "above absolute zero, and where every element of the deck has a value",
            });
        }
        if let Some(value) = conditions.emission {
            for id in emission_coefficients(&circuit) {
                if !circuit.set(id, value) {
                    let element = self.name.clone();
                    return Err(ActivationError::Emission { element, value });
                }
            }
        }
        Ok(circuit)
    }
}

impl Kind {
    fn card(&self) -> Option<&DiodeCard> {
        match self {
            Kind::Diode(card) | Kind::Antiparallel(card) => Some(card),
            Kind::Pair { diode, .. } => diode.as_ref(),
            Kind::Ideal | Kind::Device(_) | Kind::Deck { .. } => None,
        }
    }
}

fn emission_coefficients(circuit: &Circuit) -> Vec<ParameterId> {
    let all = circuit.parameters().into_iter();
    all.filter(|id| id.parameter == Parameter::EmissionCoefficient)
        .collect()
}

fn touches_ground(circuit: &Circuit) -> bool {
    let is_ground = |node: &NodeId| *node == NodeId::GROUND;
    circuit.elements().any(|(_, element)| {
        let second = element.second().filter(|_| element.is_two_port());
        element
            .port
            .iter()
            .chain(second.iter().flatten())
            .any(is_ground)
    })
}

/// An element name that the circuit does not have.
fn fresh_name(circuit: &Circuit, base: &str) -> String {
    let mut name = base.to_string();
    while circuit.find_element(&name).is_some() {
        name.push('_');
    }
    name
}
