//! The numbers that a batch is computed in: double or single precision.

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// A floating-point number of a batch.
pub trait Real:
    faer::traits::RealField
    + bytemuck::Pod
    + Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
    + SubAssign
{
    /// Unit roundoff, times two.
    const EPSILON: f64;
    const ZERO: Self;
    const ONE: Self;

    fn of(value: f64) -> Self;

    fn f64(self) -> f64;

    fn size(self) -> Self;

    /// `self * a + b`.
    fn fma(self, a: Self, b: Self) -> Self;
}

macro_rules! real {
    ($name:ident) => {
        impl Real for $name {
            const EPSILON: f64 = $name::EPSILON as f64;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $name
            }

            #[inline(always)]
            fn f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn size(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn fma(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
        }
    };
}

real!(f32);
real!(f64);
