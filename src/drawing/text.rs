//! What stands beside a symbol.

use crate::circuit::{Circuit, Control, Element, ElementId, NodeId};
use crate::device::{Device, OnePort, Parameter};
use crate::report::picture::quantity;

use super::effect::Effect;

/// Digits beside a symbol.
pub(super) const DIGITS: usize = 4;

/// The value of an element, as on a schematic.
pub(super) fn value(circuit: &Circuit, element: &Element) -> String {
    let number = |value: f64, unit| quantity(value, DIGITS, unit);
    match &element.device {
        Device::Resistor { resistance } => number(*resistance, "ohm"),
        Device::VoltageSource { voltage } => number(*voltage, "V"),
        Device::CurrentSource { current } => number(*current, "A"),
        Device::IdealDiode => "ideal".to_string(),
        Device::OnePort(one_port) => law(one_port),
        Device::Vcvs { gain } => format!("{} · {}", number(*gain, ""), pair(circuit, element)),
        Device::Vccs { transconductance } => {
            let factor = number(*transconductance, "S");
            format!("{factor} · {}", pair(circuit, element))
        }
        Device::Cccs { gain } => format!("{} · {}", number(*gain, ""), current(circuit, element)),
        Device::Ccvs { transresistance } => {
            let factor = number(*transresistance, "ohm");
            format!("{factor} · {}", current(circuit, element))
        }
        Device::Transformer { ratio } => format!("n = {}", number(*ratio, "")),
        Device::Gyrator { conductance } => format!("g = {}", number(*conductance, "S")),
        Device::Behavioural(_) => {
            let controls = element.controls().iter().map(|c| control(circuit, c));
            let controls: Vec<String> = controls.collect();
            match controls.is_empty() {
                true => "expression".to_string(),
                false => format!("f({})", controls.join(", ")),
            }
        }
    }
}

fn law(one_port: &OnePort) -> String {
    match one_port {
        OnePort::Shockley(_) => {
            let current = one_port.value(Parameter::SaturationCurrent);
            current.map_or(String::new(), |is| {
                format!("IS {}", quantity(is, DIGITS, "A"))
            })
        }
        OnePort::PiecewiseDiode(_) => "piecewise".to_string(),
        OnePort::PiecewiseTable(_) => "table".to_string(),
    }
}

fn pair(circuit: &Circuit, element: &Element) -> String {
    element
        .second()
        .map_or(String::new(), |nodes| voltage(circuit, nodes))
}

fn current(circuit: &Circuit, element: &Element) -> String {
    let control = element.control();
    control.map_or(String::new(), |id| current_of(circuit, id))
}

fn control(circuit: &Circuit, control: &Control) -> String {
    match *control {
        Control::Voltage(nodes) => voltage(circuit, nodes),
        Control::Current(id) => current_of(circuit, id),
    }
}

fn current_of(circuit: &Circuit, id: ElementId) -> String {
    format!("i({})", circuit.element(id).name())
}

fn voltage(circuit: &Circuit, [p, n]: [NodeId; 2]) -> String {
    match n {
        NodeId::GROUND => format!("v({})", circuit.node_name(p)),
        _ => format!("v({},{})", circuit.node_name(p), circuit.node_name(n)),
    }
}

/// A derivative with its unit: `−2.5 mV/Ω`, and which parameter it is to where an element has several.
pub(super) fn gradient(element: &Element, effect: &Effect, output_unit: &str) -> String {
    let parameter = effect.parameter.parameter;
    let unit = match (output_unit, element.device.unit(parameter)) {
        // A gain is a plain number.
        (output, "" | "V/V" | "A/A") => output.to_string(),
        (output, own) => format!("{output}/{own}"),
    };
    let number = quantity(effect.gradient, 3, &unit);
    match element.device.principal() {
        Some(_) => number,
        None => format!("{parameter}: {number}"),
    }
}
