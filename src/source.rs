//! Where text came from: files kept whole, and places in them.

use std::ops::Range;
use std::sync::Arc;

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileId(pub u32);

/// A place in a source file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub file: FileId,
    pub line: u32,
    pub column: u32,
    /// Length in characters; at least 1 for anything that can be pointed at.
    pub length: u32,
}

impl Span {
    /// The place just behind.
    pub fn after(self) -> Self {
        Self {
            column: self.column + self.length,
            length: 1,
            ..self
        }
    }
}

/// A value together with the place it was read from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

#[derive(Debug)]
struct SourceFile {
    name: String,
    text: Arc<str>,
}

/// The files a netlist was read from. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<Arc<SourceFile>>,
}

impl SourceMap {
    /// A map that holds one text under the name that messages shall show.
    pub fn single(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut map = Self::default();
        map.add(name, text);
        map
    }

    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(Arc::new(SourceFile {
            name: name.into(),
            text: text.into().into(),
        }));
        FileId(self.files.len() as u32 - 1)
    }

    pub fn name(&self, file: FileId) -> &str {
        self.files
            .get(file.0 as usize)
            .map_or("<unknown>", |f| &f.name)
    }

    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| &f.text)
    }

    /// The text of a file, shared.
    pub fn shared_text(&self, file: FileId) -> Arc<str> {
        let file = self.files.get(file.0 as usize);
        file.map_or_else(|| "".into(), |f| f.text.clone())
    }

    /// The text of the line that `span` points into, without its line end.
    pub fn line(&self, span: Span) -> &str {
        let index = (span.line as usize).saturating_sub(1);
        self.text(span.file).lines().nth(index).unwrap_or("")
    }

    /// `file:line:column`, the form that editors jump to.
    pub fn place(&self, span: Span) -> String {
        format!("{}:{}:{}", self.name(span.file), span.line, span.column)
    }
}

/// One logical line of a deck: a card with its continuations joined and its comments dropped.
#[derive(Clone, Debug, Default)]
pub struct LogicalLine {
    pub text: String,
    file: FileId,
    /// Where each joined piece begins in `text`, and where it stands in the file.
    pieces: Vec<Piece>,
    /// A character that takes more than one byte: columns must then be counted.
    is_wide: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub offset: usize,
    pub line: u32,
    pub column: u32,
}

impl LogicalLine {
    /// A text that is no part of a file, such as an argument of a program.
    pub fn of(text: &str) -> Self {
        let mut line = Self::default();
        line.push(text, 1, 1);
        line
    }

    pub fn clear(&mut self, file: FileId) {
        self.text.clear();
        self.pieces.clear();
        self.is_wide = false;
        self.file = file;
    }

    /// Joins a piece that begins at `column` of `line` in the file.
    pub fn push(&mut self, piece: &str, line: u32, column: u32) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.pieces.push(Piece {
            offset: self.text.len(),
            line,
            column,
        });
        self.text.push_str(piece);
        self.is_wide |= !piece.is_ascii();
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub fn file(&self) -> FileId {
        self.file
    }

    /// The place of some bytes of the text.
    pub fn span(&self, range: Range<usize>) -> Span {
        let index = self.pieces.partition_point(|p| p.offset <= range.start);
        let Some(piece) = self.pieces.get(index.saturating_sub(1)) else {
            return Span::default();
        };
        let count = |range: Range<usize>| match self.is_wide {
            true => self.text.get(range).map_or(0, |t| t.chars().count()),
            false => range.len(),
        };
        Span {
            file: self.file,
            line: piece.line,
            column: piece.column + count(piece.offset..range.start) as u32,
            length: count(range.start..range.end.max(range.start)).max(1) as u32,
        }
    }
}
