//! Result files: every writer read back, by a small reader here and by the programs that the files are
//! for. ngspice and spicelib are asked when they are there; with `OHMGRAD_PYTHON` set, spicelib must be.

use std::path::Path;
use std::process::Command;

use ohmgrad::report::dataset::{Dataset, Unit, Variable};
use ohmgrad::report::{csv, json, prn, raw, table};

/// Numbers that lose bits in a careless writer.
const AWKWARD: [f64; 4] = [1.0 / 3.0, -6.928875985993175e-1, 1.5e-310, -2.2e300];

fn operating_point() -> Dataset {
    Dataset {
        title: "op: a title with a colon".to_string(),
        analysis: "op".to_string(),
        plot: "Operating Point".to_string(),
        variables: vec![
            Variable::new("v(out)", Unit::Voltage),
            Variable::new("v(V2)", Unit::Voltage),
            Variable::new("i(v1)", Unit::Current),
            Variable::new("p(r1)", Unit::Power),
        ],
        shape: vec![],
        rows: vec![AWKWARD.to_vec()],
        steps: vec![],
    }
}

fn sweep() -> Dataset {
    Dataset {
        title: "one sweep".to_string(),
        analysis: "dc".to_string(),
        plot: "DC transfer characteristic".to_string(),
        variables: vec![
            Variable::swept("v1", Unit::Voltage),
            Variable::new("v(out)", Unit::Voltage),
            Variable::new("i(v1)", Unit::Current),
        ],
        shape: vec![5],
        rows: (0..5)
            .map(|k| {
                let v = -1.0 + 0.1 * f64::from(k);
                vec![v, v / 3.0, -v / 7e3]
            })
            .collect(),
        steps: vec![],
    }
}

/// 3 values of v1 inside 4 of v2 inside 2 of the temperature; a node carries the name of v2.
fn nested_sweep() -> Dataset {
    let mut rows = Vec::new();
    for temperature in [27.0, 100.0] {
        for v2 in [-0.3, 0.1, 0.2, 0.7] {
            for v1 in [0.1, 0.2, 0.30000000000000004] {
                let out = v1 / 3.0 + v2 * temperature;
                rows.push(vec![v1, v2, temperature, out, v2 + v1, -out / 1e3]);
            }
        }
    }
    Dataset {
        title: "nested sweep".to_string(),
        analysis: "dc".to_string(),
        plot: "DC transfer characteristic".to_string(),
        variables: vec![
            Variable::swept("v1", Unit::Voltage),
            Variable::swept("v2", Unit::Voltage),
            Variable::swept("temp", Unit::Temperature),
            Variable::new("v(out)", Unit::Voltage),
            Variable::new("v(v2)", Unit::Voltage),
            Variable::new("i(v1)", Unit::Current),
        ],
        shape: vec![3, 4, 2],
        rows,
        steps: vec![],
    }
}

fn stepped() -> Vec<Dataset> {
    let at = |dataset: Dataset, r: f64| Dataset {
        steps: vec![("rload".to_string(), r)],
        ..dataset
    };
    [1e3, 4.7e3]
        .into_iter()
        .flat_map(|r| [at(operating_point(), r), at(sweep(), r)])
        .collect()
}

/// What a reader finds in a plot of a raw file.
#[derive(Debug, serde::Deserialize)]
struct Plot {
    plot: String,
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

/// The part of a raw file's header that tells what follows.
struct Header {
    plot: String,
    points: usize,
    names: Vec<String>,
    is_binary: bool,
}

/// Takes a line off the front.
fn take_line<'a>(bytes: &mut &'a [u8]) -> &'a str {
    let end = bytes.iter().position(|&b| b == b'\n').expect("a line");
    let line = std::str::from_utf8(&bytes[..end]).expect("text");
    *bytes = &bytes[end + 1..];
    line
}

fn take_header(bytes: &mut &[u8]) -> Header {
    let mut field = |name: &str| {
        let line = take_line(bytes);
        let value = line.strip_prefix(name);
        value
            .unwrap_or_else(|| panic!("{name} in {line}"))
            .trim()
            .to_string()
    };
    field("Title:");
    field("Date:");
    let plot = field("Plotname:");
    assert_eq!(field("Flags:"), "real");
    assert!(field("Command:").starts_with('*'), "ngspice would run it");
    let variables: usize = field("No. Variables:").parse().expect("a number");
    let points = field("No. Points:").parse().expect("a number");
    field("Variables:");
    let name = |k: usize| {
        let parts: Vec<_> = take_line(bytes).trim_start().split('\t').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], k.to_string());
        parts[1].to_string()
    };
    let names = (0..variables).map(name).collect();
    let is_binary = match take_line(bytes) {
        "Binary:" => true,
        "Values:" => false,
        other => panic!("neither binary nor text: {other}"),
    };
    Header {
        plot,
        points,
        names,
        is_binary,
    }
}

fn take_number(bytes: &mut &[u8], is_binary: bool) -> f64 {
    if is_binary {
        let (number, rest) = bytes.split_first_chunk::<8>().expect("eight bytes");
        *bytes = rest;
        return f64::from_le_bytes(*number);
    }
    let line = take_line(bytes);
    let number = line.rsplit('\t').next().expect("a field");
    number
        .parse()
        .unwrap_or_else(|e| panic!("`{number}` in `{line}`: {e}"))
}

fn read_raw(mut bytes: &[u8]) -> Vec<Plot> {
    let mut plots = Vec::new();
    while !bytes.is_empty() {
        let header = take_header(&mut bytes);
        let mut columns = vec![Vec::new(); header.names.len()];
        for _ in 0..header.points {
            for column in &mut columns {
                column.push(take_number(&mut bytes, header.is_binary));
            }
            if !header.is_binary {
                assert_eq!(take_line(&mut bytes), "");
            }
        }
        plots.push(Plot {
            plot: header.plot,
            names: header.names,
            columns,
        });
    }
    plots
}

/// The vectors that a raw file of the dataset must have, bit for bit.
fn assert_same(plot: &Plot, dataset: &Dataset) {
    assert_eq!(plot.plot, dataset.plot);
    let variables = dataset.variables.len();
    assert_eq!(plot.names.len(), variables + dataset.steps.len());
    for (k, column) in plot.columns.iter().take(variables).enumerate() {
        let expected: Vec<f64> = dataset.column(k).collect();
        assert_eq!(*column, expected, "{}", plot.names[k]);
    }
    for ((_, value), column) in dataset.steps.iter().zip(&plot.columns[variables..]) {
        assert!(column.iter().all(|x| x == value));
    }
}

fn all() -> Vec<Dataset> {
    let mut datasets = vec![operating_point(), sweep(), nested_sweep()];
    datasets.extend(stepped());
    datasets
}

#[test]
fn raw_files_give_back_every_bit() {
    for bytes in [raw::binary(&all()), raw::ascii(&all())] {
        let plots = read_raw(&bytes);
        assert_eq!(plots.len(), all().len());
        for (plot, dataset) in plots.iter().zip(&all()) {
            assert_same(plot, dataset);
        }
    }
}

#[test]
fn raw_names_are_those_of_ngspice_and_hide_no_node() {
    let plots = read_raw(&raw::binary(&[nested_sweep(), stepped().remove(0)]));
    let sweeps = ["v(v-sweep)", "v(v2-sweep)", "temp_sweep"];
    assert_eq!(plots[0].names[..3], sweeps);
    assert_eq!(plots[0].names[3..], ["v(out)", "v(v2)", "i(v1)"]);
    assert_eq!(plots[1].names[4], "rload_step");
}

#[test]
fn a_title_writes_no_header_lines() {
    let mut dataset = operating_point();
    dataset.title = "evil\nCommand: shell touch /tmp/evil".to_string();
    let text = String::from_utf8(raw::ascii(&[dataset])).expect("text");
    let commands = text.lines().filter(|line| line.starts_with("Command:"));
    assert_eq!(commands.count(), 1);
}

/// Runs ngspice on a raw file; the vectors of each plot as it prints them, in the order of the file.
fn read_with_ngspice(bytes: &[u8], datasets: &[Dataset]) -> Vec<Vec<Vec<f64>>> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file.raw"), bytes).expect("a raw file");
    let names: Vec<_> = read_raw(bytes).into_iter().map(|p| p.names).collect();
    let mut counts = [0, 0];
    let mut deck = "read\n.control\nset numdgt=17\nset width=200\nload file.raw\n".to_string();
    for (dataset, names) in datasets.iter().zip(&names) {
        let kind = usize::from(dataset.analysis == "dc");
        counts[kind] += 1;
        deck += &format!("setplot {}{}\n", ["op", "dc"][kind], counts[kind]);
        for name in names.iter().filter(|name| can_be_printed(name)) {
            // An index makes ngspice print one plain line for each number.
            deck += "echo next\n";
            for k in 0..dataset.rows.len() {
                let of_many = dataset.rows.len() > 1;
                let index = if of_many {
                    format!("[{k}]")
                } else {
                    String::new()
                };
                deck += &format!("print {name}{index}\n");
            }
        }
        deck += "echo end\n";
    }
    deck += "quit\n.endc\n.end\n";
    std::fs::write(folder.path().join("read.cir"), deck).expect("a deck");
    let output = Command::new("ngspice")
        .args(["-b", "read.cir"])
        .current_dir(folder.path())
        .output()
        .expect("ngspice runs");
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!messages.contains("Error"), "{messages}");
    printed_vectors(&String::from_utf8_lossy(&output.stdout))
}

/// A bare `temp-sweep`, which ngspice itself writes, is a difference to its `print`.
fn can_be_printed(name: &str) -> bool {
    !name.contains('-') || name.contains('(')
}

fn printed_vectors(text: &str) -> Vec<Vec<Vec<f64>>> {
    let mut plots = vec![vec![]];
    for line in text.lines() {
        let plot: &mut Vec<Vec<f64>> = plots.last_mut().expect("a plot");
        match line {
            "next" => plot.push(vec![]),
            "end" => plots.push(vec![]),
            _ => {
                let number = line.split_once(" = ").and_then(|(_, x)| x.parse().ok());
                if let (Some(number), Some(vector)) = (number, plot.last_mut()) {
                    vector.push(number);
                }
            }
        }
    }
    plots.pop();
    plots
}

#[test]
fn ngspice_loads_raw_files_as_its_own() {
    if Command::new("ngspice").arg("--version").output().is_err() {
        println!("skipped: ngspice is not on PATH");
        return;
    }
    let datasets = all();
    for bytes in [raw::binary(&datasets), raw::ascii(&datasets)] {
        let ours = read_raw(&bytes);
        let theirs = read_with_ngspice(&bytes, &datasets);
        assert_eq!(theirs.len(), ours.len());
        for (plot, vectors) in ours.iter().zip(&theirs) {
            let columns = plot.names.iter().zip(&plot.columns);
            let printed: Vec<_> = columns.filter(|(name, _)| can_be_printed(name)).collect();
            assert_eq!(vectors.len(), printed.len());
            for ((name, column), vector) in printed.iter().zip(vectors) {
                assert_eq!(*column, vector, "{name}");
            }
        }
    }
}

/// An interpreter that can import spicelib. The user's choice has to.
fn python() -> Option<String> {
    let chosen = std::env::var("OHMGRAD_PYTHON").ok();
    let name = chosen.clone().unwrap_or("python3".to_string());
    let output = Command::new(&name).args(["-c", "import spicelib"]).output();
    let is_able = output.is_ok_and(|o| o.status.success());
    assert!(
        is_able || chosen.is_none(),
        "OHMGRAD_PYTHON is `{name}`, which cannot import spicelib"
    );
    is_able.then_some(name)
}

#[test]
fn spicelib_reads_raw_files() {
    let Some(python) = python() else {
        println!("skipped: python3 cannot import spicelib; set OHMGRAD_PYTHON");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        ("a.raw", raw::binary(&all())),
        ("b.raw", raw::ascii(&all())),
    ];
    for (name, bytes) in &files {
        std::fs::write(folder.path().join(name), bytes).expect("a raw file");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/read_raw.py");
    let output = Command::new(python)
        .arg(script)
        .args(files.iter().map(|(name, _)| name))
        .current_dir(folder.path())
        .output()
        .expect("python runs");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    let found: Vec<Vec<Plot>> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found.len(), files.len());
    for (plots, (_, bytes)) in found.iter().zip(&files) {
        assert_eq!(plots.len(), all().len());
        for ((plot, dataset), own) in plots.iter().zip(&all()).zip(read_raw(bytes)) {
            assert_same(plot, dataset);
            assert_eq!(plot.names, own.names);
        }
    }
}

fn numbers(line: &str) -> Vec<f64> {
    let fields = line.split_whitespace();
    fields.map(|x| x.parse().expect("a number")).collect()
}

#[test]
fn prn_gives_back_every_bit() {
    let dataset = nested_sweep();
    let text = prn::datasets(std::slice::from_ref(&dataset));
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().expect("a header").split_whitespace().collect();
    let names = ["Index", "V1", "V2", "TEMP", "V(OUT)", "V(V2)", "I(V1)"];
    assert_eq!(header, names);
    for (index, row) in dataset.rows.iter().enumerate() {
        let found = numbers(lines.next().expect("a row"));
        assert_eq!(found[0], index as f64);
        assert_eq!(found[1..], row[..]);
    }
    assert_eq!(lines.next(), Some("End of Xyce(TM) Simulation"));
    assert_eq!(lines.next(), None);
}

#[test]
fn prn_counts_each_step_from_zero_under_one_header() {
    let text = prn::datasets(&stepped());
    let starts: Vec<_> = text.lines().map(|l| l.split(' ').next().unwrap()).collect();
    let expected = [
        "Index", "0", "0", "End", "Index", "0", "1", "2", "3", "4", "0", "1", "2", "3", "4", "End",
    ];
    assert_eq!(starts, expected);
    assert!(text.ends_with("End of Xyce(TM) Parameter Sweep\n"));
    let steps = prn::steps(&stepped()).expect("steps");
    let lines: Vec<_> = steps.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(numbers(lines[2]), [1.0, 4.7e3]);
    assert_eq!(prn::steps(&[sweep()]), None);
}

#[test]
fn csv_gives_back_every_bit() {
    let datasets = [operating_point(), nested_sweep()];
    let text = csv::datasets(&datasets);
    let blocks: Vec<_> = text.split("\n\n").collect();
    assert_eq!(blocks.len(), 2);
    for (block, dataset) in blocks.iter().zip(&datasets) {
        let mut lines = block.lines();
        let names: Vec<_> = dataset.variables.iter().map(|v| v.name.clone()).collect();
        assert_eq!(lines.next(), Some(names.join(",").as_str()));
        let rows: Vec<_> = lines.map(|line| numbers(&line.replace(',', " "))).collect();
        assert_eq!(rows, dataset.rows);
    }
}

#[test]
fn csv_puts_steps_into_leading_columns_of_one_block() {
    let text = csv::datasets(&stepped());
    let blocks: Vec<_> = text.split("\n\n").collect();
    assert_eq!(blocks.len(), 2);
    let lines: Vec<_> = blocks[1].lines().collect();
    assert_eq!(lines[0], "rload,v1,v(out),i(v1)");
    assert_eq!(lines.len(), 11);
    assert!(lines[1].starts_with("1000,-1,"), "{}", lines[1]);
    assert!(lines[6].starts_with("4700,-1,"), "{}", lines[6]);
}

#[test]
fn json_gives_back_every_bit_and_null_for_no_number() {
    let mut datasets = all();
    datasets[0].rows[0][1] = f64::NAN;
    datasets[0].rows[0][2] = f64::INFINITY;
    let text = json::text(&json::datasets(&datasets));
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["schema"], 1);
    assert!(value["datasets"][0]["data"]["v(V2)"][0].is_null());
    assert!(value["datasets"][0]["data"]["i(v1)"][0].is_null());
    for (k, dataset) in datasets.iter().enumerate().skip(1) {
        let found = &value["datasets"][k];
        assert_eq!(found["analysis"], dataset.analysis.as_str());
        assert_eq!(found["shape"], serde_json::json!(dataset.shape));
        for (k, variable) in dataset.variables.iter().enumerate() {
            assert_eq!(found["variables"][k]["name"], variable.name.as_str());
            assert_eq!(found["variables"][k]["sweep"], variable.is_sweep);
            let column: Vec<f64> = dataset.column(k).collect();
            assert_eq!(found["data"][&variable.name], serde_json::json!(column));
        }
        for (name, step) in &dataset.steps {
            assert_eq!(found["steps"][name], *step);
        }
    }
}

#[test]
fn a_table_names_its_step_and_lines_up() {
    let text = table::datasets(&stepped()[1..2]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "one sweep");
    assert_eq!(lines[1], "DC transfer characteristic, rload = 1000");
    let header: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(header, ["v1", "v(out)", "i(v1)"]);
    assert!(lines[3..].iter().all(|line| line.len() == lines[3].len()));
    assert_eq!(numbers(lines[4])[0], -1.0);
}

#[test]
fn the_same_results_give_the_same_bytes() {
    assert_eq!(raw::binary(&all()), raw::binary(&all()));
    let text = String::from_utf8(raw::ascii(&all())).expect("text");
    let mut dates = text.lines().filter(|line| line.starts_with("Date:"));
    assert!(dates.all(|date| date == "Date: Thu Jan  1 00:00:00  1970"));
}
