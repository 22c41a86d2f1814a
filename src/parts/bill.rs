//! A bill of materials: what to buy, how many of it, and where they go.

use std::collections::BTreeMap;

use super::{Series, designator};
use crate::circuit::{Circuit, Element};
use crate::device::{Device, OnePort};
use crate::units::format_exact;

/// Parts by kind, in a fixed order of kinds, then by value.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    pub lines: Vec<Line>,
}

/// Equal parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub part: &'static str,
    /// In `unit`, where one number says all.
    pub value: Option<f64>,
    pub unit: &'static str,
    /// The law, where it takes more than a number: `IS=1e-9 N=2`.
    pub model: String,
    /// The series that the value is from, if it is.
    pub series: Option<Series>,
    pub designators: Vec<String>,
}

/// What equal parts have in common; the first number is the place of the kind.
type Key = (u8, u64, String);

impl Bill {
    /// The parts of a circuit; values of resistors are said to be of `series` where they are.
    pub fn of(circuit: &Circuit, series: Option<Series>) -> Self {
        let mut lines: BTreeMap<Key, Line> = BTreeMap::new();
        for (_, element) in circuit.elements() {
            let kind = Kind::of(&element.device);
            let (value, model) = (value_of(&element), model(&element.device));
            let key = (kind as u8, value.map_or(0, order), model.clone());
            let line = lines.entry(key).or_insert_with(|| Line {
                part: kind.name(),
                unit: kind.unit(),
                series: series.filter(|s| {
                    kind == Kind::Resistor && value.is_some_and(|v| s.nearest(v) == Some(v))
                }),
                value,
                model,
                designators: Vec::new(),
            });
            let name = designator(&element.name(), kind.letters());
            line.designators.push(name);
        }
        Self {
            lines: lines.into_values().collect(),
        }
    }
}

impl Line {
    pub fn count(&self) -> usize {
        self.designators.len()
    }
}

/// Numbers in the order of their size.
fn order(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    match value < 0.0 {
        true => !bits,
        false => bits | 1 << 63,
    }
}

/// In the order of the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Resistor,
    Diode,
    IdealDiode,
    PiecewiseDiode,
    Table,
    VoltageSource,
    CurrentSource,
    Vcvs,
    Vccs,
    Cccs,
    Ccvs,
    Transformer,
    Gyrator,
    Behavioural,
}

impl Kind {
    fn of(device: &Device) -> Self {
        match device {
            Device::Resistor { .. } => Self::Resistor,
            Device::VoltageSource { .. } => Self::VoltageSource,
            Device::CurrentSource { .. } => Self::CurrentSource,
            Device::IdealDiode => Self::IdealDiode,
            Device::Vcvs { .. } => Self::Vcvs,
            Device::Vccs { .. } => Self::Vccs,
            Device::Cccs { .. } => Self::Cccs,
            Device::Ccvs { .. } => Self::Ccvs,
            Device::Transformer { .. } => Self::Transformer,
            Device::Gyrator { .. } => Self::Gyrator,
            Device::Behavioural(_) => Self::Behavioural,
            Device::OnePort(one_port) => match **one_port {
                OnePort::Shockley(_) => Self::Diode,
                OnePort::PiecewiseDiode(_) => Self::PiecewiseDiode,
                OnePort::PiecewiseTable(_) => Self::Table,
            },
        }
    }

    /// Name, unit of the value, letters of the designator.
    fn text(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Resistor => ("resistor", "ohm", "R"),
            Self::Diode => ("diode", "", "D"),
            Self::IdealDiode => ("ideal diode", "", "D"),
            Self::PiecewiseDiode => ("piecewise-linear diode", "", "D"),
            Self::Table => ("resistor by table", "", "G"),
            Self::VoltageSource => ("voltage source", "V", "V"),
            Self::CurrentSource => ("current source", "A", "I"),
            Self::Vcvs => ("voltage amplifier", "", "E"),
            Self::Vccs => ("transconductance amplifier", "S", "G"),
            Self::Cccs => ("current amplifier", "", "F"),
            Self::Ccvs => ("transresistance amplifier", "ohm", "H"),
            Self::Transformer => ("ideal transformer", "", "X"),
            Self::Gyrator => ("ideal gyrator", "S", "X"),
            Self::Behavioural => ("behavioural source", "", "B"),
        }
    }

    fn name(self) -> &'static str {
        self.text().0
    }

    fn unit(self) -> &'static str {
        self.text().1
    }

    fn letters(self) -> &'static str {
        self.text().2
    }
}

fn value_of(element: &Element) -> Option<f64> {
    let parameter = element.device.principal()?;
    element.device.value(parameter)
}

/// A law that takes more than a number, in the words of its card; empty for other devices.
pub(super) fn model(device: &Device) -> String {
    let Device::OnePort(one_port) = device else {
        return String::new();
    };
    let points = |points: &[(f64, f64)]| {
        let point = |(v, i): &(f64, f64)| format!("({},{})", format_exact(*v), format_exact(*i));
        points.iter().map(point).collect::<Vec<_>>().join(" ")
    };
    match &**one_port {
        OnePort::Shockley(diode) => {
            let mut card = diode.card();
            if diode.area() != 1.0 {
                card.push(("area", diode.area()));
            }
            let entry =
                |(name, x): (&str, f64)| format!("{}={}", name.to_uppercase(), format_exact(x));
            card.into_iter().map(entry).collect::<Vec<_>>().join(" ")
        }
        OnePort::PiecewiseDiode(diode) => points(&diode.law().points_beyond()),
        OnePort::PiecewiseTable(table) => points(table.points()),
    }
}
