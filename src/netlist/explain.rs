//! Faults in words: what was found, what was expected, and what to do about it.

use super::Name;
use super::diagnostic::Diagnostic;
use super::fault::NetlistFault;
use crate::source::Spanned;
use crate::units::format_exact;

impl NetlistFault {
    /// The message for a person, with its places in the deck.
    pub fn diagnostic(&self) -> Diagnostic {
        use NetlistFault::*;
        let error = |message: String| Diagnostic::error(message);
        match self {
            Unreadable {
                path,
                reason,
                place,
            } => unreadable(path, reason, *place),
            Empty { name } => error(format!("`{name}` is empty"))
                .help("a deck is a title line followed by its elements"),
            StrayContinuation { span } => error("a `+` line continues no card".into())
                .at(*span, "nothing to continue")
                .help("the title cannot be continued; a `+` line follows the card it belongs to"),
            Missing {
                subject,
                what,
                form,
                place,
            } => error(format!("`{}` ends before {what}", shown(&subject.value)))
                .at(*place, format!("expected {what}"))
                .help(format!("it is written `{form}`")),
            Unexpected {
                subject,
                found,
                form,
            } => unexpected(subject, found, form),
            BadNumber { found, what } => bad_number(found, what),
            Expression(fault) => {
                let help = fault.help();
                let help = help.unwrap_or("an expression looks like {2*rload + 1k}".into());
                error(fault.message())
                    .at(fault.span, fault.label())
                    .help(help)
            }
            Lower(fault, span) => {
                let help = fault.help().unwrap_or("write it in smaller parts".into());
                error(fault.message()).at(*span, fault.label()).help(help)
            }
            UnknownParameter { .. } => self.unknown_parameter(),
            UnsupportedForm { subject, found } => error(format!(
                "`{}` has the form `{}`, which is not supported",
                shown(subject),
                shown(&found.value).to_uppercase()
            ))
            .at(found.span, "not a static law")
            .help("controlled sources are linear, POLY, VALUE={expression} or TABLE"),
            UnsupportedCard { card } => unsupported_card(card),
            UnknownElement { name } => unknown_element(name),
            _ => self.definition_diagnostic(),
        }
    }

    fn definition_diagnostic(&self) -> Diagnostic {
        use NetlistFault::*;
        let error = |message: String| Diagnostic::error(message);
        match self {
            Unclosed { opener, closer } => {
                error(format!("`{}` is never closed", shown(&opener.value)))
                    .at(opener.span, "opened here")
                    .help(format!("end it with a `{closer}` line"))
            }
            StrayEnds {
                span,
                closer,
                opener,
            } => error(format!("`{closer}` closes nothing"))
                .at(*span, format!("no `{opener}` is open here"))
                .help(format!(
                    "remove the line, or add the `{opener}` line it belongs to"
                )),
            MismatchedEnds { open, found } => error(format!(
                "`.ends {}` closes subcircuit `{}`",
                shown(&found.value),
                shown(&open.value)
            ))
            .at(found.span, format!("expected `{}`", shown(&open.value)))
            .related(open.span, "opened here")
            .help("definitions may be nested, but each ends before the one around it"),
            Duplicate { what, name, first } => {
                error(format!("{what} `{}` is defined twice", shown(&name.value)))
                    .at(name.span, "defined again")
                    .related(*first, "first defined here")
                    .help("rename or remove one of them")
            }
            GroundPort { subcircuit, port } => error(format!(
                "subcircuit `{}` has the ground node as a port",
                shown(subcircuit)
            ))
            .at(port.span, "ground is the same node everywhere")
            .help("remove this port here and in the calls"),
            SubcircuitParameter {
                subcircuit,
                parameter,
                suggestion,
            } => error(format!(
                "subcircuit `{}` has no parameter `{}`",
                shown(subcircuit),
                shown(&parameter.value)
            ))
            .at(parameter.span, "not a parameter")
            .help(suggestion.as_ref().map_or_else(
                || "add it with a default to the `.subckt` line".to_string(),
                did_you_mean,
            )),
            IncludeCircle { file } => error(format!("`{}` includes itself", file.value))
                .at(file.span, "this file is already being read")
                .help("remove one of the cards that lead in a circle"),
            TooManyIncludes {
                deepest,
                most,
                span,
            } => {
                let message = format!(
                    "files include each other more than {deepest} deep, or more than {most} times"
                );
                error(message)
                    .at(*span, "one too many")
                    .help("put the lines it stands for into this file")
            }
            UnknownSection {
                section,
                suggestion,
            } => error(format!(
                "the library has no section `{}`",
                shown(&section.value)
            ))
            .at(section.span, "no `.lib` line of the file has this name")
            .help(suggestion.as_ref().map_or_else(
                || "a section begins with `.lib name` and ends with `.endl`".to_string(),
                did_you_mean,
            )),
            _ => self.value_diagnostic(),
        }
    }

    fn value_diagnostic(&self) -> Diagnostic {
        use NetlistFault::*;
        let error = |message: String| Diagnostic::error(message);
        match self {
            TableTooShort { element, points } => error(format!(
                "the table of `{}` has {points} of the at least 2 points it needs",
                shown(&element.value)
            ))
            .at(element.span, "needs two points or more")
            .help("add points: `(v1,i1) (v2,i2) …`"),
            TableNotSorted {
                element,
                points,
                span,
            } => table_not_sorted(element, points).at(*span, "this point"),
            ParameterCircle { cycle, span } => {
                let names: Vec<_> = cycle.iter().map(|name| shown(name)).collect();
                error(format!(
                    "parameters need each other: {}",
                    names.join(" -> ")
                ))
                .at(*span, "this one closes the circle")
                .help("give one of them a value that does not depend on the others")
            }
            ProbeInParameter { probe, span } => error(format!(
                "`{probe}(…)` in a value that is needed before the solution"
            ))
            .at(*span, "not known yet")
            .help("write a B source, or an E or G with VALUE={…}"),
            BadProbe { probe, span } => error(format!("`{probe}(…)` has the wrong arguments"))
                .at(*span, "not a voltage or current")
                .help("write v(node), v(node,node) or i(source)"),
            NoResistance { element } => {
                error(format!("`{}` has no resistance", shown(&element.value)))
                    .at(element.span, "neither a value nor a length")
                    .help("give it a value, or a model with RSH and a length `l=`")
            }
            NotFinite { what, value, span } => error(format!("{what} is {value}"))
                .at(*span, "not a finite number")
                .help("look for a division by zero or a number out of range in it"),
            BadSweep {
                source,
                start,
                stop,
                step,
            } => error(format!(
                "the sweep of `{}` never gets from {} to {} in steps of {}",
                shown(&source.value),
                format_exact(*start),
                format_exact(*stop),
                format_exact(*step)
            ))
            .at(source.span, "this sweep")
            .help("the step must lead from start to stop, so its sign is that of stop - start"),
            _ => self.hierarchy_diagnostic(),
        }
    }

    fn hierarchy_diagnostic(&self) -> Diagnostic {
        use NetlistFault::*;
        let error = |message: String| Diagnostic::error(message);
        match self {
            UnknownModel {
                element,
                model,
                suggestion,
            } => unknown("model", element, model).help(suggestion.as_ref().map_or_else(
                || format!("add `.model {} D(IS=1e-14 N=1)`", shown(&model.value)),
                did_you_mean,
            )),
            UnknownSubcircuit {
                call,
                subcircuit,
                suggestion,
            } => unknown("subcircuit", call, subcircuit).help(suggestion.as_ref().map_or_else(
                || format!("add `.subckt {} …` to the deck", shown(&subcircuit.value)),
                did_you_mean,
            )),
            PortCount { .. } => self.port_count(),
            Recursive { cycle, span } => {
                let names: Vec<_> = cycle.iter().map(|name| shown(name)).collect();
                error(format!(
                    "subcircuits call each other: {}",
                    names.join(" -> ")
                ))
                .at(*span, "this call closes the circle")
                .help("a subcircuit must not contain itself")
            }
            TooDeep { what, limit, span } => error(format!("{what} more than {limit} deep"))
                .at(*span, "one level too many")
                .help("flatten some levels of the hierarchy"),
            TooLarge {
                elements,
                bytes,
                limit,
                span,
            } => error(format!(
                "the deck expands to {elements} elements, which need about {}; the limit is {}",
                gigabytes(*bytes),
                gigabytes(*limit)
            ))
            .at(*span, "too large")
            .help(format!(
                "look for subcircuits that multiply: each level calls the next one many times; if \
                 the machine has the memory, set {}=GB",
                crate::limits::VARIABLE
            )),
            LineTooLong { limit, span } => error(format!("the line is longer than {limit} bytes"))
                .at(*span, "begins here")
                .help("break it into several cards"),
            _ => error("the deck is not valid".into()),
        }
    }

    fn unknown_parameter(&self) -> Diagnostic {
        let NetlistFault::UnknownParameter {
            subject,
            found,
            suggestion,
            form,
        } = self
        else {
            return Diagnostic::error("the deck is not valid");
        };
        let message = format!(
            "`{}` has no parameter `{}`",
            shown(subject),
            shown(&found.value)
        );
        let help = suggestion
            .as_ref()
            .map_or_else(|| format!("it takes `{form}`"), did_you_mean);
        Diagnostic::error(message)
            .at(found.span, "not a parameter")
            .help(help)
    }

    fn port_count(&self) -> Diagnostic {
        let NetlistFault::PortCount {
            call,
            subcircuit,
            found,
            expected,
            defined,
        } = self
        else {
            return Diagnostic::error("the deck is not valid");
        };
        let (call_name, subcircuit) = (shown(&call.value), shown(subcircuit));
        let message = format!(
            "`{call_name}` connects {} to `{subcircuit}`, which has {}",
            counted(*found, "node"),
            counted(*expected, "port")
        );
        let diagnostic = Diagnostic::error(message)
            .at(call.span, counted(*found, "node"))
            .help(format!(
                "give `{call_name}` one node for each port, in order"
            ));
        match defined {
            Some(span) => diagnostic.related(*span, counted(*expected, "port")),
            None => diagnostic,
        }
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.3} GB", bytes as f64 / 1e9)
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// A name as it is shown in a message: a page of junk helps nobody.
fn shown(name: &str) -> String {
    const LONGEST: usize = 40;
    match name.char_indices().nth(LONGEST) {
        None => name.into(),
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}

fn did_you_mean(name: &Name) -> String {
    format!("did you mean `{}`?", shown(name))
}

fn unknown(what: &str, user: &Name, name: &Spanned<Name>) -> Diagnostic {
    let message = format!(
        "`{}` uses the {what} `{}`, which is not defined",
        shown(user),
        shown(&name.value)
    );
    Diagnostic::error(message).at(name.span, format!("unknown {what}"))
}

fn unexpected(subject: &Name, found: &Spanned<Name>, form: &str) -> Diagnostic {
    let (subject, text) = (shown(subject), shown(&found.value));
    Diagnostic::error(format!("`{subject}` has no use for `{text}`"))
        .at(found.span, "not expected here")
        .help(format!("it is written `{form}`"))
}

fn bad_number(found: &Spanned<Name>, what: &str) -> Diagnostic {
    let text = shown(&found.value);
    let help = match corrected_number(&found.value) {
        Some(better) => format!("write `{better}`"),
        None => "numbers look like 1000, 4.7k, 10MEG, 2.2u or 1e-3, and must be finite".into(),
    };
    Diagnostic::error(format!("`{text}` is not a number"))
        .at(found.span, format!("expected {what}"))
        .help(help)
}

/// What was meant by the spelling of part lists: `4k7`.
fn corrected_number(text: &str) -> Option<String> {
    let text = shown(text);
    let pointed = text.replacen(',', ".", 1);
    if pointed != text && crate::units::parse_number(&pointed).is_some() {
        return Some(pointed);
    }
    let letter = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (whole, rest) = text.split_at(letter);
    let (suffix, fraction) = rest.split_at(1);
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    // `4R7` is 4.7 ohm.
    let suffix = suffix.trim_matches(['r', 'R']);
    (digits(whole) && digits(fraction)).then(|| format!("{whole}.{fraction}{suffix}"))
}

fn unsupported_card(card: &Spanned<Name>) -> Diagnostic {
    let name = shown(&card.value);
    let help = match name.as_str() {
        ".data" => "use `.step` with a `list`",
        ".alter" => "run the variants as decks of their own, or use `.step`",
        ".connect" => "give the two nodes one name",
        _ => "keep the lines of the branch that applies, or use `if(…)` in expressions",
    };
    Diagnostic::error(format!("`{name}` is not supported"))
        .at(card.span, "would change the circuit")
        .help(help)
}

fn unknown_element(name: &Spanned<Name>) -> Diagnostic {
    let letter = name.value.chars().next().unwrap_or('?').to_uppercase();
    let message = format!(
        "`{}` is an element of an unknown kind `{letter}`",
        shown(&name.value)
    );
    Diagnostic::error(message)
        .at(name.span, "unknown kind of element")
        .help("the first letter is one of R V I D E F G H B S W X; C and L are left to their DC limits")
}

fn table_not_sorted(element: &Name, points: &[(f64, f64); 2]) -> Diagnostic {
    let [before, after] = points.map(|(x, y)| format!("({},{})", format_exact(x), format_exact(y)));
    let message = format!(
        "the table of `{}` does not rise from {before} to {after}",
        shown(element)
    );
    Diagnostic::error(message).help("sort the points by their first number")
}

fn unreadable(path: &str, reason: &str, place: Option<crate::source::Span>) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("cannot read `{path}`: {reason}"));
    match place {
        Some(span) => diagnostic
            .at(span, "named here")
            .help("paths are relative to the file that names them"),
        None => diagnostic.help("check the path, and that the file may be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_part_lists_are_corrected() {
        assert_eq!(corrected_number("4k7"), Some("4.7k".into()));
        assert_eq!(corrected_number("4R7"), Some("4.7".into()));
        assert_eq!(corrected_number("abc"), None);
    }
}
