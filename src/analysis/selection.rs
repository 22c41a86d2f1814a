//! Which numbers of an operating point are columns of a result.

use std::collections::HashSet;

use glob_match::glob_match;

use super::Probe;
use super::request::{RequestError, word_of};
use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::{Device, Quantity};
use crate::netlist::{Diagnostic, Name, OutputCard};
use crate::source::Spanned;

/// All node voltages, and the currents that ngspice knows: those of elements that prescribe a voltage.
pub fn default_probes(circuit: &Circuit) -> Vec<Probe> {
    let mut probes = potentials(circuit);
    let sources = circuit.elements().filter(|(_, e)| has_branch(&e.device));
    probes.extend(sources.map(|(id, _)| Probe::current(circuit, id)));
    probes
}

fn has_branch(device: &Device) -> bool {
    match device {
        Device::VoltageSource { .. } | Device::Vcvs { .. } | Device::Ccvs { .. } => true,
        Device::Behavioural(source) => source.quantity == Quantity::Voltage,
        _ => false,
    }
}

/// The probes of some cards, each once and in order; the default ones where none is asked for.
///
/// # Errors
/// At the first output that the circuit does not have.
pub fn selected_probes<'a>(
    circuit: &Circuit,
    cards: impl IntoIterator<Item = &'a OutputCard>,
) -> Result<Vec<Probe>, RequestError> {
    let mut seen = HashSet::new();
    let mut probes = Vec::new();
    for word in cards.into_iter().flat_map(|card| &card.outputs) {
        let asked = expand(circuit, word)
            .map_err(|diagnostic| RequestError::in_deck(circuit, diagnostic))?;
        probes.extend(asked.into_iter().filter(|p| seen.insert(p.name.clone())));
    }
    match probes.is_empty() {
        true => Ok(default_probes(circuit)),
        false => Ok(probes),
    }
}

/// The probes of some texts beside the deck, such as `v(out*)`, each once and in order.
///
/// # Errors
/// At the first text that asks for what the circuit does not have.
pub fn probes_of<'a>(
    circuit: &Circuit,
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Probe>, RequestError> {
    let mut seen = HashSet::new();
    let mut probes = Vec::new();
    for text in texts {
        let asked = expand(circuit, &word_of(text))
            .map_err(|diagnostic| RequestError::in_text(text, diagnostic))?;
        probes.extend(asked.into_iter().filter(|p| seen.insert(p.name.clone())));
    }
    Ok(probes)
}

/// The potential of every node but ground.
pub fn potentials(circuit: &Circuit) -> Vec<Probe> {
    let nodes = circuit.nodes().skip(1);
    nodes.map(|(id, _)| Probe::voltage(circuit, id)).collect()
}

/// What a word asks for; a wildcard may ask for many.
fn expand(circuit: &Circuit, word: &Spanned<Name>) -> Result<Vec<Probe>, Diagnostic> {
    let text = word.value.as_str();
    if text == "all" {
        return Ok(default_probes(circuit));
    }
    let Some((kind, pattern)) = wildcard(text) else {
        return Probe::read(circuit, word).map(|probe| vec![probe]);
    };
    let pattern = pattern.replace(':', ".");
    let probes: Vec<Probe> = match kind {
        "v" => matching_nodes(circuit, &pattern)
            .map(|id| Probe::voltage(circuit, id))
            .collect(),
        "i" => matching_elements(circuit, &pattern)
            .map(|id| Probe::current(circuit, id))
            .collect(),
        _ => matching_elements(circuit, &pattern)
            .map(|id| Probe::power(circuit, id))
            .collect(),
    };
    if probes.is_empty() {
        let fault = Diagnostic::error(format!("nothing in the circuit matches `{text}`"));
        return Err(fault
            .at(word.span, "no match")
            .help("`*` stands for any text, `?` for one character"));
    }
    Ok(probes)
}

/// `v(x1.*)` as `v` and `x1.*`.
fn wildcard(text: &str) -> Option<(&str, &str)> {
    let (kind, rest) = text.split_once('(')?;
    let pattern = rest.strip_suffix(')')?.trim();
    let is_plain = !pattern.contains(['(', ')', ',', ' ']);
    let is_pattern = pattern.contains(['*', '?']) && is_plain;
    (is_pattern && ["v", "i", "p", "w"].contains(&kind)).then_some((kind, pattern))
}

fn matching_nodes<'a>(
    circuit: &'a Circuit,
    pattern: &'a str,
) -> impl Iterator<Item = NodeId> + use<'a> {
    let nodes = circuit.nodes().skip(1);
    let matching = nodes.filter(move |(_, node)| glob_match(pattern, &node.name));
    matching.map(|(id, _)| id)
}

/// By the flat name `r.x1.r1`, or by `x1.r1`.
fn matching_elements<'a>(
    circuit: &'a Circuit,
    pattern: &'a str,
) -> impl Iterator<Item = ElementId> + use<'a> {
    let matching = circuit.elements().filter(move |(_, e)| {
        let name = e.name();
        let path = match name.split_once('.') {
            Some((letter, path)) if letter.len() == 1 => path,
            _ => &name,
        };
        glob_match(pattern, &name) || glob_match(pattern, path)
    });
    matching.map(|(id, _)| id)
}
