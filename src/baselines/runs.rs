//! The same training from several seeds.

/// What training from one seed gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub seed: u64,
    /// Test error after each epoch, in parts of one.
    pub errors: Vec<f64>,
}

/// Mean and spread of one number over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// Root of the unbiased variance; none of a single number.
    pub deviation: Option<f64>,
}

impl Spread {
    pub fn of(numbers: &[f64]) -> Self {
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        let squares = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let deviation = (numbers.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        Self { mean, deviation }
    }

    /// Of the test errors after each epoch of runs of the same length.
    pub fn by_epoch(runs: &[Run]) -> Vec<Self> {
        let epochs = runs.iter().map(|run| run.errors.len()).min();
        let errors = |epoch: usize| runs.iter().map(|run| run.errors[epoch]).collect::<Vec<_>>();
        let epochs = 0..epochs.unwrap_or(0);
        epochs.map(|epoch| Self::of(&errors(epoch))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_one_number_is_unknown() {
        assert_eq!(Spread::of(&[0.5]).deviation, None);
        let three = Spread::of(&[1.0, 2.0, 3.0]);
        assert_eq!((three.mean, three.deviation), (2.0, Some(1.0)));
    }
}
