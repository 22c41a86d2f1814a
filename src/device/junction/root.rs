//! Newton inside a bracket: the root of a function that is negative at the bracket's lower end.

const MOST_STEPS: usize = 200;

/// The root of `f`, which gives value and slope, from `start`; to `tolerance` relative to the root.
/// A Newton step that leaves the bracket, or shrinks too slowly, is replaced by halving, so that
/// jumps and infinities of `f` only cost steps.
pub(super) fn bracketed(
    (mut low, mut high): (f64, f64),
    start: f64,
    tolerance: f64,
    f: impl Fn(f64) -> (f64, f64),
) -> f64 {
    let (mut x, mut last, mut before_last) = (start, f64::INFINITY, f64::INFINITY);
    for _ in 0..MOST_STEPS {
        let (value, slope) = f(x);
        if value > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let newton = x - value / slope;
        let quick = (newton - x).abs() < 0.5 * before_last;
        let next = if newton > low && newton < high && quick {
            newton
        } else if newton == x {
            return x;
        } else {
            0.5 * (low + high)
        };
        let step = (next - x).abs();
        if step <= tolerance * x.abs() || next == low || next == high {
            return next;
        }
        (x, last, before_last) = (next, step, last);
    }
    x
}
