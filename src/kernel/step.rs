//! The step of a splitting, chosen from `H`.

use std::fmt;

use super::spectrum::{norm, resolvent, shifted};
use super::{Definiteness, Kernel, Spectrum};

/// A splitting of `H z + q` and the normal cone of `z >= 0` (Chaffey 2025; Winston and Kolter 2020).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `z <- ReLU(z - a (H z + q))`: a layer of a network for each iteration.
    ForwardBackward,
    /// Reflects at the cone, then in the resolvent `(I + a H)^-1`: the fastest where H is positive
    /// definite.
    PeacemanRachford,
    /// The mean of each reflected pair with where it began: converges wherever there is a solution.
    DouglasRachford,
}

impl Method {
    pub const ALL: [Method; 3] = [
        Method::ForwardBackward,
        Method::PeacemanRachford,
        Method::DouglasRachford,
    ];
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::ForwardBackward => "forward-backward splitting",
            Method::PeacemanRachford => "Peaceman-Rachford splitting",
            Method::DouglasRachford => "Douglas-Rachford splitting",
        })
    }
}

/// What is known of the convergence beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Guarantee {
    /// Each iteration shrinks the distance to the solution by this factor at least.
    Linear {
        factor: f64,
    },
    /// To some solution, if there is one, with no known rate.
    Convergent,
    None {
        reason: &'static str,
    },
}

/// The step of a method and what it promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// In the inverse unit of `H`.
    pub length: f64,
    pub guarantee: Guarantee,
}

/// Factors nearer to one than this are told from it by rounding only.
const RESOLVED: f64 = 1e-13;

const SEMIDEFINITE: &str =
    "H is positive semidefinite only, so that this splitting needs not converge";
const NOT_MONOTONE: &str = "H is not monotone";
const TOO_LONG: &str = "the step is too long for H";

impl Step {
    /// The step of the smallest contraction factor, found by search: that of `I - a H` in
    /// `m/L^2 <= a <= 2/L` for forward-backward splitting, that of `(I - a H)(I + a H)^-1` about
    /// `a = 1/sqrt(m L)` for the others. Where H is semidefinite only, there is none to choose by:
    /// forward-backward then takes `1/L`, the others `1/sqrt(m L)` of the smallest m that is not zero.
    pub fn choose(kernel: &Kernel, spectrum: &Spectrum, method: Method) -> Self {
        let (m, l) = (spectrum.smallest, spectrum.norm);
        if !(l > 0.0) {
            return Self::new(kernel, spectrum, method, 1.0);
        }
        let length = match (method, spectrum.definiteness) {
            (Method::ForwardBackward, Definiteness::Positive) => {
                let factor = |step: f64| norm(&shifted(&kernel.h, -step));
                best(m / (l * l), 2.0 / l, factor)
            }
            (_, Definiteness::Positive) => {
                let middle = (m * l).sqrt().recip();
                let wide = (l / m).sqrt();
                best(middle / wide, middle * wide, |step| {
                    reflection(kernel, step)
                })
            }
            (Method::ForwardBackward, _) => 1.0 / l,
            _ => (spectrum.smallest_positive * l).sqrt().recip(),
        };
        Self::new(kernel, spectrum, method, length)
    }

    /// A step as it is given.
    pub fn new(kernel: &Kernel, spectrum: &Spectrum, method: Method, length: f64) -> Self {
        let guarantee = match method {
            _ if spectrum.definiteness == Definiteness::Indefinite => Guarantee::None {
                reason: NOT_MONOTONE,
            },
            Method::ForwardBackward => forward(kernel, spectrum, length),
            _ => backward(kernel, spectrum, method, length),
        };
        Self { length, guarantee }
    }
}

fn forward(kernel: &Kernel, spectrum: &Spectrum, length: f64) -> Guarantee {
    if spectrum.definiteness == Definiteness::Positive {
        let factor = norm(&shifted(&kernel.h, -length));
        if factor < 1.0 - RESOLVED {
            return Guarantee::Linear { factor };
        }
    }
    // The gradient of a convex function: any step below 2/L (Baillon and Haddad 1977).
    match (kernel.is_symmetric(), length * spectrum.norm < 2.0) {
        (true, true) => Guarantee::Convergent,
        (_, false) => Guarantee::None { reason: TOO_LONG },
        (false, true) if spectrum.definiteness == Definiteness::Positive => {
            Guarantee::None { reason: TOO_LONG }
        }
        (false, true) => Guarantee::None {
            reason: SEMIDEFINITE,
        },
    }
}

fn backward(kernel: &Kernel, spectrum: &Spectrum, method: Method, length: f64) -> Guarantee {
    let is_averaged = method == Method::DouglasRachford;
    if spectrum.definiteness == Definiteness::Positive {
        let reflected = reflection(kernel, length);
        if reflected < 1.0 - RESOLVED {
            let factor = if is_averaged {
                0.5 + 0.5 * reflected
            } else {
                reflected
            };
            return Guarantee::Linear { factor };
        }
    }
    match is_averaged {
        true => Guarantee::Convergent,
        false => Guarantee::None {
            reason: SEMIDEFINITE,
        },
    }
}

/// Norm of `2 (I + a H)^-1 - I`.
fn reflection(kernel: &Kernel, step: f64) -> f64 {
    let mut matrix = resolvent(&kernel.h, step);
    let n = matrix.nrows();
    for j in 0..n {
        for i in 0..n {
            matrix[(i, j)] = 2.0 * matrix[(i, j)] - if i == j { 1.0 } else { 0.0 };
        }
    }
    norm(&matrix)
}

/// Golden section in the logarithm of the step; the factor is a convex function of the first and has
/// one valley in the cases that matter of the second.
fn best(low: f64, high: f64, factor: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 16;
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (low.ln(), high.ln());
    let at = |x: f64| factor(x.exp());
    let inner = |low: f64, high: f64| (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut a, mut b) = inner(low, high);
    let (mut fa, mut fb) = (at(a), at(b));
    for _ in 0..STEPS {
        if fa < fb {
            (high, b, fb) = (b, a, fa);
            a = inner(low, high).0;
            fa = at(a);
        } else {
            (low, a, fa) = (a, b, fb);
            b = inner(low, high).1;
            fb = at(b);
        }
    }
    if fa < fb { a.exp() } else { b.exp() }
}
