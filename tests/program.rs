//! The program from outside: formats, exit codes, files, training runs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn code(arguments: &[&str]) -> i32 {
    ohmgrad(arguments).status.code().expect("an exit code")
}

fn json(arguments: &[&str]) -> Value {
    let output = ohmgrad(arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

#[test]
fn op_gives_its_stable_json_keys() {
    let result = json(&["op", "circuits/diode/clamp.cir", "--format", "json"]);
    for key in [
        "converged",
        "strategy",
        "iterations",
        "residual",
        "nodes",
        "currents",
        "power",
    ] {
        assert!(!result[key].is_null(), "{key} is missing");
    }
    let out = result["nodes"]["out"].as_f64().expect("a potential");
    // The value that ngspice-39 gives to the last bit.
    assert!((out - 0.6928875985993175).abs() < 1e-15);
    let power: f64 = result["power"]
        .as_object()
        .expect("powers")
        .values()
        .filter_map(Value::as_f64)
        .sum();
    assert!(power.abs() < 1e-15);
}

#[test]
fn limits_of_an_operating_point_are_said() {
    for limit in [["--max-iterations", "2"], ["--time-limit", "0"]] {
        let output = ohmgrad(&["op", "circuits/diode/bridge.cir", limit[0], limit[1]]);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(message.contains("the limit was reached"), "{message}");
    }
    let ample = ["--max-iterations", "1000", "--time-limit", "1h"];
    let arguments = ["op", "circuits/diode/bridge.cir"];
    assert_eq!(code(&[&arguments[..], &ample].concat()), 0);
}

#[test]
fn grad_gives_every_parameter_and_passes_its_own_check() {
    let deck = "circuits/diode/clamp.cir";
    let result = json(&[
        "grad", deck, "--output", "v(out)", "--check", "--format", "json",
    ]);
    assert_eq!(result["output"], "v(out)");
    let gradients = result["gradients"].as_array().expect("a list");
    let resistance = gradients
        .iter()
        .find(|g| g["element"] == "r1" && g["parameter"] == "resistance")
        .expect("the resistor");
    // dv/dR = -i/(1 + g R) of a diode of conductance g behind R.
    let (i, g) = (0.004307112401400683, 0.16652334123290552);
    let expected = -i / (1.0 + g * 1e3);
    let found = resistance["gradient"].as_f64().expect("a number");
    assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn csv_and_table_hold_the_same_potentials() {
    let csv = ohmgrad(&["op", "circuits/basic/divider.cir", "--format", "csv"]);
    let text = String::from_utf8(csv.stdout).expect("UTF-8");
    assert!(text.starts_with("quantity,name,value,unit\n"), "{text}");
    assert!(code(&["op", "circuits/basic/divider.cir"]) == 0);
}

#[test]
fn run_executes_the_sweep_of_a_deck() {
    let result = json(&["run", "circuits/diode/iv_sweep.cir", "--format", "json"]);
    assert_eq!(result["schema"], 1);
    let mut datasets = result["datasets"].as_array().expect("analyses").iter();
    let sweep = datasets.find(|a| a["analysis"] == "dc").expect("a sweep");
    let points = sweep["shape"][0].as_u64().expect("points");
    assert!(points > 5);
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    assert_eq!(code(&["op", "circuits/basic/divider.cir"]), 0);
    assert_eq!(code(&["op"]), 2);
    assert_eq!(
        code(&[
            "grad",
            "circuits/basic/divider.cir",
            "--output",
            "v(nowhere)"
        ]),
        2
    );
    assert_eq!(code(&["op", "circuits/invalid/bad_number.cir"]), 3);
    assert_eq!(code(&["op", "no/such/file.cir"]), 3);
    assert_eq!(code(&["check", "circuits/invalid/no_ground.cir"]), 4);
}

#[test]
fn the_linearized_deck_solves_to_the_gradient() {
    let folder = tempfile::tempdir().expect("a folder");
    let adjoint = folder.path().join("adjoint.cir");
    let path = adjoint.to_str().expect("a path");
    let deck = "circuits/diode/bridge.cir";
    let done = ohmgrad(&["linearize", deck, "--output", "v(plus)", "--out", path]);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let lambda = json(&["op", path, "--format", "json"]);
    let point = json(&["op", deck, "--format", "json"]);
    let gradient = json(&["grad", deck, "--output", "v(plus)", "--format", "json"]);
    let of = |name: &str| {
        let list = gradient["gradients"].as_array().expect("a list");
        list.iter()
            .find(|g| g["element"] == name)
            .expect("an element")["gradient"]
            .as_f64()
            .expect("a number")
    };
    let node = |result: &Value, name: &str| result["nodes"][name].as_f64().expect("a potential");
    // d/dR = lambda v g^2 at the load, d/dE = the adjoint branch current at the source.
    let load = node(&lambda, "plus") * node(&point, "plus") / 1e3f64.powi(2);
    assert!((of("rl") / load - 1.0).abs() < 1e-9, "{} {load}", of("rl"));
    let source = lambda["currents"]["v1"].as_f64().expect("a current");
    assert!((of("v1") / source - 1.0).abs() < 1e-9);
}

#[test]
fn a_result_file_is_written_whole_and_an_unwritable_one_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("op.json");
    let text = path.to_str().expect("a path");
    assert_eq!(
        code(&[
            "op",
            "circuits/basic/divider.cir",
            "--format",
            "json",
            "--out",
            text
        ]),
        0
    );
    let _: Value = serde_json::from_slice(&std::fs::read(&path).expect("the file")).expect("JSON");
    assert_eq!(
        code(&[
            "op",
            "circuits/basic/divider.cir",
            "--out",
            "/no/such/folder/op.txt"
        ]),
        1
    );
}

#[test]
fn a_deck_comes_from_standard_input_too() {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .args(["op", "-", "--format", "csv"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    let deck = b"from a pipe\nV1 a 0 2\nR1 a b 1k\nR2 b 0 1k\n";
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(deck)
        .expect("the deck is taken");
    let output = child.wait_with_output().expect("the program ends");
    assert!(String::from_utf8_lossy(&output.stdout).contains("potential,b,1,V"));
}

/// A small training run; the words go after `train`.
fn train(folder: &Path, more: &[&str]) -> Output {
    let out = folder.to_str().expect("a path");
    let mut arguments = vec!["train", "circuits/learning/xor.toml", "--out", out];
    arguments.extend(more);
    ohmgrad(&arguments)
}

fn trained_bits(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    (read("trained.cir"), read("checkpoint.bin"))
}

#[test]
fn training_gives_the_same_bits_with_one_two_and_four_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let bits: Vec<_> = ["1", "2", "4"]
        .iter()
        .map(|threads| {
            let run = folder.path().join(threads);
            let output = train(&run, &["--epochs", "4", "--threads", threads]);
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            trained_bits(&run)
        })
        .collect();
    assert_eq!(bits[0], bits[1]);
    assert_eq!(bits[0], bits[2]);
}

#[test]
fn training_in_a_pipe_shows_no_progress_bar() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = train(&folder.path().join("run"), &["--epochs", "2"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!text.contains('\r') && !text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("test accuracy"), "{text}");
}

#[test]
fn training_killed_at_any_instant_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    assert!(train(&whole, &["--epochs", "40"]).status.success());
    let expected = trained_bits(&whole);
    for delay in [60, 150, 300] {
        let run = folder.path().join(format!("killed-{delay}"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args([
                "train",
                "circuits/learning/xor.toml",
                "--epochs",
                "40",
                "--out",
            ])
            .arg(&run)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the program runs");
        // The first checkpoint is written before the first epoch.
        while !run.join("checkpoint.bin").exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(delay));
        // SIGKILL on Unix: no handler runs.
        child.kill().expect("a signal");
        child.wait().expect("its end");
        let resumed = ohmgrad(&["train", "--resume", run.to_str().expect("a path")]);
        assert!(
            resumed.status.success(),
            "{}",
            String::from_utf8_lossy(&resumed.stderr)
        );
        assert_eq!(trained_bits(&run), expected, "killed after {delay} ms");
    }
}

#[test]
fn a_run_folder_is_never_overwritten_and_a_damaged_checkpoint_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    assert!(train(&run, &["--epochs", "1"]).status.success());
    let kept = trained_bits(&run);
    assert_eq!(train(&run, &["--epochs", "1"]).status.code(), Some(2));
    assert_eq!(trained_bits(&run), kept);
    std::fs::write(run.join("checkpoint.bin"), &kept.1[..kept.1.len() / 2]).expect("a cut");
    let resumed = ohmgrad(&["train", "--resume", run.to_str().expect("a path")]);
    assert_eq!(resumed.status.code(), Some(3));
    let message = String::from_utf8_lossy(&resumed.stderr).into_owned();
    assert!(
        message.contains("not a whole checkpoint") && message.contains("help:"),
        "{message}"
    );
}

#[test]
fn a_training_file_with_a_slip_says_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("slip.toml");
    let text = std::fs::read_to_string("circuits/learning/xor.toml").expect("the example");
    let cases = [
        (text.replace("epochs", "epocs"), "epocs"),
        (text.replace("\"v(out", "\"v(owt"), "no node `owt"),
        (
            text.replace("\"vp*\"", "\"vq*\""),
            "matches no V or I source",
        ),
        (
            text.replace("elements = \"r*\"", "elements = \"q*\""),
            "matches no element",
        ),
        (
            text.replace("name = \"xor\"", "name = \"digits\""),
            "features of the data",
        ),
    ];
    for (text, expected) in cases {
        let text = text.replace(
            "deck = \"",
            &format!("deck = \"{}/circuits/learning/", env!("CARGO_MANIFEST_DIR")),
        );
        std::fs::write(&path, &text).expect("a file");
        let output = ohmgrad(&[
            "train",
            path.to_str().expect("a path"),
            "--out",
            "/nonexistent/x",
        ]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{message}");
        assert!(
            message.contains(expected),
            "{expected} is not in:\n{message}"
        );
    }
}

#[test]
fn a_trained_circuit_is_exported_with_values_that_can_be_bought() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = path("run");
    let trained = train(&folder.path().join("run"), &["--epochs", "3"]);
    assert!(trained.status.success());
    let exported = ohmgrad(&[
        "export",
        &run,
        "--for",
        "ohmgrad",
        "--out",
        &path("flat.cir"),
    ]);
    assert!(exported.status.success());
    let potentials = |deck: &str| json(&["op", deck, "--format", "json"])["nodes"].clone();
    let own = potentials(&format!("{run}/trained.cir"));
    assert_eq!(potentials(&path("flat.cir")), own);

    let bill = json(&["export", &run, "--series", "E24", "--for", "bom-json"]);
    assert_eq!(bill["series"], "E24");
    assert_eq!(bill["before"]["samples"], bill["after"]["samples"]);
    assert!(bill["before"]["accuracy"].is_f64() && bill["after"]["accuracy"].is_f64());
    assert_ne!(bill["before"]["loss"], bill["after"]["loss"]);
    let parts = bill["parts"].as_array().expect("parts");
    let resistors = parts.iter().filter(|line| line["part"] == "resistor");
    let count: u64 = resistors
        .map(|line| line["count"].as_u64().expect("a count"))
        .sum();
    assert_eq!(Some(count), bill["snapped"]["resistors"].as_u64());

    let said = ohmgrad(&["export", &run, "--series", "e24", "--for", "bom"]);
    let message = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        message.contains("values of E24 for") && message.contains("accuracy"),
        "{message}"
    );
    assert_eq!(
        code(&[
            "export",
            "circuits/diode/bridge.cir",
            "--series",
            "e24",
            "--data",
            "x"
        ]),
        2
    );
    assert_eq!(
        code(&[
            "export",
            "circuits/rtgd/mondeq_two_neurons.cir",
            "--for",
            "kicad"
        ]),
        3
    );
}

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = ohmgrad(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = lines.take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(String::from)
        .collect()
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let commands = commands();
    assert!(commands.len() >= 19, "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = ohmgrad(&["completions", shell]);
        assert!(script.status.success());
        let script = String::from_utf8(script.stdout).expect("text");
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
    }
    assert_eq!(code(&["completions", "command.com"]), 2);
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("ohmgrad.bash");
    let out = script.display().to_string();
    assert!(
        ohmgrad(&["completions", "bash", "--out", &out])
            .status
            .success()
    );
    if let Ok(checked) = Command::new("bash").arg("-n").arg(&script).status() {
        assert!(checked.success());
    }

    let pages = folder.path().join("man/man1");
    let out = pages.display().to_string();
    assert!(ohmgrad(&["man", &out]).status.success());
    for command in &commands {
        let path = pages.join(format!("ohmgrad-{command}.1"));
        let page = std::fs::read_to_string(&path).expect("a page");
        assert!(
            page.contains(".TH") && page.contains(".SH SYNOPSIS"),
            "{command}"
        );
    }
    let whole = std::fs::read_to_string(pages.join("ohmgrad.1")).expect("a page");
    assert!(
        whole.contains("EXIT") || whole.contains("did not converge"),
        "{whole}"
    );
    assert_eq!(code(&["man", "/dev/null/x"]), 1);
}
