//! Operators and functions as operations of a tape, in their simplest form.

use super::builtin::{BuiltIn, Dialect};
use super::function::{Function1, Function2};
use super::tape::{Lookup, Tape, Term};

/// A function of given arguments, as many as it takes.
pub(super) fn call(
    tape: &mut Tape,
    built_in: BuiltIn,
    dialect: Dialect,
    arguments: &[Term],
) -> Term {
    let x = arguments[0];
    match built_in {
        BuiltIn::Unary(f) => tape.unary(f, x),
        BuiltIn::Binary(f) => binary(tape, in_dialect(f, dialect), x, arguments[1]),
        BuiltIn::Fold(f) => arguments[1..]
            .iter()
            .fold(x, |chosen, &y| tape.binary(f, chosen, y)),
        BuiltIn::Against(f, number) => {
            let number = tape.constant(number);
            tape.binary(f, x, number)
        }
        BuiltIn::Square => tape.binary(Function2::Multiply, x, x),
        BuiltIn::CopySign => {
            let magnitude = tape.unary(Function1::Abs, x);
            let sign = tape.unary(Function1::Sign, arguments[1]);
            binary(tape, Function2::Multiply, magnitude, sign)
        }
        BuiltIn::Limit => match arguments[1..] {
            [a, b] => limit(tape, x, a, b),
            _ => x,
        },
        BuiltIn::Choice => tape.select(x, arguments[1], arguments[2]),
        BuiltIn::Table { extrapolates } => table(tape, x, &arguments[1..], extrapolates),
        BuiltIn::Nominal => x,
        BuiltIn::TimeDerivative => tape.constant(0.0),
        BuiltIn::TimeIntegral => match arguments.get(1) {
            Some(&initial) => initial,
            None => tape.constant(0.0),
        },
    }
}

fn in_dialect(function: Function2, dialect: Dialect) -> Function2 {
    match (function, dialect) {
        (Function2::Power, Dialect::Behavioural) => Function2::PowerOfMagnitude,
        (Function2::PowerOfMagnitude, Dialect::Behavioural) => Function2::PowerSigned,
        (Function2::Divide, Dialect::Behavioural) => Function2::DivideGuarded,
        _ => function,
    }
}

/// `x / y`
pub(super) fn divide(tape: &mut Tape, x: Term, y: Term, dialect: Dialect) -> Term {
    binary(tape, in_dialect(Function2::Divide, dialect), x, y)
}

/// A function of two numbers, where one of them is a constant that makes it simpler.
pub(super) fn binary(tape: &mut Tape, function: Function2, x: Term, y: Term) -> Term {
    let simpler = match (tape.constant_value(x), tape.constant_value(y)) {
        (Some(_), Some(_)) | (None, None) => None,
        (Some(x), None) => simpler_left(tape, function, x, y),
        (None, Some(y)) => simpler_right(tape, function, x, y),
    };
    simpler.unwrap_or_else(|| tape.binary(function, x, y))
}

fn simpler_left(tape: &mut Tape, function: Function2, x: f64, y: Term) -> Option<Term> {
    match (function, x) {
        (Function2::Add, 0.0) | (Function2::Multiply, 1.0) => Some(y),
        (Function2::Subtract, 0.0) => Some(tape.unary(Function1::Negate, y)),
        (Function2::Multiply, 0.0) => Some(tape.constant(0.0)),
        _ => None,
    }
}

fn simpler_right(tape: &mut Tape, function: Function2, x: Term, y: f64) -> Option<Term> {
    use Function2::*;
    match (function, y) {
        (Add | Subtract, 0.0) | (Multiply | Divide | DivideGuarded, 1.0) => Some(x),
        (Multiply, 0.0) => Some(tape.constant(0.0)),
        (Power | PowerOfMagnitude | PowerSigned, _) => small_power(tape, function, x, y),
        _ => None,
    }
}

/// Powers 1 to 4 as products, which are faster and exact in sign.
fn small_power(tape: &mut Tape, function: Function2, x: Term, y: f64) -> Option<Term> {
    let odd = |tape: &mut Tape| match function {
        Function2::PowerOfMagnitude => tape.unary(Function1::Abs, x),
        _ => x,
    };
    let even = |tape: &mut Tape| match function {
        Function2::PowerSigned => tape.unary(Function1::Abs, x),
        _ => x,
    };
    let product = |tape: &mut Tape, x, y| Some(tape.binary(Function2::Multiply, x, y));
    match y {
        1.0 => Some(odd(tape)),
        2.0 => {
            let other = even(tape);
            product(tape, x, other)
        }
        3.0 => {
            let (first, square) = (odd(tape), tape.binary(Function2::Multiply, x, x));
            product(tape, first, square)
        }
        4.0 if function != Function2::PowerSigned => {
            let square = tape.binary(Function2::Multiply, x, x);
            product(tape, square, square)
        }
        _ => None,
    }
}

/// `x` between `a` and `b`, whichever is the greater one.
fn limit(tape: &mut Tape, x: Term, a: Term, b: Term) -> Term {
    let low = tape.binary(Function2::Min, a, b);
    let high = tape.binary(Function2::Max, a, b);
    let raised = tape.binary(Function2::Max, x, low);
    tape.binary(Function2::Min, raised, high)
}

/// Interpolation between `x1, y1, x2, y2, …`.
fn table(tape: &mut Tape, x: Term, numbers: &[Term], extrapolates: bool) -> Term {
    let value = |term: &Term| tape.constant_value(*term);
    match numbers.iter().map(value).collect::<Option<Vec<f64>>>() {
        Some(numbers) => {
            let points = numbers.chunks_exact(2).map(|p| (p[0], p[1])).collect();
            let lookup = Lookup {
                points,
                extrapolates,
            };
            tape.table(lookup, x)
        }
        None => interpolation(tape, x, numbers, extrapolates),
    }
}

/// A table whose points are no constants: segments, chosen from the first one to the last one.
fn interpolation(tape: &mut Tape, x: Term, numbers: &[Term], extrapolates: bool) -> Term {
    let points: Vec<[Term; 2]> = numbers.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
    let [first, last] = [points[0], points[points.len() - 1]];
    let within = match extrapolates {
        true => x,
        false => limit(tape, x, first[0], last[0]),
    };
    let Some(count) = points.len().checked_sub(2) else {
        return first[1];
    };
    let mut value = segment(tape, within, points[count], points[count + 1]);
    for k in (0..count).rev() {
        let below = tape.binary(Function2::Less, within, points[k + 1][0]);
        let here = segment(tape, within, points[k], points[k + 1]);
        value = tape.select(below, here, value);
    }
    value
}

fn segment(tape: &mut Tape, x: Term, [x0, y0]: [Term; 2], [x1, y1]: [Term; 2]) -> Term {
    let [dx, dy] = [[x1, x0], [y1, y0]].map(|[a, b]| tape.binary(Function2::Subtract, a, b));
    let slope = tape.binary(Function2::Divide, dy, dx);
    let along = tape.binary(Function2::Subtract, x, x0);
    let rise = tape.binary(Function2::Multiply, along, slope);
    tape.binary(Function2::Add, y0, rise)
}
