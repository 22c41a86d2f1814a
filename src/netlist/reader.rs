//! Text to [`Netlist`]: one pass over the logical lines that collects all faults.

use std::io::Read;
use std::path::Path;

use super::builtin::skip_canonical_definition;
use super::card;
use super::cursor::{Result, named};
use super::diagnostic::Diagnostic;
use super::element::element;
use super::fault::{NetlistError, NetlistFault};
use super::lines::Lines;
use super::scope_stack::ScopeStack;
use super::token::{Token, tokenize};
use super::{Netlist, SimulatorOption, Spanned};
use crate::source::{FileId, SourceMap, Span};

impl Netlist {
    /// Reads a deck from a file. Bytes that are no UTF-8 are replaced.
    pub fn read(path: impl AsRef<Path>) -> std::result::Result<Self, NetlistError> {
        let name = path.as_ref().display().to_string();
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&name, lossy_text(bytes)),
            Err(error) => Err(unreadable(name, error)),
        }
    }

    /// Reads a deck from the standard input.
    pub fn read_stdin() -> std::result::Result<Self, NetlistError> {
        const NAME: &str = "<stdin>";
        let mut bytes = Vec::new();
        match std::io::stdin().read_to_end(&mut bytes) {
            Ok(_) => Self::parse(NAME, lossy_text(bytes)),
            Err(error) => Err(unreadable(NAME.into(), error)),
        }
    }

    /// Reads a deck from a text; messages call it `name`.
    pub fn parse(name: &str, text: impl Into<String>) -> std::result::Result<Self, NetlistError> {
        let sources = SourceMap::single(name, text);
        let text = sources.text(FileId(0));
        if text.trim().is_empty() {
            let name = name.into();
            return Err(NetlistError::single(NetlistFault::Empty { name }));
        }
        let (mut netlist, faults) = Reader::new(text).run();
        netlist.sources = sources.clone();
        match faults.is_empty() {
            true => Ok(netlist),
            false => Err(NetlistError { sources, faults }),
        }
    }
}

fn lossy_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn unreadable(path: String, error: std::io::Error) -> NetlistError {
    let reason = error.to_string();
    NetlistError::single(NetlistFault::Unreadable { path, reason })
}

/// Whether the cards that follow belong to the deck.
pub(super) enum Flow {
    Continue,
    /// After `.end`.
    Stop,
}

pub(super) struct Reader<'a> {
    pub lines: Lines<'a>,
    /// Deck-wide results; elements, models and definitions are in `scopes` until the end.
    pub netlist: Netlist,
    pub scopes: ScopeStack,
    faults: Vec<NetlistFault>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let (title, lines) = Lines::after_title(text);
        let mut netlist = Netlist {
            title: title.trim().to_owned(),
            ..Netlist::default()
        };
        netlist.warnings.extend(warn_of_card_in_title(title));
        Self {
            lines,
            netlist,
            scopes: ScopeStack::default(),
            faults: Vec::new(),
        }
    }

    fn run(mut self) -> (Netlist, Vec<NetlistFault>) {
        let mut tokens = Vec::new();
        while self.lines.next(&mut tokens) && self.faults.len() < NetlistError::MOST_FAULTS {
            match self.line(&tokens) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => break,
                Err(fault) => self.faults.push(fault),
            }
        }
        let main = self.scopes.close_all(&mut self.faults);
        self.netlist.elements = main.elements;
        self.netlist.models = main.models;
        self.netlist.subcircuits = main.subcircuits;
        self.faults.truncate(NetlistError::MOST_FAULTS);
        (self.netlist, self.faults)
    }

    fn line(&mut self, tokens: &[Token<'a>]) -> Result<Flow> {
        match tokens[0].text.as_bytes()[0] {
            b'.' => return card::card(self, tokens),
            b'+' => {
                let span = tokens[0].span;
                return Err(NetlistFault::StrayContinuation { span });
            }
            _ => {}
        }
        if let Some(element) = element(tokens, &mut self.netlist.warnings)? {
            self.scopes.current().elements.push(element);
        }
        Ok(Flow::Continue)
    }

    /// Opens a `.subckt`, unless it only repeats what a built-in one is.
    pub fn open_subcircuit(&mut self, tokens: &[Token<'a>]) -> Result<()> {
        match skip_canonical_definition(&mut self.lines, tokens) {
            true => Ok(()),
            false => self.scopes.open(tokens),
        }
    }

    /// Skips to the line that starts with `closer`.
    pub fn skip_block(&mut self, opener: Token, closer: &'static str) -> Result<()> {
        let mut tokens = Vec::new();
        while self.lines.next(&mut tokens) {
            if tokens[0].is(closer) {
                return Ok(());
            }
        }
        let opener = named(opener);
        Err(NetlistFault::Unclosed { opener, closer })
    }

    pub fn warn(&mut self, message: String, span: Span, label: &str) {
        let warning = Diagnostic::warning(message).at(span, label);
        self.netlist.warnings.push(warning);
    }

    pub fn option(&mut self, name: Token, value: Option<Spanned<f64>>) {
        let name = named(name);
        self.netlist.options.push(SimulatorOption { name, value });
    }
}

/// The most common slip of newcomers is a deck without a title: its first element is lost.
fn warn_of_card_in_title(title: &str) -> Option<Diagnostic> {
    let mut tokens = Vec::new();
    tokenize(title, 1, 1, &mut tokens);
    let first = *tokens.first()?;
    let numbered = first.text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let is_card = match numbered {
        true => element(&tokens, &mut Vec::new()).is_ok(),
        false => card::is_known(first),
    };
    let message = format!(
        "the first line of a deck is its title, so `{}` is not part of the circuit",
        first.text
    );
    let warning = Diagnostic::warning(message).at(first.span, "read as the title");
    is_card.then(|| warning.help("put a title line above it"))
}
