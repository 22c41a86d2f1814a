//! `ohmgrad plot`: pictures of what the program has written.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::plots::{Content, PlotError, SweepOptions, read, sweep_curves};
use crate::report::estimators::picture_of;
use crate::report::picture::draw_curves;

use super::{DeckArguments, Failure, emit_picture, run_pictures};

const HELP: &str = "\
What a file holds is found by its content: results of `run` and `op --inputs` (CSV, JSON, raw, NPZ)
become curves over what is swept, a curve for each value of outer sweeps; errors of
`compare-gradients` (CSV, JSON) curves over beta; run folders of `train` the loss and the accuracy
of each epoch, of several runs their mean between the lowest and the highest.

Examples:
  ohmgrad run circuits/diode/iv_sweep.cir --format csv --out iv.csv
  ohmgrad plot iv.csv --only 'i(v1)' --log-y --out iv.svg
  ohmgrad plot runs/seed1 runs/seed2 runs/seed3 --out loss.png
  ohmgrad plot runs/moons --show decision --out decision.svg
  ohmgrad plot runs/digits --show crossbars --out crossbars.svg";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// A file of results, or run folders, or folders of those
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Write the picture to this file instead of standard output: .png is PNG, everything else SVG
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// Of results: these columns only (repeatable), such as v(out) or i(*)
    #[arg(long, value_name = "NAME", value_delimiter = ';')]
    only: Vec<String>,
    /// Of results: a logarithmic x axis
    #[arg(long)]
    log_x: bool,
    /// Of results: logarithmic y axes, of magnitudes
    #[arg(long)]
    log_y: bool,
    /// Of a run folder: what is shown
    #[arg(long, value_enum, default_value = "curves")]
    show: Shown,
    /// Of a run folder: folder of the data, instead of the run's
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shown {
    /// Loss and accuracy of each epoch
    Curves,
    /// What the circuit decides over a map of its two features
    Decision,
    /// How many resistors have which conductance, before training and after
    Conductances,
    /// Heat maps of crossbars before training and after
    Crossbars,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    for path in &arguments.paths {
        let (deck, out) = (path.clone(), arguments.out.clone());
        DeckArguments { deck, out }.check_apart("file", path)?;
    }
    let folders = run_folders(&arguments.paths);
    let svg = match (&folders[..], &arguments.paths[..]) {
        ([], [path]) => of_file(path, arguments)?,
        ([], _) => {
            return Err(Failure::arguments(
                "error: several files\n  help: name one file of results, or run folders of `train`",
            ));
        }
        (runs, _) if arguments.show == Shown::Curves => run_pictures::curves_of_runs(runs)?,
        ([run], _) => run_pictures::of_run(run, arguments.data.as_deref(), arguments.show)?,
        _ => {
            return Err(Failure::arguments(
                "error: --show takes one run folder\n  help: without it, several runs are shown by their \
                 curves",
            ));
        }
    };
    emit_picture(&svg, arguments.out.as_deref())
}

fn of_file(path: &Path, arguments: &Arguments) -> Result<String, PlotError> {
    if path.is_dir() {
        return Err(PlotError::NotUnderstood {
            path: path.to_path_buf(),
            reason: "the folder holds no log of a training run".to_string(),
        });
    }
    Ok(match read(path)? {
        Content::Results(datasets) => {
            let options = SweepOptions {
                only: arguments.only.clone(),
                log_x: arguments.log_x,
                log_y: arguments.log_y,
            };
            draw_curves(&sweep_curves(path, &datasets, &options)?)
        }
        Content::Estimates(estimates) => {
            let entries = estimates.into_iter();
            picture_of(entries.map(|e| (e.estimator, e.beta, e.relative_error)))
        }
    })
}

/// Folders of runs among the paths, and right below them, by name.
fn run_folders(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        if run_pictures::is_run(path) {
            found.push(path.clone());
            continue;
        }
        let below = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut below: Vec<PathBuf> = below.map(|entry| entry.path()).collect();
        below.retain(|path| run_pictures::is_run(path));
        below.sort();
        found.extend(below);
    }
    found
}
