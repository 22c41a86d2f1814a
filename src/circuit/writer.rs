//! Circuit to a flat, plain SPICE deck: names, exact values, one model card for each distinct law.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::models_of_deck::Models;
use super::{Circuit, Control, Element, ElementId, NodeId};
use crate::device::{Behavioural, Device, OnePort, Quantity};
use crate::expression::{TextTooLong, write_term};
use crate::netlist::{Analysis, BuiltIn, Name, SweepRange};
use crate::units::format_exact;

/// Who shall read the deck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simulator {
    /// Every element as itself; reading it again gives the same circuit.
    Ohmgrad,
    /// Elements that ngspice does not have are replaced by what comes near them, and a comment says
    /// how near.
    Ngspice,
}

/// Ideal diodes for ngspice: conducting and blocking conductance in units of the circuit's typical
/// conductance.
const IDEAL_ON: f64 = 1e6;
const IDEAL_OFF: f64 = 1e-9;

/// Laws that share much are long when written out: a deck of them may not be longer than this, bytes,
/// beside a line for each element.
const LONGEST: usize = 1 << 30;

impl Circuit {
    /// The circuit as a deck that reads back to the same values.
    ///
    /// # Errors
    /// Only if the law of a behavioural source is too large to be written.
    pub fn to_spice(&self) -> Result<String, TextTooLong> {
        self.to_spice_for(Simulator::Ohmgrad)
    }

    /// The circuit as a deck for `simulator`.
    ///
    /// # Errors
    /// As [`Circuit::to_spice`].
    pub fn to_spice_for(&self, simulator: Simulator) -> Result<String, TextTooLong> {
        let mut deck = Deck::new(self, simulator);
        deck.text.reserve(32 * self.element_count());
        deck.title();
        let body = deck.text.len();
        let longest = LONGEST + 64 * self.element_count();
        for (id, element) in self.elements() {
            deck.element(id, &element)?;
            if deck.text.len() > longest {
                return Err(TextTooLong { limit: longest });
            }
        }
        let notes: String = deck.notes.iter().map(|n| format!("* {n}\n")).collect();
        deck.text.insert_str(body, &notes);
        deck.end();
        Ok(deck.text)
    }

    /// Gives the text of [`Circuit::to_spice`] to `out`, part by part.
    ///
    /// # Errors
    /// As [`Circuit::to_spice`].
    pub fn write_spice(&self, mut out: impl FnMut(&str)) -> Result<(), TextTooLong> {
        const PART: usize = 1 << 16;
        let mut deck = Deck::new(self, Simulator::Ohmgrad);
        deck.title();
        for (id, element) in self.elements() {
            deck.element(id, &element)?;
            if deck.text.len() > PART {
                out(&deck.text);
                deck.text.clear();
            }
        }
        deck.end();
        out(&deck.text);
        Ok(())
    }

    fn ideal_conductances(&self) -> [f64; 2] {
        let logarithms = self.elements().filter_map(|(_, e)| match e.device {
            Device::Resistor { resistance } if resistance > 0.0 => Some(-resistance.ln()),
            _ => None,
        });
        let (sum, count) = logarithms.fold((0.0, 0.0), |(s, n), l| (s + l, n + 1.0));
        let typical = if count > 0.0 {
            f64::exp(sum / count)
        } else {
            1e-3
        };
        // Powers of ten read better, and cost nothing.
        [IDEAL_ON, IDEAL_OFF].map(|factor| 10f64.powf((factor * typical).log10().round()))
    }
}

struct Deck<'a> {
    circuit: &'a Circuit,
    simulator: Simulator,
    text: String,
    models: Models,
    definitions: HashSet<&'static str>,
    notes: Vec<String>,
    /// Conductances that stand for an ideal diode, S.
    ideal: [f64; 2],
}

impl<'a> Deck<'a> {
    fn new(circuit: &'a Circuit, simulator: Simulator) -> Self {
        Self {
            circuit,
            simulator,
            text: String::new(),
            models: Models::new(),
            definitions: HashSet::new(),
            notes: Vec::new(),
            ideal: match simulator {
                Simulator::Ohmgrad => [0.0; 2],
                Simulator::Ngspice => circuit.ideal_conductances(),
            },
        }
    }

    fn title(&mut self) {
        // A line break in the title would turn its rest into a card.
        let title = self.circuit.title.replace(['\n', '\r'], " ");
        self.line(&title);
    }

    /// All that comes behind the elements.
    fn end(&mut self) {
        for definition in [BuiltIn::Transformer, BuiltIn::Gyrator] {
            if self.definitions.contains(definition.name()) {
                self.text.push_str(definition.definition());
            }
        }
        self.models.write(&mut self.text);
        self.environment();
        self.nodeset();
        self.analyses();
        self.line(".end");
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// `name p n`, without a line end.
    fn head(&mut self, id: ElementId, element: &Element) {
        let name = self.name(id);
        self.text.push_str(&name);
        self.nodes(element.port);
    }

    fn nodes(&mut self, nodes: [NodeId; 2]) {
        for node in nodes {
            self.text.push(' ');
            let name = self.node(node);
            self.text.push_str(&name);
        }
    }

    /// The name of a node. To ngspice a `$` after white space begins a comment.
    fn node(&self, node: NodeId) -> Name {
        let name = self.circuit.node_name(node);
        match name.starts_with('$') && self.simulator == Simulator::Ngspice {
            true => compact_str::format_compact!("n{name}"),
            false => name.into(),
        }
    }

    fn number(&mut self, value: f64) {
        self.text.push(' ');
        self.text.push_str(&format_exact(value));
    }

    fn element(&mut self, id: ElementId, element: &Element) -> Result<(), TextTooLong> {
        self.head(id, element);
        match &element.device {
            Device::Resistor { resistance: value }
            | Device::VoltageSource { voltage: value }
            | Device::CurrentSource { current: value } => self.number(*value),
            Device::Vcvs { gain: value }
            | Device::Vccs {
                transconductance: value,
            } => {
                self.nodes(element.second().unwrap_or([NodeId::GROUND; 2]));
                self.number(*value);
            }
            Device::Cccs { gain: value }
            | Device::Ccvs {
                transresistance: value,
            } => {
                let control = element.control().map(|c| self.name(c)).unwrap_or_default();
                let _ = write!(self.text, " {control}");
                self.number(*value);
            }
            Device::Transformer { ratio } => self.built_in(element, BuiltIn::Transformer, *ratio),
            Device::Gyrator { conductance } => {
                self.built_in(element, BuiltIn::Gyrator, *conductance);
            }
            Device::IdealDiode => self.ideal_diode(element),
            Device::OnePort(one_port) => self.one_port(element, one_port),
            Device::Behavioural(source) => self.behavioural(element, source)?,
        }
        self.text.push('\n');
        Ok(())
    }

    fn built_in(&mut self, element: &Element, built_in: BuiltIn, value: f64) {
        self.nodes(element.second().unwrap_or([NodeId::GROUND; 2]));
        let _ = write!(
            self.text,
            " {} {}={}",
            built_in.name().to_uppercase(),
            built_in.parameter(),
            format_exact(value)
        );
        self.definitions.insert(built_in.name());
    }

    fn ideal_diode(&mut self, element: &Element) {
        if self.simulator == Simulator::Ohmgrad {
            let model = self.models.ideal();
            let _ = write!(self.text, " {model}");
            return;
        }
        let [on, off] = self.ideal.map(format_exact);
        self.note(format!(
            "ideal diodes are two-slope resistors: {on} S conducting, {off} S blocking"
        ));
        let voltage = self.voltage(element.port);
        let _ = write!(
            self.text,
            " I={{{voltage} > 0 ? {on}*{voltage} : {off}*{voltage}}}"
        );
    }

    fn one_port(&mut self, element: &Element, one_port: &OnePort) {
        match (one_port, self.simulator) {
            (OnePort::Shockley(diode), _) => {
                let card = self.models.shockley(diode, &self.circuit.environment);
                let _ = write!(self.text, " {card}");
                if self.simulator == Simulator::Ngspice && diode.card().contains(&("level", 2.0)) {
                    self.note("level 2 diodes are written as level 1, whose law differs".into());
                }
            }
            (OnePort::PiecewiseDiode(diode), Simulator::Ohmgrad) => {
                let card = self.models.piecewise(diode);
                let _ = write!(self.text, " {card}");
            }
            (OnePort::PiecewiseTable(table), Simulator::Ohmgrad) => {
                let voltage = self.voltage(element.port);
                let _ = write!(self.text, " TABLE {{{voltage}}} =");
                self.points(table.points(), " ", |(x, y)| format!("({x},{y})"));
            }
            (OnePort::PiecewiseDiode(diode), Simulator::Ngspice) => {
                let points = diode.law().points_beyond();
                self.pwl(element, &points);
            }
            (OnePort::PiecewiseTable(table), Simulator::Ngspice) => {
                let points = table.law().points_beyond();
                self.pwl(element, &points);
            }
        }
    }

    /// ngspice's `pwl` continues its outer segments.
    fn pwl(&mut self, element: &Element, points: &[(f64, f64)]) {
        let voltage = self.voltage(element.port);
        let _ = write!(self.text, " I={{pwl({voltage}");
        self.points(points, ", ", |(x, y)| format!("{x}, {y}"));
        self.text.push_str(")}");
    }

    fn points(
        &mut self,
        points: &[(f64, f64)],
        separator: &str,
        form: impl Fn((String, String)) -> String,
    ) {
        const POINTS_PER_LINE: usize = 6;
        for (index, (x, y)) in points.iter().enumerate() {
            self.text.push_str(separator);
            if index > 0 && index % POINTS_PER_LINE == 0 {
                self.text.push_str("\n+ ");
            }
            let point = form((format_exact(*x), format_exact(*y)));
            self.text.push_str(&point);
        }
    }

    fn behavioural(&mut self, element: &Element, source: &Behavioural) -> Result<(), TextTooLong> {
        let law = source.law();
        let input = |index: u32| {
            let index = index as usize;
            match element.controls().get(index) {
                Some(Control::Voltage(nodes)) => self.voltage(*nodes),
                Some(Control::Current(id)) => format!("i({})", self.name(*id)),
                None => {
                    let argument = source.arguments().get(index - element.controls().len());
                    format!("({})", format_exact(argument.copied().unwrap_or(0.0)))
                }
            }
        };
        let text = write_term(law.tape(), law.result(), &input)?;
        let quantity = match source.quantity {
            Quantity::Voltage => "V",
            Quantity::Current => "I",
        };
        let _ = write!(self.text, " {quantity}={{{text}}}");
        Ok(())
    }

    fn voltage(&self, [p, n]: [NodeId; 2]) -> String {
        let name = |node| self.node(node);
        match n {
            NodeId::GROUND => format!("v({})", name(p)),
            n => format!("v({},{})", name(p), name(n)),
        }
    }

    /// The element's name, beginning with the letter that tells SPICE what it is.
    fn name(&self, id: ElementId) -> Name {
        let element = self.circuit.element(id);
        let letter = self.letter(&element.device);
        match element.name().starts_with(letter) {
            true => element.name(),
            false => compact_str::format_compact!("{letter}.{}", element.name()),
        }
    }

    fn letter(&self, device: &Device) -> char {
        let for_ngspice = self.simulator == Simulator::Ngspice;
        match device {
            // ngspice would take 1 mohm for a short.
            Device::Resistor { resistance: 0.0 } if for_ngspice => 'v',
            Device::Resistor { .. } => 'r',
            Device::VoltageSource { .. } => 'v',
            Device::CurrentSource { .. } => 'i',
            Device::Vcvs { .. } => 'e',
            Device::Vccs { .. } => 'g',
            Device::Cccs { .. } => 'f',
            Device::Ccvs { .. } => 'h',
            Device::Transformer { .. } | Device::Gyrator { .. } => 'x',
            Device::Behavioural(_) => 'b',
            Device::IdealDiode if for_ngspice => 'b',
            Device::IdealDiode => 'd',
            Device::OnePort(one_port) => match (&**one_port, for_ngspice) {
                (OnePort::Shockley(_), _) => 'd',
                (_, true) => 'b',
                (OnePort::PiecewiseTable(_), false) => 'g',
                (OnePort::PiecewiseDiode(_), false) => 'd',
            },
        }
    }

    fn environment(&mut self) {
        let e = self.circuit.environment;
        let default = crate::device::Environment::default();
        let mut values = Vec::new();
        if e.nominal_temperature != default.nominal_temperature {
            values.push(("tnom", e.nominal_temperature));
        }
        if e.gmin != default.gmin {
            values.push(("gmin", e.gmin));
        }
        for name in ["reltol", "abstol", "vntol", "itl1"] {
            values.extend(self.circuit.option(name).map(|value| (name, value)));
        }
        for (name, value) in values {
            let _ = writeln!(self.text, ".options {name}={}", format_exact(value));
        }
        let _ = writeln!(self.text, ".temp {}", format_exact(e.temperature));
    }

    fn nodeset(&mut self) {
        for (node, value) in &self.circuit.nodeset {
            let (name, value) = (self.node(*node), format_exact(*value));
            let _ = writeln!(self.text, ".nodeset v({name})={value}");
        }
    }

    /// `.op`, and `.dc` of sources between numbers; other requests depend on what a flat deck no
    /// longer has.
    fn analyses(&mut self) {
        for analysis in &self.circuit.commands.analyses {
            match &analysis.value {
                Analysis::OperatingPoint => self.line(".op"),
                Analysis::DcSweep { sweeps } => {
                    let cards: Option<Vec<String>> = sweeps.iter().map(|s| self.sweep(s)).collect();
                    if let Some(cards) = cards {
                        self.line(&format!(".dc {}", cards.join(" ")));
                    }
                }
                _ => {}
            }
        }
    }

    fn sweep(&self, sweep: &crate::netlist::Sweep) -> Option<String> {
        let id = self.circuit.find_element(&sweep.variable.value)?;
        let SweepRange::Linear { start, stop, step } = &sweep.range else {
            return None;
        };
        let mut text = self.name(id).to_string();
        for value in [start, stop, step] {
            text += &format!(" {}", format_exact(value.value.number()?));
        }
        Some(text)
    }
}

/// A model card and the distinct laws that were written so far.
pub(super) type ByContent = HashMap<String, Name>;
