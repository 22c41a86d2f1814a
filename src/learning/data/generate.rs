//! Small problems drawn from a formula: enough to see what a circuit can and cannot learn.

use std::f64::consts::{PI, TAU};

use serde::{Deserialize, Serialize};

use super::random::SampleRandom;
use super::{Dataset, Targets, digits};

/// A problem to draw samples from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generator {
    /// The corners of a square; class 1 where the signs of the two features differ.
    Xor,
    /// Two interleaved half circles.
    Moons,
    /// A ring (class 0) around a smaller one (class 1).
    Circles,
    /// Two spiral arms.
    Spirals,
    /// Handwritten-looking digits of 8 × 8 pixels; background 0, ink 1.
    Digits,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneratorOptions {
    pub samples: usize,
    /// Standard deviation of the Gaussian noise, in units of a feature.
    pub noise: f64,
    pub seed: u64,
}

impl Default for GeneratorOptions {
    fn default() -> Self {
        Self {
            samples: 1000,
            noise: 0.1,
            seed: 0,
        }
    }
}

impl Generator {
    pub const ALL: [Generator; 5] = [
        Generator::Xor,
        Generator::Moons,
        Generator::Circles,
        Generator::Spirals,
        Generator::Digits,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Generator::Xor => "xor",
            Generator::Moons => "moons",
            Generator::Circles => "circles",
            Generator::Spirals => "spirals",
            Generator::Digits => "digits",
        }
    }

    pub fn features(self) -> usize {
        match self {
            Generator::Digits => digits::DIGIT_SIDE * digits::DIGIT_SIDE,
            _ => 2,
        }
    }

    pub fn classes(self) -> usize {
        match self {
            Generator::Digits => 10,
            _ => 2,
        }
    }
}

/// Draws samples whose classes come in turn, so that every prefix is balanced.
///
/// Sample i depends on the seed, the noise and i alone.
pub fn generate(generator: Generator, options: &GeneratorOptions) -> Dataset {
    let count = generator.classes();
    let inputs: Vec<f64> = (0..options.samples)
        .flat_map(|sample| draw(generator, sample, options))
        .collect();
    let labels = (0..options.samples).map(|sample| sample % count).collect();
    Dataset {
        features: generator.features(),
        inputs: inputs.into(),
        targets: Targets::Classes { count, labels },
    }
}

fn draw(generator: Generator, sample: usize, options: &GeneratorOptions) -> Vec<f64> {
    let mut random = SampleRandom::new(options.seed, sample);
    let class = sample % generator.classes();
    let point = match generator {
        Generator::Xor => corner(sample),
        Generator::Moons => moon(class, &mut random),
        Generator::Circles => circle(class, &mut random),
        Generator::Spirals => spiral(class, &mut random),
        Generator::Digits => return digits::draw(class, options.noise, &mut random),
    };
    point
        .map(|value| value + random.gaussian(options.noise))
        .to_vec()
}

/// The four corners in turn around the square, so that the class alternates.
fn corner(sample: usize) -> [f64; 2] {
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]][sample % 4]
}

/// A half circle; the moons together fill the square from -1 to 1.
fn moon(class: usize, random: &mut SampleRandom) -> [f64; 2] {
    let (sin, cos) = random.uniform(0.0, PI).sin_cos();
    let [x, y] = match class {
        0 => [cos, sin],
        _ => [1.0 - cos, 0.5 - sin],
    };
    [(x - 0.5) / 1.5, (y - 0.25) / 0.75]
}

fn circle(class: usize, random: &mut SampleRandom) -> [f64; 2] {
    let radius = [1.0, 0.5][class];
    let (sin, cos) = random.uniform(0.0, TAU).sin_cos();
    [radius * cos, radius * sin]
}

/// An arm of one and a quarter turns; the other class is the same arm turned by half a circle.
fn spiral(class: usize, random: &mut SampleRandom) -> [f64; 2] {
    // The square root spreads the samples evenly along the arm.
    let along = random.uniform(0.0, 1.0).sqrt();
    let radius = 0.1 + 0.9 * along;
    let (sin, cos) = (1.25 * TAU * along + PI * class as f64).sin_cos();
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(samples: usize, noise: f64, seed: u64) -> GeneratorOptions {
        GeneratorOptions {
            samples,
            noise,
            seed,
        }
    }

    fn labels(data: &Dataset) -> &[usize] {
        match &data.targets {
            Targets::Classes { labels, .. } => labels,
            Targets::Values { .. } => panic!("a generator draws classes"),
        }
    }

    #[test]
    fn equal_seeds_draw_equal_samples() {
        for generator in Generator::ALL {
            let first = generate(generator, &options(40, 0.1, 7));
            assert_eq!(first, generate(generator, &options(40, 0.1, 7)));
            assert_ne!(first, generate(generator, &options(40, 0.1, 8)));
            first.validate().unwrap();
        }
    }

    #[test]
    fn a_sample_does_not_depend_on_the_number_of_samples() {
        for generator in Generator::ALL {
            let few = generate(generator, &options(30, 0.2, 1));
            let many = generate(generator, &options(50, 0.2, 1));
            assert_eq!(few, many.split(30).0);
        }
    }

    #[test]
    fn classes_are_balanced() {
        for generator in Generator::ALL {
            let data = generate(generator, &options(200, 0.1, 2));
            for class in 0..generator.classes() {
                let count = labels(&data).iter().filter(|&&label| label == class);
                assert_eq!(count.count(), 200 / generator.classes());
            }
        }
    }

    #[test]
    fn clean_planar_samples_fill_the_square() {
        for generator in &Generator::ALL[..4] {
            let data = generate(*generator, &options(400, 0.0, 3));
            let largest = data
                .inputs
                .all()
                .iter()
                .fold(0.0, |m: f64, v| m.max(v.abs()));
            assert!(largest <= 1.0 + 1e-12, "{generator:?} {largest}");
            assert!(largest > 0.9, "{generator:?} {largest}");
        }
    }

    #[test]
    fn xor_follows_its_signs() {
        let data = generate(Generator::Xor, &options(80, 0.1, 4));
        for (sample, &label) in labels(&data).iter().enumerate() {
            let [x, y] = data.input(sample).to_vec()[..] else {
                panic!("two features")
            };
            assert_eq!(label == 1, x * y < 0.0);
        }
    }

    #[test]
    fn digits_stay_between_paper_and_ink() {
        let data = generate(Generator::Digits, &options(200, 0.5, 5));
        assert_eq!(data.features, 64);
        assert!(
            data.inputs
                .all()
                .iter()
                .all(|pixel| (0.0..=1.0).contains(&pixel))
        );
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        for generator in Generator::ALL {
            let text = serde_json::to_string(&generator).unwrap();
            assert_eq!(text, format!("\"{}\"", generator.name()));
        }
    }
}
