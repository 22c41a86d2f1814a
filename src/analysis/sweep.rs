//! `.dc` and `.step`: variables and the values that they take.

use super::formula::Formula;
use super::request::RequestError;
use super::{CompileError, OperatingPoint, SolveError, Solver};
use crate::circuit::{Circuit, Variable};
use crate::netlist::{self, Analysis, Diagnostic, SweepRange, Value};
use crate::source::{Span, Spanned};
use crate::units::format_exact;

/// One sweep variable and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// As the deck names it: `v1`, `temp`, `d1:is`.
    pub name: String,
    pub variable: Variable,
    pub values: Vec<f64>,
}

/// Values of the sweep variables, outermost last, and what came out.
#[derive(Clone, Debug)]
pub struct SweepPoint {
    pub values: Vec<f64>,
    pub op: OperatingPoint,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum SweepError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(
        "`{name}` cannot be {value}\n  help: an element refuses the value; leave it out of the sweep"
    )]
    Refused { name: String, value: f64 },
    #[error(
        "the loops have {} points together; the limit is {limit}\n  help: take larger steps, \
         or run the parts one after the other",
        in_words(*points as f64)
    )]
    TooManyPoints { points: usize, limit: usize },
    #[error("at {at}: {error}")]
    Solve { at: String, error: SolveError },
    #[error("at {at}: {error}")]
    Compile { at: String, error: CompileError },
}

const MAX_POINTS: usize = 5_000_000;

/// A quotient that is a whole number but for rounding counts as whole.
const WHOLE: f64 = 1e-12;

impl Sweep {
    /// The values that a card asks for, in terms of the circuit's parameters.
    ///
    /// # Errors
    /// Unknown variables, values that are no numbers, steps that lead nowhere, too many points.
    pub fn from_card(circuit: &Circuit, card: &netlist::Sweep) -> Result<Self, RequestError> {
        Self::read(circuit, card).map_err(|diagnostic| RequestError::in_deck(circuit, diagnostic))
    }

    fn read(circuit: &Circuit, card: &netlist::Sweep) -> Result<Self, Diagnostic> {
        let Spanned { value: name, span } = &card.variable;
        let variable = circuit.find_variable(name).map_err(|error| {
            Diagnostic::error(format!("the circuit has no variable `{name}`"))
                .at(*span, "nothing that can be swept")
                .help(error.help())
        })?;
        let number = |value: &Spanned<Value>| number(circuit, value);
        let values = match &card.range {
            SweepRange::Linear { start, stop, step } => {
                linear([number(start)?, number(stop)?, number(step)?], *span)?
            }
            SweepRange::Logarithmic {
                start,
                stop,
                points,
                base,
            } => logarithmic(
                [number(start)?, number(stop)?, number(points)?],
                *base,
                *span,
            )?,
            SweepRange::List(values) => values.iter().map(number).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            name: name.to_string(),
            variable,
            values,
        })
    }
}

/// The number that a value is in the main circuit.
pub(crate) fn number(circuit: &Circuit, value: &Spanned<Value>) -> Result<f64, Diagnostic> {
    let expr = match &value.value {
        Value::Number(number) => return Ok(*number),
        Value::Expression(expr) => expr,
    };
    let formula = Formula::compile(circuit, expr, &|_| None)?;
    if formula.reads_outputs() {
        let fault = Diagnostic::error("a value that depends on the circuit's solution");
        return Err(fault
            .at(value.span, "reads an output")
            .help("name parameters and numbers only"));
    }
    let number = formula.value(circuit, None);
    if !number.is_finite() {
        return Err(
            Diagnostic::error(format!("the value is {number}")).at(value.span, "not finite")
        );
    }
    Ok(number)
}

/// `start`, `start + step` … up to `stop`, as far as whole steps go.
fn linear([start, stop, step]: [f64; 3], span: Span) -> Result<Vec<f64>, Diagnostic> {
    if start == stop {
        return Ok(vec![start]);
    }
    let steps = ((stop - start) / step * (1.0 + WHOLE)).floor();
    if !(steps >= 0.0) || !steps.is_finite() {
        let [start, stop, step] = [start, stop, step].map(format_exact);
        let fault = Diagnostic::error(format!(
            "a sweep from {start} to {stop} by {step} never ends"
        ));
        return Err(fault
            .at(span, "never ends")
            .help("give a step with the sign of stop - start"));
    }
    let count = count(steps, span)?;
    Ok((0..count).map(|k| start + k as f64 * step).collect())
}

/// From `start` to `stop` in equal ratios: as many whole steps as fit at `points` for each factor of
/// `base`, stretched so that the last one meets `stop`, as ngspice does in its `.ac`.
fn logarithmic(
    [start, stop, points]: [f64; 3],
    base: f64,
    span: Span,
) -> Result<Vec<f64>, Diagnostic> {
    if start == stop {
        return Ok(vec![start]);
    }
    let ratio = stop / start;
    let has_values = ratio > 0.0 && ratio.is_finite() && points >= 1.0;
    if !has_values {
        let [start, stop, points] = [start, stop, points].map(format_exact);
        let fault = Diagnostic::error(format!(
            "a logarithmic sweep from {start} to {stop} with {points} points has no values"
        ));
        return Err(fault
            .at(span, "no values")
            .help("start and stop have the same sign and are not zero; take at least one point"));
    }
    let intervals = ratio.ln().abs() / base.ln() * points;
    let steps = (intervals * (1.0 + WHOLE)).floor().max(1.0);
    let count = count(steps, span)?;
    // A whole power of ten, or of two, comes out as such.
    let is_even = (intervals - steps).abs() <= 1e-9 * steps;
    let value = |k: usize| {
        let power = ratio.ln().signum() * k as f64 / points;
        match k as f64 / steps {
            1.0 => stop,
            _ if is_even && power.fract() == 0.0 => start * base.powi(power as i32),
            part => start * ratio.powf(part),
        }
    };
    Ok((0..count).map(value).collect())
}

fn count(steps: f64, span: Span) -> Result<usize, Diagnostic> {
    if steps < MAX_POINTS as f64 {
        return Ok(steps as usize + 1);
    }
    let fault = Diagnostic::error(format!(
        "a sweep of {} points; the limit is {MAX_POINTS}",
        in_words(steps + 1.0)
    ));
    Err(fault.at(span, "too many points").help("take a larger step"))
}

/// Digits as long as they can be counted at a glance.
fn in_words(points: f64) -> String {
    match points < 1e9 {
        true => format!("{points}"),
        false => format!("{points:.0e}"),
    }
}

/// Evenly spaced numbers, two at least, both ends included.
pub(crate) fn evenly_spaced(from: f64, to: f64, points: usize) -> Vec<f64> {
    let last = points.max(2) - 1;
    // Round numbers stay round: the quotient is rounded once.
    let at = |k: usize| (from * (last - k) as f64 + to * k as f64) / last as f64;
    (0..=last).map(at).collect()
}

/// Solves every point; the first sweep is the inner loop. The circuit is restored at the end.
///
/// # Errors
/// At the first point that has no solution, or that an element refuses.
pub fn dc_sweep(
    solver: &mut Solver,
    sweeps: &[Sweep],
    each: &mut dyn FnMut(&Circuit, SweepPoint),
) -> Result<(), SweepError> {
    at_each_point(solver, sweeps, &mut |solver, values| {
        let op = solver
            .operating_point_from_anywhere()
            .map_err(|error| SweepError::Solve {
                at: place(sweeps, &values),
                error,
            })?;
        each(&solver.circuit, SweepPoint { values, op });
        Ok(())
    })
}

/// What is done at a point of a sweep, given the values of its variables.
type Visit<'a, E> = &'a mut dyn FnMut(&mut Solver, Vec<f64>) -> Result<(), E>;

/// Sets the variables to each of their combinations in turn, the first sweep fastest, and restores
/// them.
pub(crate) fn at_each_point<E: From<SweepError>>(
    solver: &mut Solver,
    sweeps: &[Sweep],
    each: Visit<E>,
) -> Result<(), E> {
    let save = |sweep: &Sweep| solver.circuit.save_variable(&sweep.variable);
    let saved: Vec<_> = sweeps.iter().map(save).collect();
    let outcome = walk(solver, sweeps, each);
    // Outermost first: parameters may hold what an inner sweep has set by itself.
    for variable in saved.iter().rev() {
        solver.circuit.restore_variable(variable);
    }
    let restored = solver.take_values();
    debug_assert!(restored.is_ok(), "the circuit compiled before");
    outcome
}

fn walk<E: From<SweepError>>(
    solver: &mut Solver,
    sweeps: &[Sweep],
    each: Visit<E>,
) -> Result<(), E> {
    let total = count_points(sweeps, 0)?;
    let mut last: Vec<f64> = Vec::new();
    for index in 0..total {
        let values = coordinates(sweeps, index);
        // Outermost first, and all that is inside what changes: an element that is swept itself wins
        // over a parameter that it depends on.
        let mut is_inside = false;
        for (k, sweep) in sweeps.iter().enumerate().rev() {
            is_inside |= last.get(k).map(|x| x.to_bits()) != Some(values[k].to_bits());
            if is_inside && !solver.circuit.set_variable(&sweep.variable, values[k]) {
                let (name, value) = (sweep.name.clone(), values[k]);
                return Err(SweepError::Refused { name, value }.into());
            }
        }
        if let Err(error) = solver.take_values() {
            let at = place(sweeps, &values);
            return Err(SweepError::Compile { at, error }.into());
        }
        last.clone_from(&values);
        each(solver, values)?;
    }
    Ok(())
}

/// The points of nested sweeps, if there are not too many together with those `already` done.
pub(crate) fn count_points(sweeps: &[Sweep], already: usize) -> Result<usize, SweepError> {
    let points: usize = sweeps
        .iter()
        .fold(1, |all, sweep| all.saturating_mul(sweep.values.len()));
    limit_points(points.saturating_add(already))?;
    Ok(points)
}

fn limit_points(points: usize) -> Result<(), SweepError> {
    let limit = MAX_POINTS;
    match points <= limit {
        true => Ok(()),
        false => Err(SweepError::TooManyPoints { points, limit }),
    }
}

/// Refuses `analyses` that have too many points within `steps`, as far as that can be seen at once: a
/// sweep may depend on what is stepped.
pub(crate) fn check_points(
    circuit: &Circuit,
    steps: &[Sweep],
    analyses: &[Spanned<Analysis>],
) -> Result<(), SweepError> {
    let steps = count_points(steps, 0)?;
    let mut total = 0usize;
    for analysis in analyses {
        if let Analysis::DcSweep { sweeps } = &analysis.value
            && sweeps.iter().all(is_fixed)
        {
            let read = |card| Sweep::from_card(circuit, card);
            let sweeps: Vec<Sweep> = sweeps.iter().map(read).collect::<Result<_, _>>()?;
            let points = count_points(&sweeps, 0)?;
            total = total.saturating_add(points.saturating_mul(steps));
        }
    }
    limit_points(total)
}

/// Whether the values are plain numbers.
fn is_fixed(card: &netlist::Sweep) -> bool {
    let is_number = |value: &Spanned<Value>| matches!(value.value, Value::Number(_));
    match &card.range {
        SweepRange::Linear { start, stop, step } => [start, stop, step].into_iter().all(is_number),
        SweepRange::Logarithmic {
            start,
            stop,
            points,
            ..
        } => [start, stop, points].into_iter().all(is_number),
        SweepRange::List(values) => values.iter().all(is_number),
    }
}

fn place(sweeps: &[Sweep], values: &[f64]) -> String {
    let place = |(s, v): (&Sweep, &f64)| format!("{} = {v}", s.name);
    let at: Vec<_> = sweeps.iter().zip(values).map(place).collect();
    at.join(", ")
}

/// Values of nested sweeps at a point, of which the first sweep changes fastest.
pub(crate) fn coordinates(sweeps: &[Sweep], mut index: usize) -> Vec<f64> {
    let mut digit = |s: &Sweep| {
        let value = s.values[index % s.values.len()];
        index /= s.values.len();
        value
    };
    sweeps.iter().map(&mut digit).collect()
}
