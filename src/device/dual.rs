//! Forward-mode differentiation (Wengert 1964): a law written for any [`Scalar`] gives its value with
//! `f64` and its value and one derivative, or some, with [`Dual`].

use std::ops::{Add, Div, Mul, Neg, Sub};

/// What a law may do with its numbers.
pub trait Scalar:
    Copy
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number without its derivative: branches are chosen by it.
    fn value(self) -> f64;
    fn exp(self) -> Self;
    /// `exp(x) - 1`.
    fn exp_m1(self) -> Self;
    fn ln(self) -> Self;
    fn sqrt(self) -> Self;
}

impl Scalar for f64 {
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

/// A number and its derivatives to `N` variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<const N: usize = 1> {
    pub value: f64,
    pub derivatives: [f64; N],
}

impl Dual {
    /// The variable itself.
    pub fn variable(value: f64) -> Self {
        Dual {
            value,
            derivatives: [1.0],
        }
    }

    pub fn derivative(self) -> f64 {
        self.derivatives[0]
    }
}

impl<const N: usize> Dual<N> {
    /// `f(self)` from the value of `f` and of its derivative there.
    fn chain(self, value: f64, slope: f64) -> Self {
        let derivatives = self.derivatives.map(|d| slope * d);
        Dual { value, derivatives }
    }
}

impl<const N: usize> From<f64> for Dual<N> {
    fn from(value: f64) -> Self {
        Dual {
            value,
            derivatives: [0.0; N],
        }
    }
}

impl<const N: usize> Scalar for Dual<N> {
    fn value(self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    fn exp_m1(self) -> Self {
        let e = self.value.exp_m1();
        // Far below zero the sum would cancel.
        let slope = if self.value > -1.0 {
            e + 1.0
        } else {
            self.value.exp()
        };
        self.chain(e, slope)
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), 1.0 / self.value)
    }
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, 0.5 / root)
    }
}

/// A weighed sum of derivatives.
fn weighed<const N: usize>([a, b]: [Dual<N>; 2], [by_a, by_b]: [f64; 2]) -> [f64; N] {
    std::array::from_fn(|k| a.derivatives[k] * by_a + b.derivatives[k] * by_b)
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Dual {
            value: self.value + other.value,
            derivatives: weighed([self, other], [1.0, 1.0]),
        }
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Dual {
            value: self.value * other.value,
            derivatives: weighed([self, other], [other.value, self.value]),
        }
    }
}

impl<const N: usize> Div for Dual<N> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let derivatives = weighed([self, other], [1.0, -value]);
        Dual {
            value,
            derivatives: derivatives.map(|d| d / other.value),
        }
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;
    fn neg(self) -> Self {
        Dual {
            value: -self.value,
            derivatives: self.derivatives.map(|d| -d),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_of_a_formula_is_that_of_calculus() {
        let x = 0.7_f64;
        let d = Dual::variable(x);
        let y = (d * d).exp() / (d.ln() - Dual::from(2.0)) + d.sqrt() * d.exp_m1();
        let (e, l) = ((x * x).exp(), x.ln() - 2.0);
        let expected =
            2.0 * x * e / l - e / (x * l * l) + 0.5 / x.sqrt() * x.exp_m1() + x.sqrt() * x.exp();
        assert!((y.derivative() - expected).abs() < 1e-14 * expected.abs());
        assert_eq!(y.value, e / l + x.sqrt() * x.exp_m1());
    }
}
