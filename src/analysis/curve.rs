//! What `.measure` reads off a sweep: numbers over the sweep variable, joined by straight lines.

use crate::netlist::Crossing;

/// Numbers over a sweep variable. A nested sweep is several curves, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve<'a> {
    pub x: &'a [f64],
    pub y: &'a [f64],
    /// Points of each curve.
    pub length: usize,
}

/// A part of the sweep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub from: f64,
    pub to: f64,
}

/// Steps that differ by less are equal for Simpson's rules.
const EQUAL_STEPS: f64 = 1e-9;

impl Window {
    pub const ALL: Self = Self {
        from: f64::NEG_INFINITY,
        to: f64::INFINITY,
    };

    pub fn new(from: f64, to: f64) -> Self {
        let (from, to) = if from <= to { (from, to) } else { (to, from) };
        Self { from, to }
    }

    fn holds(&self, x: f64) -> bool {
        self.from <= x && x <= self.to
    }
}

impl<'a> Curve<'a> {
    fn parts(self) -> impl Iterator<Item = (&'a [f64], &'a [f64])> {
        let length = self.length.max(1);
        self.x.chunks(length).zip(self.y.chunks(length))
    }

    /// The largest (`sign` = 1) or smallest (-1) point of the sweep, as `(x, y)`; of equal ones the
    /// last.
    pub fn extremum(self, window: Window, sign: f64) -> Option<(f64, f64)> {
        let points = self.x.iter().copied().zip(self.y.iter().copied());
        points
            .filter(|(x, _)| window.holds(*x))
            .reduce(|best, new| match sign * new.1 >= sign * best.1 {
                true => new,
                false => best,
            })
    }

    /// Mean over the sweep points in the window, by the trapezoidal rule.
    pub fn average(self, window: Window) -> Option<f64> {
        let (mut area, mut width) = (0.0, 0.0);
        for (x, y) in self.parts() {
            let points: Vec<_> = (0..x.len()).filter(|k| window.holds(x[*k])).collect();
            for pair in points.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                area += 0.5 * (y[a] + y[b]) * (x[b] - x[a]);
                width += x[b] - x[a];
            }
        }
        (width != 0.0).then(|| area / width)
    }

    /// Integral of `f(y)` over the window, whose ends are interpolated, and the width of it.
    pub fn integral(self, window: Window, f: fn(f64) -> f64) -> Option<(f64, f64)> {
        let (mut area, mut width, mut count) = (0.0, 0.0, 0);
        for (x, y) in self.parts() {
            let points: Vec<_> = clip(x, y, window)
                .into_iter()
                .map(|(x, y)| (x, f(y)))
                .collect();
            if let [first, .., last] = points[..] {
                area += simpson(&points);
                width += last.0 - first.0;
                count += 1;
            }
        }
        (count > 0).then_some((area, width))
    }

    /// The value where the sweep variable is `at`.
    pub fn value(self, at: f64) -> Option<f64> {
        self.parts().find_map(|(x, y)| {
            let k = segment(x, at)?;
            Some(interpolate((x[k], y[k]), (x[k + 1], y[k + 1]), at))
        })
    }

    /// The slope where the sweep variable is `at`; on a point of the sweep, that between its
    /// neighbours.
    pub fn slope(self, at: f64) -> Option<f64> {
        self.parts().find_map(|(x, y)| {
            let k = segment(x, at)?;
            let (mut a, mut b) = (k, k + 1);
            if at == x[a] && a > 0 {
                a -= 1;
            } else if at == x[b] && b + 1 < x.len() {
                b += 1;
            }
            Some((y[b] - y[a]) / (x[b] - x[a]))
        })
    }

    /// Where the curve crosses zero for the time `count`; the last time if that is 0.
    pub fn crossing(self, window: Window, kind: Crossing, count: usize) -> Option<f64> {
        let mut found = Vec::new();
        for (x, y) in self.parts() {
            let points: Vec<_> = (0..x.len()).filter(|k| window.holds(x[*k])).collect();
            let Some(first) = points.first() else {
                continue;
            };
            let mut is_above = y[*first] >= 0.0;
            for pair in points.windows(2) {
                let (a, b) = (pair[0], pair[1]);
                let crosses = if is_above { y[b] <= 0.0 } else { y[b] >= 0.0 };
                if !crosses {
                    continue;
                }
                let wanted = match kind {
                    Crossing::Any => true,
                    Crossing::Rising => !is_above,
                    Crossing::Falling => is_above,
                };
                is_above = !is_above;
                if wanted {
                    found.push(x[a] - y[a] * (x[b] - x[a]) / (y[b] - y[a]));
                }
            }
        }
        let found: Vec<f64> = found.into_iter().filter(|x| x.is_finite()).collect();
        match count {
            0 => found.last().copied(),
            count => found.get(count - 1).copied(),
        }
    }
}

/// The first pair of neighbours that `at` lies between.
fn segment(x: &[f64], at: f64) -> Option<usize> {
    let between = |pair: &[f64]| {
        let (low, high) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        low <= at && at <= high && low < high
    };
    x.windows(2).position(between)
}

fn interpolate(a: (f64, f64), b: (f64, f64), at: f64) -> f64 {
    a.1 + (at - a.0) * (b.1 - a.1) / (b.0 - a.0)
}

/// The points in a window, with its ends where these lie between points.
fn clip(x: &[f64], y: &[f64], window: Window) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(x.len());
    for k in 0..x.len() {
        let here = (x[k], y[k]);
        if k > 0 && x[k] != x[k - 1] {
            let before = (x[k - 1], y[k - 1]);
            let is_rising = x[k] > x[k - 1];
            let ends = match is_rising {
                true => [window.from, window.to],
                false => [window.to, window.from],
            };
            for end in ends {
                let (low, high) = (x[k].min(x[k - 1]), x[k].max(x[k - 1]));
                if low < end && end < high {
                    points.push((end, interpolate(before, here, end)));
                }
            }
        }
        if window.holds(x[k]) {
            points.push(here);
        }
    }
    points
}

/// ngspice's rule: Simpson's 3/8 over three equal steps, his 1/3 over two, and a trapezoid over what is
/// left.
fn simpson(points: &[(f64, f64)]) -> f64 {
    let step = |k: usize| Some(points.get(k + 1)?.0 - points.get(k)?.0);
    let y = |k: usize| points[k].1;
    let (mut area, mut k) = (0.0, 0);
    while let Some(h) = step(k) {
        let is_equal = |other: Option<f64>| {
            other.is_some_and(|other| (other - h).abs() <= EQUAL_STEPS * h.abs())
        };
        match (is_equal(step(k + 1)), is_equal(step(k + 2))) {
            (true, true) => {
                area += 0.375 * h * (y(k) + 3.0 * (y(k + 1) + y(k + 2)) + y(k + 3));
                k += 3;
            }
            (true, false) => {
                area += h * (y(k) + 4.0 * y(k + 1) + y(k + 2)) / 3.0;
                k += 2;
            }
            (false, _) => {
                area += 0.5 * h * (y(k) + y(k + 1));
                k += 1;
            }
        }
    }
    area
}
