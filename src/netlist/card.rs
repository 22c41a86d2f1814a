//! Dot cards: definitions, analyses, options, and the ones that a DC simulator passes over.

use super::assignments;
use super::cursor::{Cursor, Result, canonical, named};
use super::fault::NetlistFault;
use super::reader::{Flow, Reader};
use super::request;
use super::token::{Token, TokenKind};
use super::{Assignment, Function, Model, Name, SimulatorOption};
use crate::source::Spanned;
use crate::suggest::closest;

const READ: [&str; 35] = [
    ".model",
    ".op",
    ".dc",
    ".options",
    ".option",
    ".opt",
    ".temp",
    ".subckt",
    ".ends",
    ".end",
    ".control",
    ".param",
    ".params",
    ".global_param",
    ".func",
    ".function",
    ".global",
    ".include",
    ".inc",
    ".incl",
    ".lib",
    ".endl",
    ".nodeset",
    ".save",
    ".print",
    ".probe",
    ".measure",
    ".meas",
    ".step",
    ".tf",
    ".sens",
    ".macro",
    ".eom",
    ".title",
    ".csparam",
];

/// Cards of other analyses and of output, which leave the operating point as it is.
const PASSED_OVER: [&str; 20] = [
    ".protect",
    ".unprotect",
    ".prot",
    ".unprot",
    ".tran",
    ".ac",
    ".noise",
    ".pz",
    ".disto",
    ".four",
    ".sp",
    ".pss",
    ".plot",
    ".width",
    ".ic",
    ".backanno",
    ".hb",
    ".preprocess",
    ".net",
    ".wave",
];

/// Cards that would change the circuit: to pass over them would simulate another one.
const REFUSED: [&str; 7] = [
    ".if", ".elseif", ".else", ".endif", ".data", ".alter", ".connect",
];

/// What `.param` defines.
pub(super) enum Definition {
    Parameter(Assignment),
    Function(Function),
}

pub(super) fn is_known(token: Token) -> bool {
    let known = |names: &[&str]| names.iter().any(|name| token.is(name));
    known(&READ) || known(&PASSED_OVER) || known(&REFUSED)
}

pub(super) fn card<'a>(
    reader: &mut Reader,
    line: &'a crate::source::LogicalLine,
    tokens: &[Token<'a>],
) -> Result<Flow> {
    let cursor = |form| Cursor::new(line, tokens, form);
    match canonical(tokens[0].text).as_str() {
        ".model" => {
            let model = model(cursor(".model name D(parameter=value …)"))?;
            reader.scopes.add_model(model)?;
        }
        ".param" | ".params" | ".global_param" | ".csparam" => {
            for definition in assignments::parameters(cursor(".param name=value …"))? {
                match definition {
                    Definition::Parameter(parameter) => reader.scopes.add_parameter(parameter)?,
                    Definition::Function(function) => reader.scopes.add_function(function)?,
                }
            }
        }
        ".func" | ".function" => {
            let function = assignments::func(cursor(".func name(x, y) {expression}"))?;
            reader.scopes.add_function(function)?;
        }
        ".global" => globals(reader, cursor(".global node …"))?,
        ".include" | ".inc" | ".incl" => reader.include(cursor(".include file"))?,
        ".lib" => reader.library(cursor(".lib file section"))?,
        ".endl" => return reader.end_of_section(tokens[0]),
        ".options" | ".option" | ".opt" => options(reader, cursor(".options name=value …"))?,
        ".temp" => {
            let mut cursor = cursor(".temp celsius");
            reader.netlist.temperature = Some(cursor.value("its temperature")?);
            cursor.finish()?;
        }
        ".subckt" | ".macro" => reader.open_subcircuit(line, tokens)?,
        ".ends" | ".eom" => reader.scopes.close(tokens)?,
        ".end" => return Ok(Flow::Stop),
        ".title" => {
            let title = line.text[tokens[0].end()..].trim();
            reader.netlist.title = title.to_owned();
        }
        ".control" => {
            pass_over(reader, tokens[0]);
            reader.skip_block(tokens[0], ".endc")?;
        }
        name if REFUSED.contains(&name) => {
            let card = named(tokens[0]);
            return Err(NetlistFault::UnsupportedCard { card });
        }
        name => {
            if !request::request(reader, name, line, tokens)? {
                pass_over(reader, tokens[0]);
            }
        }
    }
    Ok(Flow::Continue)
}

pub(super) fn pass_over(reader: &mut Reader, card: Token) {
    let name = canonical(card.text);
    if reader.is_silent() {
        return;
    }
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
    let name = cursor.name("its name")?;
    let (kind, base) = kind_and_base(&mut cursor)?;
    let mut model = Model {
        name,
        kind,
        base,
        flags: Vec::new(),
        parameters: Vec::new(),
    };
    while cursor.peek().is_some() {
        let before = cursor;
        match cursor.assignment("the value of a model parameter") {
            Ok(Some(parameter)) => model.parameters.push(parameter),
            Ok(None) => model.flags.push(cursor.name("a parameter")?),
            // A text such as `mfg="Acme Inc."` is for people.
            Err(_) if is_text(&before) => {
                cursor = before;
                cursor.skip(3);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(model)
}

fn is_text(cursor: &Cursor) -> bool {
    matches!(cursor.rest(), [_, _, value, ..] if value.text.starts_with('"'))
}

/// `D`, or `AKO: base D`, where the type may be left out.
fn kind_and_base(cursor: &mut Cursor) -> Result<(Spanned<Name>, Option<Spanned<Name>>)> {
    let word = cursor.name("its type")?;
    let Some(rest) = word.value.strip_prefix("ako:") else {
        return Ok((word, None));
    };
    let base = match rest {
        "" => cursor.name("the model that it starts from")?,
        rest => Spanned::new(rest.into(), word.span),
    };
    let names_a_kind = cursor.peek().is_some_and(|t| t.kind == TokenKind::Word)
        && !matches!(cursor.rest(), [_, equals, ..] if equals.kind == TokenKind::Equals);
    let kind = match names_a_kind {
        true => cursor.name("its type")?,
        false => Spanned::new(Name::default(), word.span),
    };
    Ok((kind, Some(base)))
}

fn globals(reader: &mut Reader, mut cursor: Cursor) -> Result<()> {
    if cursor.peek().is_none() {
        return Err(cursor.missing("a node"));
    }
    while cursor.peek().is_some() {
        let node = cursor.node("a node")?;
        reader.netlist.globals.push(node);
    }
    Ok(())
}

/// Packages of Xyce's `.options PACKAGE name=value`; their names carry no value.
const PACKAGES: [&str; 12] = [
    "device",
    "nonlin",
    "nonlin-tran",
    "linsol",
    "timeint",
    "output",
    "parser",
    "diagnostic",
    "sensitivity",
    "loca",
    "restart",
    "measure",
];

fn options(reader: &mut Reader, mut cursor: Cursor) -> Result<()> {
    if cursor
        .peek()
        .is_some_and(|t| PACKAGES.iter().any(|p| t.is(p)))
    {
        let package = cursor.rest();
        if !matches!(package, [_, equals, ..] if equals.kind == TokenKind::Equals) {
            cursor.skip(1);
        }
    }
    while cursor.peek().is_some() {
        match cursor.parameter() {
            Some(name) => option_value(reader, &mut cursor, name)?,
            None => {
                let name = named(cursor.word("the name of an option")?);
                if NUMERIC_OPTIONS.contains(&name.value.as_str()) {
                    return Err(cursor.missing("`=` and the value of the option"));
                }
                reader
                    .netlist
                    .options
                    .push(SimulatorOption { name, value: None });
            }
        }
    }
    Ok(())
}

/// Options that a DC analysis takes; the values of all others are passed over as words.
pub(crate) const NUMERIC_OPTIONS: [&str; 12] = [
    "temp", "tnom", "reltol", "abstol", "vntol", "gmin", "itl1", "itl2", "scale", "rshunt",
    "numdgt", "defad",
];

fn option_value(reader: &mut Reader, cursor: &mut Cursor, name: Token) -> Result<()> {
    let name = named(name);
    if !NUMERIC_OPTIONS.contains(&name.value.as_str())
        && let Some(token) = cursor.peek()
        && crate::units::parse_number(token.text).is_none()
    {
        cursor.skip(1);
        let (option, text) = (&name.value, token.text);
        let message = format!("option `{option}={text}` has no number as its value, ignored");
        reader.warn(message, token.span, "ignored");
        return Ok(());
    }
    let value = Some(cursor.value("the value of an option")?);
    reader.netlist.options.push(SimulatorOption { name, value });
    Ok(())
}
