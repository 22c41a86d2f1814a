//! The same training on the ideal bench, with each effect alone, and with all of them.

use crate::learning::{BenchConfig, EpochReport, LoadedConfig};

use super::{BenchTrainer, Effect, LaboratoryError};

/// One run to its last epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    pub seed: u64,
    pub epochs: usize,
    /// Mean over the last epoch, measured on the way.
    pub train_loss: f64,
    pub test_loss: f64,
    /// Part of the test samples whose class is right; none without classes or test samples.
    pub accuracy: Option<f64>,
}

/// One configuration over all seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// In words: `ideal`, `8 bits`, …
    pub effects: String,
    pub bench: BenchConfig,
    pub runs: Vec<RunOutcome>,
}

impl Row {
    /// Mean, least and largest over the seeds of a number that every run has.
    pub fn summary(&self, number: impl Fn(&RunOutcome) -> Option<f64>) -> Option<[f64; 3]> {
        let numbers: Option<Vec<f64>> = self.runs.iter().map(number).collect();
        let numbers = numbers.filter(|n| !n.is_empty())?;
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some([mean, least, largest])
    }
}

/// The configurations of a table: ideal, each effect of `bench` alone, all of them if there are several.
pub fn rows(bench: &BenchConfig) -> Vec<(String, BenchConfig)> {
    let present: Vec<Effect> = Effect::ALL.into_iter().filter(|e| e.is_in(bench)).collect();
    let ideal = ("ideal".to_string(), Effect::only(&[], bench));
    let alone = present
        .iter()
        .map(|e| (e.describe(bench), Effect::only(&[*e], bench)));
    let all = (present.len() > 1).then(|| ("all of these".to_string(), *bench));
    std::iter::once(ideal).chain(alone).chain(all).collect()
}

/// Trains every configuration with every seed; `watch` sees each epoch of each run.
///
/// # Errors
/// The first run that fails.
pub fn effects_table(
    loaded: &LoadedConfig,
    configurations: Vec<(String, BenchConfig)>,
    seeds: &[u64],
    mut watch: impl FnMut(&str, u64, &EpochReport),
) -> Result<Vec<Row>, LaboratoryError> {
    let mut table = Vec::with_capacity(configurations.len());
    for (effects, bench) in configurations {
        let mut runs = Vec::with_capacity(seeds.len());
        for &seed in seeds {
            let mut loaded = loaded.clone();
            loaded.config.seed = seed;
            let watch = |report: &EpochReport| watch(&effects, seed, report);
            runs.push(run(&loaded, bench, watch)?);
        }
        table.push(Row {
            effects,
            bench,
            runs,
        });
    }
    Ok(table)
}

fn run(
    loaded: &LoadedConfig,
    bench: BenchConfig,
    mut watch: impl FnMut(&EpochReport),
) -> Result<RunOutcome, LaboratoryError> {
    let mut trainer = BenchTrainer::new(loaded, bench)?;
    let epochs = loaded.config.epochs;
    let mut train_loss = f64::NAN;
    for _ in 0..epochs {
        let report = trainer.train_epoch()?;
        train_loss = report.train.loss;
        watch(&report);
    }
    let test = trainer.test()?;
    let accuracy = (test.predicted_classes && test.samples > 0).then_some(test.accuracy);
    Ok(RunOutcome {
        seed: loaded.config.seed,
        epochs,
        train_loss,
        test_loss: test.loss,
        accuracy,
    })
}
