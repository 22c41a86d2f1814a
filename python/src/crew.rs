//! The threads that share the work of a call.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

thread_local! {
    static CREW: OnceCell<Option<ThreadPool>> = const { OnceCell::new() };
}

/// A thread has a crew of its own.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Does work with the interpreter left to others.
///
/// The first thread that calls, in most programs the only one, becomes one of those that share the work: to hand
/// it to another thread and back takes a good part of what a small batch takes. Calls of other threads go to the
/// common threads, and as a whole, for each of their parts would wake these anew.
pub fn compute<T: Send>(py: Python<'_>, work: impl Send + FnOnce() -> T) -> T {
    let is_member = CREW.with(|crew| crew.get_or_init(found).is_some());
    py.detach(|| match is_member {
        true => work(),
        false => rayon::scope(|_| work()),
    })
}

fn found() -> Option<ThreadPool> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    ThreadPoolBuilder::new().use_current_thread().build().ok()
}
