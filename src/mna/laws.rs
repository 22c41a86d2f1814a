//! Behavioural laws in the equations: values, slopes, and what to do where a law is undefined.
//!
//! A law `f(c)` of control voltages and branch currents `c` is linearized at a point, as a nonlinear
//! one-port is: `f(c0) + sum df/dc_k (c_k - c0_k)`. The point is the iterate, unless the law has no
//! value there (`ln` of a negative number, `0/0`, overflow); then it is a neighbour for one step.

use std::ops::Range;

use crate::circuit::ElementId;
use crate::device::{Behavioural, LawScratch, Parameter};

use super::stamps::Place;
use super::workspace::{Scale, Workspace};
use super::{Entries, FullIndex, Slot, System, Values};

/// A law and the two equations it stands in: its value is added to the first and taken from the
/// second. A voltage law has but one, its branch equation: ground, whose equation nobody solves,
/// stands for the other.
#[derive(Clone, Debug)]
pub(super) struct LawStamp {
    pub element: ElementId,
    pub rows: [FullIndex; 2],
    /// The branch current of a voltage law.
    pub branch: Option<FullIndex>,
    /// Its entries in [`System::controls`].
    pub controls: Range<usize>,
    /// Its entries among the slopes: to its controls, then to its arguments.
    pub slopes: Range<usize>,
}

/// A control: the difference of two unknowns. Ground is the second one of a current.
#[derive(Clone, Copy, Debug)]
pub(super) struct ControlStamp {
    pub columns: [FullIndex; 2],
    /// By row of the law, by column.
    pub slots: [[Slot; 2]; 2],
}

impl ControlStamp {
    pub(super) fn new(columns: [FullIndex; 2]) -> Self {
        let slots = [[Slot::NONE; 2]; 2];
        Self { columns, slots }
    }

    #[inline]
    pub(super) fn value(&self, full: &[f64]) -> f64 {
        full[self.columns[0].index()] - full[self.columns[1].index()]
    }

    /// The same with what rounding cut off.
    #[inline]
    fn precise_value(&self, full: &[f64], low: &[f64]) -> f64 {
        self.value(full) + self.value(low)
    }

    fn add(&self, entries: &mut (impl Entries + ?Sized), slope: f64) {
        let [[pp, pn], [np, nn]] = self.slots;
        pp.add(entries, slope);
        pn.add(entries, -slope);
        np.add(entries, -slope);
        nn.add(entries, slope);
    }

    /// Sum of the sizes of its unknowns; ground is exact.
    fn reach(&self, reach: &[f64]) -> f64 {
        let columns = self.columns.iter().filter(|c| c.index() != 0);
        columns.map(|c| reach[c.index()]).sum()
    }
}

/// Values and slopes of all laws at their points.
#[derive(Debug)]
pub(super) struct LawStates {
    /// Control values, V or A, in the order of [`System::controls`].
    points: Vec<f64>,
    pub(super) values: Vec<f64>,
    pub(super) slopes: Vec<f64>,
    fresh: Vec<f64>,
    scratch: LawScratch,
    undefined: usize,
}

/// A law with a larger value, V or A, is outside its range and as good as undefined: next to such
/// numbers rounding passes for a solution.
const LARGEST_VALUE: f64 = 1e100;
/// Distances, V or A, at which a defined neighbour of an undefined point is looked for.
const DISPLACEMENTS: [f64; 7] = [1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3];
/// So many controls are displaced independently of each other.
const FREE_SIGNS: usize = 5;
/// Width, relative to inputs above 1, of the secant that stands in for an infinite slope.
const SECANT: f64 = 1e-3;

impl LawStates {
    pub(super) fn new(system: &System) -> Self {
        let slopes = system.laws.last().map_or(0, |law| law.slopes.end);
        Self {
            points: vec![0.0; system.controls.len()],
            values: vec![0.0; system.laws.len()],
            slopes: vec![0.0; slopes],
            fresh: vec![0.0; slopes],
            scratch: LawScratch::default(),
            undefined: 0,
        }
    }

    pub(super) fn points(&self) -> &[f64] {
        &self.points
    }

    /// Evaluates a law at its point; its value is NaN where it has none. Says whether its slopes to the controls are what they were.
    fn linearize(&mut self, index: usize, stamp: &LawStamp, law: &Behavioural) -> bool {
        let points = &mut self.points[stamp.controls.clone()];
        let fresh = &mut self.fresh[stamp.slopes.clone()];
        let mut value = law.evaluate(points, fresh, &mut self.scratch);
        if !(value.abs() <= LARGEST_VALUE) {
            value = f64::NAN;
        } else {
            for (input, slope) in fresh.iter_mut().enumerate() {
                if !slope.is_finite() {
                    *slope = secant(law, points, input, &mut self.scratch);
                }
            }
        }
        self.values[index] = value;
        let controls = points.len();
        let slopes = &mut self.slopes[stamp.slopes.clone()];
        let same = slopes[..controls] == fresh[..controls];
        slopes.copy_from_slice(fresh);
        same
    }

    /// Linearizes an undefined law at the nearest point, among a few, where it is defined. Without
    /// one, its value is zero for now: the rest of the circuit may lead to where it has one.
    fn displace(&mut self, index: usize, stamp: &LawStamp, law: &Behavioural) {
        let signs = 1u32 << stamp.controls.len().min(FREE_SIGNS);
        let start = self.points[stamp.controls.clone()].to_vec();
        let tries = DISPLACEMENTS
            .iter()
            .flat_map(|&distance| (0..signs).map(move |signs| (distance, signs)));
        for (distance, signs) in tries {
            let points = &mut self.points[stamp.controls.clone()];
            for (k, (point, start)) in points.iter_mut().zip(&start).enumerate() {
                let is_negative = signs >> (k % FREE_SIGNS) & 1 == 1;
                *point = start + if is_negative { -distance } else { distance };
            }
            self.linearize(index, stamp, law);
            if self.values[index].is_finite() {
                return;
            }
        }
        self.values[index] = 0.0;
        self.slopes[stamp.slopes.clone()].fill(0.0);
    }

    /// The law's value at the controls of an iterate, by its linearization.
    #[inline]
    pub(super) fn value(
        &self,
        index: usize,
        stamp: &LawStamp,
        system: &System,
        (full, low): (&[f64], &[f64]),
    ) -> f64 {
        let slopes = &self.slopes[stamp.slopes.clone()];
        let mut value = self.values[index];
        for (k, slope) in stamp.controls.clone().zip(slopes) {
            value += slope * (system.controls[k].precise_value(full, low) - self.points[k]);
        }
        value
    }
}

/// Slope of a law to one of its inputs (controls, then arguments) over a small distance, to the sides
/// where it is defined; zero if it is so on neither.
fn secant(law: &Behavioural, points: &mut [f64], input: usize, scratch: &mut LawScratch) -> f64 {
    let argument = Parameter::Argument(input.saturating_sub(points.len()) as u32);
    let center = match points.get(input) {
        Some(&point) => point,
        None => law.value(argument).unwrap_or_default(),
    };
    let width = SECANT * center.abs().max(1.0);
    let mut at = |x: f64| match points.get_mut(input) {
        Some(point) => {
            *point = x;
            let value = law.evaluate(points, &mut [], scratch);
            points[input] = center;
            value
        }
        None => {
            let mut law = law.clone();
            law.set(argument, x);
            law.evaluate(points, &mut [], scratch)
        }
    };
    let (low, middle, high) = (at(center - width), at(center), at(center + width));
    let sides = [(high - middle) / width, (middle - low) / width];
    let defined = sides.into_iter().filter(|s| s.is_finite());
    let (sum, count) = defined.fold((0.0, 0.0f64), |(sum, n), s| (sum + s, n + 1.0));
    sum / count.max(1.0)
}

impl Workspace {
    /// Evaluates every law at the iterate.
    pub fn evaluate_laws(&mut self, system: &System, values: &Values) {
        self.laws.undefined = 0;
        for (index, (stamp, law)) in system.laws.iter().zip(&values.laws).enumerate() {
            for k in stamp.controls.clone() {
                self.laws.points[k] = system.controls[k].precise_value(&self.full, &self.low);
            }
            self.is_factored &= self.laws.linearize(index, stamp, law);
            self.laws.undefined += usize::from(!self.laws.values[index].is_finite());
        }
    }

    /// Number of laws without a value at the iterate where they were last evaluated.
    pub fn undefined_laws(&self) -> usize {
        self.laws.undefined
    }

    /// Linearizes undefined laws beside the iterate, so that there is a step away from it.
    pub fn displace_undefined_laws(&mut self, system: &System, values: &Values) {
        if self.laws.undefined == 0 {
            return;
        }
        for (index, (stamp, law)) in system.laws.iter().zip(&values.laws).enumerate() {
            if !self.laws.values[index].is_finite() {
                self.laws.displace(index, stamp, law);
                self.is_factored = false;
            }
        }
    }

    pub(super) fn add_law_values(&mut self, system: &System) {
        for (index, stamp) in system.laws.iter().enumerate() {
            let value = self.source_factor
                * self
                    .laws
                    .value(index, stamp, system, (&self.full, &self.low));
            self.residual[stamp.rows[0].index()] += value;
            self.residual[stamp.rows[1].index()] -= value;
        }
    }

    pub(super) fn load_laws(&self, system: &System, entries: &mut (impl Entries + ?Sized)) {
        for stamp in &system.laws {
            let slopes = &self.laws.slopes[stamp.slopes.clone()];
            for (control, slope) in system.controls[stamp.controls.clone()].iter().zip(slopes) {
                control.add(entries, self.source_factor * slope);
            }
        }
    }

    pub(super) fn add_law_scales(&mut self, system: &System) {
        for (stamp, value) in system.laws.iter().zip(&self.laws.values) {
            let slopes = &self.laws.slopes[stamp.slopes.clone()];
            let controls = system.controls[stamp.controls.clone()].iter();
            let carried: f64 = controls
                .zip(slopes)
                .map(|(control, slope)| slope.abs() * control.reach(&self.reach))
                .sum();
            for row in stamp.rows {
                let Scale {
                    magnitude,
                    evaluation,
                    ..
                } = &mut self.full_scales[row.index()];
                *magnitude += value.abs();
                *evaluation += value.abs() + carried;
            }
        }
    }
}

impl System {
    pub fn has_laws(&self) -> bool {
        !self.laws.is_empty()
    }

    /// Slopes of the law of a behavioural source to its controls, where it was last evaluated.
    pub fn law_slopes<'a>(&self, workspace: &'a Workspace, id: ElementId) -> Option<&'a [f64]> {
        let Place::Law(law) = self.place[id.index()] else {
            return None;
        };
        let stamp = &self.laws[law as usize];
        let first = stamp.slopes.start;
        Some(&workspace.laws.slopes[first..first + stamp.controls.len()])
    }
}
