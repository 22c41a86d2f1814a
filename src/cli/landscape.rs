//! `ohmgrad landscape`: the co-content along lines through the operating point.

use std::path::PathBuf;

use crate::analysis::{Output, evenly_spaced};
use crate::landscape::{Direction, Landscape, LandscapeError, Line};
use crate::report::json;
use crate::report::landscape as report;
use crate::units::parse_number;

use super::{DeckArguments, Failure, Format, FormatArguments, emit, load_with, show_undetermined};

const HELP: &str = "\
Along a voltage, x is what a source forces on it, all other potentials settle, and the slope is the
current of the source. In a direction potentials move straight, a voltage alone or all nodes at
random, and x is the change of the voltage or the largest change. Sources and conducting ideal
diodes keep their voltages there; where ideal diodes forbid a point, its co-content is infinite.

Examples:
  ohmgrad landscape circuits/diode/bridge.cir --along 'v(plus)' --svg landscape.svg
  ohmgrad landscape circuits/diode/bridge.cir --along 'v(ac1,plus)' --csv
  ohmgrad landscape circuits/diode/bridge.cir --direction 'v(plus)' --direction random:1 --to 0.2";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// SPICE deck; `-` reads standard input
    deck: PathBuf,
    #[command(flatten)]
    settings: super::Settings,
    #[command(flatten)]
    lines: Lines,
    /// First x, V [default: 1 V below the operating point, or 0.1 V in a direction]
    #[arg(long, value_name = "V", value_parser = number, allow_hyphen_values = true)]
    from: Option<f64>,
    /// Last x, V [default: as far above it]
    #[arg(long, value_name = "V", value_parser = number, allow_hyphen_values = true)]
    to: Option<f64>,
    /// Points of each line in the table; the picture takes at least 401
    #[arg(long, default_value_t = 41, value_name = "N")]
    points: usize,
    #[command(flatten)]
    format: FormatArguments,
    /// Draw all lines and their slopes into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Lines {
    /// Force this voltage, v(a) or v(a,b), and let the others settle (repeatable)
    #[arg(long, value_name = "VOLTAGE")]
    along: Vec<String>,
    /// Move straight: random:SEED, v(a) or v(a,b) (repeatable)
    #[arg(long, value_name = "DIRECTION")]
    direction: Vec<String>,
}

/// A picture of fewer points has visible corners.
const FINE: usize = 401;

/// Points of all lines together.
const MOST_POINTS: usize = 1_000_000;

/// How far lines go if nothing is said, V: where potentials move straight, currents of diodes explode.
const REACH_ALONG: f64 = 1.0;
const REACH_STRAIGHT: f64 = 0.1;

fn number(text: &str) -> Result<f64, String> {
    parse_number(text.trim()).ok_or_else(|| "expected a number such as -2, 0.5 or 100m".to_string())
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    check(arguments)?;
    let landscape = Landscape::new(load_with(&arguments.deck, &arguments.settings)?)?;
    show_undetermined(landscape.circuit(), landscape.operating_point());
    let plan = Plan::new(arguments, &landscape)?;
    let lines = plan.lines(arguments.points)?;
    if let Some(path) = &arguments.svg {
        let fine = plan.lines(arguments.points.max(FINE))?;
        emit(report::picture(&landscape, &fine), Some(path))?;
    }
    let text = match arguments.format.chosen() {
        Format::Csv => report::csv(&lines),
        Format::Json => json::text(&report::json(&landscape, &lines)),
        Format::Table => report::table(&landscape, &lines),
    };
    emit(text, arguments.out.as_deref())
}

/// Refuses what can be seen to be wrong before anything is solved.
fn check(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.svg.is_some() && arguments.svg == arguments.out {
        return Err(Failure::arguments(
            "error: --svg and --out name the same file\n  help: give the picture a file of its own",
        ));
    }
    for out in [&arguments.out, &arguments.svg] {
        let (deck, out) = (arguments.deck.clone(), out.clone());
        DeckArguments { deck, out }.check_out()?;
    }
    let lines = arguments.lines.along.len() + arguments.lines.direction.len();
    let points = arguments.points;
    if points < 2 || points.saturating_mul(lines) > MOST_POINTS {
        return Err(Failure::arguments(format!(
            "error: {lines} lines of {points} points\n  help: take at least 2 --points, and {MOST_POINTS} at \
             most in all"
        )));
    }
    Ok(())
}

/// The lines that are asked for.
struct Plan<'a> {
    landscape: &'a Landscape,
    along: Vec<Output>,
    straight: Vec<Direction>,
    arguments: &'a Arguments,
}

impl<'a> Plan<'a> {
    fn new(arguments: &'a Arguments, landscape: &'a Landscape) -> Result<Self, LandscapeError> {
        let circuit = landscape.circuit();
        let along = arguments.lines.along.iter();
        let along = along.map(|text| Ok(Output::parse(circuit, text)?));
        let straight = arguments.lines.direction.iter();
        let straight = straight.map(|text| Direction::parse(circuit, text));
        Ok(Self {
            landscape,
            along: along.collect::<Result<_, LandscapeError>>()?,
            straight: straight.collect::<Result<_, _>>()?,
            arguments,
        })
    }

    fn lines(&self, points: usize) -> Result<Vec<Line>, Failure> {
        let landscape = self.landscape;
        let mut lines = Vec::new();
        for output in &self.along {
            let rest = output.value(landscape.circuit(), landscape.operating_point());
            let values = self.range(rest, REACH_ALONG, points)?;
            lines.push(landscape.along(*output, &values)?);
        }
        for direction in &self.straight {
            let steps = self.range(0.0, REACH_STRAIGHT, points)?;
            lines.push(landscape.straight(direction, &steps)?);
        }
        Ok(lines)
    }

    fn range(&self, rest: f64, reach: f64, points: usize) -> Result<Vec<f64>, Failure> {
        let from = self.arguments.from.unwrap_or(rest - reach);
        let to = self.arguments.to.unwrap_or(rest + reach);
        match from < to && (to - from).is_finite() {
            true => Ok(evenly_spaced(from, to, points)),
            false => Err(Failure::arguments(format!(
                "error: no line from {from} V to {to} V\n  help: give --from and --to, the lower first"
            ))),
        }
    }
}
