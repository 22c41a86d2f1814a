//! When work is shared among threads: what is small is done faster by one.

/// Elements from which more than one thread is worth its start.
pub(crate) const MANY: usize = 1 << 14;

/// Does both, side by side if they go through `MANY` elements or more.
pub(crate) fn join<A: Send, B: Send>(
    elements: usize,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    match elements < MANY {
        true => (a(), b()),
        false => rayon::join(a, b),
    }
}
