//! Ctrl-C and SIGTERM: the first one asks, the second one ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// A signal to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u8);

impl Signal {
    pub fn of(number: u8) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// What shells expect of a program that ends by a signal.
    pub fn exit_code(self) -> u8 {
        128 + self.0
    }
}

/// Hears signals from its making on.
#[derive(Debug)]
pub struct Interrupts {
    /// Number of the last signal, 0 before the first.
    received: Arc<AtomicUsize>,
}

impl Interrupts {
    /// Takes the signals over from the system, which would end the program at the first one.
    pub fn listen() -> std::io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let received = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            // Actions run in this order: the first signal finds `asked` unset.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
            flag::register_usize(signal, received.clone(), signal as usize)?;
        }
        Ok(Self { received })
    }

    pub fn received(&self) -> Option<Signal> {
        let number = self.received.load(Ordering::SeqCst);
        u8::try_from(number).ok().and_then(Signal::of)
    }
}
