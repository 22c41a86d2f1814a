//! `ohmgrad op --inputs`: an operating point for each row of a table.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::analysis::{Probe, potentials, probes_of};
use crate::circuit::Circuit;
use crate::npz;
use crate::points::{PointError, PointTable, is_npz, solve};
use crate::report::csv;

use super::{DeckArguments, Failure, Settings, emit, load_with, show_warnings};

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Solve an operating point for each row of this table (.csv or .npz), whose columns are named
    /// after sources, .params or other variables; --out may end in .npz too
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["format", "jacobian"])]
    pub inputs: Option<PathBuf>,
    /// With --inputs: what to read instead of all potentials, such as v(out*),i(v1)
    #[arg(long, value_name = "OUTPUTS", requires = "inputs")]
    read: Vec<String>,
}

/// A table is long if it takes a while to be solved.
const LONG: usize = 256;

pub fn run(
    deck: &DeckArguments,
    settings: &Settings,
    table: &Path,
    arguments: &Arguments,
) -> Result<(), Failure> {
    deck.check_apart("table", table)?;
    let solver = load_with(&deck.deck, settings)?;
    let probes = read(&solver.circuit, &arguments.read)?;
    let table = PointTable::read(table).map_err(PointError::from)?;
    let bar = progress_bar(table.len());
    let points = solve(&solver, &table, &probes, &|rows| bar.inc(rows as u64));
    bar.finish_and_clear();
    let points = points?;
    show_warnings(&points.warnings, &solver.circuit.sources);
    let out = deck.out.as_deref();
    let names: Vec<String> = probes.into_iter().map(|probe| probe.name).collect();
    match out {
        Some(path) if is_npz(path) => {
            let bytes = pack(&names, &points.values).map_err(|e| Failure::write(out, &e))?;
            emit(bytes, out)
        }
        _ => emit(csv::points(&names, &points.values), out),
    }
}

/// The probes of lists such as `v(out*),v(a,b)`; without any, all potentials.
fn read(circuit: &Circuit, lists: &[String]) -> Result<Vec<Probe>, Failure> {
    let texts = lists.iter().flat_map(|list| split(list));
    let probes = probes_of(circuit, texts).map_err(|error| Failure::argument(&error))?;
    match probes.is_empty() {
        true => Ok(potentials(circuit)),
        false => Ok(probes),
    }
}

/// The parts between commas outside of parentheses.
fn split(list: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let is_end = |c: char| {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    let parts = list.split(is_end).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

/// On a terminal only.
fn progress_bar(rows: usize) -> ProgressBar {
    if rows < LONG {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows as u64);
    let style =
        ProgressStyle::with_template("  {bar:30.cyan} {pos}/{len} rows, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// An array for each output.
fn pack(names: &[String], values: &[f64]) -> std::io::Result<Vec<u8>> {
    let width = names.len().max(1);
    let rows = values.len() / width;
    let mut writer = npz::Writer::default();
    for (k, name) in names.iter().enumerate() {
        let column = values.iter().skip(k).step_by(width).copied();
        writer.add(name, &[rows], column)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_between_outputs() {
        assert_eq!(split("v(a,b), i(v1),"), ["v(a,b)", "i(v1)"]);
        assert_eq!(split("{v(a) + max(1, 2)},v(out*)").len(), 2);
    }
}
