//! Files that are written whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes to a temporary file in the same folder, flushes it to disk, and renames it. A symbolic link
/// is followed; what is no regular file (a pipe, a device) is written to as it is.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&temporary, path));
    if renamed.is_err() {
        // What was there before stays; only the unfinished file goes.
        let _ = std::fs::remove_file(&temporary);
    }
    renamed
}
