//! Text to [`Netlist`]: one pass over the logical lines that collects all faults.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Netlist;
use super::builtin::skip_canonical_definition;
use super::card;
use super::cursor::{Result, named};
use super::diagnostic::Diagnostic;
use super::element::element;
use super::fault::{NetlistError, NetlistFault};
use super::include::Input;
use super::lines::Lines;
use super::scope_stack::ScopeStack;
use super::stretch;
use super::token::{Token, Tokens, tokenize};
use crate::source::{LogicalLine, SourceMap, Span};

impl Netlist {
    /// Reads a deck from a file. Text that is no UTF-8 is read as Latin-1. Files that it includes are
    /// looked for beside it.
    pub fn read(path: impl AsRef<Path>) -> std::result::Result<Self, NetlistError> {
        let name = path.as_ref().display().to_string();
        match read_file(path.as_ref(), 0) {
            Ok(bytes) => Self::parse_at(&name, text_of(bytes), Some(path.as_ref())),
            Err(error) => Err(unreadable(name, error)),
        }
    }

    /// Reads a deck from the standard input.
    pub fn read_stdin() -> std::result::Result<Self, NetlistError> {
        const NAME: &str = "<stdin>";
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(LARGEST + 1).read_to_end(&mut bytes);
        match read.and_then(|_| check_size(bytes.len() as u64)) {
            Ok(()) => Self::parse(NAME, text_of(bytes)),
            Err(error) => Err(unreadable(NAME.into(), error)),
        }
    }

    /// Reads a deck from a text; messages call it `name`. Files that it includes are looked for in
    /// the working directory.
    pub fn parse(name: &str, text: impl Into<String>) -> std::result::Result<Self, NetlistError> {
        Self::parse_at(name, text.into(), None)
    }

    fn parse_at(
        name: &str,
        text: String,
        path: Option<&Path>,
    ) -> std::result::Result<Self, NetlistError> {
        if text.trim().is_empty() {
            let name = name.into();
            return Err(NetlistError::single(NetlistFault::Empty { name }));
        }
        let sources = SourceMap::single(name, text);
        let (netlist, faults) = Reader::new(sources, path.map(Path::to_path_buf)).run();
        match faults.is_empty() {
            true => Ok(netlist),
            false => Err(NetlistError {
                sources: netlist.sources,
                faults,
            }),
        }
    }
}

/// All files of a deck together may not be larger than this, bytes.
const LARGEST: u64 = 1 << 30;

/// A line may not be longer than this, bytes: its words take many times as much.
pub(super) const LONGEST: usize = 32 << 20;

/// About what a card takes in memory, bytes.
const CARD: u64 = 500;

/// Nobody reads more warnings.
const MOST_WARNINGS: usize = 1000;

/// The bytes of a file, if there are no more than are allowed after those `already` read.
pub(super) fn read_file(path: &Path, already: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LARGEST.saturating_sub(already) + 1;
    std::fs::File::open(path)?
        .take(most)
        .read_to_end(&mut bytes)?;
    check_size(already + bytes.len() as u64)?;
    Ok(bytes)
}

fn check_size(bytes: u64) -> std::io::Result<()> {
    match bytes > LARGEST {
        true => Err(std::io::Error::other(format!(
            "the files of the deck have more than {LARGEST} bytes"
        ))),
        false => Ok(()),
    }
}

/// UTF-8, or UTF-16 with its mark (LTspice), or else Latin-1, in which older programs write their micro
/// signs. Line ends of old Macs become new ones.
pub(super) fn text_of(bytes: Vec<u8>) -> String {
    let text = match bytes[..] {
        [0xff, 0xfe, ref rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, ref rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes)
            .unwrap_or_else(|e| e.as_bytes().iter().map(|b| *b as char).collect()),
    };
    match text.contains('\r') && !text.contains('\n') {
        true => text.replace('\r', "\n"),
        false => text,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn unreadable(path: String, error: std::io::Error) -> NetlistError {
    let reason = error.to_string();
    NetlistError::single(NetlistFault::Unreadable {
        path,
        reason,
        place: None,
    })
}

/// Whether the cards that follow belong to the deck.
pub(super) enum Flow {
    Continue,
    /// After `.end`.
    Stop,
}

pub(super) struct Reader {
    /// The file that is read, on top of those that include it.
    pub inputs: Vec<Input>,
    /// Deck-wide results; elements, models and definitions are in `scopes` until the end.
    pub netlist: Netlist,
    pub scopes: ScopeStack,
    pub bytes_read: u64,
    pub files_read: usize,
    cards_read: u64,
    /// Bytes that the cards may need.
    memory: u64,
    faults: Vec<NetlistFault>,
}

impl Reader {
    pub(super) fn new(sources: SourceMap, path: Option<PathBuf>) -> Self {
        let file = super::FileId(0);
        let text = sources.shared_text(file);
        let bytes_read = text.len() as u64;
        let mut lines = Lines::new(text, file);
        let title = lines.take_title();
        let mut netlist = Netlist {
            title: title.trim().to_owned(),
            sources,
            ..Netlist::default()
        };
        netlist.warnings.extend(warn_of_card_in_title(&title));
        Self {
            inputs: vec![Input::main(lines, path)],
            netlist,
            scopes: ScopeStack::default(),
            bytes_read,
            files_read: 1,
            cards_read: 0,
            memory: crate::limits::memory(),
            faults: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> (Netlist, Vec<NetlistFault>) {
        let mut line = LogicalLine::default();
        self.stretch();
        while self.next_line(&mut line) && self.faults.len() < NetlistError::MOST_FAULTS {
            match self.check_size(&line).and_then(|()| self.line(&line)) {
                Err(fault @ NetlistFault::TooLarge { .. }) => {
                    self.faults.push(fault);
                    break;
                }
                Ok(Flow::Continue) => self.stretch(),
                Ok(Flow::Stop) => break,
                Err(fault) => self.faults.push(fault),
            }
        }
        self.netlist.main = self.scopes.close_all(&mut self.faults).body;
        self.faults.truncate(NetlistError::MOST_FAULTS);
        (self.netlist, self.faults)
    }

    /// Reads the stretch of element cards that begins here, if it is long.
    fn stretch(&mut self) {
        let Some(Input {
            lines, stretch_end, ..
        }) = self.inputs.last_mut()
        else {
            return;
        };
        // What stopped in the midst of a stretch goes on line by line.
        if lines.at() >= *stretch_end {
            *stretch_end = lines.end_of_stretch();
            let elements = &mut self.scopes.current().body.elements;
            let most = (self.memory / CARD).saturating_sub(self.cards_read);
            let (end, netlist) = (*stretch_end, &mut self.netlist);
            self.cards_read += stretch::read(lines, end, netlist, elements, most);
        }
    }

    fn check_size(&mut self, line: &LogicalLine) -> Result<()> {
        self.cards_read += 1;
        let (bytes, limit) = (self.cards_read * CARD, self.memory);
        if bytes > limit {
            return Err(NetlistFault::TooLarge {
                elements: self.cards_read,
                bytes,
                limit,
                span: line.span(0..1),
            });
        }
        if line.text.len() > LONGEST {
            return Err(NetlistFault::LineTooLong {
                limit: LONGEST,
                span: line.span(0..1),
            });
        }
        Ok(())
    }

    /// The next line of the innermost file; a file that has ended gives way to the one around it.
    fn next_line(&mut self, line: &mut LogicalLine) -> bool {
        while let Some(input) = self.inputs.last_mut() {
            if input.lines.next(line) {
                return true;
            }
            let ended = self.inputs.pop();
            self.faults.extend(ended.and_then(Input::unfinished));
        }
        false
    }

    fn line(&mut self, line: &LogicalLine) -> Result<Flow> {
        let mut tokens = Tokens::new();
        tokenize(line, &mut tokens);
        let Some(first) = tokens.first() else {
            return Ok(Flow::Continue);
        };
        match first.text.as_bytes()[0] {
            b'.' => return card::card(self, line, &tokens),
            b'+' => {
                let span = first.span;
                return Err(NetlistFault::StrayContinuation { span });
            }
            _ => {}
        }
        let elements = self.scopes.current().body.elements.end();
        match element(line, &tokens, &mut self.netlist.warnings, elements) {
            // Libraries hold parts that nobody calls.
            Err(fault @ NetlistFault::UnknownElement { .. }) if self.scopes.is_nested() => {
                self.scopes.current().body.faults.push(fault);
            }
            outcome => outcome?,
        }
        Ok(Flow::Continue)
    }

    /// Opens a `.subckt`, unless it only repeats what a built-in one is.
    pub fn open_subcircuit<'a>(
        &mut self,
        line: &'a LogicalLine,
        tokens: &[Token<'a>],
    ) -> Result<()> {
        if let Some(input) = self.inputs.last_mut()
            && skip_canonical_definition(&mut input.lines, tokens)
        {
            return Ok(());
        }
        self.scopes.open(line, tokens)
    }

    /// Skips to the line that starts with `closer`.
    pub fn skip_block(&mut self, opener: Token, closer: &'static str) -> Result<()> {
        let mut line = LogicalLine::default();
        while self.next_line(&mut line) {
            let word = line.text.split_whitespace().next().unwrap_or("");
            if word.eq_ignore_ascii_case(closer) {
                return Ok(());
            }
        }
        let opener = named(opener);
        Err(NetlistFault::Unclosed { opener, closer })
    }

    /// There are more warnings already than anybody reads.
    pub fn is_silent(&self) -> bool {
        self.netlist.warnings.len() >= MOST_WARNINGS
    }

    pub fn warn(&mut self, message: String, span: Span, label: &str) {
        if self.is_silent() {
            return;
        }
        let warning = Diagnostic::warning(message).at(span, label);
        self.netlist.warnings.push(warning);
    }
}

/// The most common slip of newcomers is a deck without a title: its first element is lost.
fn warn_of_card_in_title(title: &str) -> Option<Diagnostic> {
    if title.len() > LONGEST {
        return None;
    }
    let line = LogicalLine::of(title);
    let mut tokens = Tokens::new();
    tokenize(&line, &mut tokens);
    let first = *tokens.first()?;
    let numbered = first.text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let is_card = match numbered {
        true => element(&line, &tokens, &mut Vec::new(), &mut Vec::new()).is_ok(),
        false => card::is_known(first),
    };
    let message = format!(
        "the first line of a deck is its title, so `{}` is not part of the circuit",
        first.text
    );
    let warning = Diagnostic::warning(message).at(first.span, "read as the title");
    is_card.then(|| warning.help("put a title line above it"))
}
