//! Cards that ask for results: analyses, sweeps, outputs and measurements, as they were written.

use std::sync::Arc;

use super::{Name, Value};
use crate::expression::Expr;
use crate::source::Spanned;

/// What a deck asks for.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    pub analyses: Vec<Spanned<Analysis>>,
    /// `.step` cards: loops around all analyses; the first is the inner one.
    pub steps: Vec<Sweep>,
    /// `.print` and `.save`.
    pub outputs: Vec<OutputCard>,
    pub measures: Vec<Measure>,
}

#[derive(Clone, Debug)]
pub enum Analysis {
    OperatingPoint,
    /// `.dc`: the first sweep is the inner one.
    DcSweep {
        sweeps: Vec<Sweep>,
    },
    /// `.tf output source`.
    TransferFunction {
        output: Spanned<Name>,
        input: Spanned<Name>,
    },
    /// `.sens output …`.
    Sensitivity {
        outputs: Vec<Spanned<Name>>,
    },
}

/// A variable and the values it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// `v1`, `temp`, `rload`, `d1:is`.
    pub variable: Spanned<Name>,
    pub range: SweepRange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SweepRange {
    Linear {
        start: Spanned<Value>,
        stop: Spanned<Value>,
        step: Spanned<Value>,
    },
    /// `points` in each factor of ten (or two).
    Logarithmic {
        start: Spanned<Value>,
        stop: Spanned<Value>,
        points: Spanned<Value>,
        /// 10 or 2.
        base: f64,
    },
    List(Vec<Spanned<Value>>),
}

/// The outputs of one `.print` or `.save`: `v(a)`, `v(*)`, `{v(a)*2}`, `all`.
#[derive(Clone, Debug)]
pub struct OutputCard {
    /// True for `.print`, false for `.save`.
    pub prints: bool,
    pub outputs: Vec<Spanned<Name>>,
}

/// `.measure dc name …`.
#[derive(Clone, Debug)]
pub struct Measure {
    pub name: Spanned<Name>,
    pub kind: MeasureKind,
}

#[derive(Clone, Debug)]
pub enum MeasureKind {
    /// `max output [from=a] [to=b]`.
    Statistic {
        statistic: Statistic,
        output: Spanned<Name>,
        from: Option<Spanned<Value>>,
        to: Option<Spanned<Value>>,
    },
    /// `find output when output=value cross=n`, `when …`, `find output at=x`, `deriv …`.
    Find(Box<FindWhen>),
    /// `param='expression'`: of other measures and parameters.
    Parameter(Arc<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    Minimum,
    Maximum,
    MinimumAt,
    MaximumAt,
    PeakToPeak,
    Average,
    RootMeanSquare,
    Integral,
}

#[derive(Clone, Debug)]
pub struct FindWhen {
    /// What is read there; the sweep variable itself if absent.
    pub output: Option<Spanned<Name>>,
    /// Its derivative to the sweep variable instead of its value.
    pub is_derivative: bool,
    pub condition: Condition,
    pub from: Option<Spanned<Value>>,
    pub to: Option<Spanned<Value>>,
}

#[derive(Clone, Debug)]
pub enum Condition {
    /// Where the sweep variable has this value.
    At(Spanned<Value>),
    /// Where the two are equal.
    Equal {
        left: Spanned<Name>,
        /// A number, or an output.
        right: Spanned<Name>,
        crossing: Crossing,
        /// Counted from 1; 0 is the last one.
        count: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    Any,
    Rising,
    Falling,
}
