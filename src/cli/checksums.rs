//! `checksums.txt` of a run folder: what its results were when they were written. The lines are those
//! of `sha256sum`, whose `-c` reads them too.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::files::write_atomically;
use crate::learning::sha256_of;

use super::Failure;

pub const NAME: &str = "checksums.txt";

/// Writes the checksums of these files of the folder.
pub fn write(folder: &Path, names: &[String]) -> Result<(), Failure> {
    let mut text = String::new();
    for name in names {
        let path = folder.join(name);
        let sum = File::open(&path).and_then(sha256_of);
        let sum = sum.map_err(|e| Failure::read(&path, &e))?;
        text += &format!("{sum}  {name}\n");
    }
    let path = folder.join(NAME);
    write_atomically(&path, text.as_bytes()).map_err(|e| Failure::write(Some(&path), &e))
}

/// Compares the folder with its checksums; gives the number of files.
///
/// # Errors
/// Names every file that is altered or missing.
pub fn verify(folder: &Path) -> Result<usize, Failure> {
    let path = folder.join(NAME);
    let text = std::fs::read_to_string(&path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Failure::failed(format!(
            "error: {} has no {NAME}: it is no run folder, or its training has not ended\n  help: a \
             training run is ended with `ohmgrad train --resume {}`",
            folder.display(),
            folder.display()
        )),
        _ => Failure::read(&path, &e),
    })?;
    let faults: Vec<String> = text
        .lines()
        .filter_map(|line| fault(folder, line))
        .collect();
    if !faults.is_empty() {
        return Err(Failure::failed(format!(
            "error: {}",
            faults.join("\nerror: ")
        )));
    }
    Ok(text.lines().count())
}

/// What is wrong with the file of this line.
fn fault(folder: &Path, line: &str) -> Option<String> {
    let Some((sum, name)) = line.split_once("  ") else {
        let path = folder.join(NAME);
        return Some(format!(
            "{} has a line without a file: {line}",
            path.display()
        ));
    };
    let path = folder.join(name);
    match File::open(&path).and_then(sha256_of) {
        Ok(found) if found == sum => None,
        Ok(_) => Some(format!(
            "{} was altered: its checksum is not that of {NAME}",
            path.display()
        )),
        Err(error) => Some(format!("cannot read {}: {error}", path.display())),
    }
}
