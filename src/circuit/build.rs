//! Flat netlist to circuit: names to nodes, model cards to device laws.

use crate::device::{
    Device, Environment, OnePort, PiecewiseDiode, PiecewiseTable, Shockley, ShockleyParameters,
};
use crate::netlist::{
    Analysis, Diagnostic, Element as Card, ElementKind, FlatNetlist, Model, Name, Netlist,
    NetlistError, SourceMap, Spanned, closest,
};

use super::{Circuit, ElementId, NodeId, TopologyError, TopologyFault};
use crate::units::CELSIUS_ZERO;

/// Why a netlist is no circuit.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// Models or references that cannot be used; each says where and why.
    #[error("{}", render(.sources, .faults))]
    Element {
        sources: SourceMap,
        faults: Vec<Diagnostic>,
    },
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

fn render(sources: &SourceMap, faults: &[Diagnostic]) -> String {
    let rendered: Vec<_> = faults
        .iter()
        .map(|f| f.render(sources).to_string())
        .collect();
    rendered.join("\n")
}

/// Model parameters that matter only beyond DC, or not to a solver at all.
const SILENT: &[&str] = &[
    "cj", "cj0", "cjo", "cjp", "cjsw", "vj", "pb", "php", "vjsw", "m", "mj", "mjsw", "tt", "fc",
    "fcs", "kf", "af", "cta", "ctp", "tm1", "tm2", "ttt1", "ttt2", "tpb", "tphp", "level", "mfg",
    "type", "iave", "vpk", "ipk", "irms", "icrating", "vceo", "pd_max", "id_max", "te_max", "rth0",
    "cth0", "fv_max", "bv_max",
];

impl Circuit {
    /// Expands subcircuits, resolves models and builds the graph.
    ///
    /// # Errors
    /// Unknown names, unusable model parameters, duplicate element names.
    pub fn from_netlist(netlist: &Netlist) -> Result<Self, BuildError> {
        Self::from_flat(netlist.flatten()?)
    }

    /// Builds the graph of a netlist without subcircuit calls.
    pub fn from_flat(netlist: FlatNetlist) -> Result<Self, BuildError> {
        let mut circuit = Circuit::new(netlist.title.clone());
        circuit.sources = netlist.sources.clone();
        circuit.environment = environment(&netlist);
        let mut builder = Builder {
            circuit,
            netlist: &netlist,
            faults: Vec::new(),
            duplicates: Vec::new(),
        };
        let mut controlled = Vec::new();
        for card in &netlist.elements {
            builder.element(card, &mut controlled);
        }
        for (element, control) in controlled {
            builder.connect_control(element, control);
        }
        builder.finish()
    }
}

fn environment(netlist: &FlatNetlist) -> Environment {
    let option = |name: &str| {
        let mut found = netlist
            .options
            .iter()
            .rev()
            .filter(|o| o.name.value == name);
        found.find_map(|o| o.value.as_ref().map(|v| v.value))
    };
    let default = Environment::default();
    Environment {
        temperature: netlist
            .temperature
            .as_ref()
            .map(|t| t.value)
            .or(option("temp"))
            .unwrap_or(default.temperature),
        nominal_temperature: option("tnom").unwrap_or(default.nominal_temperature),
        gmin: option("gmin").unwrap_or(default.gmin),
    }
}

struct Builder<'a> {
    circuit: Circuit,
    netlist: &'a FlatNetlist,
    faults: Vec<Diagnostic>,
    duplicates: Vec<TopologyFault>,
}

impl<'a> Builder<'a> {
    fn element(&mut self, card: &'a Card, controlled: &mut Vec<(ElementId, &'a Spanned<Name>)>) {
        let Some(device) = self.device(card) else {
            return;
        };
        let nodes: Vec<NodeId> = card
            .nodes
            .iter()
            .map(|node| self.circuit.node_at(&node.value, Some(node.span)))
            .collect();
        let (port, second) = match nodes[..] {
            [p, n] => ([p, n], None),
            [p, n, cp, cn] => ([p, n], Some([cp, cn])),
            _ => return,
        };
        let span = Some(card.span);
        match self
            .circuit
            .insert(card.name.clone(), span, device, port, second, None)
        {
            Ok(id) => {
                if let ElementKind::Cccs { control, .. } | ElementKind::Ccvs { control, .. } =
                    &card.kind
                {
                    controlled.push((id, control));
                }
            }
            Err(error) => self.duplicates.extend(error.faults),
        }
    }

    /// The device of a card; a fault is recorded and None returned if there is none.
    fn device(&mut self, card: &Card) -> Option<Device> {
        Some(match &card.kind {
            ElementKind::Resistor { resistance } => Device::Resistor {
                resistance: resistance.value,
            },
            ElementKind::VoltageSource { dc } => Device::VoltageSource { voltage: dc.value },
            ElementKind::CurrentSource { dc } => Device::CurrentSource { current: dc.value },
            ElementKind::Vcvs { gain } => Device::Vcvs { gain: gain.value },
            ElementKind::Vccs { transconductance } => Device::Vccs {
                transconductance: transconductance.value,
            },
            ElementKind::Cccs { gain, .. } => Device::Cccs { gain: gain.value },
            ElementKind::Ccvs {
                transresistance, ..
            } => Device::Ccvs {
                transresistance: transresistance.value,
            },
            ElementKind::Transformer { ratio } => Device::Transformer { ratio: ratio.value },
            ElementKind::Gyrator { conductance } => Device::Gyrator {
                conductance: conductance.value,
            },
            ElementKind::PiecewiseLinear { points } => match PiecewiseTable::new(points.clone()) {
                Ok(table) => table.into(),
                Err(error) => {
                    let message = format!("`{}` is not a monotone table: {error}", card.name);
                    self.faults
                        .push(Diagnostic::error(message).at(card.span, "this table"));
                    return None;
                }
            },
            ElementKind::Diode { model, area } => self.diode(card, model, *area)?,
            // Flattening leaves no calls.
            ElementKind::Call { .. } => return None,
        })
    }

    fn diode(&mut self, card: &Card, reference: &Spanned<Name>, area: f64) -> Option<Device> {
        let netlist = self.netlist;
        let Some(model) = netlist.models.get(&reference.value) else {
            let message = format!(
                "`{}` uses the unknown model `{}`",
                card.name, reference.value
            );
            self.faults.push(
                Diagnostic::error(message)
                    .at(reference.span, "no such model")
                    .help(format!("add `.model {} D(IS=1e-14 N=1)`", reference.value)),
            );
            return None;
        };
        match self.diode_model(model, area) {
            Ok(device) => Some(device),
            Err(fault) => {
                if !self.faults.contains(&fault) {
                    self.faults.push(fault);
                }
                None
            }
        }
    }

    fn diode_model(&mut self, model: &Model, area: f64) -> Result<Device, Diagnostic> {
        if model.kind.value != "d" {
            let message = format!(
                "model `{}` is of type `{}`, but a diode needs type `D`",
                model.name.value, model.kind.value
            );
            return Err(Diagnostic::error(message).at(model.kind.span, "expected `D`"));
        }
        if model.flags.iter().any(|flag| flag.value == "ideal") {
            return Ok(Device::IdealDiode);
        }
        let is_piecewise = ["ron", "roff", "vfwd"]
            .iter()
            .any(|name| get(model, name).is_some());
        if is_piecewise {
            self.piecewise(model, area)
        } else {
            self.shockley(model, area)
        }
    }

    fn piecewise(&mut self, model: &Model, area: f64) -> Result<Device, Diagnostic> {
        const KNOWN: &[&str] = &["ron", "roff", "vfwd", "vrev", "rrev"];
        self.warn_of_unknown(model, KNOWN);
        let ron = get(model, "ron").unwrap_or(1.0);
        let roff = get(model, "roff").unwrap_or(1.0 / self.circuit.environment.gmin);
        let vfwd = get(model, "vfwd").unwrap_or(0.0);
        let reverse = get(model, "vrev").map(|vrev| (vrev, get(model, "rrev").unwrap_or(ron)));
        PiecewiseDiode::new(ron, roff, vfwd, reverse, area)
            .map(Device::from)
            .ok_or_else(|| {
                unusable(
                    model,
                    area,
                    "RON, ROFF, RREV and the area must be positive and -VREV < VFWD",
                )
            })
    }

    fn shockley(&mut self, model: &Model, area: f64) -> Result<Device, Diagnostic> {
        const KNOWN: &[&str] = &[
            "is", "js", "n", "rs", "bv", "ibv", "nbv", "eg", "xti", "tnom", "t_abs",
        ];
        self.warn_of_unknown(model, KNOWN);
        let default = ShockleyParameters::default();
        let parameters = ShockleyParameters {
            saturation_current: get(model, "is")
                .or(get(model, "js"))
                .unwrap_or(default.saturation_current),
            emission_coefficient: get(model, "n").unwrap_or(default.emission_coefficient),
            series_resistance: get(model, "rs").unwrap_or(default.series_resistance),
            breakdown_voltage: get(model, "bv"),
            breakdown_current: get(model, "ibv"),
            breakdown_emission: get(model, "nbv"),
            activation_energy: get(model, "eg").unwrap_or(default.activation_energy),
            saturation_exponent: get(model, "xti").unwrap_or(default.saturation_exponent),
            area,
            ..default
        };
        let mut environment = self.circuit.environment;
        if let Some(tnom) = get(model, "tnom") {
            environment.nominal_temperature = tnom;
        }
        Shockley::new(parameters, environment)
            .map(|diode| Device::OnePort(Box::new(OnePort::Shockley(diode))))
            .ok_or_else(|| {
                unusable(
                    model,
                    area,
                    "IS, N, BV, IBV and the area must be positive, RS not negative",
                )
            })
    }

    /// One warning for each parameter that changes DC behaviour and is not modelled, or is unknown.
    fn warn_of_unknown(&mut self, model: &Model, known: &[&str]) {
        for parameter in &model.parameters {
            let name = parameter.name.value.as_str();
            if known.contains(&name) || SILENT.contains(&name) {
                continue;
            }
            let warning = Diagnostic::warning(format!(
                "parameter `{name}` of model `{}` is not used",
                model.name.value
            ))
            .at(parameter.name.span, "ignored")
            .help("the diode law uses IS, N, RS, BV, IBV, NBV, EG, XTI and TNOM");
            if !self.circuit.warnings.contains(&warning) {
                self.circuit.warnings.push(warning);
            }
        }
    }

    fn connect_control(&mut self, element: ElementId, control: &Spanned<Name>) {
        let found = self.circuit.find_element(&control.value);
        let is_source = |id: ElementId| {
            matches!(
                self.circuit.element(id).device,
                Device::VoltageSource { .. }
            )
        };
        if let Some(source) = found.filter(|id| is_source(*id)) {
            self.circuit.elements[element.index()].control = Some(source);
            return;
        }
        let name = self.circuit.element(element).name.clone();
        let problem = match found {
            None => "no such element",
            Some(_) => "not a voltage source",
        };
        let fault = Diagnostic::error(format!(
            "`{name}` is controlled by the current of `{}`, which is {problem}",
            control.value
        ))
        .at(control.span, problem)
        .help(
            "F and H sense the current of a V source; put a 0 V source in series with the branch",
        );
        self.faults.push(fault);
    }

    /// Every sweep variable must be an independent source of the circuit.
    fn check_sweeps(&mut self) {
        for analysis in &self.netlist.analyses {
            let Analysis::DcSweep { sweeps } = &analysis.value else {
                continue;
            };
            if let [first, second] = &sweeps[..]
                && first.source.value == second.source.value
            {
                let message = format!("`.dc` sweeps `{}` twice", second.source.value);
                let fault = Diagnostic::error(message).at(second.source.span, "again");
                self.faults
                    .push(fault.help("name another source for the outer sweep"));
            }
            for source in sweeps.iter().map(|s| &s.source) {
                let found = self.circuit.find_element(&source.value);
                let device = found.map(|id| &self.circuit.element(id).device);
                if matches!(
                    device,
                    Some(Device::VoltageSource { .. } | Device::CurrentSource { .. })
                ) {
                    continue;
                }
                let sources = self.circuit.elements.iter().filter(|e| {
                    let device = &e.device;
                    matches!(
                        device,
                        Device::VoltageSource { .. } | Device::CurrentSource { .. }
                    )
                });
                let names = sources.map(|e| e.name.as_str());
                let help = match closest(&source.value, names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => "sweep a V or I element of the deck".to_string(),
                };
                let message = format!("`.dc` sweeps `{}`, which is no V or I source", source.value);
                let fault = Diagnostic::error(message).at(source.span, "expected a source");
                self.faults.push(fault.help(help));
            }
        }
    }

    /// Temperatures above absolute zero, GMIN not negative.
    fn check_environment(&mut self) {
        let e = self.circuit.environment;
        let coldest = e.temperature.min(e.nominal_temperature);
        let (message, help) = if !(coldest + CELSIUS_ZERO > 0.0) {
            let help = "temperatures are in degrees Celsius, above -273.15";
            (format!("{coldest} °C is below absolute zero"), help)
        } else if !(e.gmin >= 0.0) {
            let help = "give a conductance that is not negative, such as 1e-12";
            (format!("gmin = {} is negative", e.gmin), help)
        } else {
            return;
        };
        let temperature = self.netlist.temperature.as_ref().map(|t| t.span);
        let options = self.netlist.options.iter().map(|o| o.name.span);
        let span = temperature
            .into_iter()
            .chain(options)
            .next()
            .unwrap_or_default();
        self.faults = vec![
            Diagnostic::error(message)
                .at(span, "out of range")
                .help(help),
        ];
    }

    fn finish(mut self) -> Result<Circuit, BuildError> {
        self.check_sweeps();
        self.check_environment();
        let sources = self.circuit.sources.clone();
        if !self.faults.is_empty() {
            return Err(BuildError::Element {
                sources,
                faults: self.faults,
            });
        }
        if !self.duplicates.is_empty() {
            return Err(TopologyError::new(sources, self.duplicates).into());
        }
        let mut warnings = self.netlist.warnings.clone();
        warnings.append(&mut self.circuit.warnings);
        self.circuit.warnings = warnings;
        self.circuit.analyses = self.netlist.analyses.clone();
        self.circuit.options = self.netlist.options.clone();
        Ok(self.circuit)
    }
}

fn get(model: &Model, name: &str) -> Option<f64> {
    model
        .parameters
        .iter()
        .rev()
        .find(|p| p.name.value == name)
        .map(|p| p.value.value)
}

fn unusable(model: &Model, area: f64, rule: &str) -> Diagnostic {
    let message = format!(
        "model `{}` (area {area}) is not a usable diode",
        model.name.value
    );
    Diagnostic::error(message)
        .at(model.name.span, "this model")
        .help(rule)
}
