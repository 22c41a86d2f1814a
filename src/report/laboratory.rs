//! Training on a bench as a table for people, CSV and JSON.

use serde_json::{Value, json};

use crate::laboratory::{Row, RunOutcome};

use super::csv::field;
use super::json::SCHEMA;
use super::table::columns;

/// One line for each configuration: means over the seeds, and the least and largest accuracy.
pub fn table(rows: &[Row]) -> String {
    let header = [
        "bench",
        "train loss",
        "test loss",
        "test accuracy",
        "least",
        "largest",
        "lost to the first",
    ];
    let accuracy = |row: &Row| row.summary(|run| run.accuracy);
    let first = rows.first().and_then(accuracy);
    // What rounds to nothing has no sign.
    let rounded = |x: f64| (1e4 * x).round() / 1e2 + 0.0;
    let percent = |x: Option<f64>| x.map_or("-".to_string(), |x| format!("{:.2} %", rounded(x)));
    let number = |x: Option<[f64; 3]>| x.map_or("-".to_string(), |[x, ..]| format!("{x:.4}"));
    let line = |row: &Row| {
        let own = accuracy(row);
        let lost = first.zip(own).map(|([first, ..], [own, ..])| first - own);
        vec![
            row.effects.clone(),
            number(row.summary(|run| Some(run.train_loss))),
            number(row.summary(|run| Some(run.test_loss))),
            percent(own.map(|[mean, ..]| mean)),
            percent(own.map(|[_, least, _]| least)),
            percent(own.map(|[.., largest]| largest)),
            percent(lost),
        ]
    };
    let lines: Vec<_> = rows.iter().map(line).collect();
    let right = [false, true, true, true, true, true, true];
    let runs = rows.first().map_or(&[][..], |row| &row.runs);
    let seeds: Vec<String> = runs.iter().map(|run| run.seed.to_string()).collect();
    let epochs = runs.first().map_or(0, |run| run.epochs);
    let plural = if seeds.len() == 1 { "" } else { "s" };
    format!(
        "after {epochs} epochs, seed{plural} {}\n\n{}",
        seeds.join(", "),
        columns(&header, &lines, &right)
    )
}

/// One line for each run.
pub fn csv(rows: &[Row]) -> String {
    let mut text = String::from("bench,seed,epochs,train_loss,test_loss,test_accuracy\n");
    for row in rows {
        for run in &row.runs {
            let accuracy = run.accuracy.map_or(String::new(), |a| a.to_string());
            text += &format!(
                "{},{},{},{:e},{:e},{accuracy}\n",
                field(&row.effects),
                run.seed,
                run.epochs,
                run.train_loss,
                run.test_loss
            );
        }
    }
    text
}

/// Everything, with the effects of each row.
pub fn json(rows: &[Row]) -> Value {
    let run = |run: &RunOutcome| {
        json!({
            "seed": run.seed,
            "epochs": run.epochs,
            "train_loss": run.train_loss,
            "test_loss": run.test_loss,
            "test_accuracy": run.accuracy,
        })
    };
    let row = |row: &Row| {
        json!({
            "bench": row.effects,
            "effects": row.bench,
            "runs": row.runs.iter().map(run).collect::<Vec<_>>(),
        })
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    json!({ "schema": SCHEMA, "rows": rows })
}
