//! The functions of one and two numbers, with their derivatives.
//!
//! At a corner the slope is one of the two one-sided slopes.

use std::f64::consts::{LN_2, LN_10};

/// Functions of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function1 {
    Negate,
    Not,
    Sqrt,
    Exp,
    Ln,
    Log10,
    Log2,
    Abs,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    /// -1, 0 or 1.
    Sign,
    /// 0, 1/2 at zero, 1.
    Step,
    /// `max(x, 0)`
    Ramp,
    /// `x` within 0 and 1.
    Clamp,
    Floor,
    Ceil,
    Trunc,
    /// To the nearest whole number, halves away from zero.
    Round,
    /// To the nearest whole number, halves to even ones.
    RoundEven,
}

/// Functions of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function2 {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Division that stays finite, as in the behavioural sources of ngspice.
    DivideGuarded,
    /// With the sign of the dividend.
    Remainder,
    Power,
    /// `|x|^y`
    PowerOfMagnitude,
    /// `sgn(x) |x|^y`
    PowerSigned,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Min,
    Max,
    Atan2,
    Hypot,
}

/// Exponents beyond this are continued linearly: iterates pass there and must stay finite.
const LARGEST_EXPONENT: f64 = 690.0;

/// Divisors are kept this far from zero by [`Function2::DivideGuarded`].
const SMALLEST_DIVISOR: f64 = 1e-32;

impl Function1 {
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Not => f64::from(x == 0.0),
            Self::Sqrt => x.sqrt(),
            Self::Exp => exp(x),
            Self::Ln => x.ln(),
            Self::Log10 => x.log10(),
            Self::Log2 => x.log2(),
            Self::Abs => x.abs(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tan => x.tan(),
            Self::Asin => x.asin(),
            Self::Acos => x.acos(),
            Self::Atan => x.atan(),
            Self::Sinh => sinh(x),
            Self::Cosh => cosh(x),
            Self::Tanh => x.tanh(),
            Self::Asinh => x.asinh(),
            Self::Acosh => x.acosh(),
            Self::Atanh => x.atanh(),
            Self::Sign => sign(x),
            Self::Step => 0.5 + 0.5 * sign(x),
            Self::Ramp => Function2::Max.value(x, 0.0),
            Self::Clamp => x.clamp(0.0, 1.0),
            Self::Floor => x.floor(),
            Self::Ceil => x.ceil(),
            Self::Trunc => x.trunc(),
            Self::Round => x.round(),
            Self::RoundEven => x.round_ties_even(),
        }
    }

    pub fn slope(self, x: f64) -> f64 {
        match self {
            Self::Negate => -1.0,
            Self::Sqrt => 0.5 / x.sqrt(),
            Self::Exp => x.min(LARGEST_EXPONENT).exp(),
            Self::Ln => 1.0 / x,
            Self::Log10 => 1.0 / (x * LN_10),
            Self::Log2 => 1.0 / (x * LN_2),
            Self::Abs => x.signum(),
            Self::Sin => x.cos(),
            Self::Cos => -x.sin(),
            Self::Tan => 1.0 + x.tan().powi(2),
            Self::Asin => 1.0 / cosine_of_asin(x),
            Self::Acos => -1.0 / cosine_of_asin(x),
            Self::Atan => 1.0 / (1.0 + x * x),
            Self::Sinh => cosh(clamped(x)),
            Self::Cosh => sinh(clamped(x)),
            // 1 - tanh^2 would cancel.
            Self::Tanh => cosh(x).powi(-2),
            Self::Asinh => 1.0 / x.hypot(1.0),
            Self::Acosh => 1.0 / ((x - 1.0).sqrt() * (x + 1.0).sqrt()),
            Self::Atanh => 1.0 / ((1.0 - x) * (1.0 + x)),
            Self::Ramp => f64::from(x > 0.0),
            Self::Clamp => f64::from(0.0 < x && x < 1.0),
            Self::Not | Self::Sign | Self::Step => 0.0,
            Self::Floor | Self::Ceil | Self::Trunc | Self::Round | Self::RoundEven => 0.0,
        }
    }
}

impl Function2 {
    pub fn value(self, x: f64, y: f64) -> f64 {
        match self {
            Self::Add => x + y,
            Self::Subtract => x - y,
            Self::Multiply => x * y,
            Self::Divide => x / y,
            Self::DivideGuarded => x / guarded(y),
            Self::Remainder => x % y,
            Self::Power => x.powf(y),
            Self::PowerOfMagnitude => x.abs().powf(y),
            Self::PowerSigned => sign(x) * x.abs().powf(y),
            Self::Less => f64::from(x < y),
            Self::LessEqual => f64::from(x <= y),
            Self::Greater => f64::from(x > y),
            Self::GreaterEqual => f64::from(x >= y),
            Self::Equal => f64::from(x == y),
            Self::NotEqual => f64::from(x != y),
            Self::And => f64::from(x != 0.0 && y != 0.0),
            Self::Or => f64::from(x != 0.0 || y != 0.0),
            // `f64::min` would drop a NaN.
            Self::Min => {
                if x > y {
                    y
                } else {
                    x
                }
            }
            Self::Max => {
                if x < y {
                    y
                } else {
                    x
                }
            }
            Self::Atan2 => x.atan2(y),
            Self::Hypot => x.hypot(y),
        }
    }

    pub fn slopes(self, x: f64, y: f64) -> [f64; 2] {
        match self {
            Self::Add => [1.0, 1.0],
            Self::Subtract => [1.0, -1.0],
            Self::Multiply => [y, x],
            Self::Divide => divide_slopes(x, y),
            Self::DivideGuarded => divide_slopes(x, guarded(y)),
            Self::Remainder => [1.0, -(x / y).trunc()],
            Self::Power => [power_slope(x, y), x.powf(y) * ln_at_edge(x, y)],
            Self::PowerOfMagnitude => {
                let m = x.abs();
                [x.signum() * power_slope(m, y), m.powf(y) * ln_at_edge(m, y)]
            }
            Self::PowerSigned => {
                let m = x.abs();
                [power_slope(m, y), sign(x) * m.powf(y) * ln_at_edge(m, y)]
            }
            Self::Min => chosen(x <= y),
            Self::Max => chosen(x >= y),
            Self::Atan2 => {
                let h = x.hypot(y);
                unless_origin(h, [y / h / h, -x / h / h])
            }
            Self::Hypot => {
                let h = x.hypot(y);
                unless_origin(h, [x / h, y / h])
            }
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => [0.0, 0.0],
            Self::Equal | Self::NotEqual | Self::And | Self::Or => [0.0, 0.0],
        }
    }
}

fn exp(x: f64) -> f64 {
    match x > LARGEST_EXPONENT {
        true => LARGEST_EXPONENT.exp() * (1.0 + x - LARGEST_EXPONENT),
        false => x.exp(),
    }
}

fn sinh(x: f64) -> f64 {
    match x.abs() > LARGEST_EXPONENT {
        true => x.signum() * 0.5 * exp(x.abs()),
        false => x.sinh(),
    }
}

fn cosh(x: f64) -> f64 {
    match x.abs() > LARGEST_EXPONENT {
        true => 0.5 * exp(x.abs()),
        false => x.cosh(),
    }
}

fn clamped(x: f64) -> f64 {
    x.clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT)
}

fn cosine_of_asin(x: f64) -> f64 {
    ((1.0 - x) * (1.0 + x)).sqrt()
}

fn sign(x: f64) -> f64 {
    match x == 0.0 {
        true => 0.0,
        false => x.signum(),
    }
}

fn guarded(y: f64) -> f64 {
    match y >= 0.0 {
        true => y + SMALLEST_DIVISOR,
        false => y - SMALLEST_DIVISOR,
    }
}

fn divide_slopes(x: f64, y: f64) -> [f64; 2] {
    // y * y would overflow or vanish before the quotient does.
    [1.0 / y, -(x / y) / y]
}

/// The slope of `x^y` in `x`; a constant has none, even at zero.
fn power_slope(x: f64, y: f64) -> f64 {
    match y == 0.0 {
        true => 0.0,
        false => y * x.powf(y - 1.0),
    }
}

/// The logarithm in the slope of `x^y` in `y`, which is zero at `x = 0` for `y > 0`.
fn ln_at_edge(x: f64, y: f64) -> f64 {
    match x == 0.0 && y > 0.0 {
        true => 0.0,
        false => x.ln(),
    }
}

fn chosen(first: bool) -> [f64; 2] {
    match first {
        true => [1.0, 0.0],
        false => [0.0, 1.0],
    }
}

/// The slopes, or none where the distance from the origin is zero.
fn unless_origin(distance: f64, slopes: [f64; 2]) -> [f64; 2] {
    match distance == 0.0 {
        true => [0.0, 0.0],
        false => slopes,
    }
}
