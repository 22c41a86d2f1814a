//! Circuit to flat netlist: names, exact values, one model card for each distinct law.

use indexmap::IndexMap;

use crate::device::{Device, OnePort, Parameter, PiecewiseDiode, Shockley};
use crate::netlist::{
    Element as Card, ElementKind, FlatNetlist, Model, ModelParameter, Name, Span, Spanned,
};

use super::{Circuit, Element, NodeId};

/// Model-card names of the parameters that a card can carry.
const PIECEWISE_CARD: &[(Parameter, &str)] = &[
    (Parameter::OnResistance, "ron"),
    (Parameter::OffResistance, "roff"),
    (Parameter::ForwardVoltage, "vfwd"),
    (Parameter::ReverseVoltage, "vrev"),
    (Parameter::ReverseResistance, "rrev"),
];

impl Circuit {
    /// The circuit as a netlist without subcircuits; reading it again gives the same values.
    pub fn to_netlist(&self) -> FlatNetlist {
        let mut models = Models::default();
        let elements = self
            .elements()
            .map(|(_, e)| self.card(e, &mut models))
            .collect();
        FlatNetlist {
            title: self.title.clone(),
            elements,
            models: models.cards,
            analyses: self.analyses.clone(),
            options: self.options.clone(),
            temperature: Some(spanned(self.environment.temperature)),
            ..FlatNetlist::default()
        }
    }

    fn card(&self, element: &Element, models: &mut Models) -> Card {
        let node = |id: NodeId| spanned(Name::from(self.node_name(id)));
        let second = element.second.into_iter().flatten();
        let control = || {
            let name = element.control.map(|c| spice_name(self.element(c)));
            spanned(name.unwrap_or_default())
        };
        let kind = match &element.device {
            Device::Resistor { resistance } => ElementKind::Resistor {
                resistance: spanned(*resistance),
            },
            Device::VoltageSource { voltage } => ElementKind::VoltageSource {
                dc: spanned(*voltage),
            },
            Device::CurrentSource { current } => ElementKind::CurrentSource {
                dc: spanned(*current),
            },
            Device::Vcvs { gain } => ElementKind::Vcvs {
                gain: spanned(*gain),
            },
            Device::Vccs { transconductance } => ElementKind::Vccs {
                transconductance: spanned(*transconductance),
            },
            Device::Cccs { gain } => ElementKind::Cccs {
                control: control(),
                gain: spanned(*gain),
            },
            Device::Ccvs { transresistance } => ElementKind::Ccvs {
                control: control(),
                transresistance: spanned(*transresistance),
            },
            Device::Transformer { ratio } => ElementKind::Transformer {
                ratio: spanned(*ratio),
            },
            Device::Gyrator { conductance } => ElementKind::Gyrator {
                conductance: spanned(*conductance),
            },
            Device::IdealDiode => ElementKind::Diode {
                model: models.name_of(vec!["ideal"], Vec::new()),
                area: 1.0,
            },
            Device::OnePort(one_port) => models.one_port(one_port),
        };
        Card {
            name: spice_name(element),
            span: Span::default(),
            nodes: element.port.into_iter().chain(second).map(node).collect(),
            kind,
        }
    }
}

/// The element's name, beginning with the letter that tells SPICE what it is.
fn spice_name(element: &Element) -> Name {
    let letter = match &element.device {
        Device::Resistor { .. } => 'r',
        Device::VoltageSource { .. } => 'v',
        Device::CurrentSource { .. } => 'i',
        Device::Vcvs { .. } => 'e',
        Device::Vccs { .. } => 'g',
        Device::Cccs { .. } => 'f',
        Device::Ccvs { .. } => 'h',
        Device::Transformer { .. } | Device::Gyrator { .. } => 'x',
        Device::OnePort(one_port) if matches!(**one_port, OnePort::PiecewiseTable(_)) => 'g',
        Device::OnePort(_) | Device::IdealDiode => 'd',
    };
    if element.name.starts_with(letter) {
        element.name.clone()
    } else {
        Name::from(format!("{letter}.{}", element.name))
    }
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

/// Model cards by their content.
#[derive(Default)]
struct Models {
    cards: IndexMap<Name, Model>,
    by_content: std::collections::HashMap<String, Name>,
}

impl Models {
    fn one_port(&mut self, one_port: &OnePort) -> ElementKind {
        match one_port {
            OnePort::PiecewiseTable(table) => ElementKind::PiecewiseLinear {
                points: table.points().to_vec(),
            },
            OnePort::Shockley(diode) => self.shockley(diode),
            OnePort::PiecewiseDiode(diode) => self.piecewise(diode),
        }
    }

    fn shockley(&mut self, diode: &Shockley) -> ElementKind {
        let mut parameters = diode.card();
        parameters.push(("tnom", diode.environment().nominal_temperature));
        ElementKind::Diode {
            model: self.name_of(Vec::new(), parameters),
            area: diode.area(),
        }
    }

    fn piecewise(&mut self, diode: &PiecewiseDiode) -> ElementKind {
        let parameters = read(PIECEWISE_CARD, |p| diode.value(p));
        let area = diode.value(Parameter::Area).unwrap_or(1.0);
        ElementKind::Diode {
            model: self.name_of(Vec::new(), parameters),
            area,
        }
    }

    fn name_of(&mut self, flags: Vec<&str>, parameters: Vec<(&str, f64)>) -> Spanned<Name> {
        let content = format!("{flags:?}{parameters:?}");
        if let Some(name) = self.by_content.get(&content) {
            return spanned(name.clone());
        }
        let name = Name::from(format!("dmod{}", self.cards.len() + 1));
        let model = Model {
            name: spanned(name.clone()),
            kind: spanned(Name::const_new("d")),
            flags: flags.into_iter().map(|f| spanned(Name::from(f))).collect(),
            parameters: parameters
                .into_iter()
                .map(|(n, v)| ModelParameter {
                    name: spanned(Name::from(n)),
                    value: spanned(v),
                })
                .collect(),
        };
        self.cards.insert(name.clone(), model);
        self.by_content.insert(content, name.clone());
        spanned(name)
    }
}

fn read<'a>(
    card: &[(Parameter, &'a str)],
    value: impl Fn(Parameter) -> Option<f64>,
) -> Vec<(&'a str, f64)> {
    card.iter()
        .filter_map(|&(parameter, name)| value(parameter).map(|v| (name, v)))
        .collect()
}
