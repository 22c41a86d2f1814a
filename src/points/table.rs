//! CSV or NPZ to a table of values.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::cells::{Place, finite, line_of_record, quoted};
use crate::circuit::{Circuit, Variable};
use crate::files::read_at_most;
use crate::limits::memory;
use crate::mna::System;
use crate::npz::{Archive, NpzError};

use super::error::TableError;

/// A file of text may not be larger than this, bytes.
const LARGEST: u64 = 1 << 30;

/// The array that holds a value for every source.
const INPUTS: &str = "inputs";

/// Values of some variables, a row for each operating point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointTable {
    /// Its name in messages.
    pub file: PathBuf,
    columns: Columns,
    width: usize,
    /// Rows x width.
    values: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Columns {
    /// Names, with a word for each that says where it stands.
    Named(Vec<(String, String)>),
    /// All V and I sources, in deck order.
    Sources,
}

/// A column and what it sets.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub variable: Variable,
}

impl PointTable {
    /// Reads an `.npz` file, or any other as CSV.
    ///
    /// # Errors
    /// [`TableError`]
    pub fn read(path: &Path) -> Result<Self, TableError> {
        if is_npz(path) {
            return from_archive(path, Archive::<BufReader<File>>::open(path)?);
        }
        let bytes = read_at_most(path, LARGEST).map_err(|source| unreadable(path, source))?;
        parse_csv(path, &bytes)
    }

    /// A table that is in memory already: `values` holds rows x `names`, row by row. `file` is its name
    /// in messages.
    ///
    /// # Errors
    /// [`TableError::Empty`] without a number, [`TableError::Short`] if the last row is not whole,
    /// [`TableError::NotFinite`] at the first number that nothing can be set to.
    pub fn from_rows(
        file: &Path,
        names: Vec<String>,
        values: Vec<f64>,
    ) -> Result<Self, TableError> {
        let file = file.to_path_buf();
        let width = names.len();
        if width == 0 || values.is_empty() {
            return Err(TableError::Empty { file });
        }
        if !values.len().is_multiple_of(width) {
            let found = values.len();
            return Err(TableError::Short { file, found, width });
        }
        if let Some(index) = values.iter().position(|x| !x.is_finite()) {
            return Err(TableError::NotFinite {
                file,
                name: names[index % width].clone(),
                row: index / width + 1,
                value: values[index],
            });
        }
        let names = names.into_iter().map(|name| (name, String::new()));
        Ok(Self {
            file,
            columns: Columns::Named(names.collect()),
            width,
            values,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.width..(index + 1) * self.width]
    }

    /// What each column sets.
    ///
    /// # Errors
    /// A name that the circuit does not have, or two columns that set the same.
    pub(super) fn resolve(
        &self,
        circuit: &Circuit,
        system: &System,
    ) -> Result<Vec<Column>, TableError> {
        let sources = system.source_elements();
        let names = match &self.columns {
            Columns::Named(names) => names.clone(),
            Columns::Sources => {
                let names = sources
                    .iter()
                    .map(|id| circuit.element(*id).name().to_string());
                let names = names.map(|name| (name, String::new()));
                names.collect()
            }
        };
        if names.len() != self.width {
            return Err(TableError::Sources {
                file: self.file.clone(),
                found: self.width,
                expected: names.len(),
                sources: listing(names.iter().map(|(name, _)| name.as_str())),
            });
        }
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        let mut known = HashMap::new();
        for (name, place) in names {
            let place = || format!("{}{place}", self.file.display());
            let variable = circuit
                .find_variable(&name)
                .map_err(|error| TableError::Variable {
                    place: place(),
                    error,
                })?;
            if let Some(first) = known.insert(variable.clone(), columns.len()) {
                let first = columns[first].name.clone();
                let place = place();
                return Err(TableError::Twice { place, name, first });
            }
            columns.push(Column { name, variable });
        }
        Ok(columns)
    }
}

fn listing<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 8;
    let count = names.len();
    let shown: Vec<_> = names.take(SHOWN).collect();
    match count {
        0 => "no V or I sources".to_string(),
        n if n > SHOWN => format!("{}, … ({n} sources)", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// Whether a path names a file of NumPy.
pub(crate) fn is_npz(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("npz"))
}

fn unreadable(file: &Path, source: std::io::Error) -> TableError {
    let file = file.to_path_buf();
    TableError::Unreadable { file, source }
}

/// Reads CSV text: a header of variables, then the values of one operating point on each line. `file`
/// is its name in messages.
///
/// # Errors
/// [`TableError`]
pub fn parse_csv(file: &Path, bytes: &[u8]) -> Result<PointTable, TableError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes);
    let text = Text { file, bytes };
    let mut record = ByteRecord::new();
    let mut next = |record: &mut ByteRecord| {
        reader
            .read_byte_record(record)
            .map_err(|error| unreadable(file, error.into()))
    };
    if !next(&mut record)? {
        return Err(text.empty());
    }
    let names = text.header(&record)?;
    let width = names.len();
    let mut values = Vec::new();
    while next(&mut record)? {
        if record.len() != width {
            return Err(TableError::Ragged {
                place: text.place(&record, None),
                found: record.len(),
                expected: width,
            });
        }
        for column in 0..width {
            values.push(text.number(&record, column)?);
        }
        let (bytes, limit) = (8 * values.len() as u64, memory());
        if bytes > limit {
            let file = file.to_path_buf();
            return Err(TableError::TooLarge { file, bytes, limit });
        }
    }
    if values.is_empty() {
        return Err(text.empty());
    }
    Ok(PointTable {
        file: file.to_path_buf(),
        columns: Columns::Named(names),
        width,
        values,
    })
}

/// The text under the reader, to find places in it.
struct Text<'a> {
    file: &'a Path,
    bytes: &'a [u8],
}

impl Text<'_> {
    fn header(&self, record: &ByteRecord) -> Result<Vec<(String, String)>, TableError> {
        let mut names = Vec::with_capacity(record.len());
        for column in 0..record.len() {
            let name = self.cell(record, column)?;
            let place = || self.place(record, Some(column));
            if name.parse::<f64>().is_ok() {
                let (place, found) = (place(), quoted(name));
                return Err(TableError::NoHeader { place, found });
            }
            if name.is_empty() {
                return Err(self.bad_cell(record, column, name, "the name of a variable"));
            }
            let line = line_of_record(self.bytes, start(record));
            let words = format!(":{line}, column {}", column + 1);
            names.push((name.to_string(), words));
        }
        Ok(names)
    }

    fn number(&self, record: &ByteRecord, column: usize) -> Result<f64, TableError> {
        let cell = self.cell(record, column)?;
        finite(cell).ok_or_else(|| self.bad_cell(record, column, cell, "a finite number"))
    }

    fn cell<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str, TableError> {
        std::str::from_utf8(&record[column]).map_err(|_| {
            let found = String::from_utf8_lossy(&record[column]);
            self.bad_cell(record, column, &found, "text in UTF-8")
        })
    }

    fn bad_cell(
        &self,
        record: &ByteRecord,
        column: usize,
        found: &str,
        expected: &'static str,
    ) -> TableError {
        TableError::Cell {
            place: self.place(record, Some(column)),
            found: quoted(found),
            expected,
        }
    }

    fn place(&self, record: &ByteRecord, column: Option<usize>) -> Place {
        Place {
            file: PathBuf::from(self.file),
            line: line_of_record(self.bytes, start(record)),
            column: column.map(|index| index + 1),
        }
    }

    fn empty(&self) -> TableError {
        let file = self.file.to_path_buf();
        TableError::Empty { file }
    }
}

fn start(record: &ByteRecord) -> usize {
    record.position().map_or(0, |place| place.byte() as usize)
}

/// Reads the bytes of an `.npz` file: an array for each variable, or all sources in one called
/// `inputs`.
///
/// # Errors
/// [`TableError`]
pub fn parse_npz(file: &Path, bytes: &[u8]) -> Result<PointTable, TableError> {
    from_archive(file, Archive::new(file, std::io::Cursor::new(bytes))?)
}

fn from_archive<R: Read + Seek>(
    file: &Path,
    mut archive: Archive<R>,
) -> Result<PointTable, TableError> {
    let names = archive.names().to_vec();
    let mut arrays = Vec::with_capacity(names.len());
    for name in &names {
        let array = archive.read(name)?;
        if let Some(index) = array.numbers.iter().position(|x| !x.is_finite()) {
            let error = NpzError::Array {
                file: file.to_path_buf(),
                array: name.clone(),
                found: format!("{} at index {index}", array.numbers[index]),
                expected: "finite numbers".into(),
            };
            return Err(error.into());
        }
        arrays.push(array);
    }
    let table = |columns: Columns, width: usize, values: Vec<f64>| match values.is_empty() {
        true => Err(TableError::Empty {
            file: file.to_path_buf(),
        }),
        false => Ok(PointTable {
            file: file.to_path_buf(),
            columns,
            width,
            values,
        }),
    };
    if let ([name], [array]) = (&names[..], &mut arrays[..])
        && let (INPUTS, [_, width]) = (name.as_str(), &array.shape[..])
    {
        return table(Columns::Sources, *width, std::mem::take(&mut array.numbers));
    }
    let rows = arrays.first().map_or(0, |first| first.numbers.len());
    for (name, array) in names.iter().zip(&arrays) {
        if array.shape != [rows] {
            return Err(TableError::Shape {
                file: file.to_path_buf(),
                array: name.clone(),
                found: array.shape_text(),
                expected: format!("({rows},)"),
            });
        }
    }
    let mut values = Vec::with_capacity(rows * arrays.len());
    for row in 0..rows {
        values.extend(arrays.iter().map(|array| array.numbers[row]));
    }
    let width = arrays.len();
    let place = |name: String| {
        let words = format!(", array {}", quoted(&name));
        (name, words)
    };
    table(
        Columns::Named(names.into_iter().map(place).collect()),
        width,
        values,
    )
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
