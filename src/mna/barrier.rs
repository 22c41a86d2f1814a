//! Ideal diodes in the interior: current and reverse voltage both positive, their product on its way
//! to zero.

use super::System;
use super::relaxed::{Linearized, Relaxed};
use super::stamps::IdealStamp;
use super::workspace::Workspace;

/// Replaces `v <= 0, i >= 0, v i = 0` by `i w = target` with `w > 0` on its way to `-v`.
#[derive(Clone, Debug)]
pub struct Barrier {
    /// Reverse voltage of each ideal diode, V; it is `-v` once the steps are whole.
    reverse: Vec<f64>,
    /// What the products `i w` are led to, W.
    pub target: f64,
}

impl Barrier {
    /// Every diode with reverse voltage `voltage`, V.
    pub(super) fn new(count: usize, voltage: f64) -> Self {
        Self {
            reverse: vec![voltage; count],
            target: 0.0,
        }
    }

    /// `w di - i dv = target + i v` with the voltage `v` of the iterate, and `g` to compare the sides.
    #[inline]
    pub(super) fn linearized(
        &self,
        index: usize,
        current: f64,
        voltage: f64,
        g: f64,
    ) -> Linearized {
        let reverse = self.reverse[index];
        if current > g * reverse {
            Linearized {
                is_conducting: true,
                softness: reverse / current,
                residual: voltage + self.target / current,
            }
        } else {
            Linearized {
                is_conducting: false,
                softness: current / reverse,
                residual: -(current * voltage + self.target) / reverse,
            }
        }
    }
}

impl Workspace {
    /// Puts all ideal diodes into the interior, at `current` (A) and reverse `voltage` (V).
    pub fn enter_interior(&mut self, system: &System, current: f64, voltage: f64) {
        for stamp in &system.ideal_diodes {
            self.full[stamp.branch.index()] = current;
            self.low[stamp.branch.index()] = 0.0;
        }
        let barrier = Barrier::new(system.ideal_diodes.len(), voltage);
        self.set_relaxed(Some(Relaxed::Barrier(barrier)));
    }

    /// Mean of the products of current and reverse voltage, W.
    pub fn barrier_gap(&self, system: &System) -> f64 {
        let Some(Relaxed::Barrier(barrier)) = &self.relaxed else {
            return 0.0;
        };
        let pairs = system.ideal_diodes.iter().zip(&barrier.reverse);
        let sum: f64 = pairs.map(|(s, w)| self.full[s.branch.index()] * w).sum();
        sum / barrier.reverse.len().max(1) as f64
    }

    /// Sets where the products are led in the next step.
    pub fn aim_barrier(&mut self, target: f64) {
        if let Some(Relaxed::Barrier(barrier)) = &mut self.relaxed {
            barrier.target = target;
        }
    }

    /// Takes as much of the step as leaves currents and reverse voltages positive; returns how much.
    /// A diode whose reverse voltage shrinks faster than its current is taken to conduct.
    pub fn advance_interior(&mut self, system: &System) -> f64 {
        /// Part of the way to the boundary.
        const MOST: f64 = 0.99;
        let Some(Relaxed::Barrier(mut barrier)) = self.relaxed.take() else {
            return 0.0;
        };
        let step = |full: usize| {
            let unknown = system.unknown[full];
            self.reduced.get(unknown.index()).copied().unwrap_or(0.0)
        };
        // Relative changes of current and reverse voltage in a whole step.
        let change = |(stamp, reverse): (&IdealStamp, &f64)| {
            let [p, n, own] = [stamp.p.index(), stamp.n.index(), stamp.branch.index()];
            let volts = self.voltage(stamp.p, stamp.n) + (step(p) - step(n));
            (step(own) / self.full[own], -1.0 - volts / reverse)
        };
        let pairs = system.ideal_diodes.iter().zip(&barrier.reverse);
        let changes: Vec<(f64, f64)> = pairs.map(change).collect();
        let all = changes
            .iter()
            .flat_map(|&(current, voltage)| [current, voltage]);
        let falling = all.filter(|change| *change < 0.0);
        let length = falling.fold(1.0f64, |length, change| length.min(-MOST / change));
        let diodes = barrier.reverse.iter_mut().zip(&mut self.conducting);
        for ((reverse, on), (current, voltage)) in diodes.zip(changes) {
            *reverse *= 1.0 + length * voltage;
            *on = voltage < current;
        }
        self.advance(system, length);
        self.set_relaxed(Some(Relaxed::Barrier(barrier)));
        length
    }

    /// Puts the currents of all ideal diodes at most at `most`, A.
    pub fn bound_ideal_currents(&mut self, system: &System, most: f64) {
        for stamp in &system.ideal_diodes {
            let branch = stamp.branch.index();
            if self.full[branch] > most {
                self.full[branch] = most;
                self.low[branch] = 0.0;
            }
        }
    }
}
