//! Where text came from: files kept whole, and places in them.

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
    text: String,
}

/// The files a netlist was read from. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Arc<Vec<SourceFile>>,
}

impl SourceMap {
    /// A map that holds one text under the name that messages shall show.
    pub fn single(name: impl Into<String>, text: impl Into<String>) -> Self {
        let file = SourceFile {
            name: name.into(),
            text: text.into(),
        };
        Self {
            files: Arc::new(vec![file]),
        }
    }

    pub fn name(&self, file: FileId) -> &str {
        self.files
            .get(file.0 as usize)
            .map_or("<unknown>", |f| &f.name)
    }

    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| &f.text)
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
