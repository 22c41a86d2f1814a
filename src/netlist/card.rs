//! Dot cards: models, analyses, options, and the ones that a DC simulator passes over.

use super::cursor::{Cursor, Result, canonical, named};
use super::fault::NetlistFault;
use super::reader::{Flow, Reader};
use super::suggest::closest;
use super::token::{Token, TokenKind};
use super::{Analysis, Model, ModelParameter, Name, Sweep};
use crate::source::Spanned;

const READ: [&str; 11] = [
    ".model", ".op", ".dc", ".options", ".option", ".opt", ".temp", ".subckt", ".ends", ".end",
    ".control",
];

/// Cards of other analyses and of output, which leave the operating point as it is.
const PASSED_OVER: [&str; 22] = [
    ".tran", ".ac", ".noise", ".tf", ".sens", ".pz", ".disto", ".four", ".sp", ".pss", ".print",
    ".plot", ".probe", ".save", ".meas", ".measure", ".width", ".ic", ".nodeset", ".step",
    ".csparam", ".title",
];

/// Cards that would change the circuit: to pass over them would simulate another one.
const REFUSED: [&str; 11] = [
    ".include", ".inc", ".lib", ".endl", ".param", ".func", ".global", ".if", ".elseif", ".else",
    ".endif",
];

pub(super) fn is_known(token: Token) -> bool {
    let known = |names: &[&str]| names.iter().any(|name| token.is(name));
    known(&READ) || known(&PASSED_OVER) || known(&REFUSED)
}

pub(super) fn card<'a>(reader: &mut Reader<'a>, tokens: &[Token<'a>]) -> Result<Flow> {
    let cursor = |form| Cursor::new(tokens, form);
    match canonical(tokens[0].text).as_str() {
        ".model" => {
            let model = model(cursor(".model name D(parameter=value …)"))?;
            reader.scopes.add_model(model)?;
        }
        ".op" => add_analysis(reader, tokens[0], Analysis::OperatingPoint),
        ".dc" => {
            let sweeps = sweeps(cursor(".dc source start stop step"))?;
            add_analysis(reader, tokens[0], Analysis::DcSweep { sweeps });
        }
        ".options" | ".option" | ".opt" => options(reader, cursor(".options name=value …"))?,
        ".temp" => {
            let mut cursor = cursor(".temp celsius");
            reader.netlist.temperature = Some(cursor.number("its temperature")?);
            cursor.finish()?;
        }
        ".subckt" => reader.open_subcircuit(tokens)?,
        ".ends" => reader.scopes.close(tokens)?,
        ".end" => return Ok(Flow::Stop),
        ".control" => {
            pass_over(reader, tokens[0]);
            reader.skip_block(tokens[0], ".endc")?;
        }
        name if REFUSED.contains(&name) => {
            let card = named(tokens[0]);
            return Err(NetlistFault::UnsupportedCard { card });
        }
        _ => pass_over(reader, tokens[0]),
    }
    Ok(Flow::Continue)
}

fn add_analysis(reader: &mut Reader, card: Token, analysis: Analysis) {
    let analysis = Spanned::new(analysis, card.span);
    reader.netlist.analyses.push(analysis);
}

fn pass_over(reader: &mut Reader, card: Token) {
    let name = canonical(card.text);
    if is_known(card) {
        let message = format!("`{name}` has no effect on a DC analysis, ignored");
        return reader.warn(message, card.span, "ignored");
    }
    let message = format!("unknown card `{name}`, ignored");
    reader.warn(message, card.span, "ignored");
    let known = READ.iter().chain(&PASSED_OVER).chain(&REFUSED).copied();
    if let Some(name) = closest(&name, known)
        && let Some(warning) = reader.netlist.warnings.last_mut()
    {
        warning.help = Some(format!("did you mean `{name}`?"));
    }
}

fn model(mut cursor: Cursor) -> Result<Model> {
    let mut model = Model {
        name: cursor.name("its name")?,
        kind: cursor.name("its type")?,
        flags: Vec::new(),
        parameters: Vec::new(),
    };
    while cursor.peek().is_some() {
        match cursor.parameter() {
            Some(name) => model.parameters.push(ModelParameter {
                name: named(name),
                value: cursor.number("the value of a model parameter")?,
            }),
            None => model.flags.push(cursor.name("a parameter")?),
        }
    }
    Ok(model)
}

fn sweeps(mut cursor: Cursor) -> Result<Vec<Sweep>> {
    let mut sweeps = vec![sweep(&mut cursor)?];
    if cursor.peek().is_some() {
        sweeps.push(sweep(&mut cursor)?);
    }
    cursor.finish()?;
    Ok(sweeps)
}

fn sweep(cursor: &mut Cursor) -> Result<Sweep> {
    let sweep = Sweep {
        source: cursor.name("the source to sweep")?,
        start: cursor.number("the start of its sweep")?.value,
        stop: cursor.number("the stop of its sweep")?.value,
        step: cursor.number("the step of its sweep")?.value,
    };
    let span = sweep.stop - sweep.start;
    let arrives = sweep.step != 0.0 && span.signum() == sweep.step.signum();
    match arrives || span == 0.0 {
        true => Ok(sweep),
        false => Err(bad_sweep(sweep)),
    }
}

fn bad_sweep(sweep: Sweep) -> NetlistFault {
    NetlistFault::BadSweep {
        source: sweep.source,
        start: sweep.start,
        stop: sweep.stop,
        step: sweep.step,
    }
}

fn options(reader: &mut Reader, mut cursor: Cursor) -> Result<()> {
    while cursor.peek().is_some() {
        match cursor.parameter() {
            Some(name) => option_value(reader, &mut cursor, name)?,
            None => {
                let name = cursor.word("the name of an option")?;
                reader.option(name, None);
            }
        }
    }
    Ok(())
}

/// Options such as `method=gear` have words for values; none of them matters at DC.
fn option_value(reader: &mut Reader, cursor: &mut Cursor, name: Token) -> Result<()> {
    let is_text = |t: &Token| {
        t.kind == TokenKind::Word && t.text.starts_with(|c: char| c.is_alphabetic() || c == '"')
    };
    match cursor.peek().filter(is_text) {
        Some(value) => {
            cursor.skip(1);
            let (name, text): (Name, _) = (canonical(name.text), value.text);
            let message = format!("option `{name}={text}` has no number as its value, ignored");
            reader.warn(message, value.span, "ignored");
        }
        None => {
            let value = cursor.number("the value of an option")?;
            reader.option(name, Some(value));
        }
    }
    Ok(())
}
