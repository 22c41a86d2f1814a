//! Gradients that a circuit measures by itself against the exact one: orders of convergence, amplifiers,
//! what does not apply, the command.

use std::path::Path;
use std::process::{Command, Output};

use ohmgrad::estimators::{Bench, Estimator, EstimatorError, Inapplicable, Meter, Settings};
use ohmgrad::learning::{LoadedConfig, Trainer, TrainingConfig};

const INPUTS: &str = "\
two features and their complements
Vp0 xp0 0 0
Vn0 xn0 0 0
Vp1 xp1 0 0
Vn1 xn1 0 0
Vbp bp 0 1
R1a xp0 h0 10k
R1b xn1 h0 15k
R1c bp h0 22k
R1d xn0 h1 12k
R1e xp1 h1 9k
R1f bp h1 30k
D0 h0 0 DX
D1 0 h1 DX
.model DX D(IS=1e-14 N=1)
";

const RECIPROCAL: &str = "\
R2a h0 out 10k
R2b h1 out 8k
R2c bp out 33k
";

/// Two amplifiers of gain 4 in the way: one for each hidden node (its current sensed on the high side, and
/// on the low side), and one behind the second layer.
const AMPLIFIED: &str = "\
E0 e0 0 h0 0 4
Vs0 e0 g0 0
F0 h0 0 Vs0 0.25
E1 g1 e1 h1 0 4
Vs1 e1 0 0
F1 0 h1 Vs1 0.25
R2a g0 k 10k
R2b g1 k 8k
R2c bp k 33k
D2 k 0 DX
D3 0 k DX
E2 e2 0 k 0 4
Vs2 e2 m 0
F2 k 0 Vs2 0.25
R3a m out 10k
R3b bp out 20k
R3c out 0 15k
";

const TWO_OUTPUTS: &str = "\
R2a h0 out 10k
R2b h1 out 8k
R2c h1 out1 6k
R2d h0 out1 12k
R2e out1 out 40k
";

fn training_file(outputs: &str, loss: &str, groups: &[&str]) -> String {
    let groups: String = groups
        .iter()
        .map(|g| format!("[[parameters]]\nelements = \"{g}\"\nmin = 1e-9\nmax = 1\n"))
        .collect();
    format!(
        "seed = 3\n[circuit]\ndeck = \"net.cir\"\n\
         [features]\nsources = [\"vp*\"]\ncomplements = [\"vn*\"]\nscale = 1.5\n\
         [outputs]\nread = [{outputs}]\n[loss]\nkind = \"{loss}\"\nscale = 2.0\n{groups}\
         [data.generator]\nname = \"xor\"\nsamples = 12\ntest = 4\nnoise = 0.2\n"
    )
}

fn bench(deck: &str, outputs: &str, loss: &str, groups: &[&str]) -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("net.cir"), deck).expect("a deck");
    let text = training_file(outputs, loss, groups);
    let config = TrainingConfig::parse(Path::new("test.toml"), &text);
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let loaded = LoadedConfig {
        config,
        folder: folder.path().to_path_buf(),
    };
    let mut trainer = Trainer::new(&loaded).unwrap_or_else(|error| panic!("{error}"));
    Bench::new(&mut trainer).unwrap_or_else(|error| panic!("{error}"))
}

fn reciprocal() -> Bench {
    let deck = format!("{INPUTS}{RECIPROCAL}");
    bench(&deck, "\"v(out)\"", "squared-error", &["r1*", "r2*"])
}

fn amplified() -> Bench {
    let deck = format!("{INPUTS}{AMPLIFIED}");
    bench(&deck, "\"v(out)\"", "squared-error", &["r1*", "r2*", "r3*"])
}

/// The change that one step of plain gradient descent makes, guided by `kind`, against the estimate of the
/// same batch on a bench: whole batches where the circuit allows it, and sample by sample.
fn compare_step(deck: &str, groups: &[&str], kind: Estimator) -> (f64, String) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("net.cir"), deck).expect("a deck");
    let text = training_file("\"v(out)\"", "squared-error", groups);
    let text = format!(
        "batch = 12\n{text}\n[optimizer]\nkind = \"sgd\"\nrate = 1e-6\n\
         [estimator]\nkind = \"{kind}\"\nbeta = 1e-3\nbits = 12\n"
    );
    let config = TrainingConfig::parse(Path::new("test.toml"), &text);
    let loaded = LoadedConfig {
        config: config.unwrap_or_else(|error| panic!("{error}")),
        folder: folder.path().to_path_buf(),
    };
    let mut trainer = Trainer::new(&loaded).unwrap_or_else(|error| panic!("{error}"));
    let mut bench = Bench::new(&mut trainer).unwrap_or_else(|error| panic!("{error}"));
    let before = trainer.parameters.theta.clone();
    trainer
        .train_batch()
        .unwrap_or_else(|error| panic!("{error}"));
    let moved = trainer.parameters.theta.iter().zip(&before);
    let steps: Vec<f64> = moved.map(|(now, before)| (before - now) / 1e-6).collect();
    let settings = Settings {
        meter: Meter {
            noise: 0.0,
            bits: Some(12),
        },
        ..at(1e-3)
    };
    let all: Vec<usize> = (0..12).collect();
    // The random sign may be either.
    let error = (0..8).map(|seed| {
        let settings = Settings { seed, ..settings };
        let estimate = bench.estimate(kind, &settings, &all);
        let estimate = estimate.unwrap_or_else(|error| panic!("{kind}: {error}"));
        relative_error(&estimate.gradient, &steps)
    });
    (error.fold(f64::INFINITY, f64::min), trainer.engine.method())
}

#[test]
fn training_steps_follow_the_estimator() {
    let (plain, amplified) = (
        format!("{INPUTS}{RECIPROCAL}"),
        format!("{INPUTS}{}", high_side()),
    );
    for kind in Estimator::ALL {
        let (error, method) = compare_step(&plain, &["r1*", "r2*"], kind);
        println!("{kind}: {error:.1e}, {method}");
        assert!(error < 1e-8, "{kind}: {error:e}");
    }
    for kind in [
        Estimator::EqProp,
        Estimator::EqPropRandom,
        Estimator::EqPropCentered,
    ] {
        let groups = ["r1*", "r2*", "r3*"];
        let (error, method) = compare_step(&amplified, &groups, kind);
        println!("behind amplifiers, {kind}: {error:.1e}, {method}");
        assert!(method.contains("elimination"), "{method}");
        assert!(error < 1e-8, "{kind}: {error:e}");
    }
}

/// The deck of amplifiers with all of them sensed on the high side.
fn high_side() -> String {
    let low = "E1 g1 e1 h1 0 4\nVs1 e1 0 0\nF1 0 h1 Vs1 0.25\n";
    let high = "E1 e1 0 h1 0 4\nVs1 e1 g1 0\nF1 h1 0 Vs1 0.25\n";
    assert!(AMPLIFIED.contains(low));
    AMPLIFIED.replace(low, high)
}

const SAMPLES: [usize; 4] = [0, 3, 5, 8];

fn estimate(bench: &mut Bench, estimator: Estimator, settings: &Settings) -> Vec<f64> {
    match bench.estimate(estimator, settings, &SAMPLES) {
        Ok(estimate) => estimate.gradient,
        Err(error) => panic!("{estimator}: {error}"),
    }
}

fn at(beta: f64) -> Settings {
    Settings {
        beta,
        ..Settings::default()
    }
}

fn relative_error(exact: &[f64], found: &[f64]) -> f64 {
    let square: f64 = exact
        .iter()
        .zip(found)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    let length: f64 = exact.iter().map(|a| a * a).sum();
    (square / length).sqrt()
}

/// Errors at halved betas, and the order of convergence between neighbours.
fn orders(bench: &mut Bench, estimator: Estimator, first: f64, count: i32) -> (Vec<f64>, Vec<f64>) {
    let exact = estimate(bench, Estimator::Adjoint, &at(first));
    let betas = (0..count).map(|k| first * 0.5f64.powi(k));
    let errors: Vec<f64> = betas
        .map(|beta| relative_error(&exact, &estimate(bench, estimator, &at(beta))))
        .collect();
    let orders = errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
    (errors, orders)
}

fn check_order(bench: &mut Bench, estimator: Estimator, first: f64, expected: f64) {
    let (errors, orders) = orders(bench, estimator, first, 5);
    println!("{estimator}: errors {errors:?}, orders {orders:?}");
    for order in orders {
        assert!(
            (order - expected).abs() < 0.1,
            "{estimator}: order {order}, errors {errors:?}"
        );
    }
}

#[test]
fn one_sided_nudges_converge_with_order_one_and_centered_ones_with_order_two() {
    let mut bench = reciprocal();
    check_order(&mut bench, Estimator::EqProp, 2e-4, 1.0);
    check_order(&mut bench, Estimator::EqPropRandom, 2e-4, 1.0);
    check_order(&mut bench, Estimator::Coupled, 2e-4, 1.0);
    check_order(&mut bench, Estimator::EqPropCentered, 2e-3, 2.0);
    check_order(&mut bench, Estimator::EqPropConductance, 2e-3, 2.0);
    check_order(&mut bench, Estimator::Frequency, 2e-3, 2.0);
    check_order(&mut bench, Estimator::Differences, 2e-2, 2.0);
}

#[test]
fn every_estimator_converges_to_the_adjoint() {
    let mut bench = reciprocal();
    let exact = estimate(&mut bench, Estimator::Adjoint, &at(1e-3));
    let settings = Settings {
        meter: Meter {
            noise: 0.0,
            bits: None,
        },
        ..at(1e-5)
    };
    for estimator in Estimator::ALL {
        let found = estimate(&mut bench, estimator, &settings);
        let error = relative_error(&exact, &found);
        println!("{estimator}: {error:e}");
        let allowed = match estimator {
            Estimator::Adjoint => 0.0,
            Estimator::AdjointMeasured | Estimator::Forward => 1e-10,
            Estimator::EqProp | Estimator::EqPropRandom | Estimator::Coupled => 3e-3,
            _ => 1e-6,
        };
        assert!(error <= allowed, "{estimator}: {error:e}");
    }
}

#[test]
fn current_nudges_serve_losses_that_have_no_targets() {
    let deck = format!("{INPUTS}{TWO_OUTPUTS}");
    let outputs = "\"v(out)\", \"v(out1)\"";
    let mut bench = bench(&deck, outputs, "cross-entropy", &["r1*", "r2*"]);
    check_order(&mut bench, Estimator::EqProp, 2e-4, 1.0);
    check_order(&mut bench, Estimator::EqPropCentered, 2e-2, 2.0);
    for estimator in [Estimator::Coupled, Estimator::EqPropConductance] {
        let error = bench
            .estimate(estimator, &at(1e-3), &SAMPLES)
            .expect_err("no target");
        let is_told = matches!(
            error,
            EstimatorError::Inapplicable {
                reason: Inapplicable::NoTarget,
                ..
            }
        );
        assert!(is_told, "{error}");
    }
}

#[test]
fn the_conductances_of_several_outputs_bias_coupled_learning_only() {
    let deck = format!("{INPUTS}{TWO_OUTPUTS}");
    let outputs = "\"v(out)\", \"v(out1)\"";
    let mut bench = bench(&deck, outputs, "squared-error", &["r1*", "r2*"]);
    let exact = estimate(&mut bench, Estimator::Adjoint, &at(1e-3));
    let error = |bench: &mut Bench, estimator, beta| {
        relative_error(&exact, &estimate(bench, estimator, &at(beta)))
    };
    assert!(error(&mut bench, Estimator::EqPropConductance, 1e-5) < 1e-6);
    // Its limit is another gradient: what is left does not shrink with the clamp.
    let left = [1e-4, 1e-5].map(|eta| error(&mut bench, Estimator::Coupled, eta));
    println!("coupled, two outputs: {left:?}");
    assert!(
        left[1] > 1e-2 && (left[0] - left[1]).abs() < 0.2 * left[1],
        "{left:?}"
    );
}

/// `equations.md`, section 4: plain drops give the gradient of a layer divided by A^(2k).
#[test]
fn amplifiers_weigh_each_layer_by_their_gain_to_the_power_2k() {
    let mut bench = amplified();
    let factors = bench.factors().expect("factors");
    let expected = [vec![256.0; 6], vec![16.0; 3], vec![1.0; 3]].concat();
    assert_eq!(factors, expected);
    let exact = estimate(&mut bench, Estimator::Adjoint, &at(1e-3));
    let differences = estimate(&mut bench, Estimator::Differences, &at(1e-4));
    assert!(relative_error(&exact, &differences) < 1e-5);
    let found = estimate(&mut bench, Estimator::EqPropCentered, &at(1e-5));
    let plain: Vec<f64> = found.iter().zip(&factors).map(|(g, f)| g / f).collect();
    for (group, factor) in [(0..6, 256.0), (6..9, 16.0), (9..12, 1.0)] {
        let scaled: Vec<f64> = exact[group.clone()].iter().map(|g| g / factor).collect();
        let error = relative_error(&scaled, &plain[group]);
        println!("layer of factor {factor}: {error:e}");
        assert!(error < 1e-5, "{error:e}");
    }
    // Plain drops point elsewhere: the factor is no formality.
    assert!(relative_error(&exact, &plain) > 0.5);
    check_order(&mut bench, Estimator::EqProp, 2e-5, 1.0);
    check_order(&mut bench, Estimator::EqPropCentered, 2e-2, 2.0);
    for estimator in [
        Estimator::Coupled,
        Estimator::EqPropConductance,
        Estimator::Frequency,
    ] {
        let error = relative_error(&exact, &estimate(&mut bench, estimator, &at(1e-6)));
        assert!(error < 1e-2, "{estimator}: {error:e}");
    }
}

#[test]
fn an_amplifier_that_draws_nothing_back_has_drop_rules_refuse_and_others_work() {
    let deck = format!("{INPUTS}{AMPLIFIED}").replace("F2 k 0 Vs2 0.25\n", "");
    let mut bench = bench(&deck, "\"v(out)\"", "squared-error", &["r1*", "r2*", "r3*"]);
    let exact = estimate(&mut bench, Estimator::Adjoint, &at(1e-3));
    for estimator in [Estimator::Forward, Estimator::Differences] {
        let found = estimate(&mut bench, estimator, &at(1e-4));
        assert!(relative_error(&exact, &found) < 1e-5, "{estimator}");
    }
    let error = bench
        .estimate(Estimator::EqProp, &at(1e-3), &SAMPLES)
        .expect_err("not reciprocal");
    match error {
        EstimatorError::Inapplicable {
            reason: Inapplicable::NotReciprocal { element },
            ..
        } => assert_eq!(element, "e2"),
        error => panic!("{error}"),
    }
}

#[test]
fn sources_and_diodes_have_local_rules_too() {
    let deck = format!("{INPUTS}{RECIPROCAL}I9 0 h0 10u\n");
    let groups = ["r1*", "r2*", "i9", "d*", "vbp"];
    let mut bench = bench(&deck, "\"v(out)\"", "squared-error", &groups);
    let exact = estimate(&mut bench, Estimator::Adjoint, &at(1e-3));
    assert!(exact.iter().all(|g| *g != 0.0), "{exact:?}");
    let found = estimate(&mut bench, Estimator::EqPropCentered, &at(1e-5));
    for (a, b) in exact.iter().zip(&found) {
        assert!((a - b).abs() <= 1e-5 * a.abs(), "{exact:?} {found:?}");
    }
}

#[test]
fn a_meter_errs_as_much_as_it_is_said_to_and_the_same_way_each_time() {
    let mut bench = reciprocal();
    let exact = estimate(&mut bench, Estimator::Adjoint, &at(1e-3));
    let measured = |bench: &mut Bench, noise, bits, seed| {
        let settings = Settings {
            meter: Meter { noise, bits },
            seed,
            ..Settings::default()
        };
        estimate(bench, Estimator::AdjointMeasured, &settings)
    };
    let noisy = measured(&mut bench, 0.01, None, 1);
    let error = relative_error(&exact, &noisy);
    assert!((1e-3..3e-2).contains(&error), "{error}");
    assert_eq!(noisy, measured(&mut bench, 0.01, None, 1));
    assert_ne!(noisy, measured(&mut bench, 0.01, None, 2));
    let coarse = relative_error(&exact, &measured(&mut bench, 0.0, Some(6), 1));
    let fine = relative_error(&exact, &measured(&mut bench, 0.0, Some(14), 1));
    println!("6 bits {coarse:e}, 14 bits {fine:e}");
    assert!(fine > 0.0 && 20.0 * fine < coarse && coarse < 0.5);
}

#[test]
fn costs_are_counted_in_solves() {
    let mut bench = reciprocal();
    let mut cost = |estimator| {
        let cost = bench
            .estimate(estimator, &at(1e-3), &SAMPLES)
            .expect("an estimate")
            .cost;
        (cost.operating_points, cost.linear)
    };
    // Four samples, nine parameters.
    assert_eq!(cost(Estimator::Adjoint), (4, 4));
    assert_eq!(cost(Estimator::Forward), (4, 36));
    assert_eq!(cost(Estimator::Differences), (72, 0));
    assert_eq!(cost(Estimator::EqProp), (8, 0));
    assert_eq!(cost(Estimator::EqPropCentered), (12, 0));
    assert_eq!(cost(Estimator::Coupled), (8, 0));
    assert_eq!(cost(Estimator::Frequency), (36, 0));
}

fn ohmgrad(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
    let output = command
        .current_dir(folder)
        .arg("compare-gradients")
        .args(arguments)
        .output();
    output.expect("the program runs")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
    write("net.cir", format!("{INPUTS}{RECIPROCAL}")).expect("a deck");
    let text = training_file("\"v(out)\"", "squared-error", &["r1*", "r2*"]);
    write("net.toml", text).expect("a training file");
    folder
}

#[test]
fn the_command_writes_a_table_csv_json_and_a_picture() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        let output = ohmgrad(folder.path(), arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let table = run(&["net.toml", "--beta", "1e-3,1e-4", "--svg", "beta.svg"]);
    for estimator in Estimator::ALL {
        assert!(table.contains(estimator.name()), "{table}");
    }
    let svg = std::fs::read_to_string(folder.path().join("beta.svg")).expect("a picture");
    assert!(svg.contains("eqprop-centered"));
    let json = run(&[
        "net.toml",
        "--estimators",
        "eqprop",
        "--beta",
        "1e-4",
        "--json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let groups = json["estimates"][0]["groups"].as_array().expect("groups");
    let names: Vec<_> = groups
        .iter()
        .map(|g| g["group"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(names, ["r1*", "r2*", "all"]);
    assert!(
        groups[2]["cosine"].as_f64().is_some_and(|c| c > 0.99),
        "{json}"
    );
    let csv = run(&[
        "net.toml",
        "--estimators",
        "eqprop,forward",
        "--beta",
        "1e-4",
        "--csv",
    ]);
    assert_eq!(csv.lines().count(), 1 + 3 + 3, "{csv}");
    let told = run(&[
        "net.toml",
        "--estimators",
        "coupled",
        "--beta",
        "2",
        "--csv",
    ]);
    assert!(told.contains("choose 0 < beta <= 1"), "{told}");
}

#[test]
fn faults_of_the_command_line_say_what_to_do() {
    let folder = folder();
    let fails = |arguments: &[&str], expected: &str| {
        let output = ohmgrad(folder.path(), arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    };
    fails(
        &["net.toml", "--estimators", "eqporp"],
        "did you mean `eqprop`?",
    );
    fails(
        &["net.toml", "--estimators", "magic"],
        "choose from adjoint, ",
    );
    fails(&["net.toml", "--beta", "0"], "expected a positive number");
    fails(
        &["net.toml", "--samples", "13"],
        "expected between 1 and 12",
    );
    fails(&["net.toml", "--phases", "2"], "at least 3");
    fails(&["net.toml", "--out", "net.toml"], "overwrite");
}
