//! Colours of a drawing and the bars and marks that explain them.

use crate::analysis::OperatingPoint;
use crate::circuit::ElementId;
use crate::report::picture::ColourScale;
use crate::report::picture::svg::{Anchor, INK, MUTED, PANEL, Svg, text_width};

use super::{Annotations, Effects};

/// Insides of diodes by state.
const ON: &str = "#e69f00";
const BREAKDOWN: &str = "#cc79a7";

const BAR: f64 = 200.0;
const GAP: f64 = 40.0;
/// Height that the key takes.
pub(super) const HEIGHT: f64 = 62.0;

/// Width of the states of diodes.
const STATES: f64 = 120.0;

/// Width of a bar under its title.
fn slot(title: &str) -> f64 {
    BAR.max(text_width(title, 12.0) + 24.0) + GAP
}

/// What is coloured by what.
#[derive(Debug)]
pub(super) struct Key<'a> {
    pub potentials: Option<(&'a OperatingPoint, ColourScale)>,
    /// Sizes of currents, unless effects are shown.
    pub currents: Option<(&'a OperatingPoint, ColourScale)>,
    pub effects: Option<(&'a Effects, ColourScale)>,
}

impl<'a> Key<'a> {
    pub fn new(annotations: Annotations<'a>) -> Self {
        let op = annotations.operating_point;
        let effects = annotations.effects;
        let of_effects = |effects: &'a Effects| {
            let strengths = effects.iter().map(|effect| effect.of_a_percent());
            (effects, ColourScale::signed_lines(strengths))
        };
        let potentials = |op: &'a OperatingPoint| {
            let potentials = op.potentials.iter().copied();
            (op, ColourScale::potentials(potentials))
        };
        let currents =
            |op: &'a OperatingPoint| (op, ColourScale::sizes(op.currents.iter().copied()));
        Self {
            potentials: op.map(potentials),
            currents: op.filter(|_| effects.is_none()).map(currents),
            effects: effects.map(of_effects),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.potentials.is_none() && self.effects.is_none()
    }

    /// Inside of a diode.
    pub fn inside(&self, element: ElementId) -> &'static str {
        match self.state(element) {
            Some("on") => ON,
            Some("breakdown") => BREAKDOWN,
            _ => PANEL,
        }
    }

    fn state(&self, element: ElementId) -> Option<&'static str> {
        let (op, _) = self.potentials.as_ref()?;
        let mut diodes = op.diodes.iter();
        diodes.find(|d| d.element == element).map(|d| d.state)
    }

    /// Titles, scales and units of the bars.
    fn bars(&self) -> Vec<(String, ColourScale, &str)> {
        let mut bars = Vec::new();
        if let Some((_, scale)) = self.potentials {
            bars.push(("wires: potential".to_string(), scale, "V"));
        }
        if let Some((_, scale)) = self.currents {
            bars.push(("symbols: current".to_string(), scale, "A"));
        }
        if let Some((effects, scale)) = self.effects {
            let title = format!("symbols: change of {} for +1 %", effects.output);
            bars.push((title, scale, &effects.unit));
        }
        bars
    }

    /// Width that the key takes.
    pub fn width(&self) -> f64 {
        let bars = self.bars();
        let bars: f64 = bars.iter().map(|(title, ..)| slot(title)).sum();
        match self.states().is_empty() {
            true => bars,
            false => bars + STATES,
        }
    }

    /// States that diodes of the circuit are in.
    fn states(&self) -> Vec<(&'static str, &'static str)> {
        let Some((op, _)) = &self.potentials else {
            return Vec::new();
        };
        let is_there = |(state, _): &(&str, &str)| op.diodes.iter().any(|d| d.state == *state);
        let states = [("on", ON), ("off", PANEL), ("breakdown", BREAKDOWN)];
        states.into_iter().filter(is_there).collect()
    }

    pub fn draw(&self, svg: &mut Svg, at: (f64, f64)) {
        let (mut x, y) = at;
        for (title, scale, unit) in self.bars() {
            scale.draw_bar(svg, (x, y), BAR, &title, unit);
            x += slot(&title);
        }
        for (k, (state, fill)) in self.states().into_iter().enumerate() {
            let y = y - 4.0 + 18.0 * k as f64;
            let corners = [(x, y - 6.0), (x + 13.0, y - 6.0), (x + 6.5, y + 5.0)];
            svg.polygon(&corners, fill, INK, 1.4);
            let at = (x + 22.0, y + 4.0);
            svg.text(at, Anchor::Start, 12.0, MUTED, &format!("diode {state}"));
        }
    }
}
