//! Numbers of 32 digits: unevaluated sums of two doubles (Dekker 1971; Hida, Li and Bailey 2001).

use std::ops::{Add, Div, Mul, Neg, Sub};

/// What an element law may do with its numbers.
pub trait Real:
    Copy
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    fn value(self) -> f64;
    fn exp(self) -> Self;
    fn exp_m1(self) -> Self;
    fn ln(self) -> Self;
    fn sqrt(self) -> Self;
}

impl Real for f64 {
    fn value(self) -> f64 {
        self
    }
    fn exp(self) -> f64 {
        f64::exp(self)
    }
    fn exp_m1(self) -> f64 {
        f64::exp_m1(self)
    }
    fn ln(self) -> f64 {
        f64::ln(self)
    }
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

const LN_2: DoubleDouble = DoubleDouble {
    high: std::f64::consts::LN_2,
    low: 2.319_046_813_846_299_6e-17,
};

/// `a + b` and its rounding error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The same where `a` is the larger.
fn quick_two_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    let low = if high.is_finite() {
        b - (high - a)
    } else {
        0.0
    };
    DoubleDouble { high, low }
}

impl DoubleDouble {
    pub const ZERO: Self = Self {
        high: 0.0,
        low: 0.0,
    };

    pub fn abs(self) -> Self {
        if self.high < 0.0 { -self } else { self }
    }

    /// `exp(x) - 1` by its series, for small arguments.
    fn series(self) -> Self {
        let (mut term, mut sum) = (self, self);
        for n in 2..40 {
            term = term * self / Self::from(f64::from(n));
            sum = sum + term;
            if term.high.abs() <= 1e-34 * sum.high.abs() {
                break;
            }
        }
        sum
    }

    fn scaled(self, power: i32) -> Self {
        // Two factors, as one alone may overflow.
        let half = power / 2;
        let (a, b) = (2f64.powi(half), 2f64.powi(power - half));
        Self {
            high: self.high * a * b,
            low: self.low * a * b,
        }
    }
}

impl From<f64> for DoubleDouble {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Neg for DoubleDouble {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            high: -self.high,
            low: -self.low,
        }
    }
}

impl Add for DoubleDouble {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        let (low, rest) = two_sum(self.low, other.low);
        let sum = quick_two_sum(high, error + low);
        quick_two_sum(sum.high, sum.low + rest)
    }
}

impl Sub for DoubleDouble {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = self.high * other.high;
        let error = self.high.mul_add(other.high, -product);
        let cross = self.high * other.low + self.low * other.high;
        quick_two_sum(product, error + cross)
    }
}

impl Div for DoubleDouble {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        if !first.is_finite() || first == 0.0 {
            return Self::from(first);
        }
        let rest = self - other * Self::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::from(second);
        let third = rest.high / other.high;
        quick_two_sum(first, second) + Self::from(third)
    }
}

impl Real for DoubleDouble {
    fn value(self) -> f64 {
        self.high
    }

    fn exp(self) -> Self {
        if self.high.abs() > 700.0 {
            return Self::from(self.high.exp());
        }
        let power = (self.high / LN_2.high).round();
        let rest = self - LN_2 * Self::from(power);
        (rest.series() + Self::from(1.0)).scaled(power as i32)
    }

    fn exp_m1(self) -> Self {
        if self.high.abs() < 0.5 {
            self.series()
        } else {
            self.exp() - Self::from(1.0)
        }
    }

    fn ln(self) -> Self {
        let mut y = Self::from(self.high.ln());
        for _ in 0..2 {
            y = y + self * (-y).exp() - Self::from(1.0);
        }
        y
    }

    fn sqrt(self) -> Self {
        if self.high <= 0.0 {
            return Self::from(self.high.sqrt());
        }
        let mut root = Self::from(self.high.sqrt());
        for _ in 0..2 {
            root = (root + self / root) * Self::from(0.5);
        }
        root
    }
}
