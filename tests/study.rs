//! `ohmgrad sweep-study` without MPI: interrupted, resumed, the same results.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const NET: &str = r#"
seed = 1
epochs = 2
batch = 20

[circuit.drn]
layers = [64, 12, 10]
clamp = "ideal"

[features]
sources = ["vp*"]
complements = ["vn*"]
scale = 60.0

[outputs]
read = ["v(out*)"]

[loss]
kind = "cross-entropy"
scale = 4.0

[[parameters]]
elements = "r*"
min = 1e-7

[data.generator]
name = "digits"
samples = 100
test = 60
noise = 0.1
"#;

fn ohmgrad(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_ohmgrad");
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    command.env_remove("OMPI_COMM_WORLD_SIZE");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A folder with a training file and studies of it and of its run.
fn bed(boards: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("net.toml", NET);
    write(
        "boards.toml",
        &format!(
            "base = \"net\"\n\n[[axes]]\nkey = \"mismatch\"\nvalues = [0.05, 0.2]\n\n{boards}"
        ),
    );
    write(
        "rates.toml",
        "base = \"net.toml\"\n[[axes]]\nkey = \"seed\"\nvalues = [1, 2]\n[[axes]]\nkey = \"optimizer.rate\"\nvalues = [0.01, 0.1]\n",
    );
    let trained = ohmgrad(folder.path(), &["train", "net.toml", "--out", "net"]);
    assert!(trained.status.success(), "{}", text(&trained));
    folder
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(String::from).collect()
}

#[test]
fn a_killed_study_goes_on_without_losing_or_repeating_a_board() {
    let folder = bed("[monte_carlo]\ncount = 300\nseed = 5\n");
    let path = folder.path();
    let whole = ohmgrad(
        path,
        &[
            "sweep-study",
            "boards.toml",
            "--out",
            "whole",
            "--threads",
            "3",
        ],
    );
    assert!(whole.status.success(), "{}", text(&whole));
    assert!(
        text(&whole).contains("mismatch=0.05: 300 points"),
        "{}",
        text(&whole)
    );

    let mut child = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(path)
        .args([
            "sweep-study",
            "boards.toml",
            "--out",
            "cut",
            "--threads",
            "2",
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let results = path.join("cut/results.0.jsonl");
    while lines(&results).len() < 20 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What a crash may leave of the line that was being written.
    let mut torn = std::fs::read(&results).unwrap();
    torn.extend_from_slice(b"{\"point\":17,\"values");
    std::fs::write(&results, torn).unwrap();

    let resumed = ohmgrad(
        path,
        &[
            "sweep-study",
            "boards.toml",
            "--out",
            "cut",
            "--threads",
            "1",
        ],
    );
    assert!(resumed.status.success(), "{}", text(&resumed));
    let table = |folder: &str| std::fs::read(path.join(folder).join("results.csv")).unwrap();
    assert!(
        table("cut") == table("whole"),
        "the table depends on the interruption"
    );
    assert_eq!(lines(&results).len(), 600, "{}", text(&resumed));
}

#[test]
fn a_study_trains_every_combination_of_its_axes() {
    let folder = bed("");
    let study = ohmgrad(
        folder.path(),
        &["sweep-study", "rates.toml", "--out", "rates"],
    );
    assert!(study.status.success(), "{}", text(&study));
    let table = std::fs::read_to_string(folder.path().join("rates/results.csv")).unwrap();
    assert!(
        table.starts_with("point,seed,optimizer.rate,board,test_loss"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 5, "{table}");
    // The first point is the training of the file with this rate and seed.
    let own = NET.replace(
        "[[parameters]]",
        "[optimizer]\nrate = 0.01\n\n[[parameters]]",
    );
    std::fs::write(folder.path().join("own.toml"), own).unwrap();
    ohmgrad(folder.path(), &["train", "own.toml", "--out", "own"]);
    let result = std::fs::read(folder.path().join("own/result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
    let first: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(
        first[4].parse::<f64>().unwrap(),
        result["test_loss"].as_f64().unwrap()
    );
}

#[test]
fn another_study_is_not_mixed_into_the_results() {
    let folder = bed("[monte_carlo]\ncount = 2\n");
    let path = folder.path();
    let go = || ohmgrad(path, &["sweep-study", "boards.toml", "--out", "out"]);
    assert!(go().status.success());
    let file = path.join("boards.toml");
    let other = std::fs::read_to_string(&file)
        .unwrap()
        .replace("count = 2", "count = 3");
    std::fs::write(&file, other).unwrap();
    let refused = go();
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(
        text(&refused).contains("the study file has changed"),
        "{}",
        text(&refused)
    );
}

#[test]
fn faults_of_a_study_are_said() {
    let folder = bed("");
    let path = folder.path();
    for (study, expected) in [
        (
            "base = \"net\"\n[[axes]]\nkey = \"seed\"\nvalues = [1]\n",
            "mismatch or diode_mismatch",
        ),
        (
            "base = \"net.toml\"\n[monte_carlo]\ncount = 2\n",
            "a trained run as the base",
        ),
        (
            "base = \"net.toml\"\n[[axes]]\nkey = \"optimizer.rat\"\nvalues = [1.0]\n",
            "rat",
        ),
        (
            "base = \"net\"\n[monte_carlo]\ncount = 0\n",
            "monte_carlo.count",
        ),
        ("bas = 1\n", "bas"),
        ("base = \"nothing.toml\"\n", "nothing.toml"),
    ] {
        std::fs::write(path.join("bad.toml"), study).unwrap();
        let output = ohmgrad(path, &["sweep-study", "bad.toml", "--out", "bad"]);
        assert_eq!(output.status.code(), Some(3), "{study}: {}", text(&output));
        assert!(
            text(&output).contains(expected),
            "{study}: {}",
            text(&output)
        );
    }
}

#[cfg(not(feature = "mpi"))]
#[test]
fn without_mpi_a_job_of_several_processes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(folder.path())
        .args(["train", "--out", "run"])
        .env("OMPI_COMM_WORLD_SIZE", "4")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("--features mpi"),
        "{}",
        text(&output)
    );
    assert!(!folder.path().join("run").exists());
}
