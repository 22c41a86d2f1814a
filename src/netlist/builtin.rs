//! The two built-in subcircuits, ideal transformer and gyrator, and their definition in plain SPICE.

use super::Element;
use super::fault::NetlistFault;
use super::lines::Lines;
use super::token::{Token, Tokens, tokenize};
use crate::source::{LogicalLine, Span, Spanned};

const TRANSFORMER: &str = "\
.subckt TRANSFORMER p1 n1 p2 n2 n=1
e1 p1 m p2 n2 {n}
v1 m n1 0
f1 p2 n2 v1 {-n}
.ends TRANSFORMER
";

const GYRATOR: &str = "\
.subckt GYRATOR p1 n1 p2 n2 g=1
g1 p1 n1 p2 n2 {g}
g2 p2 n2 p1 n1 {-g}
.ends GYRATOR
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BuiltIn {
    Transformer,
    Gyrator,
}

impl BuiltIn {
    pub const PORTS: usize = 4;

    /// `name` is canonical.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "transformer" => Some(Self::Transformer),
            "gyrator" => Some(Self::Gyrator),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Transformer => "transformer",
            Self::Gyrator => "gyrator",
        }
    }

    /// The name of the one parameter.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Transformer => "n",
            Self::Gyrator => "g",
        }
    }

    pub fn form(self) -> &'static str {
        match self {
            Self::Transformer => "Xname p1 n1 p2 n2 TRANSFORMER n=ratio",
            Self::Gyrator => "Xname p1 n1 p2 n2 GYRATOR g=conductance",
        }
    }

    /// The fault of a call that ends after the name at `span`.
    pub fn missing_parameter(self, call: &Element, span: Span) -> NetlistFault {
        NetlistFault::Missing {
            subject: Spanned::new(call.name.clone(), call.span),
            what: "its parameter",
            form: self.form(),
            place: span.after(),
        }
    }

    /// The subcircuit that gives other simulators the same element.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Transformer => TRANSFORMER,
            Self::Gyrator => GYRATOR,
        }
    }
}

/// Takes a definition that says what the built-in subcircuit of its name is, word for word;
/// `header` is its first line. Any other text is left where it is.
pub(super) fn skip_canonical_definition(lines: &mut Lines, header: &[Token]) -> bool {
    let name = header.get(1).map_or("", |t| t.text).to_ascii_lowercase();
    let Some(built_in) = BuiltIn::from_name(&name) else {
        return false;
    };
    let mut ahead = lines.clone();
    let same = matches_definition(&mut ahead, header, built_in.definition());
    if same {
        *lines = ahead;
    }
    same
}

fn matches_definition(lines: &mut Lines, header: &[Token], definition: &str) -> bool {
    let mut line = LogicalLine::default();
    let mut expected = definition.lines();
    if !expected
        .next()
        .is_some_and(|line| matches_line(header, line))
    {
        return false;
    }
    expected.all(|wanted| {
        let mut tokens = Tokens::new();
        lines.next(&mut line) && {
            tokenize(&line, &mut tokens);
            matches_line(&tokens, wanted)
        }
    })
}

fn matches_line(tokens: &[Token], line: &str) -> bool {
    let line = LogicalLine::of(line);
    let mut expected = Tokens::new();
    tokenize(&line, &mut expected);
    // The name after `.ends` may be left out.
    let optional = usize::from(tokens.len() == 1 && tokens[0].is(".ends"));
    let expected = &expected[..expected.len() - optional];
    let same = |(found, wanted): (&Token, &Token)| {
        let mut letters = found.text.chars().filter(|c| !c.is_whitespace());
        let mut wanted = wanted.text.chars();
        // Braces may hold white space, which means nothing.
        wanted.all(|w| letters.next().is_some_and(|l| l.eq_ignore_ascii_case(&w)))
            && letters.next().is_none()
    };
    tokens.len() == expected.len() && tokens.iter().zip(expected).all(same)
}
