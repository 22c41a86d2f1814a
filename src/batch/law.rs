//! One-ports in the units of the part of the circuit where they are.

use crate::device::{Companion, OnePort, PlainDiode};

/// A one-port whose voltage and current are counted in units of so many V and A.
#[derive(Clone, Debug)]
pub struct Law {
    port: OnePort,
    unit: f64,
}

impl From<OnePort> for Law {
    fn from(port: OnePort) -> Self {
        Self::new(port, 1.0)
    }
}

impl Law {
    pub fn new(port: OnePort, unit: f64) -> Self {
        Self { port, unit }
    }

    pub(super) fn evaluate(&self, voltage: f64) -> Companion {
        let Companion {
            current,
            conductance,
        } = self.port.evaluate(self.unit * voltage);
        Companion {
            current: current / self.unit,
            conductance,
        }
    }

    /// Where to linearize next, as [`OnePort::limit`].
    pub(super) fn limit(&self, proposed: f64, previous: f64) -> f64 {
        let limited = (self.port).limit(self.unit * proposed, self.unit * previous);
        limited / self.unit
    }

    pub(super) fn plain(&self) -> Option<PlainDiode> {
        self.port.plain().map(|plain| plain.in_units_of(self.unit))
    }
}
