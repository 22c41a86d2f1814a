//! How time grows with size.

use super::{Record, SolverKind};

/// `time ~ size^exponent` of one solver on one family.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Exponent {
    pub family: String,
    pub solver: SolverKind,
    /// Of the whole process.
    pub process: f64,
    /// From equations to their solution.
    pub solution: Option<f64>,
    /// Points of the fit.
    pub points: usize,
}

/// The slope of the line through `(ln x, ln y)` with the least squares; none for fewer than two
/// different x, or numbers without a logarithm.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|p| (p.0.ln(), p.1.ln())).collect();
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = logs.iter().map(|p| (p.0 - x).powi(2)).sum();
    let product: f64 = logs.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let slope = product / spread;
    (spread > 0.0 && slope.is_finite()).then_some(slope)
}

/// A fit for each family and solver that has an answer at two sizes or more, over medians.
pub fn exponents(records: &[Record]) -> Vec<Exponent> {
    let mut keys: Vec<(String, SolverKind)> = Vec::new();
    for record in records {
        let key = (record.cell.subject.name(), record.cell.solver);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let fit = |(family, solver): (String, SolverKind)| {
        let own = records
            .iter()
            .filter(|r| r.cell.solver == solver && r.cell.subject.name() == family)
            .filter_map(|r| r.summary().map(|summary| (r.elements as f64, summary)));
        let process: Vec<_> = own.clone().map(|(n, s)| (n, s.process.median)).collect();
        let solution: Vec<_> = own.map(|(n, s)| (n, s.solution.median)).collect();
        Some(Exponent {
            process: slope(&process)?,
            solution: slope(&solution),
            points: process.len(),
            family,
            solver,
        })
    };
    keys.into_iter().filter_map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_fitted_exactly() {
        for exponent in [0.0, 1.0, 1.35, 3.0] {
            let at = |k: i32| (10f64.powi(k), 7e-6 * 10f64.powf(exponent * f64::from(k)));
            let fitted = slope(&[at(3), at(4), at(6)]).expect("a slope");
            assert!((fitted - exponent).abs() < 1e-14, "{fitted} for {exponent}");
        }
    }

    #[test]
    fn one_size_or_no_time_has_no_exponent() {
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[(10.0, 1.0), (10.0, 2.0)]), None);
        assert_eq!(slope(&[(10.0, 0.0), (100.0, 2.0)]), None);
    }
}
