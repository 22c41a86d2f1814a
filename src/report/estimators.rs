//! Estimates of gradients as a table for people, CSV, JSON and a picture.

use serde_json::{Value, json};

use crate::estimators::{Comparison, Cost, GroupError};
use crate::units::format_engineering;

use super::csv::field;
use super::json::SCHEMA;
use super::picture::{ErrorCurve, error_curves};
use super::table::columns;

/// Rows that have numbers.
fn rows(comparisons: &[Comparison]) -> impl Iterator<Item = (&Comparison, &GroupError, Cost)> {
    comparisons.iter().flat_map(|comparison| {
        let numbers = comparison.outcome.iter();
        numbers.flat_map(move |(groups, cost)| groups.iter().map(move |g| (comparison, g, *cost)))
    })
}

/// One line for each estimator, beta and group, then why others have none.
pub fn table(comparisons: &[Comparison], unit: f64, samples: usize) -> String {
    let header = [
        "estimator",
        "beta",
        "group",
        "parameters",
        "cosine",
        "relative error",
        "operating points",
        "linear solves",
    ];
    let optional =
        |value: Option<f64>, text: fn(f64) -> String| value.map_or("-".to_string(), text);
    let rows: Vec<_> = rows(comparisons)
        .map(|(comparison, group, cost)| {
            vec![
                comparison.estimator.to_string(),
                optional(comparison.beta, |b| format!("{b:e}")),
                group.group.clone(),
                group.parameters.to_string(),
                optional(group.cosine, |c| format!("{c:.9}")),
                optional(group.relative_error, |e| format!("{e:.3e}")),
                cost.operating_points.to_string(),
                cost.linear.to_string(),
            ]
        })
        .collect();
    let right = [false, true, false, true, true, true, true, true];
    let mut text = format!(
        "gradient of the mean loss of {samples} samples, beside the adjoint; beta = 1 is a nudge of {}\n\n{}",
        format_engineering(unit, 4, "S"),
        columns(&header, &rows, &right)
    );
    let mut told = None;
    for comparison in comparisons {
        if let Err(error) = &comparison.outcome {
            let message = error.to_string();
            // The reason is the same at each beta, as a rule.
            if told.as_ref() != Some(&message) {
                text += &format!("\n{message}\n");
            }
            told = Some(message);
        }
    }
    text
}

/// The same lines as comma-separated values; an estimate that there is none of has its reason in `error`.
pub fn csv(comparisons: &[Comparison]) -> String {
    let mut text = String::from(
        "estimator,beta,group,parameters,cosine,relative_error,operating_points,linear_solves,error\n",
    );
    let number = |value: Option<f64>| value.map_or(String::new(), |x| format!("{x:e}"));
    for comparison in comparisons {
        let start = format!("{},{}", comparison.estimator, number(comparison.beta));
        match &comparison.outcome {
            Ok((groups, cost)) => {
                for group in groups {
                    text += &format!(
                        "{start},{},{},{},{},{},{},\n",
                        field(&group.group),
                        group.parameters,
                        number(group.cosine),
                        number(group.relative_error),
                        cost.operating_points,
                        cost.linear
                    );
                }
            }
            Err(error) => text += &format!("{start},,,,,,,{}\n", field(&error.to_string())),
        }
    }
    text
}

/// Everything, by estimator and beta; `unit` is the conductance of beta = 1, S.
pub fn json(comparisons: &[Comparison], unit: f64) -> Value {
    let group = |g: &GroupError| {
        json!({
            "group": g.group,
            "parameters": g.parameters,
            "cosine": g.cosine,
            "relative_error": g.relative_error,
        })
    };
    let entry = |comparison: &Comparison| match &comparison.outcome {
        Ok((groups, cost)) => json!({
            "estimator": comparison.estimator.name(),
            "beta": comparison.beta,
            "groups": groups.iter().map(group).collect::<Vec<_>>(),
            "operating_points": cost.operating_points,
            "linear_solves": cost.linear,
        }),
        Err(error) => json!({
            "estimator": comparison.estimator.name(),
            "beta": comparison.beta,
            "error": error.to_string(),
        }),
    };
    let entries: Vec<_> = comparisons.iter().map(entry).collect();
    json!({ "schema": SCHEMA, "unit": unit, "estimates": entries })
}

/// Relative error of the whole gradient over beta, both logarithmic; errors of zero are left out.
pub fn picture(comparisons: &[Comparison]) -> String {
    let entries = comparisons.iter().filter_map(|comparison| {
        let (groups, _) = comparison.outcome.as_ref().ok()?;
        // The last entry is that of all parameters.
        let error = groups.last()?.relative_error?;
        Some((
            comparison.estimator.name().to_string(),
            comparison.beta,
            error,
        ))
    });
    picture_of(entries)
}

/// The same from names of estimators, betas and errors; an estimator without beta is a level.
pub fn picture_of(entries: impl Iterator<Item = (String, Option<f64>, f64)>) -> String {
    let mut curves: Vec<ErrorCurve> = Vec::new();
    for (name, beta, error) in entries {
        if curves.last().is_none_or(|curve| curve.name != name) {
            curves.push(ErrorCurve {
                name,
                points: Vec::new(),
                level: None,
            });
        }
        if let Some(curve) = curves.last_mut() {
            match beta {
                Some(beta) => curve.points.push((beta, error)),
                None => curve.level = Some(error),
            }
        }
    }
    error_curves(
        "Estimates beside the adjoint",
        "beta",
        "relative error",
        &curves,
    )
}
