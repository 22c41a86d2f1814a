//! The functions and constants that expressions know by name.

use std::f64::consts::{E, PI};

use super::function::{Function1, Function2};
use crate::units::{BOLTZMANN, CELSIUS_ZERO, ELEMENTARY_CHARGE};

/// Which of two dialects of ngspice an expression is in; they differ in `pow`, in `pwr`, and in what
/// division by zero gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `.param`, `.func` and braces: `pow(x,y)` is `x^y` as in C, `pwr(x,y)` is `|x|^y`.
    Parameter,
    /// Behavioural sources: `pow(x,y)` is `|x|^y`, `pwr(x,y)` is `sgn(x) |x|^y`, and quotients are finite.
    Behavioural,
}

/// How many arguments a function has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    pub least: usize,
    /// None: any number.
    pub most: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BuiltIn {
    Unary(Function1),
    Binary(Function2),
    /// A function of two numbers, applied to two and more.
    Fold(Function2),
    /// A comparison with a number.
    Against(Function2, f64),
    Square,
    /// `sign(x,y)`: the magnitude of x with the sign of y.
    CopySign,
    /// `limit(x,a,b)`; with two arguments a statistical function.
    Limit,
    Choice,
    /// `table` and `pwl`.
    Table {
        extrapolates: bool,
    },
    /// A statistical function: its first argument.
    Nominal,
    /// Zero, as nothing moves at DC.
    TimeDerivative,
    /// The initial value.
    TimeIntegral,
}

const NAMES: &[(&str, BuiltIn)] = {
    use BuiltIn::*;
    &[
        ("abs", Unary(Function1::Abs)),
        ("fabs", Unary(Function1::Abs)),
        ("sqrt", Unary(Function1::Sqrt)),
        ("exp", Unary(Function1::Exp)),
        ("ln", Unary(Function1::Ln)),
        ("log", Unary(Function1::Ln)),
        ("log10", Unary(Function1::Log10)),
        ("log2", Unary(Function1::Log2)),
        ("sin", Unary(Function1::Sin)),
        ("cos", Unary(Function1::Cos)),
        ("tan", Unary(Function1::Tan)),
        ("asin", Unary(Function1::Asin)),
        ("acos", Unary(Function1::Acos)),
        ("atan", Unary(Function1::Atan)),
        ("arcsin", Unary(Function1::Asin)),
        ("arccos", Unary(Function1::Acos)),
        ("arctan", Unary(Function1::Atan)),
        ("sinh", Unary(Function1::Sinh)),
        ("cosh", Unary(Function1::Cosh)),
        ("tanh", Unary(Function1::Tanh)),
        ("asinh", Unary(Function1::Asinh)),
        ("acosh", Unary(Function1::Acosh)),
        ("atanh", Unary(Function1::Atanh)),
        ("arcsinh", Unary(Function1::Asinh)),
        ("arccosh", Unary(Function1::Acosh)),
        ("arctanh", Unary(Function1::Atanh)),
        ("sgn", Unary(Function1::Sign)),
        ("u", Unary(Function1::Step)),
        ("u2", Unary(Function1::Clamp)),
        ("uramp", Unary(Function1::Ramp)),
        ("not", Unary(Function1::Not)),
        ("int", Unary(Function1::Trunc)),
        ("trunc", Unary(Function1::Trunc)),
        ("floor", Unary(Function1::Floor)),
        ("ceil", Unary(Function1::Ceil)),
        ("nint", Unary(Function1::RoundEven)),
        ("round", Unary(Function1::Round)),
        ("pow", Binary(Function2::Power)),
        ("pwr", Binary(Function2::PowerOfMagnitude)),
        ("pwrs", Binary(Function2::PowerSigned)),
        ("atan2", Binary(Function2::Atan2)),
        ("hypot", Binary(Function2::Hypot)),
        ("fmod", Binary(Function2::Remainder)),
        ("min", Fold(Function2::Min)),
        ("max", Fold(Function2::Max)),
        ("stp", Against(Function2::Greater, 0.0)),
        ("buf", Against(Function2::Greater, 0.5)),
        ("inv", Against(Function2::LessEqual, 0.5)),
        ("eq0", Against(Function2::Equal, 0.0)),
        ("ne0", Against(Function2::NotEqual, 0.0)),
        ("gt0", Against(Function2::Greater, 0.0)),
        ("lt0", Against(Function2::Less, 0.0)),
        ("ge0", Against(Function2::GreaterEqual, 0.0)),
        ("le0", Against(Function2::LessEqual, 0.0)),
        ("sqr", Square),
        ("sign", CopySign),
        ("limit", Limit),
        ("if", Choice),
        ("ternary_fcn", Choice),
        (
            "table",
            Table {
                extrapolates: false,
            },
        ),
        (
            "tbl",
            Table {
                extrapolates: false,
            },
        ),
        ("pwl", Table { extrapolates: true }),
        ("gauss", Nominal),
        ("agauss", Nominal),
        ("mc", Nominal),
        ("unif", Nominal),
        ("aunif", Nominal),
        ("ddt", TimeDerivative),
        ("idt", TimeIntegral),
        ("sdt", TimeIntegral),
    ]
};

const CONSTANTS: &[(&str, f64)] = &[
    ("pi", PI),
    ("e", E),
    ("c", 299_792_458.0),
    ("boltz", BOLTZMANN),
    ("echarge", ELEMENTARY_CHARGE),
    ("planck", 6.626_070_040e-34),
    // Absolute zero in degrees Celsius, as in ngspice.
    ("kelvin", -CELSIUS_ZERO),
    ("true", 1.0),
    ("yes", 1.0),
    ("false", 0.0),
    ("no", 0.0),
    // The operating point is at time zero and at no frequency.
    ("time", 0.0),
    ("hertz", 0.0),
    ("freq", 0.0),
];

pub(super) fn function(name: &str) -> Option<BuiltIn> {
    value_of(NAMES, name)
}

pub(super) fn function_names<'a>() -> impl Iterator<Item = &'a str> {
    NAMES.iter().map(|(name, _)| *name)
}

/// The value of a constant that expressions know without being told.
pub fn constant(name: &str) -> Option<f64> {
    value_of(CONSTANTS, name)
}

pub(super) fn constant_names<'a>() -> impl Iterator<Item = &'a str> {
    CONSTANTS.iter().map(|(name, _)| *name)
}

fn value_of<T: Copy>(pairs: &[(&str, T)], name: &str) -> Option<T> {
    let found = pairs.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

/// Whether a function stands for a random number, of which the nominal value is taken. `limit` is one
/// with two arguments only.
pub fn is_statistical(name: &str, arguments: usize) -> bool {
    match function(name) {
        Some(BuiltIn::Nominal) => true,
        Some(BuiltIn::Limit) => arguments == 2,
        _ => false,
    }
}

impl BuiltIn {
    pub fn arity(self) -> Arity {
        let (least, most) = match self {
            Self::Unary(_) | Self::Against(..) | Self::Square | Self::TimeDerivative => {
                (1, Some(1))
            }
            Self::Binary(_) | Self::CopySign => (2, Some(2)),
            Self::Fold(_) => (2, None),
            Self::Limit => (2, Some(3)),
            Self::Choice => (3, Some(3)),
            Self::Table {
                extrapolates: false,
            } => (3, None),
            Self::Table { extrapolates: true } => (5, None),
            Self::Nominal => (2, Some(4)),
            Self::TimeIntegral => (1, Some(4)),
        };
        Arity { least, most }
    }
}

impl Arity {
    pub fn exactly(count: usize) -> Self {
        Self {
            least: count,
            most: Some(count),
        }
    }

    pub fn allows(self, count: usize) -> bool {
        count >= self.least && self.most.is_none_or(|most| count <= most)
    }
}

impl std::fmt::Display for Arity {
    /// `2 arguments`, `2 to 4 arguments`, `at least 3 arguments`
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.most {
            Some(1) if self.least == 1 => f.write_str("1 argument"),
            Some(most) if most == self.least => write!(f, "{most} arguments"),
            Some(most) => write!(f, "{} to {most} arguments", self.least),
            None => write!(f, "at least {} arguments", self.least),
        }
    }
}
