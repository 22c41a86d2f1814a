//! Test errors of baselines by epoch and seed.

use serde_json::{Value, json};

use crate::baselines::{Run, Spread};

use super::json::SCHEMA;
use super::table::columns;

/// One line for each epoch, per cent, then the last one in words.
pub fn table(runs: &[Run], spreads: &[Spread]) -> String {
    let percent = |error: f64| format!("{:.2}", 100.0 * error);
    let deviation = |spread: &Spread| spread.deviation.map_or("-".to_string(), percent);
    let mut header = vec!["epoch".to_string()];
    header.extend(runs.iter().map(|run| format!("seed {}", run.seed)));
    header.extend(["mean".to_string(), "deviation".to_string()]);
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let row = |(epoch, spread): (usize, &Spread)| {
        let mut row = vec![(epoch + 1).to_string()];
        row.extend(runs.iter().map(|run| percent(run.errors[epoch])));
        row.extend([percent(spread.mean), deviation(spread)]);
        row
    };
    let rows: Vec<_> = spreads.iter().enumerate().map(row).collect();
    let mut text = format!(
        "test error, %\n\n{}",
        columns(&names, &rows, &vec![true; names.len()])
    );
    if let Some(last) = spreads.last() {
        text += &format!(
            "\ntest error {} % after {} epochs",
            percent(last.mean),
            spreads.len()
        );
        if runs.len() > 1 {
            let (count, deviation) = (runs.len(), deviation(last));
            text += &format!(", mean of {count} seeds, deviation {deviation} %");
        }
        text.push('\n');
    }
    text
}

/// A line for each seed and epoch; errors in parts of one.
pub fn csv(runs: &[Run]) -> String {
    let mut text = String::from("seed,epoch,test_error\n");
    for run in runs {
        for (epoch, error) in run.errors.iter().enumerate() {
            text += &format!("{},{},{error}\n", run.seed, epoch + 1);
        }
    }
    text
}

/// `name` and `options` of the baseline, then everything in parts of one.
pub fn json(name: &str, options: &Value, runs: &[Run], spreads: &[Spread]) -> Value {
    let run = |run: &Run| json!({ "seed": run.seed, "test_errors": run.errors });
    let means: Vec<f64> = spreads.iter().map(|spread| spread.mean).collect();
    let deviations: Vec<_> = spreads.iter().map(|spread| spread.deviation).collect();
    json!({
        "schema": SCHEMA,
        "baseline": name,
        "options": options,
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
        "mean": means,
        "deviation": deviations,
    })
}
