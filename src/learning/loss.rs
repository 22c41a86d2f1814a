//! Losses of one sample and their derivative to the outputs.

use super::config::{ConfigError, LossConfig, LossKind};
use super::data::{Dataset, Targets};

/// A loss that fits the outputs and targets at hand.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    kind: LossKind,
    /// Factor on the outputs, 1/V.
    scale: f64,
    /// Two classes read as the sign of one output.
    is_signed: bool,
}

/// Loss of one sample and, for classes, whether it was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleLoss {
    pub loss: f64,
    /// The class that the outputs speak for.
    pub predicted: Option<usize>,
    pub correct: bool,
}

/// Numbers that a [`SampleLoss`] travels as.
pub(super) const WORDS: usize = 3;

impl SampleLoss {
    /// As numbers; none for a sample without a loss.
    pub(super) fn to_words(own: Option<&Self>) -> [f64; WORDS] {
        let Some(own) = own else {
            return [0.0, f64::NAN, 0.0];
        };
        let predicted = own.predicted.map_or(-1.0, |class| class as f64);
        [own.loss, predicted, f64::from(u8::from(own.correct))]
    }

    pub(super) fn from_words(words: &[f64]) -> Option<Self> {
        let predicted = words[1];
        (!predicted.is_nan()).then(|| Self {
            loss: words[0],
            predicted: (predicted >= 0.0).then_some(predicted as usize),
            correct: words[2] > 0.0,
        })
    }
}

impl Loss {
    /// # Errors
    /// If the number of outputs does not fit the targets, or classes are asked for and not there.
    pub fn new(config: LossConfig, outputs: usize, data: &Dataset) -> Result<Self, ConfigError> {
        let width = data.targets.width();
        let is_classes = matches!(data.targets, Targets::Classes { .. });
        let is_signed = is_classes && width == 2 && outputs == 1;
        if config.kind == LossKind::CrossEntropy && !is_classes {
            return Err(ConfigError::Value {
                field: "loss.kind".to_string(),
                value: "cross-entropy".to_string(),
                expected:
                    "squared-error, since the targets are numbers; labels are classes if they \
                           are text or exactly 0, 1, … k-1, or with format.classes = true"
                        .to_string(),
            });
        }
        if outputs != width && !is_signed {
            return Err(ConfigError::Mismatch {
                left_what: "outputs of the circuit",
                left: outputs,
                right_what: if is_classes {
                    "classes of the data"
                } else {
                    "targets of the data"
                },
                right: width,
                help: "read one output for each class or target (two classes may share one output)",
            });
        }
        Ok(Self {
            kind: config.kind,
            scale: config.scale,
            is_signed,
        })
    }

    /// Evaluates the loss at `outputs` (V or A) and writes its derivative to each output.
    pub fn evaluate(
        &self,
        outputs: &[f64],
        targets: &Targets,
        sample: usize,
        derivative: &mut [f64],
    ) -> SampleLoss {
        match (targets, self.kind) {
            (Targets::Values { width, values }, _) => {
                let target = &values[sample * width..(sample + 1) * width];
                let loss = self.squared(outputs, |k| target[k], derivative);
                SampleLoss {
                    loss,
                    predicted: None,
                    correct: false,
                }
            }
            (Targets::Classes { labels, .. }, LossKind::SquaredError) => {
                let label = labels[sample];
                let target = |k: usize| match self.is_signed {
                    true => 2.0 * label as f64 - 1.0,
                    false => f64::from(u8::from(k == label)),
                };
                let loss = self.squared(outputs, target, derivative);
                self.judge(loss, outputs, label)
            }
            (Targets::Classes { labels, .. }, LossKind::CrossEntropy) => {
                let label = labels[sample];
                let loss = if self.is_signed {
                    self.logistic(outputs[0], label, derivative)
                } else {
                    self.softmax(outputs, label, derivative)
                };
                self.judge(loss, outputs, label)
            }
        }
    }

    /// Curvature (1/V^2) and target (V or A) of each of `outputs` outputs, where the loss of the sample is
    /// `curvature/2 sum (y - target)^2`; none for other losses.
    pub fn quadratic(
        &self,
        targets: &Targets,
        sample: usize,
        outputs: usize,
    ) -> Option<(f64, Vec<f64>)> {
        if self.kind != LossKind::SquaredError {
            return None;
        }
        // The derivative at zero is -scale times the target, for classes and for numbers.
        let mut slope = vec![0.0; outputs];
        self.evaluate(&vec![0.0; outputs], targets, sample, &mut slope);
        let curvature = self.scale * self.scale;
        Some((
            curvature,
            slope.into_iter().map(|d| -d / curvature).collect(),
        ))
    }

    /// Probability of each class under a softmax of the outputs.
    pub fn probabilities(&self, outputs: &[f64]) -> Vec<f64> {
        if self.is_signed {
            let p = 1.0 / (1.0 + (-self.scale * outputs[0]).exp());
            return vec![1.0 - p, p];
        }
        let top = outputs
            .iter()
            .fold(f64::NEG_INFINITY, |m, y| m.max(self.scale * y));
        let weights: Vec<f64> = outputs
            .iter()
            .map(|y| (self.scale * y - top).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / total).collect()
    }

    fn judge(&self, loss: f64, outputs: &[f64], label: usize) -> SampleLoss {
        let predicted = if self.is_signed {
            usize::from(outputs[0] > 0.0)
        } else {
            let better = |best: usize, k: usize| if outputs[k] > outputs[best] { k } else { best };
            (0..outputs.len()).fold(0, better)
        };
        SampleLoss {
            loss,
            predicted: Some(predicted),
            correct: predicted == label,
        }
    }

    fn squared(
        &self,
        outputs: &[f64],
        target: impl Fn(usize) -> f64,
        derivative: &mut [f64],
    ) -> f64 {
        let mut loss = 0.0;
        for (k, (y, d)) in outputs.iter().zip(derivative).enumerate() {
            let error = self.scale * y - target(k);
            loss += 0.5 * error * error;
            *d = self.scale * error;
        }
        loss
    }

    /// `log(1 + exp(-s y))` with s the sign of the class.
    fn logistic(&self, output: f64, label: usize, derivative: &mut [f64]) -> f64 {
        let sign = 2.0 * label as f64 - 1.0;
        let z = sign * self.scale * output;
        derivative[0] = -sign * self.scale / (1.0 + z.exp());
        if z > 0.0 {
            (-z).exp().ln_1p()
        } else {
            z.exp().ln_1p() - z
        }
    }

    fn softmax(&self, outputs: &[f64], label: usize, derivative: &mut [f64]) -> f64 {
        let top = outputs
            .iter()
            .fold(f64::NEG_INFINITY, |m, y| m.max(self.scale * y));
        let mut total = 0.0;
        for (y, d) in outputs.iter().zip(derivative.iter_mut()) {
            *d = (self.scale * y - top).exp();
            total += *d;
        }
        for (k, d) in derivative.iter_mut().enumerate() {
            let hit = f64::from(u8::from(k == label));
            *d = self.scale * (*d / total - hit);
        }
        total.ln() + top - self.scale * outputs[label]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(count: usize) -> Dataset {
        let labels = (0..count).collect();
        Dataset {
            features: 1,
            inputs: vec![0.0; count].into(),
            targets: Targets::Classes { count, labels },
        }
    }

    fn derivative_is_the_slope(kind: LossKind, outputs: &[f64], data: &Dataset, sample: usize) {
        let loss = Loss::new(LossConfig { kind, scale: 1.7 }, outputs.len(), data).unwrap();
        let mut derivative = vec![0.0; outputs.len()];
        loss.evaluate(outputs, &data.targets, sample, &mut derivative);
        for k in 0..outputs.len() {
            let at = |h: f64| {
                let mut moved = outputs.to_vec();
                moved[k] += h;
                let mut ignored = vec![0.0; outputs.len()];
                loss.evaluate(&moved, &data.targets, sample, &mut ignored)
                    .loss
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (slope - derivative[k]).abs() < 1e-8,
                "{kind:?} {k}: {slope} {derivative:?}"
            );
        }
    }

    #[test]
    fn derivatives_are_slopes_of_the_loss() {
        for kind in [LossKind::SquaredError, LossKind::CrossEntropy] {
            derivative_is_the_slope(kind, &[0.3, -1.2, 0.8], &classes(3), 1);
            derivative_is_the_slope(kind, &[0.4], &classes(2), 0);
            derivative_is_the_slope(kind, &[0.4], &classes(2), 1);
        }
    }

    #[test]
    fn large_outputs_stay_finite() {
        let data = classes(2);
        let config = LossConfig {
            kind: LossKind::CrossEntropy,
            scale: 1.0,
        };
        let loss = Loss::new(config, 2, &data).unwrap();
        let mut derivative = [0.0; 2];
        let value = loss.evaluate(&[-900.0, 900.0], &data.targets, 0, &mut derivative);
        assert_eq!(value.loss, 1800.0);
        assert!(!value.correct);
    }
}
