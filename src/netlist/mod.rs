//! SPICE text to [`Netlist`], and back.
//!
//! **Invariant:** this folder knows no graph, no matrix and no device law. It turns text into
//! elements, models and cards that remember their line and column, expands subcircuits, and writes
//! a flat deck again.

mod builtin;
mod card;
mod cursor;
mod diagnostic;
mod element;
mod explain;
mod fault;
mod flatten;
mod lines;
mod reader;
mod scope_stack;
mod scope_tree;
mod stimulus;
mod suggest;
mod survey;
mod table;
mod token;
mod writer;

use builtin::BuiltIn;

pub use crate::source::{FileId, SourceMap, Span, Spanned};
pub use diagnostic::{Diagnostic, Severity};
pub use fault::{NetlistError, NetlistFault};
pub use suggest::closest;

/// A node, element or model name in canonical (lower case) form.
pub type Name = compact_str::CompactString;

/// The reference node, global to all subcircuits.
pub const GROUND: Name = Name::const_new("0");

/// A parsed deck. Subcircuits are still folded; see [`Netlist::flatten`].
#[derive(Clone, Debug, Default)]
pub struct Netlist {
    pub sources: SourceMap,
    pub title: String,
    pub elements: Vec<Element>,
    pub subcircuits: indexmap::IndexMap<Name, Subcircuit>,
    pub models: Vec<Model>,
    pub analyses: Vec<Spanned<Analysis>>,
    /// `.options` entries in order; an entry without `=` has no value.
    pub options: Vec<SimulatorOption>,
    /// Circuit temperature of the last `.temp` card, degrees Celsius.
    pub temperature: Option<Spanned<f64>>,
    pub warnings: Vec<Diagnostic>,
}

/// A deck without subcircuit calls: hierarchical names, models resolved by name.
#[derive(Clone, Debug, Default)]
pub struct FlatNetlist {
    pub sources: SourceMap,
    pub title: String,
    pub elements: Vec<Element>,
    pub models: indexmap::IndexMap<Name, Model>,
    pub analyses: Vec<Spanned<Analysis>>,
    pub options: Vec<SimulatorOption>,
    pub temperature: Option<Spanned<f64>>,
    pub warnings: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Canonical name with its first letter (`r1`); inside a subcircuit call `x1` it becomes
    /// `r.x1.r1`, as in ngspice, so that a flat deck stays plain SPICE.
    pub name: Name,
    /// The place of the name.
    pub span: Span,
    /// Terminals in SPICE order. Ground is always `0`.
    pub nodes: Vec<Spanned<Name>>,
    pub kind: ElementKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ElementKind {
    /// Nodes p n; value in ohm.
    Resistor { resistance: Spanned<f64> },
    /// Nodes p n; value in V.
    VoltageSource { dc: Spanned<f64> },
    /// Nodes p n; value in A, flowing p -> n inside the source.
    CurrentSource { dc: Spanned<f64> },
    /// Nodes anode cathode.
    Diode { model: Spanned<Name>, area: f64 },
    /// `E`: nodes p n cp cn; gain in V/V.
    Vcvs { gain: Spanned<f64> },
    /// `G`: nodes p n cp cn; transconductance in S.
    Vccs { transconductance: Spanned<f64> },
    /// `F`: nodes p n; gain in A/A.
    Cccs {
        control: Spanned<Name>,
        gain: Spanned<f64>,
    },
    /// `H`: nodes p n; transresistance in ohm.
    Ccvs {
        control: Spanned<Name>,
        transresistance: Spanned<f64>,
    },
    /// `G p n TABLE {V(p,n)} = (v,i) …`: nodes p n; a monotone one-port, constant outside the table.
    PiecewiseLinear { points: Vec<(f64, f64)> },
    /// Built-in subcircuit; nodes p1 n1 p2 n2; `v1 = ratio v2`, `i2 = -ratio i1`.
    Transformer { ratio: Spanned<f64> },
    /// Built-in subcircuit; nodes p1 n1 p2 n2; `i1 = g v2`, `i2 = -g v1`; g in S.
    Gyrator { conductance: Spanned<f64> },
    /// A call of a `.subckt`; gone after [`Netlist::flatten`].
    Call { definition: Spanned<Name> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Subcircuit {
    pub name: Spanned<Name>,
    pub ports: Vec<Spanned<Name>>,
    pub elements: Vec<Element>,
    pub models: Vec<Model>,
    /// Definitions nested inside this one.
    pub subcircuits: indexmap::IndexMap<Name, Subcircuit>,
}

/// `.model name TYPE(flag parameter=value …)`; interpreted by the circuit builder.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub name: Spanned<Name>,
    /// Lower case: `d`.
    pub kind: Spanned<Name>,
    /// Words without a value, such as `ideal`.
    pub flags: Vec<Spanned<Name>>,
    pub parameters: Vec<ModelParameter>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ModelParameter {
    pub name: Spanned<Name>,
    pub value: Spanned<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorOption {
    pub name: Spanned<Name>,
    pub value: Option<Spanned<f64>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Analysis {
    OperatingPoint,
    /// `.dc source start stop step [source2 start2 stop2 step2]`; the first sweep is the inner one.
    DcSweep {
        sweeps: Vec<Sweep>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    pub source: Spanned<Name>,
    pub start: f64,
    pub stop: f64,
    pub step: f64,
}
