//! CSV text to a [`Dataset`]: a line for each sample, one column of it the target.
//!
//! The first line is a header if none of its feature cells is a number. A line with some numbers
//! is a sample, so that a slip in the first line is reported and not skipped.

use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::cells::{finite, line_of_record, quoted};
use crate::files::read_at_most;

use super::Dataset;
use super::csv_options::{CsvOptions, TargetColumn};
use super::csv_target::{Target, interpret};
use super::error::{DataError, Place};

/// A file may not be larger than this, bytes.
const LARGEST: u64 = 1 << 30;

/// Reads a CSV file.
pub fn read_csv(path: &Path, options: &CsvOptions) -> Result<Dataset, DataError> {
    let bytes = read_at_most(path, LARGEST).map_err(|source| unreadable(path, source))?;
    parse_csv(path, &bytes, options)
}

/// Reads CSV text; `file` is its name in messages.
pub fn parse_csv(file: &Path, bytes: &[u8], options: &CsvOptions) -> Result<Dataset, DataError> {
    let text = Text { file, bytes };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter(options.delimiter)?)
        .from_reader(bytes);
    let mut records = reader.byte_records();
    let Some(first) = records.next() else {
        return Err(text.empty());
    };
    let first = first.map_err(|error| unreadable(file, error.into()))?;
    let layout = Layout::new(&text, &first, &options.target)?;
    let mut columns = Columns::default();
    if !layout.has_header {
        columns.push(&text, &layout, &first)?;
    }
    for record in records {
        let record = record.map_err(|error| unreadable(file, error.into()))?;
        columns.push(&text, &layout, &record)?;
    }
    columns.into_dataset(&text, &layout, options.classes)
}

fn unreadable(file: &Path, source: std::io::Error) -> DataError {
    let file = file.to_path_buf();
    DataError::Unreadable { file, source }
}

fn delimiter(found: char) -> Result<u8, DataError> {
    match u8::try_from(found) {
        Ok(byte) if byte.is_ascii() && !b"\"\r\n".contains(&byte) => Ok(byte),
        _ => Err(DataError::Delimiter { found }),
    }
}

/// The text under the reader, to find places in it.
struct Text<'a> {
    file: &'a Path,
    bytes: &'a [u8],
}

impl Text<'_> {
    /// A place from the byte at which its record starts.
    fn place(&self, start: usize, column: Option<usize>) -> Place {
        Place {
            file: PathBuf::from(self.file),
            line: line_of_record(self.bytes, start),
            column: column.map(|index| index + 1),
        }
    }

    fn empty(&self) -> DataError {
        let file = self.file.to_path_buf();
        DataError::Empty { file }
    }

    fn cell<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str, DataError> {
        std::str::from_utf8(&record[column]).map_err(|_| {
            let found = String::from_utf8_lossy(&record[column]);
            self.bad_cell(start(record), column, &found, "text in UTF-8")
        })
    }

    fn number(&self, record: &ByteRecord, column: usize) -> Result<f64, DataError> {
        let cell = self.cell(record, column)?;
        finite(cell).ok_or_else(|| self.bad_cell(start(record), column, cell, "a finite number"))
    }

    fn bad_cell(&self, start: usize, column: usize, found: &str, expected: &str) -> DataError {
        DataError::Cell {
            place: self.place(start, Some(column)),
            found: quoted(found),
            expected: expected.into(),
        }
    }
}

fn start(record: &ByteRecord) -> usize {
    record.position().map_or(0, |place| place.byte() as usize)
}

/// Which columns there are.
struct Layout {
    columns: usize,
    target: usize,
    has_header: bool,
}

impl Layout {
    fn new(text: &Text, first: &ByteRecord, target: &TargetColumn) -> Result<Self, DataError> {
        let columns = first.len();
        if columns < 2 {
            let place = text.place(start(first), None);
            return Err(DataError::NoFeatures { place });
        }
        let found = match target {
            TargetColumn::Last => Some(columns - 1),
            TargetColumn::Number(number) => number.checked_sub(1).filter(|&c| c < columns),
            TargetColumn::Name(name) => first.iter().position(|cell| cell == name.as_bytes()),
        };
        let index = found.ok_or_else(|| no_target(text, first, target))?;
        let named = matches!(target, TargetColumn::Name(_));
        Ok(Layout {
            columns,
            target: index,
            has_header: named || !(0..columns).any(|c| c != index && is_number(&first[c])),
        })
    }

    fn features(&self) -> impl Iterator<Item = usize> {
        (0..self.columns).filter(|&column| column != self.target)
    }
}

fn is_number(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| text.parse::<f64>().is_ok())
}

fn no_target(text: &Text, first: &ByteRecord, target: &TargetColumn) -> DataError {
    let (found, expected) = match target {
        TargetColumn::Name(name) => {
            let cells = first.iter().take(20).map(String::from_utf8_lossy);
            let names: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
            (quoted(name), format!("one of {}", names.join(", ")))
        }
        TargetColumn::Number(number) => (number.to_string(), format!("1 to {}", first.len())),
        TargetColumn::Last => ("last".into(), "a column".into()),
    };
    DataError::NoTarget {
        place: text.place(start(first), None),
        found,
        expected,
    }
}

/// The samples read so far. Targets stay text until all of them are known.
#[derive(Default)]
struct Columns {
    inputs: Vec<f64>,
    targets: Vec<Target>,
}

impl Columns {
    fn push(&mut self, text: &Text, layout: &Layout, record: &ByteRecord) -> Result<(), DataError> {
        if record.len() != layout.columns {
            return Err(DataError::Ragged {
                place: text.place(start(record), None),
                found: record.len(),
                expected: layout.columns,
            });
        }
        for column in layout.features() {
            self.inputs.push(text.number(record, column)?);
        }
        self.targets.push(Target {
            text: text.cell(record, layout.target)?.into(),
            start: start(record),
        });
        Ok(())
    }

    fn into_dataset(
        self,
        text: &Text,
        layout: &Layout,
        classes: Option<bool>,
    ) -> Result<Dataset, DataError> {
        if self.targets.is_empty() {
            return Err(text.empty());
        }
        let bad = |target: &Target, expected: &str| {
            text.bad_cell(target.start, layout.target, &target.text, expected)
        };
        let targets = interpret(&self.targets, classes, bad)?;
        Ok(Dataset {
            features: layout.columns - 1,
            inputs: self.inputs.into(),
            targets,
        })
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
