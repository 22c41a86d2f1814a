//! Files that are written whole or not at all.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The bytes of a file, which may be a device without an end.
pub fn read_at_most(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(std::io::Error::other(format!(
            "it has more than {limit} bytes"
        ))),
        false => Ok(bytes),
    }
}

/// Writes to a temporary file in the same folder, flushes it to disk, and renames it. A symbolic link
/// is followed; what is no regular file (a pipe, a device) is written to as it is.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    Staged::write(path, bytes)?.commit()
}

/// A file that is on disk, but not yet in its place. Dropped, it goes, and what was there before stays.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    path: PathBuf,
}

impl Staged {
    /// Writes the bytes beside `path` and flushes them.
    pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<Self> {
        Self::create(path, |file| file.write_all(bytes))
    }

    /// Lets `fill` write a file beside `path`, and flushes it.
    pub fn create(
        path: &Path,
        fill: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> std::io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.tmp", std::process::id()));
        let staged = Self {
            temporary: path.with_file_name(name),
            path: path.to_path_buf(),
        };
        let mut file = File::create(&staged.temporary)?;
        fill(&mut file)?;
        file.sync_all()?;
        Ok(staged)
    }

    /// Puts the file in its place, at once and for good.
    pub fn commit(self) -> std::io::Result<()> {
        std::fs::rename(&self.temporary, &self.path)?;
        flush_folder_of(&self.path);
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// A rename survives a power cut once its folder is flushed. It has happened by then: a file system
/// that cannot flush folders is no reason to fail.
fn flush_folder_of(path: &Path) {
    if cfg!(unix) {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    }
}

/// Removes unfinished files of processes that were killed while they wrote. Only for a folder that no
/// other process writes to.
pub fn remove_unfinished(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_unfinished(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// `name.PID.tmp`
fn is_unfinished(path: &Path) -> bool {
    let process = |path: &Path| {
        let digits = path.extension()?.to_str()?.parse::<u32>();
        Some(digits.is_ok())
    };
    path.extension().is_some_and(|e| e == "tmp") && process(&path.with_extension("")) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unfinished_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a.json", "a.json.12.tmp", "b.tmp", "12.tmp", "c.x.tmp"];
        for name in names {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        for name in names {
            let is_left = folder.path().join(name).exists();
            assert_eq!(is_left, name != "a.json.12.tmp", "{name}");
        }
    }

    #[test]
    fn a_staged_file_that_is_not_committed_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "old").unwrap();
        drop(Staged::write(&path, b"new").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        Staged::write(&path, b"new").unwrap().commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
