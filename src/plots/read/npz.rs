//! NumPy archives of `op --inputs`: an array for each output.

use std::io::Cursor;
use std::path::Path;

use crate::analysis::dataset::Dataset;
use crate::npz::Archive;

use super::named_columns;

pub(super) fn results(path: &Path, bytes: &[u8]) -> Result<Dataset, String> {
    let archive = Archive::new(path, Cursor::new(bytes));
    let mut archive = archive.map_err(|error| error.to_string())?;
    let names = archive.names().to_vec();
    let mut columns = Vec::new();
    for name in &names {
        let array = archive.read(name).map_err(|error| error.to_string())?;
        if array.shape.len() != 1 {
            return Err(format!(
                "the array `{name}` is {}, not a column",
                array.shape_text()
            ));
        }
        columns.push(array.numbers);
    }
    let rows = columns.first().map_or(0, Vec::len);
    if columns.iter().any(|column| column.len() != rows) {
        return Err("its arrays differ in length".to_string());
    }
    let row = |k: usize| columns.iter().map(|column| column[k]).collect();
    Ok(named_columns(&names, (0..rows).map(row).collect()))
}
