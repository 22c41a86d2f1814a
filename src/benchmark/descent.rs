//! Newton with a linear solver of one's own, one simple strategy and no other behind it.

use crate::mna::{Scale, System, Values, Workspace};

use super::linear::LinearSolve;

const MOST_ITERATIONS: usize = 500;
const MOST_TRIALS: usize = 60;

/// Part of the currents at a node that may be left, and the last correction, relative to the largest
/// potential: what is left after it is about its square, or what the linear solver leaves of it.
const BALANCE: f64 = 1e-10;
const CORRECTION: f64 = 1e-7;

/// From a cold start to where a step corrects next to nothing: with a line search on the co-content
/// where there is one, with junction limiting elsewhere. Returns the number of steps.
///
/// # Errors
/// Why there is no solution, in words.
pub fn newton(
    system: &System,
    values: &Values,
    ws: &mut Workspace,
    solve: LinearSolve,
) -> Result<usize, String> {
    let has_cocontent = ws.has_cocontent(system);
    if has_cocontent {
        ws.settle(system, values);
    }
    let mut is_limited = false;
    for iteration in 1..=MOST_ITERATIONS {
        let matrix = ws.jacobian(system, values);
        ws.evaluate_residual(system, values);
        ws.reduced.iter_mut().for_each(|r| *r = -*r);
        solve(&matrix, system.method(), &mut ws.reduced)?;
        let correction = relative_correction(ws, system);
        if !correction.is_finite() {
            return Err("a step is not finite".into());
        }
        if correction <= CORRECTION && !is_limited {
            ws.advance(system, 1.0);
            if is_balanced(ws, system, values) {
                return Ok(iteration);
            }
            continue;
        }
        match has_cocontent {
            true => search(ws, system, values)?,
            false => is_limited = limit(ws, system, values),
        }
    }
    Err(format!("no convergence in {MOST_ITERATIONS} iterations"))
}

fn relative_correction(ws: &Workspace, system: &System) -> f64 {
    let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let step = largest(&ws.reduced[..system.node_unknown_count()]);
    let is_finite = ws.reduced.iter().all(|x| x.is_finite());
    match is_finite {
        true if step == 0.0 => 0.0,
        true => step / largest(&ws.full[..system.node_count()]).max(step),
        false => f64::INFINITY,
    }
}

/// Moves along the step to where the co-content hardly falls any more.
fn search(ws: &mut Workspace, system: &System, values: &Values) -> Result<(), String> {
    ws.begin_search();
    let initial = ws.initial_slope(system);
    let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..MOST_TRIALS {
        ws.move_along(system, t);
        ws.settle(system, values);
        let slope = ws.slope();
        if slope.abs() <= 0.25 * initial.abs() {
            return Ok(());
        }
        match slope > 0.0 || !slope.is_finite() {
            true => high = t,
            false => low = t,
        }
        t = if high.is_finite() {
            0.5 * (low + high)
        } else {
            4.0 * t
        };
    }
    Err("no step along the Newton direction lowers the co-content".into())
}

/// Takes the step and linearizes each one-port where its law can follow; whether any could not.
fn limit(ws: &mut Workspace, system: &System, values: &Values) -> bool {
    ws.advance(system, 1.0);
    let mut is_limited = false;
    for (index, [p, n]) in system.one_port_nodes().enumerate() {
        let voltage = ws.voltage(p, n);
        let point = values.one_ports()[index].limit(voltage, ws.points[index]);
        is_limited |= (point - voltage).abs() > 1e-9 * voltage.abs();
        ws.points[index] = point;
    }
    ws.evaluate_companions(values);
    is_limited
}

/// Whether Kirchhoff's current law holds as well as potentials that are rounded to doubles allow.
fn is_balanced(ws: &mut Workspace, system: &System, values: &Values) -> bool {
    const UNITS: f64 = 64.0 * f64::EPSILON;
    ws.settle(system, values);
    ws.measure_scales(system, values);
    let mut equations = ws.reduced.iter().zip(&ws.scales);
    equations.all(|(r, scale)| {
        let rounding = UNITS * (scale.rounding + scale.evaluation);
        r.abs() <= BALANCE * scale.magnitude + rounding
    })
}

/// Currents (A) that count as none: those at the far end of a long ladder underflow.
const NOTHING: f64 = 1e-24;

/// The largest part of the currents that meet at a node which does not balance, at the voltages of the
/// iterate, in twice the precision.
pub fn balance(ws: &mut Workspace, system: &System, values: &Values) -> f64 {
    ws.settle(system, values);
    ws.measure_scales(system, values);
    ws.evaluate_residual_precisely(system, values);
    let equations = ws.reduced.iter().zip(&ws.scales);
    let nodes = equations.take(system.node_unknown_count());
    let part = |(r, scale): (&f64, &Scale)| match r.abs() <= NOTHING {
        true => 0.0,
        false => r.abs() / scale.magnitude,
    };
    nodes.map(part).fold(0.0, f64::max)
}
