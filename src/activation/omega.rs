//! The Wright omega function and Lambert's W on the real line, to a few units in the last place.
//!
//! `omega(z)` solves `w + ln w = z`; it is `W0(e^z)` wherever `e^z` can be written, and goes on where
//! that overflows: the log-domain form in which a diode behind a resistor can be written down for any
//! voltage. R. M. Corless, D. J. Jeffrey: The Wright omega function (AISC 2002); the iteration for large
//! arguments is that of P. W. Lawrence, R. M. Corless, D. J. Jeffrey: Algorithm 917 (ACM TOMS 38, 2012),
//! due to F. N. Fritsch, R. E. Shafer, W. P. Crowley (CACM 16, 1973): each step multiplies the number of
//! right digits by four.

/// Up to here the equation is solved as `w e^w = t`, where nothing cancels; beyond as `w + ln w = z`,
/// where `e^z` will overflow.
const SPLIT: f64 = 1.0;

/// Steps after which either iteration has long ended, from any start used here.
const MOST_STEPS: usize = 8;

/// The Wright omega function of a real argument: the `w > 0` with `w + ln w = z`.
///
/// Accurate to about two units in the last place. Zero for `-inf` and where `e^z` underflows, infinite for
/// infinity, NaN for NaN. Its derivative is `w/(1 + w)`.
///
/// ```
/// use ohmgrad::activation::wright_omega;
/// assert_eq!(wright_omega(1.0), 1.0);
/// let w = wright_omega(1e6);
/// assert!((w + w.ln() - 1e6).abs() < 1e-9);
/// ```
pub fn wright_omega(z: f64) -> f64 {
    if z <= SPLIT {
        product_logarithm(z.exp())
    } else if z < f64::INFINITY {
        from_logarithm(z)
    } else {
        z
    }
}

/// Lambert's W on its principal branch for arguments that are not negative: the `w` with `w e^w = x`.
///
/// Accurate to about two units in the last place. Infinite for infinity, NaN for NaN and below zero.
///
/// ```
/// use ohmgrad::activation::lambert_w;
/// assert!((lambert_w(std::f64::consts::E) - 1.0).abs() < 1e-15);
/// ```
pub fn lambert_w(x: f64) -> f64 {
    if x <= std::f64::consts::E {
        product_logarithm(x)
    } else {
        wright_omega(x.ln())
    }
}

/// `w e^w = t` for `0 <= t <= e` by Halley's method.
fn product_logarithm(t: f64) -> f64 {
    if !(t > 0.0) {
        return if t == 0.0 { t } else { f64::NAN };
    }
    // The Pade approximant of W at zero: right to a few percent up to e.
    let mut w = t * (1.0 + 4.0 / 3.0 * t) / (1.0 + t * (7.0 / 3.0 + 5.0 / 6.0 * t));
    for _ in 0..MOST_STEPS {
        // The equation divided by e^w: both terms are of the size of w, so that the difference keeps
        // its relative accuracy down to the smallest w.
        let miss = w - t * (-w).exp();
        let newton = miss / (1.0 + w);
        let step = newton / (1.0 - 0.5 * newton * (2.0 + w) / (1.0 + w));
        let next = w - step;
        if next == w || step.abs() <= f64::EPSILON * w {
            return next;
        }
        w = next;
    }
    w
}

/// `w + ln w = z` for finite `z > 1` by the step of Fritsch, Shafer and Crowley.
fn from_logarithm(z: f64) -> f64 {
    let log = z.ln();
    // The asymptotic series; near one it begins a little high, which the iteration does not mind.
    let mut w = z - log + log / z;
    for _ in 0..MOST_STEPS {
        let miss = (z - w) - w.ln();
        let above = 1.0 + w;
        let twice = 2.0 * above * (above + 2.0 / 3.0 * miss);
        let next = w * (1.0 + miss / above * (twice - miss) / (twice - 2.0 * miss));
        // Beyond 1e100 the square overflows long before a correction could be seen.
        let next = if next.is_finite() { next } else { w + miss };
        if (next - w).abs() <= f64::EPSILON * w {
            return next;
        }
        w = next;
    }
    w
}
