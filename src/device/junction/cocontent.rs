//! `integral_0^u j` of a junction: in closed form for the plain law, by quadrature for the others.

use super::law::{Breakdown, Diffusion, Exponential, Junction, reverse_cube};

/// Nodes and weights of the seven-point Gauss-Legendre rule on [-1, 1], its positive half.
const GAUSS: [(f64, f64); 4] = [
    (0.0, 0.417_959_183_673_469_4),
    (0.405_845_151_377_397_2, 0.381_830_050_505_118_9),
    (0.741_531_185_599_394_4, 0.279_705_391_489_276_6),
    (0.949_107_912_342_758_5, 0.129_484_966_168_869_7),
];
/// Agreement of a piece with its halves that ends the quadrature, relative to the piece and, where
/// the current changes its sign, to the whole.
const TOLERANCE: f64 = 1e-13;
const NEGLIGIBLE: f64 = 1e-16;
const LARGEST_DEPTH: u32 = 40;

impl Junction<f64> {
    /// W.
    pub fn cocontent(&self, u: f64) -> f64 {
        let Some(extras) = &self.extras else {
            return self.area.cocontent(u) + 0.5 * self.gmin * u * u;
        };
        let mut corners = vec![0.0, u];
        for law in [Some(self.area), extras.sidewall].into_iter().flatten() {
            let (corner, begin) = (-3.0 * law.forward.thermal, -law.begin);
            corners.extend([corner, begin, begin - law.step_width()]);
        }
        corners.retain(|&c| c >= u.min(0.0) && c <= u.max(0.0));
        corners.sort_by(f64::total_cmp);
        let pieces = || corners.windows(2).map(|w| (w[0], w[1]));
        let current = |x: f64| self.current(x);
        let size: f64 = pieces().map(|(a, b)| gauss(&current, a, b).abs()).sum();
        let total: f64 = pieces()
            .map(|(a, b)| adaptive(&current, (a, b), gauss(&current, a, b), size, LARGEST_DEPTH))
            .sum();
        if u < 0.0 { -total } else { total }
    }
}

fn gauss(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
    let pair = |x: f64| f(middle + half * x) + f(middle - half * x);
    let outer: f64 = GAUSS[1..].iter().map(|&(x, w)| w * pair(x)).sum();
    half * (GAUSS[0].1 * f(middle) + outer)
}

/// Halves a piece until its halves agree with it.
fn adaptive(f: &impl Fn(f64) -> f64, (a, b): (f64, f64), whole: f64, size: f64, depth: u32) -> f64 {
    let middle = 0.5 * (a + b);
    let (left, right) = (gauss(f, a, middle), gauss(f, middle, b));
    let halves = left + right;
    if depth == 0 || !((halves - whole).abs() > TOLERANCE * halves.abs() + NEGLIGIBLE * size) {
        return halves;
    }
    adaptive(f, (a, middle), left, size, depth - 1)
        + adaptive(f, (middle, b), right, size, depth - 1)
}

impl Diffusion<f64> {
    fn cocontent(&self, u: f64) -> f64 {
        let forward = |u: f64| {
            let x = u / self.forward.thermal;
            self.forward.scale * self.forward.thermal * (self.forward.integral(x) - x)
        };
        let corner = -3.0 * self.forward.thermal;
        if u >= corner {
            return forward(u);
        }
        // The cubic is k/u^3, with the integral -k/(2 u^2).
        let k = reverse_cube(self.forward.thermal, 1.0);
        let reverse = |u: f64| {
            let inverse_squares = 1.0 / (u * u) - 1.0 / (corner * corner);
            forward(corner) - self.forward.scale * ((u - corner) - 0.5 * k * inverse_squares)
        };
        match &self.breakdown {
            Some(breakdown) if u < -self.begin => {
                reverse(-self.begin) + self.broken_cocontent(-self.begin - u, breakdown)
            }
            _ => reverse(u),
        }
    }

    /// Co-content from the begin of breakdown to `beyond` (V) past it.
    fn broken_cocontent(&self, beyond: f64, breakdown: &Breakdown<f64>) -> f64 {
        let first = (self.begin - breakdown.start) / breakdown.thermal;
        let last = first + beyond / breakdown.thermal;
        let growth = self.forward.integral(last) - self.forward.integral(first);
        let width = self.step_width();
        let passed = beyond.min(width);
        let step = self.step * (passed - 0.5 * passed * passed / width);
        self.forward.scale * (breakdown.thermal * growth - step)
    }
}

impl Exponential<f64> {
    /// `integral_0^x exp`, of the exponential that continues linearly.
    fn integral(&self, x: f64) -> f64 {
        if x <= self.largest {
            return x.exp_m1();
        }
        let beyond = x - self.largest;
        self.largest.exp() * (1.0 + beyond * (1.0 + 0.5 * beyond)) - 1.0
    }
}
