//! `ohmgrad activation`: one-ports behind a resistor, as functions of the voltage that drives them.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::activation::{Conditions, Curve, Drive, Element};
use crate::report::activation::{self as report, Quantity};
use crate::report::json;
use crate::report::picture::{COLOURS, LINES};
use crate::units::parse_number;

use super::{Failure, Format, FormatArguments, SHOWN_WARNINGS, emit};

const EXAMPLES: &str = "\
Elements, from terminal p to terminal n:
  ideal                           ideal diode, anode at p: R i is the ReLU of x
  shockley:is=1e-14,n=1,rs=0      junction diode: DC parameters of a model card, temp, tnom, gmin;
                                  level=1 for ngspice's law in place of Shockley's
  antiparallel:is=1e-12           two of these, in both directions
  zener:bv=5.1,ibv=1m             one with breakdown
  pair:low=-0.7,high=0.3          two of these to bias sources; pair:ideal for a clip
  pwl:-1:-1m,0:0,1:5m             breakpoints volts:amperes; or pwl:ron=1,roff=1meg,vfwd=0.6
  'b:i=1m*tanh(v(p)/0.1)'         behavioural source
  'spice:R1 p a 100; D1 a n DX; .model DX D'
  @file.cir:out,0                 a deck, between two of its nodes
The word `reversed` exchanges the terminals of a built-in element: ideal:reversed is v = max(0, x).

Examples:
  ohmgrad activation ideal shockley pair:ideal --svg activations.svg
  ohmgrad activation shockley --temperature=-40,27,125 --output current --from 0 --to 1
  ohmgrad activation shockley:is=1e-12 --n 1,1.5,2 --resistance 10k --csv --out knees.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What stands behind the resistor; see below
    #[arg(required = true, value_name = "ELEMENT")]
    elements: Vec<String>,
    /// Resistance in front of the element, ohm
    #[arg(long, short, default_value = "1k", value_name = "OHM", value_parser = number, allow_hyphen_values = true)]
    resistance: f64,
    /// First driving voltage, V
    #[arg(long, default_value = "-2", value_name = "V", value_parser = number, allow_hyphen_values = true)]
    from: f64,
    /// Last driving voltage, V
    #[arg(long, default_value = "2", value_name = "V", value_parser = number, allow_hyphen_values = true)]
    to: f64,
    /// Driving voltages in the table; the picture takes at least 401
    #[arg(long, default_value_t = 41, value_name = "N")]
    points: usize,
    /// A curve for each of these temperatures (degrees Celsius) of elements without one of their own
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = number, allow_hyphen_values = true)]
    temperature: Vec<f64>,
    /// A curve for each of these emission coefficients N of elements without one of their own
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = number, allow_hyphen_values = true)]
    n: Vec<f64>,
    /// What is compared in the table and drawn
    #[arg(long, value_enum, default_value = "voltage")]
    output: Output,
    #[command(flatten)]
    format: FormatArguments,
    /// Draw all curves and their slopes into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Across the element, V
    Voltage,
    /// Into the element, A
    Current,
}

/// A picture of fewer points has visible corners.
const FINE: usize = 401;

/// Points of all curves together.
const MOST_POINTS: usize = 1_000_000;

/// As in a deck: `4.7k`, `-2`, `1e-3`.
fn number(text: &str) -> Result<f64, String> {
    parse_number(text.trim()).ok_or_else(|| "expected a number such as -2, 0.5 or 4.7k".to_string())
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.svg.is_some() && arguments.svg == arguments.out {
        return Err(Failure::arguments(
            "error: --svg and --out name the same file\n  help: give the picture a file of its own",
        ));
    }
    let quantity = match arguments.output {
        Output::Voltage => Quantity::Voltage,
        Output::Current => Quantity::Current,
    };
    let plan = Plan::new(arguments)?;
    plan.check_files()?;
    let curves = plan.solve(arguments.points)?;
    show_warnings(&curves);
    if let Some(path) = &arguments.svg {
        let fine = plan.solve(arguments.points.max(FINE))?;
        let svg = report::picture(&fine, &curves, &plan.styles(), quantity);
        emit(svg, Some(path))?;
    }
    let text = match arguments.format.chosen() {
        Format::Csv => report::csv(&curves),
        Format::Json => json::text(&report::json(&curves)),
        Format::Table => report::table(&curves, quantity),
    };
    emit(text, arguments.out.as_deref())
}

/// Every curve that is asked for.
struct Plan<'a> {
    arguments: &'a Arguments,
    elements: Vec<Element>,
    members: Vec<Member>,
}

/// A curve by its indices.
#[derive(Clone, Copy)]
struct Member {
    element: usize,
    temperature: usize,
    emission: usize,
}

impl<'a> Plan<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self, Failure> {
        let texts = arguments.elements.iter();
        let elements: Vec<_> = texts
            .map(|text| Element::parse(text))
            .collect::<Result<_, _>>()?;
        // A family that an element does not depend on is one curve.
        let count = |list: &[f64], depends: bool| if depends { list.len().max(1) } else { 1 };
        let mut members = Vec::new();
        for (element, e) in elements.iter().enumerate() {
            let temperatures = count(&arguments.temperature, e.depends_on_temperature());
            for temperature in 0..temperatures {
                let emissions = count(&arguments.n, e.depends_on_emission());
                members.extend((0..emissions).map(|emission| Member {
                    element,
                    temperature,
                    emission,
                }));
            }
        }
        if arguments.points.saturating_mul(members.len()) > MOST_POINTS {
            return Err(Failure::arguments(format!(
                "error: {} curves of {} points are more than {MOST_POINTS} points\n  help: take \
                 fewer --points or shorter lists",
                members.len(),
                arguments.points
            )));
        }
        Ok(Self {
            arguments,
            elements,
            members,
        })
    }

    /// Refuses to write over a deck.
    fn check_files(&self) -> Result<(), Failure> {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let outputs = [
            ("--out", &self.arguments.out),
            ("--svg", &self.arguments.svg),
        ];
        for deck in self.elements.iter().filter_map(|e| e.file.as_deref()) {
            let is_deck = |out: &Option<PathBuf>| {
                out.as_deref()
                    .is_some_and(|out| real(out).is_some() && real(out) == real(deck))
            };
            if let Some((option, _)) = outputs.iter().find(|(_, out)| is_deck(out)) {
                let deck = deck.display();
                let message = format!("error: {option} would overwrite the deck {deck}");
                return Err(Failure::arguments(message));
            }
        }
        Ok(())
    }

    fn solve(&self, points: usize) -> Result<Vec<Curve>, Failure> {
        let a = self.arguments;
        let drive = Drive::over(a.from, a.to, points, a.resistance)?;
        let curve = |member: &Member| {
            let conditions = Conditions {
                temperature: a.temperature.get(member.temperature).copied(),
                emission: a.n.get(member.emission).copied(),
            };
            Ok(self.elements[member.element].curve(conditions, &drive)?)
        };
        self.members.iter().map(curve).collect()
    }

    /// A colour for each curve; with a family of temperatures and one of N, colours for the former and
    /// dashes for the latter. Where colours do not suffice, an element has one, and its family dashes.
    fn styles(&self) -> Vec<(usize, usize)> {
        let [temperatures, emissions] =
            [&self.arguments.temperature, &self.arguments.n].map(|list| list.len().max(1));
        let has_both = temperatures > 1 && emissions > 1;
        let single = |m: &Member| match has_both {
            true => ((m.element, m.temperature, 0), m.emission),
            false => ((m.element, m.temperature, m.emission), 0),
        };
        let of_element = |m: &Member| {
            let dash = m.temperature * emissions + m.emission;
            ((m.element, 0, 0), dash)
        };
        let styles = self
            .numbered(&single)
            .or_else(|| self.numbered(&of_element));
        styles.unwrap_or_else(|| (0..self.members.len()).map(|k| (k, 0)).collect())
    }

    /// Colours counted up as their keys come; none if there are not enough.
    fn numbered(&self, style: &dyn Fn(&Member) -> (Key, usize)) -> Option<Vec<(usize, usize)>> {
        let mut keys: Vec<Key> = Vec::new();
        let number = |member: &Member| {
            let (key, dash) = style(member);
            let known = keys.iter().position(|k| *k == key);
            let colour = known.unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            });
            (colour < COLOURS && dash < LINES).then_some((colour, dash))
        };
        self.members.iter().map(number).collect()
    }
}

/// What curves of one colour have in common.
type Key = (usize, usize, usize);

/// Each once: a deck has the same ones in all members of its family.
fn show_warnings(curves: &[Curve]) {
    let mut shown: Vec<&str> = Vec::new();
    for warning in curves.iter().flat_map(|curve| &curve.warnings) {
        if shown.len() < SHOWN_WARNINGS && !shown.contains(&warning.as_str()) {
            crate::note!("{warning}");
            shown.push(warning);
        }
    }
}
