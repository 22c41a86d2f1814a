//! What can be wrong with a deck: typed faults that carry facts, and the error that collects them.

use std::fmt;

use super::Name;
use crate::expression::{ExpressionError, LowerFault};
use crate::source::{SourceMap, Span, Spanned};

/// One defect of a deck. [`NetlistFault::diagnostic`] puts it into words.
#[derive(Clone, Debug, PartialEq)]
pub enum NetlistFault {
    /// The file cannot be opened or read.
    Unreadable {
        path: String,
        reason: String,
        /// The card that names it.
        place: Option<Span>,
    },
    /// A file that includes itself, directly or through others.
    IncludeCircle {
        file: Spanned<Name>,
    },
    TooManyIncludes {
        deepest: usize,
        most: usize,
        span: Span,
    },
    /// `.lib file section` where the file has no such section.
    UnknownSection {
        section: Spanned<Name>,
        suggestion: Option<Name>,
    },
    /// The text holds nothing but white space.
    Empty {
        name: String,
    },
    /// A `+` line with no card before it.
    StrayContinuation {
        span: Span,
    },
    /// A card ends before `what`; `form` shows how it is written in full.
    Missing {
        subject: Spanned<Name>,
        what: &'static str,
        form: &'static str,
        place: Span,
    },
    /// A word or parameter that the card has no use for.
    Unexpected {
        subject: Name,
        found: Spanned<Name>,
        form: &'static str,
    },
    BadNumber {
        found: Spanned<Name>,
        what: &'static str,
    },
    /// An expression that cannot be read.
    Expression(ExpressionError),
    /// An expression that cannot be evaluated.
    Lower(LowerFault, Span),
    /// Parameters that need each other; the first name is repeated at the end.
    ParameterCircle {
        cycle: Vec<Name>,
        span: Span,
    },
    /// `v()` or `i()` where the circuit is not solved yet.
    ProbeInParameter {
        probe: Name,
        span: Span,
    },
    /// A probe with the wrong arguments.
    BadProbe {
        probe: Name,
        span: Span,
    },
    /// A resistor with neither a value nor a geometry.
    NoResistance {
        element: Spanned<Name>,
    },
    /// An expression whose value is no finite number.
    NotFinite {
        what: String,
        value: f64,
        span: Span,
    },
    /// A name that an element does not take.
    UnknownParameter {
        subject: Name,
        found: Spanned<Name>,
        suggestion: Option<Name>,
        form: &'static str,
    },
    /// A form of a controlled source, such as `LAPLACE`, that means nothing at DC.
    UnsupportedForm {
        subject: Name,
        found: Spanned<Name>,
    },
    /// A card that would change the circuit, such as `.include`, and so cannot be skipped.
    UnsupportedCard {
        card: Spanned<Name>,
    },
    UnknownElement {
        name: Spanned<Name>,
    },
    /// `.subckt` without `.ends`, or `.control` without `.endc`.
    Unclosed {
        opener: Spanned<Name>,
        closer: &'static str,
    },
    StrayEnds {
        span: Span,
        closer: &'static str,
        opener: &'static str,
    },
    MismatchedEnds {
        open: Spanned<Name>,
        found: Spanned<Name>,
    },
    /// A model, subcircuit or port defined twice in one scope.
    Duplicate {
        what: &'static str,
        name: Spanned<Name>,
        first: Span,
    },
    GroundPort {
        subcircuit: Name,
        port: Spanned<Name>,
    },
    /// A call gives a parameter that the subcircuit does not have.
    SubcircuitParameter {
        subcircuit: Name,
        parameter: Spanned<Name>,
        suggestion: Option<Name>,
    },
    TableTooShort {
        element: Spanned<Name>,
        points: usize,
    },
    /// Two neighbouring points of a `TABLE` whose first numbers do not rise.
    TableNotSorted {
        element: Name,
        points: [(f64, f64); 2],
        span: Span,
    },
    /// A `.dc` step that never leads from start to stop.
    BadSweep {
        source: Spanned<Name>,
        start: f64,
        stop: f64,
        step: f64,
    },
    UnknownModel {
        element: Name,
        model: Spanned<Name>,
        suggestion: Option<Name>,
    },
    UnknownSubcircuit {
        call: Name,
        subcircuit: Spanned<Name>,
        suggestion: Option<Name>,
    },
    PortCount {
        call: Spanned<Name>,
        subcircuit: Name,
        found: usize,
        expected: usize,
        /// None for the built-in subcircuits.
        defined: Option<Span>,
    },
    /// Subcircuits that call each other in a circle; the first name is repeated at the end.
    Recursive {
        cycle: Vec<Name>,
        span: Span,
    },
    TooDeep {
        /// What is nested: "subcircuits are nested".
        what: &'static str,
        limit: usize,
        span: Span,
    },
    /// The elements of the circuit, and about how many bytes they need.
    TooLarge {
        elements: u64,
        bytes: u64,
        limit: u64,
        /// The card that asks for most of them.
        span: Span,
    },
    /// A line of more than `limit` bytes, its continuations included.
    LineTooLong {
        limit: usize,
        span: Span,
    },
}

/// The faults of one deck, in the order found.
#[derive(Clone, Debug)]
pub struct NetlistError {
    pub sources: SourceMap,
    pub faults: Vec<NetlistFault>,
}

impl NetlistError {
    /// Reading stops after this many faults: more of them rarely help.
    pub const MOST_FAULTS: usize = 20;

    pub(super) fn single(fault: NetlistFault) -> Self {
        Self {
            sources: SourceMap::default(),
            faults: vec![fault],
        }
    }
}

impl fmt::Display for NetlistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{}", fault.diagnostic().render(&self.sources))?;
        }
        if self.faults.len() >= Self::MOST_FAULTS {
            write!(f, "\n\nstopped after {} errors", self.faults.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for NetlistError {}
