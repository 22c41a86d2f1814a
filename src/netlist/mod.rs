//! SPICE text to [`Netlist`].
//!
//! **Invariant:** this folder knows no graph, no matrix and no device law. It turns text into
//! elements, models and cards that remember their line and column; values stay the expressions that
//! were written, for [`crate::elaboration`] to evaluate.

mod assignments;
mod behavioural;
mod builtin;
mod card;
mod cards;
mod command;
mod cursor;
mod diagnostic;
mod element;
mod explain;
mod fault;
mod include;
mod lines;
mod passive;
mod reader;
mod request;
mod scope_stack;
mod stimulus;
mod stretch;
mod table;
mod token;
mod value;

use std::sync::Arc;

use crate::expression::{Expr, UserFunction};

pub use crate::source::{FileId, LogicalLine, SourceMap, Span, Spanned};
pub use crate::suggest::closest;
pub(crate) use builtin::BuiltIn;
pub use cards::Cards;
pub use command::{
    Analysis, Commands, Condition, Crossing, FindWhen, Measure, MeasureKind, OutputCard, Statistic,
    Sweep, SweepRange,
};
pub use diagnostic::{Diagnostic, Severity};
pub use fault::{NetlistError, NetlistFault};
pub use value::Value;

/// A node, element or model name in canonical (lower case) form.
pub type Name = compact_str::CompactString;

/// The reference node, global to all subcircuits.
pub const GROUND: Name = Name::const_new("0");

/// A parsed deck. Subcircuits are still folded, values may be expressions.
#[derive(Clone, Debug, Default)]
pub struct Netlist {
    pub sources: SourceMap,
    pub title: String,
    /// The main circuit.
    pub main: Body,
    /// Nodes of `.global` cards.
    pub globals: Vec<Spanned<Name>>,
    /// `.options` entries in order; an entry without `=` has no value.
    pub options: Vec<SimulatorOption>,
    /// Circuit temperature of the last `.temp` card, degrees Celsius.
    pub temperature: Option<Spanned<Value>>,
    pub commands: Commands,
    pub warnings: Vec<Diagnostic>,
}

impl Netlist {
    /// Gives the memory back beside what comes next: a large deck has many pieces.
    pub(crate) fn drop_aside(self) {
        if self.main.elements.len() >= crate::threads::MANY {
            rayon::spawn(move || drop(self));
        }
    }
}

/// What the main circuit or a subcircuit holds.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub elements: Cards,
    pub models: Vec<Model>,
    /// `.param` definitions.
    pub parameters: Vec<Assignment>,
    /// `.func` definitions.
    pub functions: Vec<Function>,
    /// `.nodeset v(node)=volts`.
    pub nodeset: Vec<(Spanned<Name>, Spanned<Value>)>,
    /// Elements that nothing simulates: a fault only where the subcircuit is called.
    pub faults: Vec<NetlistFault>,
    /// Definitions inside this one.
    pub subcircuits: indexmap::IndexMap<Name, Subcircuit>,
}

#[derive(Clone, Debug)]
pub struct Subcircuit {
    pub name: Spanned<Name>,
    pub ports: Vec<Spanned<Name>>,
    /// Parameters of the header with their defaults.
    pub defaults: Vec<Assignment>,
    pub body: Body,
}

/// `name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub name: Spanned<Name>,
    pub value: Spanned<Value>,
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: Spanned<Name>,
    pub definition: Arc<UserFunction>,
}

#[derive(Clone, Debug)]
pub struct Element {
    /// Canonical name with its first letter: `r1`.
    pub name: Name,
    /// The place of the name.
    pub span: Span,
    /// Terminals in SPICE order. Ground is always `0`.
    pub nodes: Nodes,
    pub kind: ElementKind,
}

/// Most elements have two terminals, or four with their controls.
pub type Nodes = smallvec::SmallVec<[Spanned<Name>; 2]>;

#[derive(Clone, Debug)]
pub enum ElementKind {
    /// Nodes p n; ohm. The value may also be the name of a model or of a parameter.
    Resistor {
        resistance: Option<Spanned<Value>>,
        details: Option<Box<ResistorDetails>>,
    },
    /// Nodes p n; value in V.
    VoltageSource { dc: Spanned<Value> },
    /// Nodes p n; value in A, flowing p -> n inside the source.
    CurrentSource { dc: Spanned<Value> },
    /// Nodes anode cathode.
    Diode {
        model: Spanned<Name>,
        parameters: Vec<Assignment>,
    },
    /// `E`: nodes p n cp cn; gain in V/V.
    Vcvs { gain: Spanned<Value> },
    /// `G`: nodes p n cp cn; transconductance in S.
    Vccs { transconductance: Spanned<Value> },
    /// `F`: nodes p n; gain in A/A.
    Cccs {
        control: Spanned<Name>,
        gain: Spanned<Value>,
    },
    /// `H`: nodes p n; transresistance in ohm.
    Ccvs {
        control: Spanned<Name>,
        transresistance: Spanned<Value>,
    },
    /// `POLY(n)` of E, G, F, H: nodes p n.
    Polynomial(Box<Polynomial>),
    /// `B`, and `VALUE=` of E, G, F, H: nodes p n.
    Behavioural(Box<Behavioural>),
    /// `TABLE` of E and G: nodes p n.
    Table(Box<Table>),
    /// `G p n TABLE {V(p,n)} = (v,i) …`: nodes p n; a monotone one-port, constant outside the table.
    PiecewiseLinear { points: Vec<(f64, f64)> },
    /// `S`: nodes p n cp cn; `W`: nodes p n.
    Switch(Box<Switch>),
    /// A call of a `.subckt`, or of the built-in `TRANSFORMER` or `GYRATOR`.
    Call {
        definition: Spanned<Name>,
        parameters: Vec<Assignment>,
    },
}

/// What a resistor has beyond its value.
#[derive(Clone, Debug, Default)]
pub struct ResistorDetails {
    pub model: Option<Spanned<Name>>,
    /// `l w m scale tc1 tc2 tce temp dtemp …`.
    pub parameters: Vec<Assignment>,
}

/// What a behavioural source fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// `v = f(controls)`, V.
    Voltage,
    /// `i = f(controls)`, A, flowing p -> n.
    Current,
}

impl ResistorDetails {
    pub(crate) const EMPTY: Self = Self {
        model: None,
        parameters: Vec::new(),
    };
}

#[derive(Clone, Debug)]
pub struct Polynomial {
    pub quantity: Quantity,
    pub controls: PolynomialControls,
    /// In SPICE's order: constant, linear, quadratic, …
    pub coefficients: Vec<Spanned<Value>>,
}

#[derive(Clone, Debug)]
pub enum PolynomialControls {
    Voltages(Vec<[Spanned<Name>; 2]>),
    Currents(Vec<Spanned<Name>>),
}

#[derive(Clone, Debug)]
pub struct Behavioural {
    pub quantity: Quantity,
    pub law: Arc<Expr>,
    /// `tc1 tc2 temp dtemp m`.
    pub parameters: Vec<Assignment>,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub quantity: Quantity,
    pub control: Arc<Expr>,
    pub points: Vec<[Spanned<Value>; 2]>,
}

#[derive(Clone, Debug)]
pub struct Switch {
    /// The source whose current controls a `W`.
    pub control: Option<Spanned<Name>>,
    pub model: Spanned<Name>,
    /// `on` or `off` on the card: the state inside the hysteresis.
    pub starts_on: bool,
    /// A condition in place of the control pair (Xyce).
    pub condition: Option<Arc<Expr>>,
}

/// `.model name TYPE(flag parameter=value …)`.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: Spanned<Name>,
    /// Lower case: `d`.
    pub kind: Spanned<Name>,
    /// The model that this one starts from (`ako:`).
    pub base: Option<Spanned<Name>>,
    /// Words without a value, such as `ideal`.
    pub flags: Vec<Spanned<Name>>,
    pub parameters: Vec<Assignment>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorOption {
    pub name: Spanned<Name>,
    pub value: Option<Spanned<Value>>,
}
