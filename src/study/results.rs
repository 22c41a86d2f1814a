//! Finished points on disk: one JSON line each, which a crash cannot take back.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::{Point, StudyError};
use super::measure::Outcome;

/// A finished point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub point: usize,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub values: serde_json::Map<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<usize>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Line {
    pub fn new(point: &Point, outcome: Outcome) -> Self {
        let value = |value: &toml::Value| serde_json::to_value(value).unwrap_or_default();
        let values = point.values.iter().map(|(key, v)| (key.clone(), value(v)));
        Self {
            point: point.number,
            values: values.collect(),
            board: point.board,
            outcome,
        }
    }
}

/// A file that one process appends to.
#[derive(Debug)]
pub struct Results {
    file: File,
    path: PathBuf,
}

impl Results {
    /// Opens the file of a process in `folder`. A line that a crash has cut short goes.
    ///
    /// # Errors
    /// [`StudyError::Io`]
    pub fn open(folder: &Path, rank: usize) -> Result<Self, StudyError> {
        let path = folder.join(format!("results.{rank}.jsonl"));
        let io = |source| io("write", &path, source);
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = options.open(&path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |k| k + 1);
        file.set_len(whole as u64).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Self { file, path })
    }

    /// Adds a line; it is on disk when this returns.
    ///
    /// # Errors
    /// [`StudyError::Io`]
    pub fn append(&mut self, line: &Line) -> Result<(), StudyError> {
        let text = serde_json::to_string(line).unwrap_or_default() + "\n";
        let written = self.file.write_all(text.as_bytes());
        written
            .and_then(|()| self.file.sync_data())
            .map_err(|source| io("write", &self.path, source))
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> StudyError {
    let path = path.to_path_buf();
    StudyError::Io {
        action,
        path,
        source,
    }
}

/// All whole lines of all processes of a study, by point; a point that two have measured comes once.
///
/// # Errors
/// [`StudyError::Io`]
pub fn read_lines(folder: &Path) -> Result<Vec<Line>, StudyError> {
    let mut lines: Vec<Line> = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|source| io("read", folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| io("read", folder, source))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with("results.") && name.ends_with(".jsonl")) {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|source| io("read", &path, source))?;
        // What follows the last line end was cut short.
        let whole = bytes
            .split_inclusive(|&b| b == b'\n')
            .filter(|line| line.ends_with(b"\n"));
        lines.extend(whole.filter_map(|line| serde_json::from_slice(line).ok()));
    }
    lines.sort_by_key(|line| line.point);
    lines.dedup_by_key(|line| line.point);
    Ok(lines)
}
