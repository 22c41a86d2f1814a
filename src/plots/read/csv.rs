//! Comma-separated values of `run`, `op --inputs` and `compare-gradients`.

use crate::analysis::dataset::Dataset;

use super::super::{Content, Estimate};
use super::named_columns;

const ESTIMATES: &str = "estimator,beta,group,";

pub(super) fn content(text: &str) -> Result<Content, String> {
    if text.starts_with(ESTIMATES) {
        return estimates(text).map(Content::Estimates);
    }
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let datasets: Vec<Dataset> = blocks.map(block).collect::<Result<_, _>>()?;
    match datasets.is_empty() {
        true => Err("the file is empty".to_string()),
        false => Ok(Content::Results(datasets)),
    }
}

/// A header and rows of as many numbers.
fn block(text: &str) -> Result<Dataset, String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?;
    let names: Vec<String> = header.iter().map(str::to_string).collect();
    let mut rows = Vec::new();
    for (k, record) in reader.records().enumerate() {
        let record = record.map_err(|error| error.to_string())?;
        let number = |(name, cell): (&String, &str)| match cell.trim().parse::<f64>() {
            Ok(number) => Ok(number),
            Err(_) => Err(format!(
                "row {} has `{cell}` in `{name}`, which is no number",
                k + 1
            )),
        };
        let row = names.iter().zip(record.iter()).map(number);
        rows.push(row.collect::<Result<Vec<f64>, String>>()?);
    }
    Ok(named_columns(&names, rows))
}

/// Lines of the whole gradient; those without one say why, which is no part of a curve.
fn estimates(text: &str) -> Result<Vec<Estimate>, String> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let place = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.ok_or_else(|| format!("there is no column `{name}`"))
    };
    let (beta, error) = (place("beta")?, place("relative_error")?);
    let mut found: Vec<Estimate> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let number = |k: usize| record.get(k).and_then(|cell| cell.parse::<f64>().ok());
        let Some(error) = number(error) else {
            continue;
        };
        Estimate::push(
            &mut found,
            record.get(0).unwrap_or_default(),
            number(beta),
            error,
        );
    }
    Ok(found)
}
