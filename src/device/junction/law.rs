//! The current of a junction: written once, for numbers and for dual numbers.
//!
//! Level 1 is ngspice-39's `dioload.c` at DC. Each diffusion current, of the area and of a sidewall
//! with its own NS, is
//!
//! ```text
//! u >= -3 N Vt      IS (exp(u/(N Vt)) - 1)
//! -x <= u           -IS (1 + (3 N Vt/(e u))^3)
//! u < -x            -IS exp(-(x + u)/(NBV Vt))
//! ```
//!
//! with breakdown from `x` on. Above `-3 N Vt` recombination adds
//! `ISR (exp(u/(NR Vt)) - 1) ((1 - u/VJ)^2 + 0.005)^(M/2)`, which ends there with a jump; tunnelling
//! adds `JTUN (1 - exp(-u/(NTUN Vt)))`. High injection makes `i/(1 + sqrt(i/IKF))` of the sum,
//! and IKR likewise below `-3 N Vt`. `GMIN u` comes last. Where ISR or IKR end or begin with a jump, the
//! current falls as the voltage rises: a circuit then has two solutions in a narrow window, behind RS of
//! the width RS times the jump, and which of them is found is left to the solver.
//!
//! Level 2 is the diode of the PSpice A/D reference guide (MicroSim 1997; Xyce reference guide,
//! level 2), the same for every voltage:
//!
//! ```text
//! i = Inrm Kinj + Irec Kgen - Irev_high - Irev_low + GMIN u
//! Inrm = IS (exp(u/(N Vt)) - 1)            Kinj = sqrt(IKF/(IKF + Inrm))
//! Irec = ISR (exp(u/(NR Vt)) - 1)          Kgen = ((1 - u/VJ)^2 + 0.005)^(M/2)
//! Irev_high = IBV exp(-(u + BV)/(NBV Vt))  Irev_low = IBVL exp(-(u + BV)/(NBVL Vt))
//! ```
//!
//! Kinj acts on forward currents only: in reverse it would differ from one by `IS/(2 IKF)`.

use super::parameters::DiodeLevel;
use crate::device::dual::Scalar;

/// Exponents above a limit are continued linearly: iterates pass there and must stay finite. The
/// limit is where the current reaches e^575 A (1e249), or where the exponential itself nears overflow.
const LARGEST_CURRENT_EXPONENT: f64 = 575.0;
const LARGEST_EXPONENT: f64 = 690.0;

/// Where breakdown begins ngspice's current has a step, some 1e-6 of IS. It is spread over this part
/// of `NBV Vt`, so that the law is continuous.
const STEP_WIDTH: f64 = 1e-3;

/// `scale (exp(x/thermal) - 1)` with its largest exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exponential<C> {
    /// A.
    pub scale: C,
    /// V.
    pub thermal: C,
    pub largest: f64,
}

/// Start and steepness of breakdown: `exp(-(start + u)/thermal)`, both in V.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Breakdown<C> {
    pub start: C,
    pub thermal: C,
}

/// A diffusion current with its reverse and breakdown branches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Diffusion<C> {
    pub forward: Exponential<C>,
    pub breakdown: Option<Breakdown<C>>,
    /// Voltage below which breakdown rules, negated, and the step of ngspice's current there in
    /// units of the saturation current.
    pub begin: C,
    pub step: C,
}

/// Recombination in the depletion layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recombination<C> {
    pub forward: Exponential<C>,
    pub potential: C,
    pub half_grading: C,
}

/// The law's constants at the diode's temperature; currents and series resistance with the area.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Junction<C> {
    pub area: Diffusion<C>,
    pub series: C,
    pub gmin: f64,
    /// None where nothing flows but the diffusion current of the area.
    pub extras: Option<Box<Extras<C>>>,
}

/// What most cards do not have, kept apart so that a plain diode stays small.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extras<C> {
    pub level: DiodeLevel,
    pub sidewall: Option<Diffusion<C>>,
    pub recombination: Option<Recombination<C>>,
    pub tunnel: Option<Exponential<C>>,
    pub forward_knee: Option<C>,
    pub reverse_knee: Option<C>,
    /// Level 2: BV and the two reverse exponentials.
    pub breakdown_voltage: Option<C>,
    pub reverse: [Option<Exponential<C>>; 2],
}

impl<C> Extras<C> {
    pub fn none(level: DiodeLevel) -> Self {
        Self {
            level,
            sidewall: None,
            recombination: None,
            tunnel: None,
            forward_knee: None,
            reverse_knee: None,
            breakdown_voltage: None,
            reverse: [None, None],
        }
    }

    /// Whether the law differs from the plain one at all.
    pub fn any(&self) -> bool {
        self.level == DiodeLevel::Two
            || self.sidewall.is_some()
            || self.recombination.is_some()
            || self.tunnel.is_some()
            || self.forward_knee.is_some()
            || self.reverse_knee.is_some()
    }
}

impl<C: Scalar> Exponential<C> {
    pub fn new(scale: C, thermal: C) -> Self {
        let largest = LARGEST_CURRENT_EXPONENT - scale.value().ln();
        Self {
            scale,
            thermal,
            largest: largest.min(LARGEST_EXPONENT),
        }
    }

    /// `scale (exp(u/thermal) - 1)`.
    pub fn minus_one<V: Scalar + From<C>>(&self, u: V) -> V {
        V::from(self.scale) * exp_m1(u / V::from(self.thermal), self.largest)
    }
}

/// `exp(x)`, continued linearly beyond `largest`.
fn exp<V: Scalar>(x: V, largest: f64) -> V {
    if x.value() <= largest {
        x.exp()
    } else {
        (x - V::from(largest - 1.0)) * V::from(largest.exp())
    }
}

/// `exp(x) - 1`, continued linearly beyond `largest`.
fn exp_m1<V: Scalar>(x: V, largest: f64) -> V {
    if x.value() <= largest {
        x.exp_m1()
    } else {
        exp(x, largest) - V::from(1.0)
    }
}

/// `(3 N Vt/(e u))^3`, negative for negative `u`.
pub(super) fn reverse_cube<V: Scalar>(thermal: V, u: V) -> V {
    let root = thermal * V::from(3.0 / std::f64::consts::E) / u;
    root * root * root
}

impl<C: Scalar> Diffusion<C> {
    pub fn new(forward: Exponential<C>, breakdown: Option<Breakdown<C>>) -> Self {
        let mut law = Self {
            forward,
            breakdown,
            begin: C::from(f64::INFINITY),
            step: C::from(0.0),
        };
        if let Some(b) = breakdown {
            let corner = C::from(3.0) * forward.thermal;
            law.begin = if b.start.value() > corner.value() {
                b.start
            } else {
                corner
            };
            let beyond = exp_m1((law.begin - b.start) / b.thermal, forward.largest);
            law.step = beyond - reverse_cube(forward.thermal, -law.begin);
        }
        law
    }

    /// With a large IBV breakdown would begin above `-3 N Vt`, and does so there with a step.
    pub fn begins_with_step(&self) -> bool {
        self.breakdown
            .is_some_and(|b| self.begin.value() > b.start.value())
    }

    pub fn is_forward(&self, u: f64) -> bool {
        u >= -3.0 * self.forward.thermal.value()
    }

    fn current<V: Scalar + From<C>>(&self, u: V) -> V {
        if self.is_forward(u.value()) {
            return self.forward.minus_one(u);
        }
        match &self.breakdown {
            Some(breakdown) if u.value() < -self.begin.value() => self.broken(u, breakdown),
            _ => {
                let cube = reverse_cube(V::from(self.forward.thermal), u);
                -V::from(self.forward.scale) * (V::from(1.0) + cube)
            }
        }
    }

    fn broken<V: Scalar + From<C>>(&self, u: V, breakdown: &Breakdown<C>) -> V {
        let thermal = V::from(breakdown.thermal);
        let x = -(V::from(breakdown.start) + u) / thermal;
        let mut growth = exp(x, self.forward.largest);
        let passed = -(V::from(self.begin) + u) / (thermal * V::from(STEP_WIDTH));
        if passed.value() < 1.0 {
            growth = growth - V::from(self.step) * (V::from(1.0) - passed);
        }
        -V::from(self.forward.scale) * growth
    }

    /// Width over which the step is spread, V.
    pub fn step_width(&self) -> f64 {
        self.breakdown
            .map_or(0.0, |b| STEP_WIDTH * b.thermal.value())
    }
}

impl<C: Scalar> Recombination<C> {
    fn current<V: Scalar + From<C>>(&self, u: V) -> V {
        let inner = V::from(1.0) - u / V::from(self.potential);
        let generation = inner * inner + V::from(0.005);
        let exponent = V::from(self.half_grading) * generation.ln();
        self.forward.minus_one(u) * exponent.exp()
    }
}

impl<C: Scalar> Junction<C> {
    /// Current of the junction alone at its voltage `u` (V), GMIN included.
    pub fn current<V: Scalar + From<C>>(&self, u: V) -> V {
        let current = match &self.extras {
            None => self.area.current(u),
            Some(extras) => match extras.level {
                DiodeLevel::One => self.level_one(extras, u),
                DiodeLevel::Two => self.level_two(extras, u),
            },
        };
        current + V::from(self.gmin) * u
    }

    fn level_one<V: Scalar + From<C>>(&self, extras: &Extras<C>, u: V) -> V {
        let mut current = self.area.current(u);
        let forward = self.area.is_forward(u.value());
        if let Some(recombination) = extras.recombination.filter(|_| forward) {
            current = current + recombination.current(u);
        }
        if let Some(sidewall) = extras.sidewall {
            current = current + sidewall.current(u);
        }
        if let Some(tunnel) = extras.tunnel {
            current = current - tunnel.minus_one(-u);
        }
        if forward {
            extras
                .forward_knee
                .map_or(current, |knee| bent(current, V::from(knee)))
        } else {
            extras
                .reverse_knee
                .map_or(current, |knee| -bent(-current, V::from(knee)))
        }
    }

    fn level_two<V: Scalar + From<C>>(&self, extras: &Extras<C>, u: V) -> V {
        let mut current = self.area.forward.minus_one(u);
        if let Some(knee) = extras.forward_knee.filter(|_| current.value() > 0.0) {
            let knee = V::from(knee);
            current = current * (knee / (knee + current)).sqrt();
        }
        if let Some(recombination) = extras.recombination {
            current = current + recombination.current(u);
        }
        if let Some(voltage) = extras.breakdown_voltage {
            for tail in extras.reverse.iter().flatten() {
                let x = -(V::from(voltage) + u) / V::from(tail.thermal);
                current = current - V::from(tail.scale) * exp(x, tail.largest);
            }
        }
        current
    }
}

/// High injection: `i/(1 + sqrt(i/knee))` for positive `i`. The bound keeps the slope of the root
/// finite.
fn bent<V: Scalar>(current: V, knee: V) -> V {
    if current.value() < 1e-100 {
        return current;
    }
    current / (V::from(1.0) + (current / knee).sqrt())
}
