//! A term of a tape as SPICE text that ngspice reads in a behavioural source.

use super::function::{Function1, Function2};
use super::tape::{Lookup, Operation, Tape, Term};
use crate::units::format_exact;

/// A text of more than `limit` bytes: terms that are used often are written as often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the laws of the circuit are longer than {limit} bytes when written out")]
pub struct TextTooLong {
    pub limit: usize,
}

const LONGEST: usize = 1 << 20;

/// The text of `term`, with `input` giving that of the inputs, such as `v(a,b)`. It uses what ngspice-39 knows in behavioural
/// sources, and reads back as [`Dialect::Behavioural`](super::Dialect::Behavioural).
pub fn write_term(
    tape: &Tape,
    term: Term,
    input: &dyn Fn(u32) -> String,
) -> Result<String, TextTooLong> {
    // A term comes after its operands, so that texts are made in order and none twice.
    let needed = tape.needed(&[term]);
    let mut texts: Vec<String> = Vec::with_capacity(term.index() + 1);
    let mut total = 0;
    for (operation, needed) in tape.operations()[..=term.index()].iter().zip(needed) {
        let text = match needed {
            true => write_operation(tape, operation, &texts, input),
            false => String::new(),
        };
        total += text.len();
        if text.len() > LONGEST || total > 16 * LONGEST {
            return Err(TextTooLong { limit: LONGEST });
        }
        texts.push(text);
    }
    Ok(texts.swap_remove(term.index()))
}

fn write_operation(
    tape: &Tape,
    operation: &Operation,
    texts: &[String],
    input: &dyn Fn(u32) -> String,
) -> String {
    let text = |term: Term| texts[term.index()].as_str();
    match *operation {
        Operation::Constant(value) => number(value),
        Operation::Input(index) => input(index),
        Operation::Parameter(_, default) => text(default).into(),
        Operation::Unary(f, x) => unary(f, text(x)),
        Operation::Binary(f, x, y) => binary(f, text(x), text(y)),
        Operation::Select(c, x, y) => format!("({}?{}:{})", text(c), text(x), text(y)),
        Operation::Table(table, x) => lookup(&tape.tables()[table as usize], text(x)),
    }
}

/// ngspice rounds the numbers in a behavioural source to eleven digits, so that the rest is added.
/// What is no number is written as what has no value: quotients in such a source are finite.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "sqrt(-1)".into();
    }
    if value.is_infinite() {
        return format!("({}*1e308*10)", value.signum());
    }
    let rounded: f64 = format!("{value:.10e}").parse().unwrap_or(value);
    let rest = value - rounded;
    match rest == 0.0 || rounded.is_infinite() {
        true => signed(value),
        false => format!("({}+{})", signed(rounded), signed(rest)),
    }
}

/// Held together by parentheses where it has a sign.
fn signed(value: f64) -> String {
    match value.is_sign_negative() {
        true => format!("({})", format_exact(value)),
        false => format_exact(value),
    }
}

fn unary(function: Function1, x: &str) -> String {
    let name = match function {
        Function1::Negate => return format!("(-{x})"),
        Function1::Not => return format!("({x}==0)"),
        Function1::Log2 => return format!("(ln({x})/{})", number(std::f64::consts::LN_2)),
        Function1::Clamp => "u2",
        Function1::Ramp => "uramp",
        Function1::Step => "u",
        Function1::Trunc => return format!("(sgn({x})*floor(abs({x})))"),
        Function1::Round => return format!("(sgn({x})*floor(abs({x})+0.5))"),
        Function1::RoundEven => "nint",
        Function1::Sqrt => "sqrt",
        Function1::Exp => "exp",
        Function1::Ln => "ln",
        Function1::Log10 => "log10",
        Function1::Abs => "abs",
        Function1::Sin => "sin",
        Function1::Cos => "cos",
        Function1::Tan => "tan",
        Function1::Asin => "asin",
        Function1::Acos => "acos",
        Function1::Atan => "atan",
        Function1::Sinh => "sinh",
        Function1::Cosh => "cosh",
        Function1::Tanh => "tanh",
        Function1::Asinh => "asinh",
        Function1::Acosh => "acosh",
        Function1::Atanh => "atanh",
        Function1::Sign => "sgn",
        Function1::Floor => "floor",
        Function1::Ceil => "ceil",
    };
    format!("{name}({x})")
}

fn binary(function: Function2, x: &str, y: &str) -> String {
    let operator = match function {
        Function2::Add => "+",
        Function2::Subtract => "-",
        Function2::Multiply => "*",
        Function2::Divide | Function2::DivideGuarded => "/",
        Function2::Less => "<",
        Function2::LessEqual => "<=",
        Function2::Greater => ">",
        Function2::GreaterEqual => ">=",
        Function2::Equal => "==",
        Function2::NotEqual => "!=",
        Function2::And => "&&",
        Function2::Or => "||",
        Function2::PowerOfMagnitude => "^",
        Function2::PowerSigned => return format!("pwr({x},{y})"),
        Function2::Min => return format!("min({x},{y})"),
        Function2::Max => return format!("max({x},{y})"),
        Function2::Hypot => return format!("sqrt(({x})^2+({y})^2)"),
        // A negative base has whole exponents only: the sign is that of the base where they are odd.
        Function2::Power => return format!("(2*nint({y}/2)=={y}?{x}^{y}:pwr({x},{y}))"),
        Function2::Remainder => {
            return format!("({x}-{y}*sgn({x}/{y})*floor(abs({x}/{y})))");
        }
        Function2::Atan2 => {
            return format!(
                "({y}>0?atan({x}/{y}):({y}<0?atan({x}/{y})+({x}<0?-pi:pi):sgn({x})*pi/2))"
            );
        }
    };
    format!("({x}{operator}{y})")
}

/// `pwl` goes on with the outer segments, which are made flat where the table ends.
fn lookup(lookup: &Lookup, x: &str) -> String {
    let mut points = lookup.points.clone();
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
        return number(0.0);
    };
    if !lookup.extrapolates || points.len() < 2 {
        let width = (last.0 - first.0).max(first.0.abs()).max(1.0);
        points.insert(0, (first.0 - width, first.1));
        points.push((last.0 + width, last.1));
    }
    let numbers: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", format_exact(*x), format_exact(*y)))
        .collect();
    format!("pwl({x},{})", numbers.join(","))
}
