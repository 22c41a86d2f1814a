//! Where the time of a solve goes, if somebody asks.

use std::time::{Duration, Instant};

/// A part of a solve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Laws of one-ports.
    Devices,
    Residual,
    /// What residuals are measured by.
    Scales,
    /// Numbers of the Jacobian.
    Load,
    Factor,
    /// Solutions with the factors, transposed ones among them.
    Solve,
}

/// Time and number of calls of each [`Phase`]; stands still until it is started. Costs a comparison
/// then, and two looks at the clock if not; never an allocation.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    is_running: bool,
    spent: [Duration; 6],
    calls: [u64; 6],
}

impl Clock {
    pub fn start(&mut self) {
        self.is_running = true;
    }

    /// Time and number of calls so far.
    pub fn read(&self, phase: Phase) -> (Duration, u64) {
        (self.spent[phase as usize], self.calls[phase as usize])
    }

    /// The begin of a phase.
    #[inline]
    pub(super) fn begin(&self) -> Option<Instant> {
        self.is_running.then(Instant::now)
    }

    #[inline]
    pub(super) fn end(&mut self, phase: Phase, began: Option<Instant>) {
        if let Some(began) = began {
            self.spent[phase as usize] += began.elapsed();
            self.calls[phase as usize] += 1;
        }
    }
}
