//! A flat deck as plain SPICE that ngspice and [`Netlist`](super::Netlist) read to the same values.

use std::fmt::{self, Display, Formatter};

use super::builtin::BuiltIn;
use super::{Analysis, Element, ElementKind, FlatNetlist, Model, SimulatorOption, Sweep};
use crate::units::format_exact;

impl Display for FlatNetlist {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A line break in the title would turn its rest into a card.
        writeln!(f, "{}", self.title.replace(['\n', '\r'], " "))?;
        for element in &self.elements {
            write_element(f, element)?;
        }
        self.write_built_in_definitions(f)?;
        for model in self.models.values() {
            write_model(f, model)?;
        }
        for option in &self.options {
            write_option(f, option)?;
        }
        if let Some(celsius) = &self.temperature {
            writeln!(f, ".temp {}", format_exact(celsius.value))?;
        }
        for analysis in &self.analyses {
            write_analysis(f, &analysis.value)?;
        }
        writeln!(f, ".end")
    }
}

impl FlatNetlist {
    /// The deck as SPICE text; numbers are exact.
    pub fn to_spice(&self) -> String {
        self.to_string()
    }

    fn write_built_in_definitions(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for built_in in [BuiltIn::Transformer, BuiltIn::Gyrator] {
            let mut kinds = self.elements.iter().map(|e| BuiltIn::of(&e.kind));
            if kinds.any(|kind| kind == Some(built_in)) {
                f.write_str(built_in.definition())?;
            }
        }
        Ok(())
    }
}

fn write_element(f: &mut Formatter<'_>, element: &Element) -> fmt::Result {
    f.write_str(&element.name)?;
    for node in &element.nodes {
        write!(f, " {}", node.value)?;
    }
    let number = format_exact;
    match &element.kind {
        ElementKind::Resistor { resistance: value }
        | ElementKind::VoltageSource { dc: value }
        | ElementKind::CurrentSource { dc: value }
        | ElementKind::Vcvs { gain: value }
        | ElementKind::Vccs {
            transconductance: value,
        } => writeln!(f, " {}", number(value.value)),
        ElementKind::Diode { model, area } if *area == 1.0 => writeln!(f, " {}", model.value),
        ElementKind::Diode { model, area } => writeln!(f, " {} {}", model.value, number(*area)),
        ElementKind::Cccs {
            control,
            gain: value,
        }
        | ElementKind::Ccvs {
            control,
            transresistance: value,
        } => writeln!(f, " {} {}", control.value, number(value.value)),
        ElementKind::PiecewiseLinear { points } => write_table(f, element, points),
        ElementKind::Transformer { ratio } => {
            writeln!(f, " TRANSFORMER n={}", number(ratio.value))
        }
        ElementKind::Gyrator { conductance } => {
            writeln!(f, " GYRATOR g={}", number(conductance.value))
        }
        ElementKind::Call { definition } => writeln!(f, " {}", definition.value),
    }
}

fn write_table(f: &mut Formatter<'_>, element: &Element, points: &[(f64, f64)]) -> fmt::Result {
    const POINTS_PER_LINE: usize = 6;
    let node = |index: usize| element.nodes.get(index).map_or("0", |n| n.value.as_str());
    write!(f, " TABLE {{V({},{})}} =", node(0), node(1))?;
    for (index, (voltage, current)) in points.iter().enumerate() {
        if index > 0 && index % POINTS_PER_LINE == 0 {
            f.write_str("\n+")?;
        }
        write!(
            f,
            " ({},{})",
            format_exact(*voltage),
            format_exact(*current)
        )?;
    }
    writeln!(f)
}

fn write_model(f: &mut Formatter<'_>, model: &Model) -> fmt::Result {
    let flags = model.flags.iter().map(|flag| flag.value.to_string());
    let parameters = model
        .parameters
        .iter()
        .map(|p| format!("{}={}", p.name.value, format_exact(p.value.value)));
    let words: Vec<_> = flags.chain(parameters).collect();
    let (name, kind) = (&model.name.value, &model.kind.value);
    writeln!(f, ".model {name} {kind}({})", words.join(" "))
}

fn write_option(f: &mut Formatter<'_>, option: &SimulatorOption) -> fmt::Result {
    match &option.value {
        Some(value) => {
            let value = format_exact(value.value);
            writeln!(f, ".options {}={value}", option.name.value)
        }
        None => writeln!(f, ".options {}", option.name.value),
    }
}

fn write_analysis(f: &mut Formatter<'_>, analysis: &Analysis) -> fmt::Result {
    match analysis {
        Analysis::OperatingPoint => writeln!(f, ".op"),
        Analysis::DcSweep { sweeps } => {
            f.write_str(".dc")?;
            sweeps.iter().try_for_each(|sweep| write_sweep(f, sweep))?;
            writeln!(f)
        }
    }
}

fn write_sweep(f: &mut Formatter<'_>, sweep: &Sweep) -> fmt::Result {
    let [start, stop, step] = [sweep.start, sweep.stop, sweep.step].map(format_exact);
    write!(f, " {} {start} {stop} {step}", sweep.source.value)
}
