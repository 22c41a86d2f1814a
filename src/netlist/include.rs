//! `.include` and `.lib`: files within files.

use std::path::{Path, PathBuf};

use super::Name;
use super::cursor::{Cursor, Result, canonical, named};
use super::fault::NetlistFault;
use super::lines::Lines;
use super::reader::{Flow, Reader, read_file, text_of};
use super::token::{Token, Tokens, tokenize};
use crate::source::{LogicalLine, Spanned};

/// Files may not include each other deeper than this.
const DEEPEST: usize = 40;

/// A deck may not read more files than this.
const MOST: usize = 10_000;

/// A file that is being read.
pub(super) struct Input {
    pub lines: Lines,
    /// Byte before which no stretch of element cards is looked for again.
    pub stretch_end: usize,
    path: Option<PathBuf>,
    /// The section of a library that is read; the file is left at its `.endl`.
    section: Option<Spanned<Name>>,
}

impl Input {
    pub fn main(lines: Lines, path: Option<PathBuf>) -> Self {
        Self {
            lines,
            stretch_end: 0,
            path,
            section: None,
        }
    }

    /// The fault of a file that ended inside a section.
    pub fn unfinished(self) -> Option<NetlistFault> {
        let opener = self.section?;
        let closer = ".endl";
        Some(NetlistFault::Unclosed { opener, closer })
    }
}

impl Reader {
    /// `.include file`.
    pub fn include(&mut self, mut cursor: Cursor) -> Result<()> {
        let file = file_name(&mut cursor)?;
        cursor.finish()?;
        let input = self.open_file(&file)?;
        self.inputs.push(input);
        Ok(())
    }

    /// `.lib file section`, `.lib file`, or inside a library the begin of a section.
    pub fn library(&mut self, mut cursor: Cursor) -> Result<()> {
        let file = file_name(&mut cursor)?;
        if cursor.peek().is_some() {
            let section = cursor.name("the name of a section")?;
            cursor.finish()?;
            let mut input = self.open_file(&file)?;
            find_section(&mut input, &section)?;
            self.inputs.push(input);
            return Ok(());
        }
        // A section that nobody asked for, in a file that is read as a whole.
        if self
            .inputs
            .last()
            .is_some_and(|input| has_end_of_section(&input.lines))
        {
            return self.skip_section(&file);
        }
        let input = self.open_file(&file)?;
        self.inputs.push(input);
        Ok(())
    }

    /// `.endl` leaves the file whose section is read.
    pub fn end_of_section(&mut self, card: Token) -> Result<Flow> {
        match self.inputs.last_mut() {
            Some(input) if input.section.is_some() => {
                self.inputs.pop();
                Ok(Flow::Continue)
            }
            _ => Err(NetlistFault::StrayEnds {
                span: card.span,
                closer: ".endl",
                opener: ".lib",
            }),
        }
    }

    fn skip_section(&mut self, name: &Spanned<Name>) -> Result<()> {
        let mut line = LogicalLine::default();
        while let Some(input) = self.inputs.last_mut() {
            if !input.lines.next(&mut line) {
                break;
            }
            if starts_with(&line, ".endl") {
                return Ok(());
            }
        }
        let opener = name.clone();
        let closer = ".endl";
        Err(NetlistFault::Unclosed { opener, closer })
    }

    fn open_file(&mut self, file: &Spanned<Name>) -> Result<Input> {
        let path = self.resolve(Path::new(file.value.as_str()));
        let place = Some(file.span);
        self.check_circle(&path, file)?;
        let span = file.span;
        self.files_read += 1;
        if self.inputs.len() > DEEPEST || self.files_read > MOST {
            return Err(NetlistFault::TooManyIncludes {
                deepest: DEEPEST,
                most: MOST,
                span,
            });
        }
        if path.exists() && !path.is_file() {
            return Err(NetlistFault::Unreadable {
                path: path.display().to_string(),
                reason: "it is no regular file".into(),
                place,
            });
        }
        let shown = path.display().to_string();
        let bytes =
            read_file(&path, self.bytes_read).map_err(|error| NetlistFault::Unreadable {
                path: shown.clone(),
                reason: error.to_string(),
                place,
            })?;
        self.bytes_read += bytes.len() as u64;
        let id = self.netlist.sources.add(shown, text_of(bytes));
        let text = self.netlist.sources.shared_text(id);
        Ok(Input {
            stretch_end: 0,
            lines: Lines::new(text, id),
            path: Some(path),
            section: None,
        })
    }

    /// Relative paths start from the folder of the file that holds the card.
    fn resolve(&self, path: &Path) -> PathBuf {
        let here = self.inputs.last().and_then(|input| input.path.as_deref());
        let beside = |path: &Path| match here.and_then(Path::parent) {
            Some(folder) if path.is_relative() => folder.join(path),
            _ => path.to_path_buf(),
        };
        let found = beside(path);
        // Decks from Windows separate folders by backslashes.
        let slashes = path.to_string_lossy().replace('\\', "/");
        match found.exists() {
            true => found,
            false => beside(Path::new(&slashes)),
        }
    }

    /// Sections of one library may name each other, whole files may not.
    fn check_circle(&self, path: &Path, file: &Spanned<Name>) -> Result<()> {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let wanted = real(path);
        let is_open = self.inputs.iter().any(|input| {
            input.section.is_none()
                && wanted.is_some()
                && input.path.as_deref().and_then(real) == wanted
        });
        match is_open {
            true => Err(NetlistFault::IncludeCircle { file: file.clone() }),
            false => Ok(()),
        }
    }
}

/// A path, which may be quoted; its case is kept.
fn file_name(cursor: &mut Cursor) -> Result<Spanned<Name>> {
    let token = cursor.peek().ok_or_else(|| cursor.missing("a file"))?;
    let line = cursor.line();
    let end = match token.kind {
        super::token::TokenKind::Word => {
            // Commas and parentheses belong to a path, white space ends it.
            let rest = &line.text[token.start..];
            token.start + rest.find(char::is_whitespace).unwrap_or(rest.len())
        }
        _ => token.end(),
    };
    cursor.skip_to(end);
    let text = line.text[token.start..end].trim_matches(['"', '\'']);
    Ok(Spanned::new(text.into(), line.span(token.start..end)))
}

fn starts_with(line: &LogicalLine, card: &str) -> bool {
    let word = line.text.split_whitespace().next().unwrap_or("");
    word.eq_ignore_ascii_case(card)
}

fn has_end_of_section(lines: &Lines) -> bool {
    let mut ahead = lines.clone();
    let mut line = LogicalLine::default();
    while ahead.next(&mut line) {
        if starts_with(&line, ".endl") {
            return true;
        }
        if starts_with(&line, ".lib") {
            return false;
        }
    }
    false
}

/// Moves to the line behind `.lib section`.
fn find_section(input: &mut Input, section: &Spanned<Name>) -> Result<()> {
    let mut line = LogicalLine::default();
    let mut known: Vec<Name> = Vec::new();
    while input.lines.next(&mut line) {
        if !starts_with(&line, ".lib") {
            continue;
        }
        let mut tokens = Tokens::new();
        tokenize(&line, &mut tokens);
        if let [_, name] = &tokens[..] {
            let name = canonical(name.text);
            if name == section.value {
                input.section = Some(Spanned::new(section.value.clone(), named(tokens[0]).span));
                return Ok(());
            }
            known.push(name);
        }
    }
    let suggestion = super::closest(&section.value, known.iter().map(Name::as_str));
    Err(NetlistFault::UnknownSection {
        section: section.clone(),
        suggestion: suggestion.map(Name::from),
    })
}
