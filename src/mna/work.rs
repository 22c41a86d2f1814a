//! What one call of each part of a solve computes and moves at least.

use crate::circuit::NodeId;
use crate::device::{Companion, OnePort};
use crate::linear::Symbolic;

use super::stamps::PairStamp;
use super::workspace::Scale;
use super::{Phase, System, Unknown};

/// Of one call. Traffic counts every number once, as if caches held what is used again at once and
/// nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Additions and multiplications; none where a law's functions cannot be counted.
    pub flops: Option<f64>,
    pub bytes: f64,
}

/// Bytes of a double, of an index of faer.
const NUMBER: f64 = 8.0;
const INDEX: f64 = 8.0;

fn size<T>() -> f64 {
    size_of::<T>() as f64
}

impl System {
    /// None where nobody counts: LU, a multigrid, and all but resistors, one-ports and sources.
    pub fn work(&self, phase: Phase) -> Option<Work> {
        let counts_all = self.couplings.is_empty() && self.laws.is_empty();
        if !counts_all || !self.ideal_diodes.is_empty() {
            return None;
        }
        let (nonzeros, order) = (self.pattern.nnz() as f64, self.order as f64);
        let one_ports = self.one_ports.len() as f64;
        let branches = self.conductances.len() as f64 + one_ports;
        // Two potentials are read, two sums are read and written.
        let ends = 2.0 * size::<NodeId>() + 6.0 * NUMBER;
        match phase {
            Phase::Devices => Some(Work {
                flops: None,
                bytes: one_ports * (size::<OnePort>() + NUMBER + 2.0 * size::<Companion>()),
            }),
            Phase::Residual => Some(Work {
                flops: Some(4.0 * branches + order),
                bytes: branches * (size::<PairStamp>() + NUMBER + ends)
                    + self.node_count as f64 * (size::<Unknown>() + 4.0 * NUMBER),
            }),
            Phase::Scales => Some(Work {
                flops: Some(9.0 * branches),
                bytes: branches
                    * (size::<PairStamp>() + NUMBER + 4.0 * NUMBER + 4.0 * size::<Scale>())
                    + self.node_count as f64 * 2.0 * size::<Scale>(),
            }),
            Phase::Load => Some(Work {
                flops: Some(4.0 * one_ports),
                bytes: nonzeros * 2.0 * NUMBER
                    + one_ports * (size::<PairStamp>() + size::<Companion>() + 6.0 * NUMBER),
            }),
            Phase::Factor | Phase::Solve => self.work_of_factors(phase),
        }
    }

    fn work_of_factors(&self, phase: Phase) -> Option<Work> {
        let Ok(Symbolic::Cholesky(symbolic)) = self.analyze() else {
            return None;
        };
        let flops = symbolic.flops()?;
        let (nonzeros, order) = (self.pattern.nnz() as f64, self.order as f64);
        let fill = symbolic.factor_nonzeros() as f64;
        // A front has one list of rows for all its columns.
        let entry = match symbolic.has_fronts() {
            true => NUMBER,
            false => NUMBER + INDEX,
        };
        Some(match phase {
            Phase::Factor => Work {
                flops: Some(flops),
                bytes: nonzeros * (NUMBER + INDEX) + fill * (entry + NUMBER),
            },
            _ => Work {
                flops: Some(4.0 * fill),
                bytes: 2.0 * fill * entry + 4.0 * order * NUMBER,
            },
        })
    }
}
