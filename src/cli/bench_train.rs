//! `ohmgrad bench-train`: training from voltage drops, with instruments and parts of a bench.

use std::path::{Path, PathBuf};

use crate::laboratory::{BenchConfig, Effect, effects_table, rows};
use crate::learning::{EpochReport, LoadedConfig};
use crate::report::{json, laboratory as report};
use crate::units::parse_number;

use super::{Failure, Format, FormatArguments, emit};

const HELP: &str = "\
Each step, two circuits are settled: the one that is trained, and the one that it is where it stands, linear,
driven by the derivatives of the loss at its outputs. A conductance changes by a rate times its voltage drop in
the first circuit times that in the second. The training file is that of `train`, with optimizer.kind = \"sgd\";
its table [bench], or the options here, say what instruments and parts add to that.

Examples:
  ohmgrad bench-train circuits/learning/bench-xor.toml
  ohmgrad bench-train circuits/learning/bench-moons.toml --ideal --bits 8 --mismatch 0.05
  ohmgrad bench-train circuits/learning/bench-digits.toml --table --seeds 1,2,3 --csv --out table.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Training file (TOML)
    config: PathBuf,
    /// Train on the ideal bench, with each effect alone, and with all of them
    #[arg(long)]
    table: bool,
    /// Seeds, instead of the file's: of initial values, order, parts and readings
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    seeds: Vec<u64>,
    #[arg(long)]
    epochs: Option<usize>,
    /// Folder of the data, instead of the training file's
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Threads, 0 for all cores; the result does not depend on them [default: 0]
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    effects: Effects,
    #[command(flatten)]
    format: FormatArguments,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

/// The table `[bench]` as options.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Effects, beside those of the training file")]
struct Effects {
    /// Forget the effects of the training file
    #[arg(long)]
    ideal: bool,
    /// Bits of the converters behind all readings
    #[arg(long, value_name = "N")]
    bits: Option<u32>,
    /// Full scale of drops in the first circuit, V
    #[arg(long, value_name = "V", value_parser = number)]
    range: Option<f64>,
    /// Full scale of drops in the second circuit, V
    #[arg(long, value_name = "V", value_parser = number)]
    adjoint_range: Option<f64>,
    /// Full scale of the outputs, V
    #[arg(long, value_name = "V", value_parser = number)]
    output_range: Option<f64>,
    /// Noise of all readings, V rms
    #[arg(long, value_name = "V", value_parser = number)]
    noise: Option<f64>,
    /// Relative deviation of realised from programmed conductances
    #[arg(long, value_name = "SIGMA", value_parser = number)]
    mismatch: Option<f64>,
    /// Deviation of the logarithm of the diodes' IS
    #[arg(long, value_name = "SIGMA", value_parser = number)]
    diode_mismatch: Option<f64>,
    /// Values that a conductance can take between its bounds
    #[arg(long, value_name = "N", conflicts_with = "step")]
    levels: Option<u32>,
    /// Step of a conductance, S
    #[arg(long, value_name = "S", value_parser = number)]
    step: Option<f64>,
    /// Least conductance, S
    #[arg(long, value_name = "S", value_parser = number)]
    min: Option<f64>,
    /// Largest conductance, S
    #[arg(long, value_name = "S", value_parser = number)]
    max: Option<f64>,
    /// Part of its way to the lower bound that a conductance goes with each update
    #[arg(long, value_name = "X", value_parser = number)]
    drift: Option<f64>,
    /// Current into an output of the second circuit for a derivative of 1/V, A
    #[arg(long, value_name = "A", value_parser = number)]
    injection: Option<f64>,
}

fn number(text: &str) -> Result<f64, String> {
    let number = parse_number(text.trim()).filter(|x| *x >= 0.0 && x.is_finite());
    number.ok_or_else(|| "expected a number such as 0.05, 1m or 10u".to_string())
}

impl Effects {
    /// Those of the file, with what is given here in their place.
    fn over(&self, file: BenchConfig) -> BenchConfig {
        let mut bench = file;
        if self.ideal {
            // The ranges of meters are no effect without their bits.
            bench = BenchConfig {
                bits: None,
                ..Effect::only(&[Effect::Resolution], &file)
            };
        }
        bench.bits = self.bits.or(bench.bits);
        bench.range = self.range.or(bench.range);
        bench.adjoint_range = self.adjoint_range.or(bench.adjoint_range);
        bench.output_range = self.output_range.or(bench.output_range);
        if self.levels.is_some() || self.step.is_some() {
            (bench.levels, bench.step) = (self.levels, self.step);
        }
        bench.min = self.min.or(bench.min);
        bench.max = self.max.or(bench.max);
        bench.noise = self.noise.unwrap_or(bench.noise);
        bench.mismatch = self.mismatch.unwrap_or(bench.mismatch);
        bench.diode_mismatch = self.diode_mismatch.unwrap_or(bench.diode_mismatch);
        bench.drift = self.drift.unwrap_or(bench.drift);
        bench.injection = self.injection.unwrap_or(bench.injection);
        bench
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::settings::pool(arguments.threads)?.install(|| train(arguments))
}

fn train(arguments: &Arguments) -> Result<(), Failure> {
    check_out(arguments)?;
    let mut loaded = LoadedConfig::read(&arguments.config)?;
    if let Some(folder) = &arguments.data {
        loaded.take_data_from(folder);
    }
    loaded.config.epochs = arguments.epochs.unwrap_or(loaded.config.epochs);
    let bench = arguments
        .effects
        .over(loaded.config.bench.unwrap_or_default());
    bench.validate()?;
    let seeds = match arguments.seeds.as_slice() {
        [] => vec![loaded.config.seed],
        seeds => seeds.to_vec(),
    };
    let configurations = match arguments.table {
        true => rows(&bench),
        false => vec![(Effect::list(&bench), bench)],
    };
    let epochs = loaded.config.epochs;
    let watch = |effects: &str, seed: u64, report: &EpochReport| {
        if !arguments.table || report.epoch == epochs {
            crate::note!("{}", epoch_line(effects, seed, report, epochs));
        }
    };
    let table = effects_table(&loaded, configurations, &seeds, watch)?;
    let text = match arguments.format.chosen() {
        Format::Csv => report::csv(&table),
        Format::Json => json::text(&report::json(&table)),
        Format::Table => report::table(&table),
    };
    emit(text, arguments.out.as_deref())
}

fn epoch_line(effects: &str, seed: u64, report: &EpochReport, epochs: usize) -> String {
    let mut line = format!(
        "{effects}, seed {seed}: epoch {:>3}/{epochs}  loss {:.4}",
        report.epoch, report.train.loss
    );
    for (name, evaluation) in [("train", &report.train), ("test", &report.test)] {
        if evaluation.predicted_classes {
            line += &format!("  {name} {:.2} %", 100.0 * evaluation.accuracy);
        }
    }
    line
}

/// Refuses to write over the training file.
fn check_out(arguments: &Arguments) -> Result<(), Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let place = arguments.out.as_deref().and_then(real);
    if place.is_some() && place == real(&arguments.config) {
        let message = "error: --out would overwrite the training file";
        return Err(Failure::arguments(message));
    }
    Ok(())
}
