//! JSON of `run` and `compare-gradients`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::analysis::dataset::{Dataset, Unit, Variable};

use super::super::{Content, Estimate};

#[derive(Deserialize)]
struct Column {
    name: String,
    unit: String,
    sweep: bool,
}

#[derive(Deserialize)]
struct Results {
    title: String,
    analysis: String,
    plot: String,
    variables: Vec<Column>,
    shape: Vec<usize>,
    steps: Map<String, Value>,
    data: Map<String, Value>,
}

#[derive(Deserialize)]
struct Entry {
    estimator: String,
    beta: Option<f64>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    relative_error: Option<f64>,
}

pub(super) fn content(text: &str) -> Result<Content, String> {
    let fault = |error: serde_json::Error| error.to_string();
    let mut value: Value = serde_json::from_str(text).map_err(fault)?;
    if value.get("datasets").is_some() {
        let datasets: Vec<Results> =
            serde_json::from_value(value["datasets"].take()).map_err(fault)?;
        let datasets = datasets.into_iter().map(dataset);
        return Ok(Content::Results(datasets.collect::<Result<_, _>>()?));
    }
    if value.get("estimates").is_some() {
        let entries: Vec<Entry> =
            serde_json::from_value(value["estimates"].take()).map_err(fault)?;
        let mut found = Vec::new();
        for entry in entries {
            // The last group is that of all parameters.
            if let Some(error) = entry.groups.last().and_then(|group| group.relative_error) {
                Estimate::push(&mut found, &entry.estimator, entry.beta, error);
            }
        }
        return Ok(Content::Estimates(found));
    }
    if value.get("converged").is_some() {
        return Err("it is one operating point; `ohmgrad draw DECK --op` draws it".to_string());
    }
    Err("the JSON has neither `datasets` nor `estimates`".to_string())
}

fn dataset(results: Results) -> Result<Dataset, String> {
    // Null stands for what is no finite number.
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let mut columns = Vec::new();
    for column in &results.variables {
        let numbers = results.data.get(&column.name).and_then(Value::as_array);
        let numbers = numbers.ok_or_else(|| format!("`data` has no array `{}`", column.name))?;
        columns.push(numbers.iter().map(number).collect::<Vec<f64>>());
    }
    let rows = columns.first().map_or(0, Vec::len);
    if let Some(k) = columns.iter().position(|column| column.len() != rows) {
        let name = &results.variables[k].name;
        return Err(format!(
            "the array `{name}` has another length than the first"
        ));
    }
    let variable = |column: Column| Variable {
        unit: Unit::of(&column.unit),
        name: column.name,
        is_sweep: column.sweep,
    };
    let steps = results.steps.iter();
    Ok(Dataset {
        title: results.title,
        analysis: results.analysis,
        plot: results.plot,
        variables: results.variables.into_iter().map(variable).collect(),
        shape: results.shape,
        rows: (0..rows)
            .map(|k| columns.iter().map(|column| column[k]).collect())
            .collect(),
        steps: steps
            .map(|(name, value)| (name.clone(), number(value)))
            .collect(),
    })
}
