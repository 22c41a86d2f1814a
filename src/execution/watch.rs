//! What operating points leave open, said once.

use std::mem::{Discriminant, discriminant};

use crate::analysis::{OperatingPoint, Undetermined};
use crate::circuit::Circuit;
use crate::netlist::Diagnostic;

/// Each kind is said of the first operating point where it comes up.
#[derive(Debug, Default)]
pub(super) struct Watch {
    said: Vec<Discriminant<Undetermined>>,
    pub warnings: Vec<Diagnostic>,
}

impl Watch {
    pub fn note(&mut self, circuit: &Circuit, op: &OperatingPoint) {
        if self.said.len() == Undetermined::KINDS {
            return;
        }
        let mut open = op.undetermined(circuit);
        open.retain(|item| !self.said.contains(&discriminant(item)));
        self.warnings
            .extend(open.iter().map(|item| item.diagnostic(circuit)));
        for kind in open.iter().map(discriminant) {
            if !self.said.contains(&kind) {
                self.said.push(kind);
            }
        }
    }
}
