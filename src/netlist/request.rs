//! Cards that ask for results: `.op .dc .step .tf .sens .print .save .measure .nodeset`.

use super::command::{
    Analysis, Condition, Crossing, FindWhen, Measure, MeasureKind, OutputCard, Statistic, Sweep,
    SweepRange,
};
use super::cursor::{Cursor, Result, canonical};
use super::fault::NetlistFault;
use super::reader::Reader;
use super::token::{Token, TokenKind};
use super::{Name, Value};
use crate::source::{LogicalLine, Spanned};

/// False if the card is none of these.
pub(super) fn request<'a>(
    reader: &mut Reader,
    name: &str,
    line: &'a LogicalLine,
    tokens: &[Token<'a>],
) -> Result<bool> {
    let cursor = |form| Cursor::new(line, tokens, form);
    match name {
        ".op" => add(reader, tokens[0], Analysis::OperatingPoint),
        ".dc" => {
            let sweeps = sweeps(cursor(".dc variable start stop step"))?;
            add(reader, tokens[0], Analysis::DcSweep { sweeps });
        }
        ".step" => {
            let sweeps = sweeps(cursor(".step param name start stop step"))?;
            reader.netlist.commands.steps.extend(sweeps);
        }
        ".tf" => {
            let mut words = output_words(line, tokens[0].end());
            let cursor = cursor(".tf v(out) source");
            let (Some(input), Some(output)) = (words.pop(), words.pop()) else {
                return Err(cursor.missing("an output and a source"));
            };
            add(
                reader,
                tokens[0],
                Analysis::TransferFunction { output, input },
            );
        }
        ".sens" => {
            let outputs = output_words(line, tokens[0].end());
            if outputs.is_empty() {
                return Err(cursor(".sens v(out)").missing("an output"));
            }
            add(reader, tokens[0], Analysis::Sensitivity { outputs });
        }
        ".print" | ".probe" => return print(reader, cursor(".print dc output …")),
        ".save" => {
            let outputs = output_words(line, tokens[0].end());
            let card = OutputCard {
                prints: false,
                outputs,
            };
            reader.netlist.commands.outputs.push(card);
        }
        ".measure" | ".meas" => return measure(reader, cursor(MEASURE)),
        ".nodeset" => nodeset(reader, cursor(".nodeset v(node)=volts …"))?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn add(reader: &mut Reader, card: Token, analysis: Analysis) {
    let analysis = Spanned::new(analysis, card.span);
    reader.netlist.commands.analyses.push(analysis);
}

/// Words of a text in which parentheses and braces hold together: `v(a, b)` is one.
fn output_words(line: &LogicalLine, from: usize) -> Vec<Spanned<Name>> {
    let bytes = line.text.as_bytes();
    let (mut words, mut depth, mut start) = (Vec::new(), 0i32, None);
    for at in from..=bytes.len() {
        let byte = bytes.get(at).copied().unwrap_or(b' ');
        let separates = (byte <= b' ' || byte == b',') && (depth <= 0 || at == bytes.len());
        match (separates, start) {
            (true, Some(begin)) => {
                let text = canonical(&line.text[begin..at]);
                words.push(Spanned::new(text, line.span(begin..at)));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
        depth += i32::from(matches!(byte, b'(' | b'{')) - i32::from(matches!(byte, b')' | b'}'));
    }
    words
}

/// `.print` of another analysis than DC asks for nothing here.
fn print(reader: &mut Reader, mut cursor: Cursor) -> Result<bool> {
    let mut from = cursor.end_of_last();
    if let Some(kind) = cursor.peek().filter(|t| t.kind == TokenKind::Word) {
        if ["tran", "ac", "noise", "ac_ic", "hb"]
            .iter()
            .any(|w| kind.is(w))
        {
            return Ok(false);
        }
        if ["dc", "op", "tf", "sens"].iter().any(|w| kind.is(w)) {
            cursor.skip(1);
            from = kind.end();
        }
    }
    let mut outputs = output_words(cursor.line(), from);
    // HSPICE may label an output: `name=par('…')`.
    for word in &mut outputs {
        if let Some(at) = word.value.find("=par(") {
            word.value = word.value[at + 1..].into();
        }
    }
    // `FORMAT=…`, `FILE=…` and the like of Xyce say where results go, not which.
    outputs.retain(|word| {
        !word.value.contains('=') || word.value.starts_with('{') || word.value.starts_with("par(")
    });
    let prints = true;
    let card = OutputCard { prints, outputs };
    reader.netlist.commands.outputs.push(card);
    Ok(true)
}

fn nodeset(reader: &mut Reader, mut cursor: Cursor) -> Result<()> {
    while cursor.peek().is_some() {
        if !cursor.take("v") {
            let token = cursor.word("`v(node)=volts`")?;
            return Err(cursor.unexpected(token));
        }
        let node = cursor.node("a node")?;
        cursor.take_equals();
        let value = cursor.value("its voltage")?;
        reader.scopes.current().body.nodeset.push((node, value));
    }
    Ok(())
}

/// All sweeps of a `.dc` or `.step`: SPICE's own form, `LIN/DEC/OCT` before (Xyce, LTspice) or behind
/// (HSPICE) the variable, and `LIST`.
fn sweeps(mut cursor: Cursor) -> Result<Vec<Sweep>> {
    let mut sweeps = vec![sweep(&mut cursor)?];
    while cursor.peek().is_some() {
        // HSPICE says that another one follows.
        if cursor.rest().len() > 4 {
            cursor.take("sweep");
        }
        sweeps.push(sweep(&mut cursor)?);
    }
    Ok(sweeps)
}

#[derive(Clone, Copy, PartialEq)]
enum Spacing {
    Linear,
    Logarithmic(f64),
}

fn spacing(cursor: &mut Cursor) -> Option<Spacing> {
    let spacing = match cursor.peek()?.text.to_ascii_lowercase().as_str() {
        "lin" => Spacing::Linear,
        "dec" => Spacing::Logarithmic(10.0),
        "oct" => Spacing::Logarithmic(2.0),
        _ => return None,
    };
    // `dec` alone may be the name of a parameter: a spacing has words behind it.
    if cursor.rest().len() < 2 {
        return None;
    }
    cursor.skip(1);
    Some(spacing)
}

fn sweep(cursor: &mut Cursor) -> Result<Sweep> {
    let before = spacing(cursor);
    if cursor.peek().is_some_and(|t| t.is("param")) && cursor.rest().len() > 4 {
        cursor.skip(1);
    }
    let variable = variable(cursor)?;
    if cursor.take("list") {
        return Ok(Sweep {
            variable,
            range: SweepRange::List(list(cursor)?),
        });
    }
    let behind = spacing(cursor);
    let mut value = |what| cursor.value(what);
    let range = match (before, behind) {
        (_, Some(Spacing::Logarithmic(base))) => SweepRange::Logarithmic {
            points: value("the points of each decade or octave")?,
            start: value("the start of its sweep")?,
            stop: value("the stop of its sweep")?,
            base,
        },
        (Some(Spacing::Logarithmic(base)), _) => SweepRange::Logarithmic {
            start: value("the start of its sweep")?,
            stop: value("the stop of its sweep")?,
            points: value("the points of each decade or octave")?,
            base,
        },
        _ => SweepRange::Linear {
            start: value("the start of its sweep")?,
            stop: value("the stop of its sweep")?,
            step: value("the step of its sweep")?,
        },
    };
    check(&variable, &range)?;
    Ok(Sweep { variable, range })
}

/// `v1`, `temp`, and `D dmod(is)` or `npn 2n2222(vaf)` of LTspice for `dmod:is`.
fn variable(cursor: &mut Cursor) -> Result<Spanned<Name>> {
    let name = cursor.name("the variable to sweep")?;
    let rest = cursor.rest();
    if let [model, parameter, ..] = rest
        && cursor.line().text[model.end()..parameter.start].trim() == "("
    {
        cursor.skip(2);
        let text =
            compact_str::format_compact!("{}:{}", canonical(model.text), canonical(parameter.text));
        return Ok(Spanned::new(text, model.span));
    }
    Ok(name)
}

/// Values up to the next word that is none.
fn list(cursor: &mut Cursor) -> Result<Vec<Spanned<Value>>> {
    let mut values = Vec::new();
    while let Some(token) = cursor.peek() {
        let is_value =
            token.kind == TokenKind::Expression || crate::units::parse_number(token.text).is_some();
        if !is_value {
            break;
        }
        values.push(cursor.value("a value")?);
    }
    match values.is_empty() {
        true => Err(cursor.missing("the values of its list")),
        false => Ok(values),
    }
}

/// A sweep between numbers must get from start to stop.
fn check(variable: &Spanned<Name>, range: &SweepRange) -> Result<()> {
    let SweepRange::Linear { start, stop, step } = range else {
        return Ok(());
    };
    let numbers = [start, stop, step].map(|v| v.value.number());
    let [Some(start), Some(stop), Some(step)] = numbers else {
        return Ok(());
    };
    let span = stop - start;
    let arrives = step != 0.0 && span.signum() == step.signum();
    if arrives || span == 0.0 {
        return Ok(());
    }
    Err(NetlistFault::BadSweep {
        source: variable.clone(),
        start,
        stop,
        step,
    })
}

const MEASURE: &str = ".measure dc name max v(out)";

/// False for a measurement of another analysis.
fn measure(reader: &mut Reader, mut cursor: Cursor) -> Result<bool> {
    let others = ["tran", "ac", "noise", "sp", "four"];
    if cursor
        .peek()
        .is_some_and(|t| others.iter().any(|w| t.is(w)))
    {
        return Ok(false);
    }
    if !cursor.take("dc") {
        cursor.take("op");
    }
    let name = cursor.name("its name")?;
    let kind = measure_kind(&mut cursor)?;
    let measure = Measure { name, kind };
    reader.netlist.commands.measures.push(measure);
    Ok(true)
}

fn measure_kind(cursor: &mut Cursor) -> Result<MeasureKind> {
    if cursor.take("param") {
        cursor.take_equals();
        return Ok(MeasureKind::Parameter(cursor.expression("an expression")?));
    }
    let word = cursor.word("what to measure")?;
    let statistic = match canonical(word.text).as_str() {
        "min" => Statistic::Minimum,
        "max" => Statistic::Maximum,
        "min_at" => Statistic::MinimumAt,
        "max_at" => Statistic::MaximumAt,
        "pp" => Statistic::PeakToPeak,
        "avg" => Statistic::Average,
        "rms" => Statistic::RootMeanSquare,
        "integ" | "integral" => Statistic::Integral,
        "find" => {
            let output = Some(output(cursor)?);
            return find(cursor, output, false);
        }
        "deriv" | "derivative" => {
            let output = Some(output(cursor)?);
            return find(cursor, output, true);
        }
        "when" => return when(cursor, None, false),
        _ => return Err(cursor.unexpected(word)),
    };
    let output = output(cursor)?;
    let (from, to) = window(cursor)?;
    cursor.finish()?;
    Ok(MeasureKind::Statistic {
        statistic,
        output,
        from,
        to,
    })
}

/// One output as a word: `v(a,b)`, `{…}`, `par('…')`.
fn output(cursor: &mut Cursor) -> Result<Spanned<Name>> {
    let token = cursor.peek().ok_or_else(|| cursor.missing("an output"))?;
    let line = cursor.line();
    let rest = &line.text[token.start..];
    let mut depth = 0i32;
    let mut length = rest.len();
    for (at, c) in rest.char_indices() {
        if depth == 0 && (c.is_whitespace() || c == '=' || c == ',') {
            length = at;
            break;
        }
        depth += i32::from(c == '(' || c == '{') - i32::from(c == ')' || c == '}');
    }
    let range = token.start..token.start + length;
    cursor.skip_to(range.end);
    let text = canonical(&line.text[range.clone()]);
    Ok(Spanned::new(text, line.span(range)))
}

fn find(
    cursor: &mut Cursor,
    output: Option<Spanned<Name>>,
    is_derivative: bool,
) -> Result<MeasureKind> {
    if cursor.take("when") {
        return when(cursor, output, is_derivative);
    }
    if !cursor.take("at") {
        cursor.form = ".measure dc name find v(out) at=value";
        return Err(cursor.missing("`when` or `at=`"));
    }
    cursor.take_equals();
    let condition = Condition::At(cursor.value("a value of the sweep variable")?);
    cursor.finish()?;
    Ok(MeasureKind::Find(Box::new(FindWhen {
        output,
        is_derivative,
        condition,
        from: None,
        to: None,
    })))
}

fn when(
    cursor: &mut Cursor,
    output_read: Option<Spanned<Name>>,
    is_derivative: bool,
) -> Result<MeasureKind> {
    let left = output(cursor)?;
    cursor.take_equals();
    let right = output(cursor)?;
    let (mut crossing, mut count) = (Crossing::Any, 1);
    let (mut from, mut to) = (None, None);
    while let Some(name) = cursor.parameter() {
        match canonical(name.text).as_str() {
            "cross" => count = crossing_count(cursor)?,
            "rise" => (crossing, count) = (Crossing::Rising, crossing_count(cursor)?),
            "fall" => (crossing, count) = (Crossing::Falling, crossing_count(cursor)?),
            "from" => from = Some(cursor.value("the start of the window")?),
            "to" => to = Some(cursor.value("the end of the window")?),
            _ => return Err(cursor.unexpected(name)),
        }
    }
    cursor.finish()?;
    Ok(MeasureKind::Find(Box::new(FindWhen {
        output: output_read,
        is_derivative,
        condition: Condition::Equal {
            left,
            right,
            crossing,
            count,
        },
        from,
        to,
    })))
}

/// A count from 1; `last` is 0.
fn crossing_count(cursor: &mut Cursor) -> Result<usize> {
    if cursor.take("last") {
        return Ok(0);
    }
    Ok(cursor.number("a count, or `last`")?.value.max(1.0) as usize)
}

/// Both ends of a window, where they are given.
type Window = (Option<Spanned<Value>>, Option<Spanned<Value>>);

/// `from=` and `to=`.
fn window(cursor: &mut Cursor) -> Result<Window> {
    let (mut from, mut to) = (None, None);
    while let Some(name) = cursor.parameter() {
        let value = Some(cursor.value("a value of the sweep variable")?);
        match name.is("from") {
            true => from = value,
            false if name.is("to") => to = value,
            false => return Err(cursor.unexpected(name)),
        }
    }
    Ok((from, to))
}
