//! What circuits are set beside: their gradients, their weights, and what they learn.

use std::process::{Command, Output};

use ohmgrad::baselines::{
    Hopfield, HopfieldOptions, Logistic, Model, Trainer, TrainerOptions, Weights,
};
use ohmgrad::learning::Evaluation;
use ohmgrad::learning::data::{Dataset, Generator, GeneratorOptions, generate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn digits(samples: usize) -> Dataset {
    let options = GeneratorOptions {
        samples,
        noise: 0.1,
        seed: 5,
    };
    generate(Generator::Digits, &options)
}

const OPTIONS: TrainerOptions = TrainerOptions {
    batch: 20,
    rate: 2e-3,
    decay: 0.9,
    seed: 3,
};

/// Mean loss of the first samples.
fn loss(model: &mut impl Model, theta: &[f64], data: &Dataset, samples: usize) -> f64 {
    let mut total = Evaluation::default();
    let indices: Vec<usize> = (0..samples).collect();
    model.evaluate(theta, data, &indices, &mut total);
    total.loss / samples as f64
}

/// Its derivatives by central differences.
fn differences(model: &mut impl Model, theta: &[f64], data: &Dataset, samples: usize) -> Vec<f64> {
    let step = 1e-6;
    let mut moved = theta.to_vec();
    let derivative = |k: usize| {
        moved[k] = theta[k] + step;
        let above = loss(model, &moved, data, samples);
        moved[k] = theta[k] - step;
        let below = loss(model, &moved, data, samples);
        moved[k] = theta[k];
        (above - below) / (2.0 * step)
    };
    (0..theta.len()).map(derivative).collect()
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.iter().zip(b);
    norm(&pairs.map(|(a, b)| a - b).collect::<Vec<_>>())
}

#[test]
fn the_logistic_gradient_is_that_of_differences() {
    let (samples, data) = (21, digits(60));
    let model = Logistic::new(&data).expect("classes");
    let mut trainer = Trainer::new(model, OPTIONS, (&data, &data));
    trainer.train_epoch().expect("finite numbers");
    let Trainer {
        mut model, theta, ..
    } = trainer;
    let indices: Vec<usize> = (0..samples).collect();
    let mut gradient = vec![f64::NAN; theta.len()];
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let batch = (&data, &indices[..]);
    let mut total = Evaluation::default();
    model.differentiate(&theta, batch, &mut random, &mut gradient, &mut total);
    let expected = differences(&mut model, &theta, &data, samples);
    let error = distance(&gradient, &expected) / norm(&expected);
    assert!(error < 1e-7, "{error:e}");
}

/// The error of one nudge is of order 1 in beta, whatever its sign.
#[test]
fn the_estimate_becomes_the_gradient_as_beta_falls() {
    let (samples, data) = (5, digits(60));
    for weights in [Weights::NonNegative, Weights::Signed] {
        let options = HopfieldOptions {
            hidden: 8,
            weights,
            free: 300,
            nudged: 300,
            ..HopfieldOptions::default()
        };
        let model = Hopfield::new(options, &data).expect("classes");
        let mut trainer = Trainer::new(model, OPTIONS, (&data, &data));
        trainer.train_epoch().expect("finite numbers");
        let Trainer {
            mut model, theta, ..
        } = trainer;
        let expected = differences(&mut model, &theta, &data, samples);
        let indices: Vec<usize> = (0..samples).collect();
        let mut error = |beta: f64| {
            let mut gradient = vec![f64::NAN; theta.len()];
            let mut total = Evaluation::default();
            model.estimate(&theta, (&data, &indices), beta, &mut gradient, &mut total);
            distance(&gradient, &expected) / norm(&expected)
        };
        for sign in [1.0, -1.0] {
            let errors = [1e-2, 1e-3, 1e-4].map(|beta| error(sign * beta));
            assert!(errors[0] > 1e-4 && errors[0] < 0.1, "{errors:?}");
            for pair in errors.windows(2) {
                let order = (pair[0] / pair[1]).log10();
                assert!((order - 1.0).abs() < 0.1, "{weights:?} {errors:?}");
            }
        }
    }
}

#[test]
fn weights_stay_non_negative() {
    let (train, test) = digits(400).split(300);
    let model = Hopfield::new(HopfieldOptions::default(), &train).expect("classes");
    let drawn = model.draw(OPTIONS.seed);
    let layers = model.layers();
    let mut trainer = Trainer::new(model, OPTIONS, (&train, &test));
    for _ in 0..3 {
        trainer.train_epoch().expect("finite numbers");
    }
    let bounded: Vec<_> = layers.iter().filter(|layer| layer.least == 0.0).collect();
    assert_eq!(bounded.len(), 2);
    for layer in bounded {
        let (weights, before) = (
            &trainer.theta[layer.numbers.clone()],
            &drawn[layer.numbers.clone()],
        );
        assert!(weights.iter().all(|w| *w >= 0.0));
        // The bound is met by some that were free of it.
        let mut pairs = weights.iter().zip(before);
        assert!(pairs.any(|(after, before)| *after == 0.0 && *before > 0.0));
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    let (train, test) = digits(150).split(110);
    fn theta<M: Model + Send>(threads: usize, model: M, data: (&Dataset, &Dataset)) -> Vec<f64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            let options = TrainerOptions {
                batch: 50,
                ..OPTIONS
            };
            let mut trainer = Trainer::new(model, options, data);
            trainer.train_epoch().expect("finite numbers");
            trainer.theta
        })
    }
    let logistic = |threads| {
        let model = Logistic::new(&train).expect("classes");
        theta(threads, model, (&train, &test))
    };
    assert_eq!(logistic(1), logistic(4));
    let hopfield = |threads| {
        let model = Hopfield::new(HopfieldOptions::default(), &train).expect("classes");
        theta(threads, model, (&train, &test))
    };
    assert_eq!(hopfield(1), hopfield(4));
}

#[test]
fn numbers_that_overflow_are_an_error() {
    let data = digits(60);
    let options = TrainerOptions {
        rate: 1e307,
        ..OPTIONS
    };
    let model = Logistic::new(&data).expect("classes");
    let mut trainer = Trainer::new(model, options, (&data, &data));
    let failure = (0..5).find_map(|_| trainer.train_epoch().err());
    assert!(
        failure
            .expect("an overflow")
            .to_string()
            .contains("help: a smaller rate")
    );
}

fn baseline(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
    let program = program.arg("baseline").args(arguments);
    program.output().expect("the program runs")
}

fn result(arguments: &[&str]) -> Value {
    let output = baseline(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

/// Test errors of the last epoch by seed, and their mean.
fn last(result: &Value) -> (Vec<f64>, f64) {
    let end = |value: &Value| value.as_array().and_then(|all| all.last()?.as_f64());
    let runs = result["runs"].as_array().expect("runs");
    let errors = runs
        .iter()
        .map(|run| end(&run["test_errors"]).expect("errors"));
    (errors.collect(), end(&result["mean"]).expect("a mean"))
}

#[test]
fn both_learn_the_built_in_digits() {
    // Few samples need larger steps than the defaults, which are for MNIST.
    let cases = [("logistic", "5e-3", 0.10), ("eqprop", "5e-3", 0.05)];
    for (name, rate, bound) in cases {
        let found = result(&[name, "--rate", rate, "--seeds", "2", "--json"]);
        assert_eq!(found["baseline"], name);
        let (errors, mean) = last(&found);
        assert_eq!(errors.len(), 2);
        assert!((mean - errors.iter().sum::<f64>() / 2.0).abs() < 1e-15);
        assert!(
            errors.iter().all(|error| *error < bound),
            "{name} {errors:?}"
        );
    }
}

/// Kendall et al. 2020 report 7 to 8 % for logistic regression and 3.43 % for their circuit.
#[test]
fn both_learn_mnist() {
    let Ok(folder) = std::env::var("OHMGRAD_MNIST") else {
        eprintln!("skipped: OHMGRAD_MNIST is not set");
        return;
    };
    for (name, epochs, bound) in [("logistic", "3", 0.085), ("eqprop", "2", 0.07)] {
        let (errors, _) = last(&result(&[
            name, "--data", &folder, "--epochs", epochs, "--json",
        ]));
        assert!(errors[0] < bound, "{name} {errors:?}");
    }
}

#[test]
fn bad_arguments_are_told() {
    let cases = [
        (&["eqprop", "--beta", "1"][..], "a number between 0 and 1"),
        (
            &["eqprop", "--rate", "1e-3,1e-3,1e-3"],
            "each of the two layers",
        ),
        (&["logistic", "--epochs", "0"], "--epochs"),
        (
            &["logistic", "--seed", "18446744073709551615", "--seeds", "2"],
            "--seed is too large",
        ),
    ];
    for (arguments, expected) in cases {
        let output = baseline(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let output = baseline(&["logistic", "--out", "/nowhere/at/all.json"]);
    assert_eq!(output.status.code(), Some(1));
}
