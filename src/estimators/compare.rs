//! Estimates beside the exact gradient, group by group.

use super::{Bench, Cost, Estimate, Estimator, EstimatorError, Settings};

/// How far a part of an estimate is from the same part of the exact gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupError {
    /// The glob of the group in the training file; `all` for the whole gradient.
    pub group: String,
    pub parameters: usize,
    /// Cosine of the angle between the two; none where one of them is zero.
    pub cosine: Option<f64>,
    /// Length of the difference over that of the exact gradient; none where that is zero.
    pub relative_error: Option<f64>,
}

/// One estimator at one beta.
#[derive(Debug)]
pub struct Comparison {
    pub estimator: Estimator,
    /// None where the estimate does not depend on it.
    pub beta: Option<f64>,
    /// For each group, then for all parameters if there is more than one group; or why there is none.
    pub outcome: Result<(Vec<GroupError>, Cost), EstimatorError>,
}

/// Estimates the gradient of the mean loss at `samples` in every way, at every beta. What does not apply,
/// or fails, is told in its place.
///
/// # Errors
/// If the adjoint, beside which all others stand, cannot be had.
pub fn compare(
    bench: &mut Bench,
    estimators: &[Estimator],
    betas: &[f64],
    settings: &Settings,
    samples: &[usize],
) -> Result<Vec<Comparison>, EstimatorError> {
    let exact = bench.estimate(Estimator::Adjoint, settings, samples)?;
    let mut comparisons = Vec::new();
    for &estimator in estimators {
        let betas: Vec<_> = match estimator.depends_on_beta() {
            true => betas.iter().copied().map(Some).collect(),
            false => vec![None],
        };
        for beta in betas {
            let settings = Settings {
                beta: beta.unwrap_or(settings.beta),
                ..*settings
            };
            let estimate = bench.estimate(estimator, &settings, samples);
            let outcome = estimate.map(|e| (errors(bench, &exact, &e), e.cost));
            comparisons.push(Comparison {
                estimator,
                beta,
                outcome,
            });
        }
    }
    Ok(comparisons)
}

fn errors(bench: &Bench, exact: &Estimate, estimate: &Estimate) -> Vec<GroupError> {
    let whole = ("all".to_string(), 0..exact.gradient.len());
    let groups = bench.groups();
    let parts = groups.iter().chain((groups.len() > 1).then_some(&whole));
    parts
        .map(|(name, range)| {
            let (a, b) = (
                &exact.gradient[range.clone()],
                &estimate.gradient[range.clone()],
            );
            error(name, a, b)
        })
        .collect()
}

fn error(name: &str, exact: &[f64], estimate: &[f64]) -> GroupError {
    // Squares of tiny derivatives vanish: lengths are taken in units of the largest.
    let largest = |v: &[f64]| v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let (unit, other) = (largest(exact), largest(estimate));
    let product = |a: &[f64], b: &[f64], scale: f64, second: f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(x, y)| (x / scale) * (y / second))
            .sum()
    };
    let cosine = (unit > 0.0 && other > 0.0).then(|| {
        let lengths = product(exact, exact, unit, unit) * product(estimate, estimate, other, other);
        product(exact, estimate, unit, other) / lengths.sqrt()
    });
    let relative_error = (unit > 0.0).then(|| {
        let difference: Vec<f64> = exact.iter().zip(estimate).map(|(x, y)| y - x).collect();
        let square = product(&difference, &difference, unit, unit);
        (square / product(exact, exact, unit, unit)).sqrt()
    });
    GroupError {
        group: name.to_string(),
        parameters: exact.len(),
        cosine,
        relative_error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_angles_and_lengths() {
        let found = error("r", &[3.0, 4.0], &[3.0, 4.0 + 5.0]);
        assert_eq!(found.relative_error, Some(1.0));
        assert!((found.cosine.unwrap() - 0.9f64.sqrt()).abs() < 1e-15);
        let opposite = error("r", &[1e-200, 2e-200], &[-1e-200, -2e-200]);
        assert!((opposite.cosine.unwrap() + 1.0).abs() < 1e-15);
        assert_eq!(opposite.relative_error, Some(2.0));
    }

    #[test]
    fn nothing_has_no_angle() {
        let found = error("r", &[0.0], &[1.0]);
        assert_eq!((found.cosine, found.relative_error), (None, None));
        let found = error("r", &[1.0], &[0.0]);
        assert_eq!((found.cosine, found.relative_error), (None, Some(1.0)));
    }
}
