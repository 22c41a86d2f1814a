//! The target column of a CSV file: classes or numbers.

use std::collections::BTreeSet;

use crate::cells::finite;

use super::{DataError, Targets};

/// Whole numbers from here on are no class.
pub const CLASS_LIMIT: usize = 10_000;

/// The text of one sample's target.
pub struct Target {
    pub text: String,
    /// The byte at which its record starts.
    pub start: usize,
}

/// Makes classes or values of the texts; `bad` turns a text and what was expected into an error.
pub fn interpret(
    targets: &[Target],
    classes: Option<bool>,
    bad: impl Fn(&Target, &str) -> DataError,
) -> Result<Targets, DataError> {
    match classes.unwrap_or_else(|| look_like_classes(targets)) {
        true => classes_of(targets, bad),
        false => values_of(targets, bad),
    }
}

/// Text, or exactly the numbers 0, 1, … k-1 with k at least 2.
///
/// A target with some numbers is a column of numbers with a slip in it.
fn look_like_classes(targets: &[Target]) -> bool {
    let distinct: BTreeSet<&str> = targets.iter().map(|target| &*target.text).collect();
    let numbers: BTreeSet<usize> = distinct.iter().flat_map(|text| text.parse()).collect();
    let all_whole = numbers.len() == distinct.len();
    let without_gap = numbers.len() > 1 && numbers.last() == Some(&(numbers.len() - 1));
    match all_whole {
        true => without_gap,
        false => !distinct.iter().any(|text| text.parse::<f64>().is_ok()),
    }
}

/// Whole numbers are the classes themselves; any other labels are numbered in sorted order.
fn classes_of(
    targets: &[Target],
    bad: impl Fn(&Target, &str) -> DataError,
) -> Result<Targets, DataError> {
    if let Some(target) = targets.iter().find(|target| target.text.is_empty()) {
        return Err(bad(target, "a label"));
    }
    let numbers: Option<Vec<usize>> = targets.iter().map(|t| t.text.parse().ok()).collect();
    let labels = numbers.unwrap_or_else(|| rank(targets));
    if let Some(index) = labels.iter().position(|&label| label >= CLASS_LIMIT) {
        return Err(bad(&targets[index], "a class number below 10000"));
    }
    let count = labels.iter().max().map_or(0, |largest| largest + 1);
    Ok(Targets::Classes { count, labels })
}

/// The place of each label among the sorted labels.
fn rank(targets: &[Target]) -> Vec<usize> {
    let distinct: BTreeSet<&str> = targets.iter().map(|target| &*target.text).collect();
    let sorted: Vec<&str> = distinct.into_iter().collect();
    let rank_of = |target: &Target| sorted.partition_point(|&label| label < &*target.text);
    targets.iter().map(rank_of).collect()
}

fn values_of(
    targets: &[Target],
    bad: impl Fn(&Target, &str) -> DataError,
) -> Result<Targets, DataError> {
    let value =
        |target: &Target| finite(&target.text).ok_or_else(|| bad(target, "a finite number"));
    let values = targets.iter().map(value).collect::<Result<_, _>>()?;
    Ok(Targets::Values { width: 1, values })
}
