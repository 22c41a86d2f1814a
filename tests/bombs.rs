//! Small inputs that ask for much: each ends in a message, or in a result, within bounds on processor
//! time (10 s, debug builds included) and on memory (4 GB).

#![cfg(unix)]

#[allow(dead_code)]
#[path = "findings/harness.rs"]
mod harness;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ohmgrad::circuit::Circuit;
use ohmgrad::learning::Checkpoint;
use ohmgrad::learning::data::{CsvOptions, parse_csv};
use ohmgrad::netlist::Netlist;

/// Seconds of processor time, and kB of memory.
const BOUNDS: &str = "ulimit -t 10; ulimit -v 4194304; exec \"$0\" \"$@\"";

/// Whatever else the machine has to do.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

const BAD_INPUT: i32 = 3;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("a file is written");
        path
    }

    /// Runs a deck that holds these cards, and two elements besides.
    fn deck(&self, cards: &str) -> (i32, String) {
        let deck = self.write("deck.cir", &format!("bomb\nv1 1 0 1\nr1 1 0 1\n{cards}\n"));
        self.run(&["run", deck.to_str().expect("a path")])
    }

    /// Exit code, and the start of what is written to standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let errors = self.0.path().join("errors");
        let mut child = Command::new("sh")
            .args(["-c", BOUNDS, env!("CARGO_BIN_EXE_ohmgrad")])
            .args(arguments)
            .current_dir(self.0.path())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&errors).expect("a file"))
            .spawn()
            .expect("the program runs");
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a status") {
                break status;
            }
            if started.elapsed() > LONGEST_WAIT {
                child.kill().expect("it can be ended");
                panic!("hangs: {arguments:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        println!("{:.1} s", started.elapsed().as_secs_f64());
        let message = std::fs::read(errors).expect("standard error");
        assert!(message.len() < 40_000, "a page of junk helps nobody");
        let message = String::from_utf8_lossy(&message).into_owned();
        let code = status.code();
        let code = code.unwrap_or_else(|| panic!("{status}:\n{message}"));
        (code, message)
    }

    fn is_refused(&self, name: &str, cards: &str, expected: &str) {
        println!("{name}");
        let (code, message) = self.deck(cards);
        assert_eq!(code, BAD_INPUT, "{name}:\n{message}");
        assert!(message.contains(expected), "{name}:\n{message}");
        assert!(message.contains("help:"), "{name}:\n{message}");
    }

    fn is_solved(&self, name: &str, cards: &str) {
        println!("{name}");
        let (code, message) = self.deck(cards);
        assert_eq!(code, 0, "{name}:\n{message}");
    }
}

/// `count` lines, or words.
fn many(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, k| {
        let _ = write!(all, "{}", text(k));
        all
    })
}

/// Levels of ten calls each around `body`.
fn levels(count: usize, call: &str, body: &str) -> String {
    let level = |k: usize| {
        let calls = many(10, |j| format!("x{call}{j} a s{k}\n"));
        format!(".subckt s{} a\n{calls}.ends\n", k + 1)
    };
    format!(
        ".subckt s0 a\n{body}.ends\n{}x 1 s{count}\n",
        many(count, level)
    )
}

#[test]
fn subcircuits_that_multiply() {
    let folder = Folder::new();
    let expands = "the deck expands to";
    let refused = |name, cards: String, expected| folder.is_refused(name, &cards, expected);
    refused("elements", levels(10, "", "r1 a 0 1\n"), expands);
    refused("empty calls", levels(10, "", ""), expands);
    refused("names", levels(6, &"q".repeat(1000), "r1 a 0 1\n"), expands);
    let parameters = many(1000, |k| format!(".param q{k}={{1+1}}\n"));
    refused("parameters", levels(6, "", &parameters), expands);
    let table = many(10_000, |k| format!(" ({k},{k})"));
    let table = format!("g1 a 0 table {{v(a)}} = {table}\n");
    refused("tables", levels(5, "", &table), expands);
    refused(
        "itself",
        ".subckt a p\nx1 p a\n.ends\nx1 1 a".into(),
        "call each other",
    );
    let mutual = ".subckt a p\nx1 p b\n.ends\n.subckt b p\nx1 p a\n.ends\nx1 1 a";
    refused("each other", mutual.into(), "call each other");
    let chain = many(1000, |k| {
        format!(".subckt s{k} a\nx1 a s{}\n.ends\n", k + 1)
    });
    let chain = format!("{chain}.subckt s1000 a\nr1 a 0 1\n.ends\nx1 1 s0");
    refused("a chain", chain, "more than 100 deep");
    let open = many(100_000, |k| format!(".subckt s{k} a\n"));
    refused("definitions inside each other", open, "more than 100 deep");
}

#[test]
fn more_memory_is_a_matter_of_the_environment() {
    let netlist = Netlist::parse(
        "deck",
        format!("t\nv1 1 0 1\n{}", levels(3, "", "r1 a 0 1\n")),
    );
    assert!(Circuit::from_netlist(&netlist.expect("a deck")).is_ok());
    let folder = Folder::new();
    let deck = format!("t\nv1 1 0 1\n{}", levels(3, "", "r1 a 0 1\n"));
    folder.write("deck.cir", &deck);
    let bounds = "OHMGRAD_MEMORY=0.001 exec \"$0\" op deck.cir";
    let output = Command::new("sh")
        .args(["-c", bounds, env!("CARGO_BIN_EXE_ohmgrad")])
        .current_dir(folder.0.path())
        .output()
        .expect("the program runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("the limit is 0.001 GB"), "{message}");
}

#[test]
fn expressions_that_multiply() {
    let folder = Folder::new();
    let doubling = |levels: usize| {
        let double = |k: usize| format!(".func f{}(x) {{f{k}(x)+f{k}(x)}}\n", k + 1);
        format!(".func f0(x) {{x}}\n{}", many(levels, double))
    };
    let operations = "operations or levels";
    let deep = doubling(40) + "r2 1 0 {f40(1)}";
    folder.is_refused("functions", &deep, operations);
    let wide = |element: fn(usize) -> String| doubling(16) + ".param q=1\n" + &many(1000, element);
    let many_values = wide(|k| format!("rb{k} 1 0 {{f16(q)}}\n"));
    folder.is_refused("many values", &many_values, operations);
    let many_laws = wide(|k| format!("b{k} 1 0 i={{f16(v(1))}}\n"));
    folder.is_refused("many laws", &many_laws, operations);
    let too_large = wide(|k| format!("b{k} 1 0 i={{f16(f16(v(1)))}}\n"));
    folder.is_refused("many failing laws", &too_large, operations);
    folder.is_refused(
        "a function of itself",
        ".func f(x) {f(x)}\nr2 1 0 {f(1)}",
        "calls itself",
    );
    let levels = "levels inside each other";
    for (name, text) in [
        (
            "parentheses",
            "(".repeat(100_000) + "1" + &")".repeat(100_000),
        ),
        ("braces", "{".repeat(1_000_000)),
        ("signs", "-".repeat(1_000_000) + "1"),
        ("choices", "1?1:".repeat(100_000) + "1"),
    ] {
        folder.is_refused(name, &format!("r2 1 0 {{{text}}}"), levels);
    }
    let text = "1+".repeat(5_000_000) + "1";
    folder.is_refused(
        "ten megabytes",
        &format!("r2 1 0 {{{text}}}"),
        "longer than",
    );
    let points = many(1_000_000, |k| format!(" ({k},{k})"));
    folder.is_solved("a table", &format!("g2 1 0 table {{v(1)}} = {points}"));
    folder.is_refused(
        "poly",
        "e2 2 0 poly(1000000) 1 0 1 1\nr2 2 0 1",
        "ends before",
    );
    folder.is_refused(
        "poly",
        "e2 2 0 poly(1e300) 1 0 1 1\nr2 2 0 1",
        "ends before",
    );
}

#[test]
fn parameters_and_models_without_end() {
    let folder = Folder::new();
    const COUNT: usize = 100_000;
    folder.is_refused(
        "a circle",
        ".param a={b} b={a}\nr2 1 0 {a}",
        "need each other",
    );
    let last = format!("r2 1 0 {{p{}}}", COUNT - 1);
    let chain = many(COUNT - 1, |k| format!(".param p{}={{p{k}+1}}\n", k + 1));
    folder.is_solved("a chain", &format!(".param p0=1\n{chain}{last}"));
    let chain = many(COUNT - 1, |k| {
        let k = COUNT - 1 - k;
        format!(".param p{k}={{p{}+1}}\n", k - 1)
    });
    let backwards = format!(".param p0=1\n{chain}{last}");
    folder.is_refused("a chain backwards", &backwards, "more than 400 deep");
    folder.is_solved(
        "unknown names",
        &many(COUNT, |k| format!(".param p{k}={{q{k}}}\n")),
    );
    let circles = many(COUNT, |k| format!(".param p{k}={{p{}}}\n", (k + 1) % 390));
    folder.is_solved("circles that nobody needs", &circles);
    let models = many(COUNT, |k| format!(".model m{} ako: m{k} d(n=1)\n", k + 1));
    let models = format!(".model m0 d(is=1e-14)\n{models}d1 1 0 m{COUNT}");
    folder.is_refused("models", &models, "more than 100 deep");
    folder.is_refused(
        "unknown models",
        &many(COUNT, |k| format!("d{k} 1 0 m{k}\n")),
        "not defined",
    );
    folder.is_refused(
        "unknown calls",
        &many(COUNT, |k| format!("x{k} 1 m{k}\n")),
        "not defined",
    );
    let controls = many(COUNT, |k| format!("f{k} 1 0 vq{k} 1\nvp{k} a{k} 0 1\n"));
    folder.is_refused("unknown controls", &controls, "not there");
    folder.is_solved("warnings", &many(1_000_000, |_| ".foo\n".into()));
}

#[test]
fn faults_of_topology_without_end() {
    let folder = Folder::new();
    type Card = fn(usize) -> String;
    let topology: [(Card, i32); 4] = [
        (|k| format!("vl{k} 1 0 0\n"), 4),
        (|k| format!("rf{k} a{k} b{k} 1\n"), 4),
        (|k| format!("ic{k} a{k} 0 1\n"), 4),
        (|k| format!("rs{k} 1 2 0\n"), 0),
    ];
    for (card, expected) in topology {
        let (code, message) = folder.deck(&many(50_000, card));
        assert_eq!(code, expected, "{message}");
    }
}

/// On the two megabytes of stack that a thread has.
#[test]
fn tall_parameters_behind_each_other_keep_the_stack() {
    let sum = "+1".repeat(990);
    let tall = many(390, |k| format!(".param p{k}={{p{}{sum}}}\n", k + 1));
    let right = "1+(".repeat(95);
    let close = ")".repeat(95);
    let nested = many(390, |k| {
        format!(".param p{k}={{{right}p{}{close}}}\n", k + 1)
    });
    let plain = many(390, |k| format!(".param p{k}={{p{}}}\n", k + 1));
    let calls = many(1400, |k| format!(".func f{k}(x) {{f{}(x)}}\n", k + 1));
    let calls = format!(".func f1400(x) {{x}}\n{calls}.param p390=1 p0={{f0(1)}}");
    for (cards, is_fine) in [(tall, false), (nested, false), (plain, true), (calls, true)] {
        let deck = format!("t\nv1 1 0 1\n.param p390=1\n{cards}\nr1 1 0 {{p0}}\n");
        let netlist = Netlist::parse("deck", deck).unwrap_or_else(|e| panic!("{e}"));
        let circuit = Circuit::from_netlist(&netlist);
        assert_eq!(
            circuit.is_ok(),
            is_fine,
            "{:?}",
            circuit.err().map(|e| e.to_string())
        );
    }
}

#[test]
fn long_lines() {
    let folder = Folder::new();
    const MEGA: usize = 1 << 20;
    let too_long = "the line is longer than";
    folder.is_refused(
        "a word",
        &format!("r2 {} 0 1", "a".repeat(100 * MEGA)),
        too_long,
    );
    folder.is_refused(
        "many words",
        &format!("r2 1 0 {}", "a ".repeat(50 * MEGA)),
        too_long,
    );
    folder.is_refused(
        "a number",
        &format!("r2 1 0 {}", "1".repeat(10 * MEGA) + "x#"),
        "is not",
    );
    folder.is_solved("digits", &format!("r2 1 0 1.{}", "1".repeat(10 * MEGA)));
    folder.is_solved(
        "a node",
        &format!("r2 1 {0} 1\nr3 {0} 0 1", "a".repeat(1 << 16)),
    );
    let empty = format!("r2 1\n{}+ 0 1k", "+\n".repeat(1_000_000));
    folder.is_solved("empty continuations", &empty);
    folder.is_solved(
        "continuations",
        &format!("r2 1 0 1k\n{}", "+ m=1\n".repeat(1_000_000)),
    );
}

#[test]
fn sweeps_without_end() {
    let folder = Folder::new();
    let many_points = "the limit is 5000000";
    folder.is_refused("steps", ".dc v1 0 1 1e-12", many_points);
    folder.is_refused("tiny steps", ".dc v1 0 1 1e-308", many_points);
    folder.is_refused("decades", ".dc dec v1 1 10 1e15", many_points);
    folder.is_refused("loops", ".dc v1 0 1 1e-4 r1 1 2 1e-4", many_points);
    folder.is_refused("no sweep", ".dc v1 0 1 0", "never");
    folder.is_refused("digits", ".dc v1 0 1 1e-308", "a sweep of 1e308 points");
    let nested = ".param q=1\n.step param q 0 1 1e-5\n.dc v1 0 1 1e-5";
    folder.is_refused("a sweep at steps", nested, "have 1e10 points together");
    let growing = ".param q=1\n.step param q 1 1000 1\n.dc v1 0 {q} 1m";
    folder.is_refused("a growing sweep", growing, "points together");
    let steps = ".param q=1\n.step param q 0 1 1.1e-6\n";
    let analyses = format!("{steps}{}", ".op\n".repeat(1000));
    folder.is_refused("analyses at steps", &analyses, "the results hold more than");
    let ladder = many(30_000, |k| format!("ra{k} n{k} n{} 1\n", k + 1));
    let wide = format!("{ladder}r2 1 n0 1\n.print dc v(*) i(*)\n.dc v1 0 1 1e-5");
    folder.is_refused("columns", &wide, "the results hold more than");
}

#[test]
fn numbers_out_of_range_are_refused_or_solved() {
    let folder = Folder::new();
    for number in ["1e400", "1e99999999999", "-1e400", "1e308k"] {
        folder.is_refused(number, &format!("r2 1 0 {number}"), "is not a");
    }
    let cards: [fn(&str) -> String; 9] = [
        |x| format!("r2 2 0 {x}\nr3 1 2 1"),
        |x| format!("v2 2 0 {x}\nr3 1 2 1"),
        |x| format!("i2 2 0 {x}\nr3 1 2 1"),
        |x| format!("e2 2 0 1 0 {x}\nr3 1 2 1"),
        |x| format!("d2 2 0 d\nr3 1 2 1\n.model d d(is={x})"),
        |x| format!("d2 2 0 d\nr3 1 2 1\n.model d d(n={x})"),
        |x| format!("d2 2 0 d\nr3 1 2 1\n.options tnom={x}"),
        |x| format!("d2 2 0 d\nr3 1 2 1\n.temp {x}"),
        |x| format!("r2 1 0 1 m={x}"),
    ];
    for card in cards {
        for number in ["1e308", "1e-308", "-1e308", "0"] {
            let cards = card(number);
            let (code, message) = folder.deck(&cards);
            assert!((0..=4).contains(&code), "{cards}:\n{message}");
            assert!(
                code == 0 || message.contains("help:"),
                "{cards}:\n{message}"
            );
        }
    }
}

#[test]
fn files_that_never_end() {
    let folder = Folder::new();
    folder.write("leaf.inc", "* nothing\n");
    let wide = ".include leaf.inc\n".repeat(1_000_000);
    folder.is_refused("a million includes", &wide, "10000 times");
    for k in 0..100 {
        folder.write(&format!("{k}.inc"), &format!(".include {}.inc\n", k + 1));
    }
    folder.is_refused("a chain of includes", ".include 0.inc", "40 deep");
    folder.write("a.inc", ".include b.inc\n");
    folder.write("b.inc", ".include a.inc\n");
    folder.is_refused("a circle of includes", ".include a.inc", "include");
    let mut pipe = Command::new("mkfifo");
    let pipe = pipe.arg("pipe").current_dir(folder.0.path()).status();
    assert!(pipe.expect("mkfifo runs").success());
    for name in ["/dev/zero", "/", "pipe"] {
        folder.is_refused(name, &format!(".include {name}"), "no regular file");
    }
    for arguments in [["op", "/dev/zero"], ["op", "/"], ["train", "/"]] {
        let (code, message) = folder.run(&arguments);
        assert_eq!(code, BAD_INPUT, "{message}");
    }
}

#[test]
fn data_and_checkpoints_that_are_not_what_they_seem() {
    let csv = |text: &str| {
        parse_csv(
            Path::new("data.csv"),
            text.as_bytes(),
            &CsvOptions::default(),
        )
    };
    let wide = "1,".repeat(1_000_000) + "1";
    let ragged = csv(&format!("{wide}\n1\n")).map(drop);
    let message = ragged.expect_err("a row with one column").to_string();
    assert!(message.len() < 1000, "{message}");
    assert!(csv(&"\"".repeat(1_000_001)).is_err());
    assert!(csv(&"\n".repeat(1_000_000)).is_err());

    let deep = format!("{{\"x\":{}\n", "[".repeat(60_000));
    let error = Checkpoint::parse(&harness::sealed(deep.as_bytes()), Path::new("c")).map(drop);
    let message = error.expect_err("no checkpoint").to_string();
    assert!(!message.contains("checksum"), "{message}");
}

#[test]
fn training_files_that_ask_for_much() {
    let folder = Folder::new();
    let train = |text: &str, arguments: &[&str]| {
        folder.write("train.toml", text);
        folder.run(&[&["train", "train.toml"], arguments].concat())
    };
    // The built-in file with one line replaced, or put first.
    let with = |line: &str| {
        let key = line.split('=').next().unwrap_or(line);
        let built_in = ohmgrad::learning::BUILT_IN_DIGITS;
        let mut lines: Vec<&str> = built_in.lines().collect();
        match lines.iter().position(|l| l.starts_with(key)) {
            Some(place) => lines[place] = line,
            None => lines.insert(0, line),
        }
        lines.join("\n")
    };
    for line in [
        "batch = 0",
        "epochs = 1e18",
        "epochs = -1",
        "seed = 1e400",
        "hidden = [1000000000]",
        "hidden = [1000000000000000000, 1000000000000000000]",
        "inputs = 9000000000000000000",
        "samples = 9000000000000000000",
        "samples = 1000000000000",
        "test = 9000000000000000000",
        "noise = nan",
        "noise = inf",
        "noise = -1",
        "noise = 1e300",
        "min = nan",
    ] {
        let (code, message) = train(&with(line), &[]);
        assert_eq!(code, BAD_INPUT, "{line}:\n{message}");
    }
    let group = "[[parameters]]\nelements = \"r*\"\nrate = inf\n";
    let endless = with("epochs = 1000000000000000000");
    let (code, message) = train(&format!("{endless}\n{group}"), &[]);
    assert_eq!(code, BAD_INPUT, "{message}");
    assert!(message.contains("rate"), "{message}");
    let (code, message) = train(&endless, &["--time-limit", "0.01s", "--out", "run"]);
    assert_eq!(code, 0, "{message}");
    for text in [
        format!("a = {}", "[".repeat(10_000)),
        format!("a = {}", "x".repeat(1_000_000)),
        format!("{} = 1", "x".repeat(1_000_000)),
    ] {
        let (code, message) = train(&text, &[]);
        assert_eq!(code, BAD_INPUT, "{message}");
        assert!(message.len() < 5000, "{}", message.len());
    }
}

#[test]
fn training_files_and_checkpoints_that_never_end() {
    let folder = Folder::new();
    let (code, message) = folder.run(&["train", "/dev/zero"]);
    assert_eq!(code, BAD_INPUT, "{message}");
    assert!(message.contains("bytes"), "{message}");
    let endless = Checkpoint::read(Path::new("/dev/zero")).map(drop);
    let message = endless.expect_err("no checkpoint").to_string();
    assert!(message.contains("bytes"), "{message}");
}

/// Controlled sources between nodes at random: any order of elimination leaves a dense matrix of a third of them.
#[test]
fn factors_that_do_not_fit() {
    let folder = Folder::new();
    const COUNT: usize = 60_000;
    let resistors = many(COUNT, |k| format!("r{k} n{k} 0 100\n"));
    let sources = many(3 * COUNT, |k| {
        let [a, b] = [k % COUNT, (k * k + 7 * k / COUNT) * 7919 % COUNT];
        format!("g{k} n{a} 0 n{b} 0 1m\n")
    });
    folder.write(
        "deck.cir",
        &format!("bomb\nv1 n1 0 1\n{resistors}{sources}"),
    );
    let bounds = "ulimit -t 60; ulimit -v 800000; exec \"$0\" op deck.cir";
    let output = Command::new("sh")
        .args(["-c", bounds, env!("CARGO_BIN_EXE_ohmgrad")])
        .current_dir(folder.0.path())
        .output()
        .expect("the program runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_some_and(|c| (1..=4).contains(&c)),
        "{message}"
    );
    assert!(message.contains("out of memory"), "{message}");
    assert!(message.contains("help:"), "{message}");
}
