//! Training runs lose nothing: kills, signals, limits, full disks, altered files.
//!
//! `cargo test --release --test durability -- --ignored --nocapture` kills training 200 times.
#![cfg(unix)]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ohmgrad::learning::{Checkpoint, LoadedConfig, Trainer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const XOR: &str = "circuits/learning/xor.toml";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments);
    command
}

fn ohmgrad(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program runs")
}

/// Exit code, standard output, standard error.
fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("an exit code");
    (code, text(output.stdout), text(output.stderr))
}

/// A folder for runs of one test.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn run(&self, name: &str) -> Run {
        Run(self.0.path().join(name))
    }

    /// A run that nobody interrupts.
    fn whole(&self, name: &str, epochs: usize) -> Run {
        let run = self.run(name);
        run.start(XOR, &["--epochs", &epochs.to_string()]);
        run
    }
}

/// The folder of a run.
struct Run(PathBuf);

impl Run {
    fn text(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn start_command(&self, config: &str, more: &[&str]) -> Command {
        command(&[&["train", config, "--out", self.text()], more].concat())
    }

    fn start(&self, config: &str, more: &[&str]) -> String {
        let output = self.start_command(config, more).output();
        let (code, out, err) = said(output.expect("the program runs"));
        assert_eq!((code, err.as_str()), (0, ""));
        out
    }

    fn resume_command(&self, more: &[&str]) -> Command {
        command(&[&["train", "--resume", self.text()], more].concat())
    }

    fn try_resume(&self, more: &[&str]) -> (i32, String, String) {
        said(
            self.resume_command(more)
                .output()
                .expect("the program runs"),
        )
    }

    fn resume(&self, more: &[&str]) -> String {
        let (code, out, err) = self.try_resume(more);
        assert_eq!((code, err.as_str()), (0, ""));
        out
    }

    fn checkpoint(&self) -> Checkpoint<'static> {
        Checkpoint::read(&self.file("checkpoint.bin")).expect("a checkpoint")
    }

    /// Every file of the folder, to the byte.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(&self.0).expect("a folder");
        entries
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                (name.into_owned(), std::fs::read(&path).expect("a file"))
            })
            .collect()
    }

    /// Every file without what the clock decides: seconds in the log, and which checkpoint came before.
    fn bits(&self) -> BTreeMap<String, Vec<u8>> {
        let (code, _, err) = said(ohmgrad(&["check", self.text()]));
        assert_eq!((code, err.as_str()), (0, ""));
        let mut files = self.files();
        files.remove("checkpoint.previous.bin");
        let sums = files.get_mut("checksums.txt").expect("checksums");
        *sums = without_lines(sums, "log.jsonl");
        let log = files.get_mut("log.jsonl").expect("a log");
        *log = without_seconds(log);
        files
    }

    fn assert_same_as(&self, other: &Run) {
        let (mine, theirs) = (self.bits(), other.bits());
        assert!(mine.keys().eq(theirs.keys()), "{:?}", mine.keys());
        for (name, bytes) in &mine {
            assert!(bytes == &theirs[name], "{name} differs");
        }
    }
}

fn without_lines(text: &[u8], word: &str) -> Vec<u8> {
    let text = std::str::from_utf8(text).expect("text");
    let kept = text.lines().filter(|line| !line.contains(word));
    kept.collect::<Vec<_>>().join("\n").into_bytes()
}

fn without_seconds(log: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(log).expect("text");
    let lines = text.lines().map(|line| {
        let (kept, seconds) = line.split_once(",\"seconds\":").expect("seconds");
        assert!(seconds.ends_with('}') && kept.starts_with("{\"epoch\":"));
        format!("{kept}\n")
    });
    lines.collect::<String>().into_bytes()
}

/// The state before every batch of a run, by epochs and batches done.
fn trajectory(run: &Run, epochs: usize) -> HashMap<(usize, usize), Checkpoint<'static>> {
    let loaded = LoadedConfig::read(&run.file("config.toml")).expect("a training file");
    let mut trainer = Trainer::new(&loaded).expect("a trainer");
    let mut states = HashMap::new();
    while trainer.epoch < epochs {
        states.insert(
            (trainer.epoch, trainer.batch),
            trainer.checkpoint().into_owned(),
        );
        trainer.train_batch().expect("a batch");
    }
    states.insert(
        (trainer.epoch, trainer.batch),
        trainer.checkpoint().into_owned(),
    );
    states
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

/// Starts a run and returns once it trains and hears signals.
fn spawn_training(mut command: Command) -> Child {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    lines
        .by_ref()
        .map(|line| line.expect("a line"))
        .find(|line| line.starts_with("run folder"))
        .expect("a headline");
    // The pipe must not fill up.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn wait_for_epoch(run: &Run, epochs: usize) {
    let lines = || std::fs::read_to_string(run.file("log.jsonl")).map_or(0, |t| t.lines().count());
    while lines() < epochs {
        std::thread::sleep(Duration::from_millis(1));
    }
}

// Kills.

#[derive(Debug, Default)]
struct Kills {
    all: usize,
    runs: usize,
    before_the_first_checkpoint: usize,
    inside_an_epoch: usize,
    between_epochs: usize,
    after_the_last_epoch: usize,
    /// Of all of these, those that left an unfinished file.
    while_a_file_was_written: usize,
}

/// Kills training at random instants, several times in each run, until so many kills have hit.
fn kill_and_resume(kills: usize, seed: u64) -> Kills {
    const EPOCHS: usize = 6;
    let bench = Bench::new();
    let began = Instant::now();
    let whole = bench.run("whole");
    let epochs = EPOCHS.to_string();
    // Every batch writes a checkpoint: many kills hit one that is being written.
    let often = ["--checkpoint-every", "0", "--epochs", &epochs];
    let seldom = ["--epochs", &epochs];
    whole.start(XOR, &often);
    let duration = began.elapsed();
    let states = trajectory(&whole, EPOCHS);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut count = Kills::default();
    while count.all < kills {
        let run = bench.run(&format!("run-{}", count.runs));
        let more: &[&str] = if count.runs % 4 == 3 { &seldom } else { &often };
        for _ in 0..rng.random_range(1..=8) {
            let mut command = if run.file("checkpoint.bin").exists() {
                run.resume_command(more)
            } else {
                run.start_command(XOR, more)
            };
            let mut child = command
                .stdout(Stdio::null())
                .spawn()
                .expect("the program runs");
            std::thread::sleep(duration.mul_f64(rng.random()));
            child.kill().expect("a signal");
            let status = child.wait().expect("its end");
            if status.signal() != Some(9) {
                assert!(status.success(), "{status}");
                break;
            }
            count.add(&run, &states, EPOCHS);
        }
        if run.file("checkpoint.bin").exists() {
            run.resume(&[]);
        } else {
            run.start(XOR, more);
        }
        run.assert_same_as(&whole);
        std::fs::remove_dir_all(&run.0).expect("the run is removed");
        count.runs += 1;
    }
    count
}

impl Kills {
    /// Looks at what a kill has left: a checkpoint of the uninterrupted run, or none yet.
    fn add(
        &mut self,
        run: &Run,
        states: &HashMap<(usize, usize), Checkpoint<'static>>,
        epochs: usize,
    ) {
        self.all += 1;
        let files = std::fs::read_dir(&run.0).into_iter().flatten();
        let mut names = files.map(|entry| entry.expect("an entry").path());
        let unfinished = names.any(|path| path.extension().is_some_and(|e| e == "tmp"));
        self.while_a_file_was_written += usize::from(unfinished);
        if !run.file("checkpoint.bin").exists() {
            self.before_the_first_checkpoint += 1;
            return;
        }
        let checkpoint = run.checkpoint();
        let place = (checkpoint.epoch, checkpoint.batch);
        assert!(checkpoint == states[&place], "{place:?} differs");
        match place {
            (epoch, _) if epoch == epochs => self.after_the_last_epoch += 1,
            (_, 0) => self.between_epochs += 1,
            _ => self.inside_an_epoch += 1,
        }
    }
}

#[test]
fn training_killed_at_random_instants_resumes_to_the_same_bits() {
    println!("{:#?}", kill_and_resume(12, 1));
}

#[test]
#[ignore = "takes minutes"]
fn training_killed_200_times_resumes_to_the_same_bits() {
    let began = Instant::now();
    let kills = kill_and_resume(200, 2);
    println!("{kills:#?}\n{:.0} s", began.elapsed().as_secs_f64());
    assert!(kills.inside_an_epoch > 0 && kills.while_a_file_was_written > 0);
}

// Signals and limits.

#[test]
fn a_signal_ends_training_at_the_next_batch_with_a_checkpoint() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let bench = Bench::new();
        let run = bench.run("run");
        let child = spawn_training(run.start_command(XOR, &["--epochs", "100000"]));
        wait_for_epoch(&run, 2);
        signal(&child, name);
        let output = child.wait_with_output().expect("its end");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.starts_with("interrupted "), "{message}");
        assert!(
            message.contains(&format!("ohmgrad train --resume {}", run.text())),
            "{message}"
        );
        let stopped = run.checkpoint();
        assert!(stopped.epoch >= 2);
        let epochs = stopped.epoch + 2;
        assert!(stopped == trajectory(&run, epochs)[&(stopped.epoch, stopped.batch)]);
        run.resume(&["--epochs", &epochs.to_string()]);
        run.assert_same_as(&bench.whole("whole", epochs));
    }
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_leaves_the_checkpoint() {
    let bench = Bench::new();
    let text = std::fs::read_to_string("circuits/learning/digits.toml").expect("the example");
    let slow = text
        .replace("batch = 32", "batch = 8000")
        .replace("hidden = [24]", "hidden = [500, 500]")
        .replace("samples = 2000", "samples = 8000");
    let config = bench.0.path().join("slow.toml");
    std::fs::write(&config, slow).expect("a file");
    let run = bench.run("run");
    let child = spawn_training(run.start_command(config.to_str().expect("UTF-8"), &[]));
    let before = run.files();
    // Into its first batch, which takes seconds.
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, "-INT");
    let asked = Instant::now();
    let output = child.wait_with_output().expect("its end");
    let (code, _, message) = said(output);
    // The message of an orderly end is missing: the batch was not waited for.
    assert_eq!((code, message.as_str()), (130, ""));
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert!(run.files() == before);
    assert_eq!(run.checkpoint().epoch, 0);
}

#[test]
fn a_time_limit_ends_with_results_that_say_so() {
    let bench = Bench::new();
    let run = bench.run("run");
    let began = Instant::now();
    let out = run.start(XOR, &["--epochs", "100000", "--time-limit", "0.5s"]);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(out.contains("stopped by the time limit "), "{out}");
    assert!(out.contains("test accuracy"), "{out}");
    let result: serde_json::Value =
        serde_json::from_slice(&run.files()["result.json"]).expect("JSON");
    let stopped = run.checkpoint();
    assert_eq!(result["ended"], "time limit");
    assert_eq!(result["epochs"], stopped.epoch);
    assert_eq!(result["batch"], stopped.batch);
    assert_eq!(said(ohmgrad(&["check", run.text()])).0, 0);
    let epochs = stopped.epoch + 2;
    run.resume(&["--epochs", &epochs.to_string()]);
    run.assert_same_as(&bench.whole("whole", epochs));
}

#[test]
fn a_time_limit_of_nothing_leaves_the_circuit_untrained() {
    let bench = Bench::new();
    let run = bench.run("run");
    let out = run.start(XOR, &["--epochs", "2", "--time-limit", "0"]);
    assert!(out.contains("before the first batch"), "{out}");
    run.resume(&[]);
    run.assert_same_as(&bench.whole("whole", 2));
}

#[test]
fn times_that_are_none_are_refused() {
    for time in ["soon", "-1s", "1d", "nan", "", "s", "1e300h"] {
        for option in ["--time-limit", "--checkpoint-every"] {
            let option = format!("{option}={time}");
            let (code, _, err) = said(ohmgrad(&["train", XOR, "--out", "/proc/x", &option]));
            assert_eq!(code, 2, "{option}");
            assert!(err.contains("90s, 10m or 2h"), "{err}");
        }
    }
}

#[test]
fn a_run_that_is_done_says_so_and_is_left_alone() {
    let bench = Bench::new();
    let run = bench.whole("run", 2);
    let before = run.files();
    for more in [&[][..], &["--epochs", "2"]] {
        let out = run.resume(more);
        let expected = "already trained for 2 epochs; name more with --epochs\n";
        assert!(out.ends_with(expected), "{out}");
        assert!(run.files() == before);
    }
}

#[test]
fn more_epochs_are_remembered() {
    let bench = Bench::new();
    let run = bench.whole("run", 2);
    run.resume(&["--epochs", "5", "--time-limit", "0"]);
    run.resume(&[]);
    run.assert_same_as(&bench.whole("whole", 5));
}

#[test]
fn a_run_folder_belongs_to_one_process() {
    let bench = Bench::new();
    let run = bench.run("run");
    let mut first = spawn_training(run.start_command(XOR, &["--epochs", "100000"]));
    let second = run.try_resume(&[]);
    let third = said(run.start_command(XOR, &[]).output().expect("it runs"));
    for (code, out, err) in [second, third] {
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(
            err.contains("is in use by another process\n  help:"),
            "{err}"
        );
    }
    first.kill().expect("a signal");
    first.wait().expect("its end");
    let epochs = run.checkpoint().epoch + 1;
    run.resume(&["--epochs", &epochs.to_string()]);
    run.assert_same_as(&bench.whole("whole", epochs));
}

#[test]
fn a_run_does_not_overwrite_what_it_is_made_from() {
    let bench = Bench::new();
    let run = bench.run("run");
    std::fs::create_dir(&run.0).expect("a folder");
    let text = std::fs::read_to_string(XOR).expect("the example");
    for (config, deck) in [("config.toml", "mine.cir"), ("mine.toml", "initial.cir")] {
        std::fs::copy("circuits/learning/xor.cir", run.file(deck)).expect("a deck");
        std::fs::write(run.file(config), text.replace("xor.cir", deck)).expect("a file");
        let mut before = run.files();
        before.remove("lock");
        let config = run.file(config);
        let start = run.start_command(config.to_str().expect("UTF-8"), &[]);
        let (code, _, err) = said({ start }.output().expect("it runs"));
        assert_eq!(code, 2);
        assert!(err.starts_with("error: the run would overwrite"), "{err}");
        let mut after = run.files();
        after.remove("lock");
        assert!(after == before);
        std::fs::remove_file(config).expect("removed");
    }
}

// Checkpoints that cannot be used.

/// A resume that must fail as said and change nothing.
fn assert_refused(run: &Run, more: &[&str], code: i32, expected: &str) {
    let before = run.files();
    let (found, out, err) = run.try_resume(more);
    assert_eq!((found, out.as_str()), (code, ""), "{err}");
    let err = err.replace(run.text(), "RUN");
    assert_eq!(err.trim_end(), format!("error: {expected}"));
    assert!(run.files() == before, "the run folder has changed");
}

#[test]
fn a_damaged_checkpoint_names_the_one_before_it_which_leads_to_the_same_bits() {
    let bench = Bench::new();
    let whole = bench.whole("whole", 3);
    let run = bench.whole("run", 2);
    let path = run.file("checkpoint.bin");
    let good = std::fs::read(&path).expect("a checkpoint");
    let way_out = "help: it was cut short or altered, but the checkpoint before it is whole and leads \
                   to the same bits: rename RUN/checkpoint.previous.bin to RUN/checkpoint.bin, then \
                   resume";
    let mut altered = good.clone();
    let last = good.len() - 1;
    altered[last] ^= 1;
    let cases = [
        (Vec::new(), "it has no body"),
        (good[..40].to_vec(), "it has no body"),
        (good[..100].to_vec(), "it has no numbers"),
        (good[..good.len() - 1].to_vec(), "it ends too early"),
        ([&good[..], b"x"].concat(), "it goes on beyond its end"),
        (altered, "its checksum does not match"),
        (b"\xff\xfe\n\n".to_vec(), "it is not text"),
        (
            b"{}\n{}\n".to_vec(),
            "its first line is not `ohmgrad-checkpoint 3 …`",
        ),
    ];
    for (bytes, reason) in cases {
        std::fs::write(&path, bytes).expect("a file");
        let expected =
            format!("RUN/checkpoint.bin is not a whole checkpoint: {reason}\n  {way_out}");
        assert_refused(&run, &["--epochs", "3"], 3, &expected);
    }
    std::fs::rename(run.file("checkpoint.previous.bin"), &path).expect("renamed");
    run.resume(&["--epochs", "3"]);
    run.assert_same_as(&whole);
}

#[test]
fn a_damaged_checkpoint_without_a_whole_one_before_it_says_so() {
    let bench = Bench::new();
    let run = bench.whole("run", 2);
    for name in ["checkpoint.bin", "checkpoint.previous.bin"] {
        std::fs::write(run.file(name), "torn").expect("a file");
    }
    let expected = "RUN/checkpoint.bin is not a whole checkpoint: it has no body\n  help: it was cut \
                    short or altered; train again into a new folder";
    assert_refused(&run, &[], 3, expected);
}

#[test]
fn a_checkpoint_of_another_format_is_refused() {
    let bench = Bench::new();
    let run = bench.whole("run", 1);
    let good = run.files()["checkpoint.bin"].clone();
    let rest = good.strip_prefix(b"ohmgrad-checkpoint 3").expect("a head");
    for found in ["1", "2", "700"] {
        let other = [format!("ohmgrad-checkpoint {found}").as_bytes(), rest].concat();
        std::fs::write(run.file("checkpoint.bin"), other).expect("a file");
        let expected = format!(
            "RUN/checkpoint.bin is in format {found}, but this program reads format 3\n  help: \
             resume with the version of ohmgrad that wrote it, or train again into a new folder"
        );
        assert_refused(&run, &["--epochs", "2"], 3, &expected);
    }
}

/// Writes a training file that reads the four corners of XOR from a CSV file.
fn csv_config(bench: &Bench) -> (PathBuf, PathBuf) {
    let data = bench.0.path().join("data.csv");
    std::fs::write(&data, "-1,-1,0\n-1,1,1\n1,-1,1\n1,1,0\n".repeat(10)).expect("a file");
    let config = config(bench, "[data.csv]\ntrain = \"data.csv\"\n");
    (config, data)
}

/// Writes the training file of XOR with other data.
fn config(bench: &Bench, data: &str) -> PathBuf {
    let text = std::fs::read_to_string(XOR).expect("the example");
    let (text, _) = text.split_once("[data.generator]").expect("data");
    let circuits = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/learning/xor.cir");
    let text = text.replace("xor.cir", circuits.to_str().expect("UTF-8"));
    let config = bench.0.path().join("train.toml");
    std::fs::write(&config, text + data).expect("a file");
    config
}

#[test]
fn images_and_labels_of_idx_files_are_trained_on_and_remembered() {
    let bench = Bench::new();
    let config = config(
        &bench,
        "[data.idx]\nimages = \"images\"\nlabels = \"labels\"\nlimit = 30\n",
    );
    let config = config.to_str().expect("UTF-8");
    let images = bench.0.path().join("images");
    let pixels = [0, 0, 0, 255, 255, 0, 255, 255].repeat(10);
    let head = [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 2];
    let whole = [&head[..], &pixels].concat();
    std::fs::write(&images, &whole).expect("a file");
    let labels = [&[0, 0, 8, 1, 0, 0, 0, 40][..], &[0, 1, 1, 0].repeat(10)].concat();
    std::fs::write(bench.0.path().join("labels"), labels).expect("a file");
    let run = bench.run("run");
    let said = run.start(config, &["--epochs", "2"]);
    assert!(
        said.contains("24 training samples, 6 test samples"),
        "{said}"
    );
    let mut altered = whole.clone();
    altered[20] ^= 1;
    std::fs::write(&images, &altered).expect("a file");
    let expected = "RUN/checkpoint.bin was trained with other data\n  help: put back what was changed, or \
                    train again into a new folder";
    assert_refused(&run, &["--epochs", "3"], 3, expected);
    std::fs::write(&images, &whole).expect("a file");
    run.resume(&["--epochs", "3"]);
}

#[test]
fn a_changed_deck_training_file_or_data_is_named() {
    let bench = Bench::new();
    let (config, data) = csv_config(&bench);
    let config = config.to_str().expect("UTF-8");
    let whole = bench.run("whole");
    whole.start(config, &["--epochs", "3"]);
    let run = bench.run("run");
    run.start(config, &["--epochs", "2"]);
    let alter = |path: &Path, from: &str, to: &str| {
        let text = std::fs::read_to_string(path).expect("a file");
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replacen(from, to, 1)).expect("a file");
        text
    };
    let deck = alter(&run.file("initial.cir"), "vp0 ", "vp0x ");
    std::fs::write(run.file("initial.cir"), &deck).expect("a file");
    let resistor = deck
        .lines()
        .find(|line| line.starts_with('r'))
        .expect("a resistor");
    let (_, value) = resistor.rsplit_once(' ').expect("a value");
    let changes = [
        (
            run.file("initial.cir"),
            resistor,
            resistor.replace(value, "12345.5"),
            "another deck",
        ),
        (
            run.file("config.toml"),
            "batch = 20",
            "batch = 10".into(),
            "another training file",
        ),
        (
            run.file("config.toml"),
            "seed = 1",
            "seed = 2".into(),
            "another training file",
        ),
        (
            run.file("config.toml"),
            "rate = 0.05",
            "rate = 0.06".into(),
            "another training file",
        ),
        (data.clone(), "-1,1,1", "-1,1,0".into(), "other data"),
        (data.clone(), "-1,1,1", "-1,0.5,1".into(), "other data"),
    ];
    let message = |what: &str| {
        format!(
            "RUN/checkpoint.bin was trained with {what}\n  help: put back what was changed, or train \
             again into a new folder"
        )
    };
    for (path, from, to, what) in changes {
        let kept = alter(&path, from, &to);
        assert_refused(&run, &["--epochs", "3"], 3, &message(what));
        std::fs::write(&path, kept).expect("a file");
    }
    let kept_deck = alter(
        &run.file("initial.cir"),
        resistor,
        &resistor.replace(value, "12345.5"),
    );
    let kept_data = alter(&data, "-1,1,1", "-1,1,0");
    let both = message("another deck and with other data");
    assert_refused(&run, &["--epochs", "3"], 3, &both);
    std::fs::write(run.file("initial.cir"), kept_deck).expect("a file");
    std::fs::write(&data, kept_data).expect("a file");
    run.resume(&["--epochs", "3"]);
    run.assert_same_as(&whole);
}

// Logs and results.

#[test]
fn a_log_that_lacks_epochs_is_said_and_a_torn_line_is_dropped() {
    let bench = Bench::new();
    let run = bench.whole("run", 3);
    let log = String::from_utf8(run.files()["log.jsonl"].clone()).expect("text");
    std::fs::write(run.file("log.jsonl"), format!("{log}{{\"epoch\":4,\"lo")).expect("a file");
    run.resume(&["--epochs", "4"]);
    run.assert_same_as(&bench.whole("whole", 4));
    let (_, without_first) = log.split_once('\n').expect("a line");
    std::fs::write(run.file("log.jsonl"), without_first).expect("a file");
    let (code, _, err) = run.try_resume(&["--epochs", "5"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("has 2 of 4 epochs"), "{err}");
}

#[test]
fn checksums_find_every_altered_and_missing_file() {
    let bench = Bench::new();
    let run = bench.whole("run", 1);
    let check = || said(ohmgrad(&["check", run.text()]));
    assert_eq!(check().0, 0);
    let files = run.files();
    let covered: Vec<_> = files
        .iter()
        .filter(|(name, _)| {
            !["lock", "checksums.txt", "checkpoint.previous.bin"].contains(&name.as_str())
        })
        .collect();
    assert_eq!(covered.len(), 8);
    for (name, bytes) in covered {
        let mut altered = bytes.clone();
        altered[bytes.len() / 3] ^= 4;
        std::fs::write(run.file(name), &altered).expect("a file");
        let (code, out, err) = check();
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(err.contains(&format!("/{name} was altered")), "{err}");
        std::fs::remove_file(run.file(name)).expect("removed");
        let (code, _, err) = check();
        assert_eq!(code, 1);
        assert!(
            err.contains(&format!("cannot read {}/{name}", run.text())),
            "{err}"
        );
        std::fs::write(run.file(name), bytes).expect("a file");
    }
    assert_eq!(check().0, 0);
    std::fs::remove_file(run.file("checksums.txt")).expect("removed");
    let (code, _, err) = check();
    assert_eq!(code, 1);
    assert!(err.contains("has no checksums.txt"), "{err}");
    // A resume of a run that is done writes what is missing.
    run.resume(&[]);
    assert_eq!(run.files(), files);
}

// Disks.

/// The same command with files limited to so many blocks of 512 bytes.
fn with_small_files(command: &Command, blocks: usize) -> Command {
    let mut limited = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    limited
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-c", &script])
        .arg(command.get_program())
        .args(command.get_args());
    limited
}

#[test]
fn a_checkpoint_that_does_not_fit_leaves_the_old_one() {
    let bench = Bench::new();
    let whole = bench.whole("whole", 2);
    let run = bench.whole("run", 1);
    let before = run.files();
    let resume = run.resume_command(&["--epochs", "2"]);
    let (code, _, err) = said(with_small_files(&resume, 3).output().expect("it runs"));
    assert_eq!(code, 1);
    assert!(err.contains("cannot write the checkpoint"), "{err}");
    let after = run.files();
    for name in ["checkpoint.bin", "checkpoint.previous.bin", "trained.cir"] {
        assert!(before[name] == after[name], "{name}");
    }
    assert!(after.keys().all(|name| !name.ends_with(".tmp")));
    run.resume(&[]);
    run.assert_same_as(&whole);
}

#[test]
fn a_log_that_does_not_fit_is_torn_and_mended() {
    let bench = Bench::new();
    let whole = bench.whole("whole", 40);
    let run = bench.whole("run", 6);
    let resume = run.resume_command(&["--epochs", "40"]);
    let (code, _, err) = said(with_small_files(&resume, 8).output().expect("it runs"));
    assert_eq!(code, 1);
    assert!(err.contains("log.jsonl: File too large"), "{err}");
    let log = &run.files()["log.jsonl"];
    assert!(log.len() == 4096 && !log.ends_with(b"\n"));
    assert!(run.checkpoint().epoch > 6);
    run.resume(&[]);
    run.assert_same_as(&whole);
}

#[test]
fn a_full_standard_output_loses_nothing() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full");
        return;
    }
    let bench = Bench::new();
    let run = bench.run("run");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("a device");
    let mut start = run.start_command(XOR, &["--epochs", "2"]);
    let (code, _, err) = said(start.stdout(full).output().expect("it runs"));
    assert_eq!(code, 1);
    let expected = "error: cannot write standard output: No space left on device";
    assert!(err.starts_with(expected), "{err}");
    run.resume(&[]);
    run.assert_same_as(&bench.whole("whole", 2));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let bench = Bench::new();
    let file = bench.0.path().join("file");
    std::fs::write(&file, "x").expect("a file");
    for place in [file.join("run"), PathBuf::from("/proc/run"), file.clone()] {
        let place = Run(place);
        let output = place.start_command(XOR, &[]).output();
        let (code, _, err) = said(output.expect("it runs"));
        assert_eq!(code, 1, "{err}");
        let expected = format!("error: cannot write {}", place.text());
        assert!(err.starts_with(&expected), "{err}");
    }
    assert_eq!(std::fs::read(&file).expect("the file"), b"x");
}

/// A disk of its own, in memory.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this process may not mount.
    fn new(size: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().expect("a folder"));
        let is_mounted = disk.mount(&format!("size={size}"));
        if !is_mounted {
            println!("skipped: a disk cannot be mounted here");
        }
        is_mounted.then_some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
        let output = mount.arg(self.0.path()).output();
        output.is_ok_and(|o| o.status.success())
    }

    fn remount(&self, options: &str) {
        assert!(self.mount(&format!("remount,{options}")));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let Some(disk) = SmallDisk::new("64k") else {
        return;
    };
    let bench = Bench::new();
    let run = Run(disk.0.path().join("run"));
    // The picture does not fit.
    let start = run.start_command(XOR, &["--epochs", "2"]).output();
    let (code, out, err) = said(start.expect("it runs"));
    assert_eq!(code, 1);
    assert!(out.contains("epoch   2/2"), "{out}");
    let expected = format!(
        "error: cannot write {}/decision.svg: No space left",
        run.text()
    );
    assert!(err.starts_with(&expected), "{err}");
    // Nor does anything else.
    let filler = disk.0.path().join("filler");
    let _ = std::fs::write(&filler, vec![0; 1 << 17]);
    let before = run.files();
    let (code, _, err) = run.try_resume(&["--epochs", "3"]);
    assert_eq!(code, 1);
    assert!(err.contains("No space left on device"), "{err}");
    assert!(run.files() == before);
    // Room for the rest, but not for the next checkpoint.
    std::fs::remove_file(&filler).expect("removed");
    let mut resume = run.resume_command(&["--epochs", "100000", "--checkpoint-every", "0"]);
    let child = resume.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = child.spawn().expect("it runs");
    wait_for_epoch(&run, 3);
    let _ = std::fs::write(&filler, vec![0; 1 << 17]);
    let (code, _, err) = said(child.wait_with_output().expect("its end"));
    assert_eq!(code, 1);
    assert!(err.contains("No space left on device"), "{err}");
    // The log comes before the checkpoint, which may be the one that did not fit.
    let stopped = run.checkpoint();
    assert!(stopped.epoch >= 2);
    disk.remount("size=8m");
    let epochs = stopped.epoch + 1;
    run.resume(&["--epochs", &epochs.to_string()]);
    run.assert_same_as(&bench.whole("whole", epochs));
}

#[test]
fn a_folder_that_turns_read_only_loses_nothing() {
    let Some(disk) = SmallDisk::new("8m") else {
        return;
    };
    let bench = Bench::new();
    let run = Run(disk.0.path().join("run"));
    run.start(XOR, &["--epochs", "2"]);
    disk.remount("ro");
    assert_refused(
        &run,
        &["--epochs", "3"],
        1,
        "cannot write RUN/lock: Read-only file system (os error 30)",
    );
    let other = Run(disk.0.path().join("other"));
    let (code, _, err) = said(other.start_command(XOR, &[]).output().expect("it runs"));
    assert_eq!(code, 1);
    assert!(err.contains("Read-only file system"), "{err}");
    disk.remount("rw");
    run.resume(&["--epochs", "3"]);
    run.assert_same_as(&bench.whole("whole", 3));
}

#[test]
fn a_folder_without_permission_loses_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let run = bench.whole("run", 2);
    let allow = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&run.0, permissions).expect("permissions");
    };
    allow(0o555);
    if std::fs::write(run.file("probe"), "x").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    let before = run.files();
    let (code, _, err) = run.try_resume(&["--epochs", "3"]);
    assert_eq!(code, 1);
    assert!(err.contains("Permission denied"), "{err}");
    assert!(run.files() == before);
    allow(0o755);
    run.resume(&["--epochs", "3"]);
    run.assert_same_as(&bench.whole("whole", 3));
}
