//! Pictures of run folders, of one or of several.

use std::path::{Path, PathBuf};

use crate::circuit::Circuit;
use crate::device::Device;
use crate::drawing::before_and_after;
use crate::learning::{Checkpoint, LoadedConfig, Trainer};
use crate::report::picture::{Curves, Panel, Series, YScale, draw_curves};

use super::plot::Shown;
use super::run_folder::{LogLine, RunFolder, log_of};
use super::{Failure, pictures};

/// Bins of a histogram of conductances.
const BINS: usize = 48;

/// Whether a folder has the log of a run.
pub fn is_run(path: &Path) -> bool {
    log_of(path).is_ok_and(|log| !log.is_empty())
}

/// Loss and accuracy over epochs; of several runs the mean, between the lowest and the highest.
pub fn curves_of_runs(runs: &[PathBuf]) -> Result<String, Failure> {
    let logs: Vec<Vec<LogLine>> = runs
        .iter()
        .map(|run| log_of(run))
        .collect::<Result<_, _>>()?;
    if let [log] = &logs[..] {
        return Ok(pictures::training_curve(log));
    }
    let percent = |x: Option<f64>| x.map(|a| 100.0 * a);
    let panel = |title: &str, train: Reading, test: Reading| Panel {
        y_title: title.to_string(),
        series: [("train", train), ("test", test)]
            .into_iter()
            .filter_map(|(name, reading)| spread(&logs, name, reading))
            .collect(),
        ..Panel::default()
    };
    let mut panels = vec![
        panel("loss", &|l| Some(l.loss), &|l| l.test_loss),
        panel("accuracy, %", &|l| percent(l.train_accuracy), &|l| {
            percent(l.test_accuracy)
        }),
    ];
    panels.retain(|panel| !panel.series.is_empty());
    let names = runs.iter().filter_map(|run| run.file_name());
    let names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    Ok(draw_curves(&Curves {
        title: format!("Training, {} runs", runs.len()),
        subtitle: format!(
            "mean, between the lowest and the highest, of {}",
            names.join(", ")
        ),
        x_title: "epoch".to_string(),
        counts: true,
        panels,
        ..Curves::default()
    }))
}

/// A number of a line of a log, if it has it.
type Reading<'a> = &'a dyn Fn(&LogLine) -> Option<f64>;

/// Mean and range over all runs that have an epoch.
fn spread(logs: &[Vec<LogLine>], name: &str, reading: Reading) -> Option<Series> {
    let last = logs.iter().flatten().map(|line| line.epoch).max()?;
    let mut series = Series {
        name: name.to_string(),
        ..Series::default()
    };
    for epoch in 1..=last {
        let lines = logs.iter().flatten().filter(|line| line.epoch == epoch);
        let values: Vec<f64> = lines
            .filter_map(reading)
            .filter(|v| v.is_finite())
            .collect();
        if values.is_empty() {
            continue;
        }
        let x = epoch as f64;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        series.points.push((x, mean));
        series.band.push((x, lowest, highest));
    }
    (!series.points.is_empty()).then_some(series)
}

/// A picture of the trained circuit of one run.
pub fn of_run(run: &Path, data: Option<&Path>, shown: Shown) -> Result<String, Failure> {
    let folder = RunFolder::open(run)?;
    let mut loaded = LoadedConfig::read(&folder.config())?;
    if let Some(data) = data {
        loaded.take_data_from(data);
    }
    let mut trainer = Trainer::new(&loaded)?;
    let before = trainer.circuit().clone();
    let checkpoint = Checkpoint::read(&folder.checkpoint())?;
    trainer.take_parameters(checkpoint, &folder.checkpoint())?;
    match shown {
        Shown::Decision if trainer.train.features == 2 && trainer.has_classes() => {
            Ok(pictures::map_decisions(&mut trainer)?)
        }
        Shown::Decision => Err(Failure::arguments(format!(
            "error: no map of decisions: the run has {} features{}\n  help: a map wants two features and \
             classes, as moons, circles and spirals have",
            trainer.train.features,
            if trainer.has_classes() { "" } else { " and no classes" },
        ))),
        Shown::Crossbars => before_and_after(&before, trainer.circuit()).ok_or_else(|| {
            Failure::arguments(
                "error: the circuit of the run has no crossbar\n  help: --show conductances shows a \
                 histogram",
            )
        }),
        Shown::Conductances | Shown::Curves => Ok(histogram(&before, trainer.circuit())),
    }
}

/// Resistors by conductance.
pub fn histogram(before: &Circuit, after: &Circuit) -> String {
    let [before, after] = [before, after].map(logarithms);
    let all = before.iter().chain(&after).copied();
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| {
        (l.min(x), h.max(x))
    });
    let width = ((high - low) / BINS as f64).max(1e-3);
    let series = |name: &str, logs: &[f64]| {
        let mut counts = vec![0usize; BINS];
        for log in logs {
            counts[(((log - low) / width) as usize).min(BINS - 1)] += 1;
        }
        // Steps: both ends of each bin, down to nothing at the ends of all.
        let edge = |k: usize| 10f64.powf(low + width * k as f64);
        let mut points = vec![(edge(0), 0.0)];
        for (k, &count) in counts.iter().enumerate() {
            points.extend([(edge(k), count as f64), (edge(k + 1), count as f64)]);
        }
        points.push((edge(BINS), 0.0));
        Series {
            name: name.to_string(),
            points,
            is_step: true,
            ..Series::default()
        }
    };
    draw_curves(&Curves {
        title: "Conductances before training and after".to_string(),
        subtitle: format!("{} resistors", after.len()),
        x_title: "conductance, S".to_string(),
        log_x: true,
        panels: vec![Panel {
            y_title: "resistors".to_string(),
            series: vec![series("before", &before), series("after", &after)],
            scale: YScale::Linear,
        }],
        ..Curves::default()
    })
}

/// Decimal logarithms of all conductances, S.
fn logarithms(circuit: &Circuit) -> Vec<f64> {
    let mut logs = Vec::new();
    for (_, element) in circuit.elements() {
        if let Device::Resistor { resistance } = element.device
            && resistance > 0.0
        {
            logs.push(-resistance.log10());
        }
    }
    logs
}
