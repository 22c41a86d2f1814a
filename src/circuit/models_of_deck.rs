//! The model cards of a deck that is written: one for each distinct law.

use std::fmt::Write;

use super::writer::ByContent;
use crate::device::{Environment, Parameter, PiecewiseDiode, Shockley};
use crate::netlist::Name;
use crate::units::format_exact;

const PIECEWISE_CARD: &[(Parameter, &str)] = &[
    (Parameter::OnResistance, "ron"),
    (Parameter::OffResistance, "roff"),
    (Parameter::ForwardVoltage, "vfwd"),
    (Parameter::ReverseVoltage, "vrev"),
    (Parameter::ReverseResistance, "rrev"),
];

/// Model cards by their content.
pub(super) struct Models {
    cards: Vec<String>,
    by_content: ByContent,
}

impl Models {
    pub fn new() -> Self {
        Self {
            cards: Vec::new(),
            by_content: ByContent::new(),
        }
    }

    pub fn ideal(&mut self) -> Name {
        self.name_of("ideal".into())
    }

    /// What stands behind the nodes of a junction diode: model, area, temperature.
    pub fn shockley(&mut self, diode: &Shockley, circuit: &Environment) -> String {
        let mut card = diode.card();
        card.push(("tnom", diode.environment().nominal_temperature));
        let mut text = self.name_of(parameters(&card)).to_string();
        let area = diode.area();
        if area != 1.0 {
            let _ = write!(text, " area={}", format_exact(area));
        }
        let own = diode.environment().temperature;
        if own != circuit.temperature {
            let _ = write!(text, " temp={}", format_exact(own));
        }
        text
    }

    pub fn piecewise(&mut self, diode: &PiecewiseDiode) -> String {
        let given = PIECEWISE_CARD.iter();
        let card: Vec<_> = given
            .filter_map(|&(parameter, name)| Some((name, diode.value(parameter)?)))
            .collect();
        let mut text = self.name_of(parameters(&card)).to_string();
        let area = diode.value(Parameter::Area).unwrap_or(1.0);
        if area != 1.0 {
            let _ = write!(text, " area={}", format_exact(area));
        }
        text
    }

    fn name_of(&mut self, content: String) -> Name {
        if let Some(name) = self.by_content.get(&content) {
            return name.clone();
        }
        let name = compact_str::format_compact!("dmod{}", self.cards.len() + 1);
        self.cards.push(format!(".model {name} d({content})"));
        self.by_content.insert(content, name.clone());
        name
    }

    pub fn write(&self, text: &mut String) {
        for card in &self.cards {
            text.push_str(card);
            text.push('\n');
        }
    }
}

fn parameters(card: &[(&str, f64)]) -> String {
    let words: Vec<_> = card
        .iter()
        .map(|(name, value)| format!("{name}={}", format_exact(*value)))
        .collect();
    words.join(" ")
}
