//! `ohmgrad sweep-study`.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rayon::prelude::*;

use crate::files::write_atomically;
use crate::learning::sha256;
use crate::study::{
    Base, Line, Point, Results, Study, StudyError, read_lines, summarize, to_csv, to_table,
};

use super::ranks::{self, Team};
use super::{Failure, emit};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Study file (TOML): a base, axes, boards with mismatch
    study: PathBuf,
    /// Folder of the results; if it holds some of this study, the rest is measured [default: runs/NAME]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Threads, 0 for all cores; the results do not depend on them [default: 0]
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let threads = ranks::threads(arguments.threads);
    ranks::run(|team| super::settings::pool(threads)?.install(|| sweep(arguments, &team)))
}

fn sweep(arguments: &Arguments, team: &Team) -> Result<(), Failure> {
    let study = Study::read(&arguments.study)?;
    let base = Base::read(&study)?;
    let name = arguments.study.file_stem().unwrap_or_default();
    let folder = arguments.out.clone();
    let folder = folder.unwrap_or_else(|| Path::new("runs").join(name));
    let _lock = match team.is_first() {
        true => Some(prepare(&folder, &study, &base)?),
        false => None,
    };
    // The folder is there, and is that of this study.
    team.ask_all([0.0]);
    let points = study.points();
    let mut is_done = vec![false; points.len()];
    for line in read_lines(&folder)? {
        if let Some(done) = is_done.get_mut(line.point) {
            *done = true;
        }
    }
    // All have read before anyone writes.
    team.ask_all([0.0]);
    let left: Vec<&Point> = points
        .iter()
        .filter(|point| !is_done[point.number])
        .collect();
    if team.is_first() {
        let done = points.len() - left.len();
        let text = format!("{} points, {done} of them done before\n", points.len());
        emit(text, None)?;
    }
    let own: Vec<&Point> = (left.iter().copied().skip(team.rank()))
        .step_by(team.size())
        .collect();
    measure(&study, &base, &own, Results::open(&folder, team.rank())?)?;
    team.ask_all([0.0]);
    match team.is_first() {
        true => finish(&folder, points.len()),
        false => Ok(()),
    }
}

/// Measures points side by side; each is on disk before the next one of its thread begins.
fn measure(
    study: &Study,
    base: &Base,
    points: &[&Point],
    results: Results,
) -> Result<(), StudyError> {
    let results = Mutex::new(results);
    // One after the other, as threads become free: points may take very different times.
    points.par_iter().with_max_len(1).try_for_each(|point| {
        let line = Line::new(point, base.measure(study, point));
        let mut results = results.lock().unwrap_or_else(|error| error.into_inner());
        results.append(&line)
    })
}

/// Makes or opens the folder of a study; it belongs to this job as long as the file is open.
fn prepare(folder: &Path, study: &Study, base: &Base) -> Result<File, Failure> {
    let failed = |path: &Path, error: &std::io::Error| Failure::write(Some(path), error);
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    let path = folder.join("lock");
    let mut options = File::options();
    let lock = options.create(true).append(true).open(&path);
    let lock = lock.map_err(|e| failed(&path, &e))?;
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {
        return Err(Failure::failed(format!(
            "error: {} is in use by another process\n  help: wait until it ends, or name another folder",
            folder.display()
        )));
    }
    let own = [
        (
            "the study file",
            "study.sha256",
            sha256(study.text.as_bytes()),
        ),
        ("its base", "base.sha256", base.checksum()?),
    ];
    for (what, name, sum) in &own {
        let path = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(before) if before.trim() == sum => {}
            Ok(_) => {
                let path = folder.to_path_buf();
                return Err(StudyError::Changed { path, what }.into());
            }
            Err(_) => write_atomically(&path, format!("{sum}\n").as_bytes())
                .map_err(|e| failed(&path, &e))?,
        }
    }
    Ok(lock)
}

fn finish(folder: &Path, points: usize) -> Result<(), Failure> {
    let lines = read_lines(folder)?;
    let path = folder.join("results.csv");
    write_atomically(&path, to_csv(&lines).as_bytes())
        .map_err(|e| Failure::write(Some(&path), &e))?;
    let table = to_table(&summarize(&lines));
    emit(
        format!(
            "{table}{} of {points} points in {}\n",
            lines.len(),
            path.display()
        ),
        None,
    )
}
