//! Errors of estimators.

/// The error of one estimator at one strength of its nudge.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    pub estimator: String,
    pub beta: Option<f64>,
    pub relative_error: f64,
}

impl Estimate {
    /// Files list groups of parameters, all of them last: that one stays.
    pub(super) fn push(
        found: &mut Vec<Estimate>,
        estimator: &str,
        beta: Option<f64>,
        relative_error: f64,
    ) {
        match found.last_mut() {
            Some(last) if last.estimator == estimator && last.beta == beta => {
                last.relative_error = relative_error;
            }
            _ => found.push(Estimate {
                estimator: estimator.to_string(),
                beta,
                relative_error,
            }),
        }
    }
}
