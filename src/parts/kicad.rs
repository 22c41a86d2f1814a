//! A circuit as KiCad's netlist for a board: components and the nets between their pins.
//!
//! The layout is that of the S-expression netlists (version E) that KiCad 6 to 9 export and read. Symbols
//! and the numbers of their pins are those of KiCad's own libraries; sources have no footprint, their
//! nets are where a connector goes.

use std::fmt::Write;

use super::bill::model;
use super::designator;
use crate::circuit::{Circuit, NodeId};
use crate::device::{Device, OnePort};
use crate::learning::sha256;
use crate::units::format_exact;

/// Boards of more parts are no drawing that anybody lays out.
pub const MOST_PARTS: usize = 2000;

/// Why there is no netlist.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KicadError {
    #[error(
        "the circuit has {parts} elements, and a netlist for KiCad at most {MOST_PARTS}\n  help: export \
         `--for bom` lists parts by value, `--for ngspice` writes a deck of any size"
    )]
    TooLarge { parts: usize },
    #[error(
        "KiCad has no symbol for `{element}`, {kind}\n  help: symbols are there for resistors, diodes, V \
         and I sources; put a circuit of these in its place"
    )]
    NoSymbol { element: String, kind: &'static str },
}

/// A symbol of KiCad's libraries.
struct Symbol {
    library: &'static str,
    part: &'static str,
    footprint: &'static str,
    letters: &'static str,
    /// Pin numbers of the element's first and second terminal.
    pins: [&'static str; 2],
}

const RESISTOR: Symbol = Symbol {
    library: "Device",
    part: "R",
    footprint: "Resistor_SMD:R_0603_1608Metric",
    letters: "R",
    pins: ["1", "2"],
};

/// Pin 1 is the cathode.
const DIODE: Symbol = Symbol {
    library: "Device",
    part: "D",
    footprint: "Diode_SMD:D_SOD-123",
    letters: "D",
    pins: ["2", "1"],
};

const VOLTAGE_SOURCE: Symbol = Symbol {
    library: "Simulation_SPICE",
    part: "VDC",
    footprint: "",
    letters: "V",
    pins: ["1", "2"],
};

const CURRENT_SOURCE: Symbol = Symbol {
    part: "IDC",
    letters: "I",
    ..VOLTAGE_SOURCE
};

/// The netlist of a circuit: ground is the net `GND`, other nets have the names of their nodes.
///
/// # Errors
/// [`KicadError`] for a circuit too large for a board, or an element without a symbol.
pub fn kicad_netlist(circuit: &Circuit) -> Result<String, KicadError> {
    let parts = circuit.element_count();
    if parts > MOST_PARTS {
        return Err(KicadError::TooLarge { parts });
    }
    let mut components = String::new();
    let mut nets: Vec<Vec<(String, &str)>> = vec![Vec::new(); circuit.node_count()];
    for (_, element) in circuit.elements() {
        let name = &element.name();
        let (symbol, value) = symbol_of(&element.device).map_err(|kind| KicadError::NoSymbol {
            element: name.to_string(),
            kind,
        })?;
        let reference = designator(name, symbol.letters);
        component(&mut components, &symbol, &reference, &value);
        for (node, pin) in element.port.into_iter().zip(symbol.pins) {
            nets[node.index()].push((reference.clone(), pin));
        }
    }
    let mut text = format!(
        "(export (version \"E\")\n  (design\n    (source {})\n    (tool \"ohmgrad {}\"))\n  (components\n",
        quoted(&circuit.title),
        env!("CARGO_PKG_VERSION")
    );
    text += &components;
    text += "  )\n  (nets\n";
    let with_pins = circuit
        .nodes()
        .zip(&nets)
        .filter(|(_, pins)| !pins.is_empty());
    for (code, ((node, _), pins)) in with_pins.enumerate() {
        let name = match node {
            NodeId::GROUND => "GND",
            node => circuit.node_name(node),
        };
        let _ = writeln!(
            text,
            "    (net (code \"{}\") (name {})",
            code + 1,
            quoted(name)
        );
        for (reference, pin) in pins {
            let reference = quoted(reference);
            let _ = writeln!(
                text,
                "      (node (ref {reference}) (pin \"{pin}\") (pintype \"passive\"))"
            );
        }
        text += "    )\n";
    }
    text += "  )\n)\n";
    Ok(text)
}

fn component(text: &mut String, symbol: &Symbol, reference: &str, value: &str) {
    let Symbol {
        library,
        part,
        footprint,
        ..
    } = symbol;
    let (own, value) = (quoted(reference), quoted(value));
    let _ = writeln!(text, "    (comp (ref {own})\n      (value {value})");
    if !footprint.is_empty() {
        let _ = writeln!(text, "      (footprint \"{footprint}\")");
    }
    let _ = writeln!(
        text,
        "      (libsource (lib \"{library}\") (part \"{part}\") (description \"\"))\n      (sheetpath \
         (names \"/\") (tstamps \"/\"))\n      (tstamps \"{}\"))",
        identity(reference)
    );
}

/// By this a board finds its component again when a netlist is read once more: the same reference has
/// the same one.
fn identity(reference: &str) -> String {
    let hash = sha256(reference.as_bytes());
    let part = |from: usize, to: usize| &hash[from..to];
    // Version 8 of UUIDs (RFC 9562) is that of one's own making.
    format!(
        "{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

/// Symbol and text of the value, or what the device is.
fn symbol_of(device: &Device) -> Result<(Symbol, String), &'static str> {
    Ok(match device {
        Device::Resistor { resistance } => (RESISTOR, format_exact(*resistance)),
        Device::VoltageSource { voltage } => (VOLTAGE_SOURCE, format_exact(*voltage)),
        Device::CurrentSource { current } => (CURRENT_SOURCE, format_exact(*current)),
        Device::IdealDiode => (DIODE, "ideal".to_string()),
        Device::OnePort(one_port) => match &**one_port {
            OnePort::Shockley(_) | OnePort::PiecewiseDiode(_) => (DIODE, model(device)),
            OnePort::PiecewiseTable(_) => return Err("a resistor by table"),
        },
        Device::Vcvs { .. } | Device::Vccs { .. } | Device::Cccs { .. } | Device::Ccvs { .. } => {
            return Err("a controlled source");
        }
        Device::Transformer { .. } => return Err("an ideal transformer"),
        Device::Gyrator { .. } => return Err("an ideal gyrator"),
        Device::Behavioural(_) => return Err("a behavioural source"),
    })
}

fn quoted(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
