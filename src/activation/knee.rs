//! Where an activation bends, and how sharply.

use super::curve::Point;

/// Where the slope dv/dx passes one half.
///
/// For Shockley's diode alone that is `x = N Vt (1 - ln(R IS/(N Vt))) - R IS`, and the slope falls from 0.9
/// to 0.1 within `N Vt (80/9 + ln 81)`, 13.3 times N Vt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knee {
    /// Driving voltage, V.
    pub x: f64,
    /// Voltage across the element there, V.
    pub voltage: f64,
    /// Driving voltages over which the slope goes from 0.9 to 0.1 or back, V; none if it does not do so
    /// between the neighbouring knees. Zero for a corner.
    pub width: Option<f64>,
}

const MIDDLE: f64 = 0.5;
const HIGH: f64 = 0.9;
const LOW: f64 = 0.1;

/// Bisection ends where x is known to this part of the largest x.
const RESOLUTION: f64 = 4.0 * f64::EPSILON;
const MOST_BISECTIONS: usize = 64;

/// Solves the circuit at one driving voltage, if it can.
type Solve<'a> = &'a mut dyn FnMut(f64) -> Option<Point>;

/// The knees between points in the order of x, each found by bisection with `solve`. Where that has no
/// solution bisection ends early: the points themselves have one.
pub(super) fn knees(points: &[Point], solve: Solve) -> Vec<Knee> {
    let middle = crossings(points, MIDDLE, solve);
    let high = crossings(points, HIGH, solve);
    let low = crossings(points, LOW, solve);
    let at = |k: usize| middle.get(k).map(|c: &Crossing| c.x);
    let knee = |(k, crossing): (usize, &Crossing)| {
        let from = k.checked_sub(1).and_then(at).unwrap_or(f64::NEG_INFINITY);
        let to = at(k + 1).unwrap_or(f64::INFINITY);
        let nearest = |of: &[Crossing]| {
            let near = of.iter().filter(|c| from < c.x && c.x < to);
            let distance = |c: &Crossing| (c.x - crossing.x).abs();
            let nearest = near.min_by(|a, b| distance(a).total_cmp(&distance(b)));
            nearest.map(|c| c.x)
        };
        Knee {
            x: crossing.x,
            voltage: crossing.voltage,
            width: nearest(&high)
                .zip(nearest(&low))
                .map(|(a, b)| (a - b).abs()),
        }
    };
    middle.iter().enumerate().map(knee).collect()
}

struct Crossing {
    x: f64,
    voltage: f64,
}

/// Where the slope passes a level.
fn crossings(points: &[Point], level: f64, solve: Solve) -> Vec<Crossing> {
    let mut found = Vec::new();
    let largest = points.iter().fold(0.0, |m: f64, p| m.max(p.x.abs()));
    for pair in points.windows(2) {
        let (mut a, mut b) = (pair[0], pair[1]);
        let is_above = |point: &Point| point.slope >= level;
        if is_above(&a) == is_above(&b) {
            continue;
        }
        for _ in 0..MOST_BISECTIONS {
            if b.x - a.x <= RESOLUTION * largest {
                break;
            }
            let x = 0.5 * (a.x + b.x);
            let Some(middle) = solve(x) else { break };
            match is_above(&middle) == is_above(&a) {
                true => a = middle,
                false => b = middle,
            }
        }
        // Many laws have their corner at zero.
        let x = match a.x <= 0.0 && 0.0 <= b.x {
            true => 0.0,
            false => 0.5 * (a.x + b.x),
        };
        let between = 0.5 * (a.voltage + b.voltage);
        let voltage = solve(x).map_or(between, |point| point.voltage);
        found.push(Crossing { x, voltage });
    }
    found
}
