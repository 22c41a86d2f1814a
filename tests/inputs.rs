//! Tables of operating points, and training on NumPy files, from outside.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ohmgrad::analysis::{Probe, Solver, potentials, probes_of};
use ohmgrad::circuit::generators::{Clamp, Layered};
use ohmgrad::netlist::Netlist;
use ohmgrad::npz::{Archive, Writer};
use ohmgrad::points::{Points, parse_csv, solve};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn circuits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits")
}

fn deck(name: &str) -> String {
    circuits().join(name).display().to_string()
}

fn solver(deck: &str) -> Solver {
    Solver::from_netlist(&Netlist::parse("t", deck).unwrap()).unwrap()
}

fn points(solver: &Solver, probes: &[Probe], table: &str) -> Points {
    let table = parse_csv(Path::new("t.csv"), table.as_bytes()).unwrap();
    solve(solver, &table, probes, &|_| {}).unwrap()
}

/// A folder to work in, and the program there.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
        program.current_dir(self.folder.path()).args(arguments);
        program.assert()
    }

    /// The standard output of a run that succeeds and says nothing else.
    fn output(&self, arguments: &[&str]) -> String {
        let output = self
            .run(arguments)
            .success()
            .stderr("")
            .get_output()
            .clone();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The message of a run that ends with `code`.
    fn fault(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments).code(code).get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Values of order one for the first columns, `rows` times.
fn random_table(header: &[String], rows: usize, seed: u64) -> (String, Vec<Vec<f64>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut row = || -> Vec<f64> { header.iter().map(|_| rng.random_range(-2.0..2.0)).collect() };
    let values: Vec<Vec<f64>> = (0..rows).map(|_| row()).collect();
    let mut text = header.join(",") + "\n";
    for row in &values {
        let cells: Vec<_> = row.iter().map(f64::to_string).collect();
        text += &(cells.join(",") + "\n");
    }
    (text, values)
}

/// Every row has the potentials of the circuit alone, to 1e-10 of the largest.
fn agrees_with_single_points(solver: &Solver, names: &[String], rows: usize) -> Points {
    let (table, values) = random_table(names, rows, 7);
    let probes = potentials(&solver.circuit);
    let found = points(solver, &probes, &table);
    for (row, found) in values.iter().zip(found.values.chunks(probes.len())) {
        let mut circuit = solver.circuit.clone();
        for (name, &value) in names.iter().zip(row) {
            let variable = circuit.find_variable(name).unwrap();
            assert!(circuit.set_variable(&variable, value));
        }
        let mut alone = Solver::new(circuit).unwrap();
        let op = alone.operating_point().unwrap();
        let expected: Vec<f64> = probes
            .iter()
            .map(|p| p.value(&alone.circuit, &op))
            .collect();
        let largest = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs() / largest;
            assert!(error <= 1e-10, "{found} {expected}: {error:e}");
        }
    }
    found
}

fn sources(solver: &Solver) -> Vec<String> {
    let ids = solver.system.source_elements().iter();
    ids.map(|id| solver.circuit.element(*id).name().to_string())
        .collect()
}

#[test]
fn rows_in_blocks_are_the_operating_points_of_the_circuit() {
    for (clamp, seed) in [(Clamp::Ideal, 1), (Clamp::Shockley, 2)] {
        let layered = Layered {
            inputs: 6,
            hidden: vec![8],
            outputs: 3,
            clamp,
            conductance: 1e-3,
            bias: 1.0,
            seed,
        };
        let solver = Solver::new(layered.build().unwrap()).unwrap();
        let found = agrees_with_single_points(&solver, &sources(&solver), 150);
        assert!(found.in_blocks > 140, "{}", found.in_blocks);
    }
}

#[test]
fn rows_of_any_deck_are_its_operating_points() {
    let decks = [
        ("diode/bridge.cir", true),
        ("diode/clamp.cir", true),
        ("basic/floating_sources.cir", true),
        ("ideal/bridge.cir", false),
    ];
    for (name, in_blocks) in decks {
        let netlist = Netlist::read(circuits().join(name)).unwrap();
        let solver = Solver::from_netlist(&netlist).unwrap();
        let found = agrees_with_single_points(&solver, &sources(&solver), 40);
        assert_eq!(found.in_blocks > 0, in_blocks, "{name}");
    }
}

#[test]
fn other_variables_and_outputs_go_to_the_general_solver() {
    let text = "t\n.param load=1k\nV1 in 0 5\nR1 in out {load}\nR2 out 0 1k\nD1 out 0 DX\n\
                .model DX D(IS=1e-14)\n";
    let solver = solver(text);
    let names = ["v1", "temp"].map(String::from);
    assert_eq!(agrees_with_single_points(&solver, &names, 30).in_blocks, 0);
    let probes = probes_of(&solver.circuit, ["v(out)", "i(v1)", "p(r1)", "v(*)"]).unwrap();
    let names: Vec<_> = probes.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["v(out)", "i(v1)", "p(r1)", "v(in)"]);
    let rows = "v1,load,r2\n-1,1e3,1\n".to_string() + &"-2,3e3,1e3\n".repeat(20);
    let found = points(&solver, &probes, &rows);
    let [out, current, power, input] = found.values[4..8] else {
        unreachable!()
    };
    assert!((out + 0.5).abs() < 1e-9 && input == -2.0, "{out}");
    assert!((current - 0.5e-3).abs() < 1e-12 && (power - 0.75e-3).abs() < 1e-12);
}

/// A Schmitt trigger that starts from the row before it remembers on which side that was.
#[test]
fn a_row_does_not_depend_on_those_before_it() {
    let netlist = Netlist::read(circuits().join("hard/latch_tanh.cir")).unwrap();
    let solver = Solver::from_netlist(&netlist).unwrap();
    let probes = potentials(&solver.circuit);
    let up = points(&solver, &probes, "vin\n-5\n5\n0.3\n");
    let down = points(&solver, &probes, "vin\n5\n-5\n0.3\n");
    let last = 2 * probes.len();
    assert_eq!(up.values[last..], down.values[last..]);
}

#[test]
fn tables_go_from_csv_and_npz_to_csv_and_npz() {
    let bench = Bench::new();
    let clamp = deck("diode/clamp.cir");
    bench.write("t.csv", "V1\n1\n5\n");
    let text = bench.output(&["op", &clamp, "--inputs", "t.csv"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "v(in),v(out)");
    assert!(lines[2].starts_with("5,0.69288759859931"), "{text}");
    bench.output(&["op", &clamp, "--inputs", "t.csv", "--out", "o.csv"]);
    assert_eq!(std::fs::read_to_string(bench.path("o.csv")).unwrap(), text);
    for (name, shape) in [("v1", &[2][..]), ("inputs", &[2, 1])] {
        let mut writer = Writer::default();
        writer.add(name, shape, [1.0, 5.0]).unwrap();
        bench.write("t.npz", writer.finish().unwrap());
        let read = ["--read", "i(v1),v(in,out)", "--read", "v(o*)"];
        let arguments = ["op", &clamp, "--inputs", "t.npz", "--out", "o.npz"];
        bench.output(&[&arguments[..], &read].concat());
        let mut archive = Archive::open(&bench.path("o.npz")).unwrap();
        assert_eq!(archive.names(), ["i(v1)", "v(in,out)", "v(out)"]);
        let out = archive.read("v(out)").unwrap();
        assert_eq!(out.shape, [2]);
        assert!(lines[2].ends_with(&out.numbers[1].to_string()));
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let bench = Bench::new();
    let bridge = deck("diode/bridge.cir");
    let solver = Solver::from_netlist(&Netlist::read(&bridge).unwrap()).unwrap();
    let (table, _) = random_table(&sources(&solver), 700, 3);
    bench.write("t.csv", table);
    for read in ["v(*)", "v(*),i(*)"] {
        let run = |threads: &str| {
            let mut program = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
            program.current_dir(bench.folder.path());
            program.env("RAYON_NUM_THREADS", threads);
            let arguments = ["op", &bridge, "--inputs", "t.csv", "--read", read];
            program
                .args(arguments)
                .assert()
                .success()
                .get_output()
                .stdout
                .clone()
        };
        assert!(run("1") == run("4"), "{read}");
    }
}

#[test]
fn bad_tables_end_in_a_message_and_write_nothing() {
    let bench = Bench::new();
    let clamp = deck("diode/clamp.cir");
    bench.write("kept.csv", "kept");
    let cases = [
        (
            "v2\n1\n",
            3,
            "t.csv:1, column 1: the circuit has no variable `v2`\n  help: did you mean `v1`?",
        ),
        ("v1\n1\n2,3\n", 3, "t.csv:3: found 2 columns, expected 1"),
        (
            "v1\n1\nx\n",
            3,
            "t.csv:3, column 1: found `x`, expected a finite number",
        ),
        ("v1\nnan\n", 3, "found `nan`"),
        ("", 3, "no rows"),
        (
            "1\n2\n",
            3,
            "found the number `1`, expected the name of a variable",
        ),
        ("v1,r1\n1,1e3\n1,nan\n", 3, "t.csv:3, column 2"),
        (
            "d1:is\n1e-14\n-1\n",
            3,
            "t.csv, row 2 (d1:is = -1): `d1:is` cannot be -1",
        ),
    ];
    for (table, code, expected) in cases {
        bench.write("t.csv", table);
        let message = bench.fault(
            code,
            &["op", &clamp, "--inputs", "t.csv", "--out", "kept.csv"],
        );
        assert!(message.contains(expected), "{message}");
        let kept = std::fs::read_to_string(bench.path("kept.csv")).unwrap();
        assert_eq!(kept, "kept");
    }
    let arguments = ["op", &clamp, "--inputs"];
    let fault = |code, more: &[&str]| bench.fault(code, &[&arguments[..], more].concat());
    assert!(fault(3, &["no.csv"]).contains("cannot read no.csv"));
    bench.write("t.npz", "v1\n1\n");
    assert!(fault(3, &["t.npz"]).contains("t.npz: no NPZ file"));
    assert!(fault(2, &["t.csv", "--out", "t.csv"]).contains("overwrite the table t.csv"));
    assert!(fault(2, &["t.csv", "--format", "json"]).contains("cannot be used with"));
    assert!(fault(2, &["t.csv", "--read", "v(oot)"]).contains("did you mean `out`?"));
}

#[test]
fn the_first_row_without_an_operating_point_is_named() {
    let bench = Bench::new();
    let text = "t\nI1 0 a 1m\nD1 b a DI\nR1 b 0 1k\n.model DI D(IDEAL)\n";
    bench.write("t.cir", text);
    let mut table = "i1\n".to_string() + &"-1e-3\n".repeat(30);
    table += "2e-3\n3e-3\n";
    bench.write("t.csv", table);
    let message = bench.fault(1, &["op", "t.cir", "--inputs", "t.csv", "--out", "o.csv"]);
    assert!(
        message.starts_with("error: t.csv, row 31 (i1 = 0.002): no operating point"),
        "{message}"
    );
    assert!(!bench.path("o.csv").exists());
    bench.write("loop.cir", "t\nV1 a 0 1\nV2 b 0 1\nR1 a b 1\n");
    bench.write("t.csv", "r1,v1\n1,1\n0,2\n");
    let message = bench.fault(4, &["op", "loop.cir", "--inputs", "t.csv"]);
    assert!(
        message.contains("t.csv, row 2 (r1 = 0, v1 = 2)"),
        "{message}"
    );
}

/// XOR as NumPy would save it, in place of the generator of `circuits/learning/xor.toml`.
#[test]
fn a_circuit_trains_on_npz() {
    let bench = Bench::new();
    let text = std::fs::read_to_string(circuits().join("learning/xor.toml")).unwrap();
    let text = text.replace("cross-entropy", "squared-error");
    let (head, _) = text.split_once("[data.generator]").unwrap();
    let data = "[data.npz]\ntrain = \"d.npz\"\ntest = \"d.npz\"\n";
    bench.write("t.toml", format!("{head}{data}"));
    let deck = circuits().join("learning/xor.cir");
    std::fs::copy(deck, bench.path("xor.cir")).unwrap();
    let mut writer = Writer::default();
    let corners = [-1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0];
    writer.add("x", &[4, 2, 1], corners).unwrap();
    let targets = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
    writer.add("y", &[4, 2], targets).unwrap();
    bench.write("d.npz", writer.finish().unwrap());
    bench
        .run(&["train", "t.toml", "--epochs", "1", "--out", "run"])
        .success();
    // The folder of a run stands alone: its data has an absolute path.
    bench
        .run(&["train", "--resume", "run", "--epochs", "2"])
        .success();
    bench.write("d.npz", "cut");
    let message = bench.fault(3, &["train", "t.toml", "--out", "other"]);
    assert!(message.contains("d.npz: no NPZ file"), "{message}");
    assert!(
        message.contains("help: write the file with numpy.savez"),
        "{message}"
    );
}
