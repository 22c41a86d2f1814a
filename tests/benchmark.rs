//! `ohmgrad bench`: every cell is there, solvers agree, limits are kept.

use std::path::Path;
use std::process::{Command, Output};

use ohmgrad::benchmark::{Subject, exponents};
use ohmgrad::circuit::generators::Family;
use serde_json::Value;

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn succeed(arguments: &[&str]) -> Vec<u8> {
    let output = ohmgrad(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    output.stdout
}

fn cells(arguments: &[&str]) -> Vec<Value> {
    let result: Value = serde_json::from_slice(&succeed(arguments)).expect("JSON");
    result["cells"].as_array().expect("cells").clone()
}

fn is_external(cell: &Value) -> bool {
    let solver = cell["solver"].as_str().expect("a solver");
    ["ngspice", "ngspice-klu", "xyce", "gnucap"].contains(&solver)
}

const FAMILIES: [&str; 13] = [
    "ladder",
    "string",
    "grid",
    "mesh",
    "cube",
    "rectifier",
    "crossbar",
    "wires",
    "power",
    "layered",
    "ideal",
    "amplifiers",
    "random",
];

/// Solvers of ours that must have an answer on every circuit of a family.
fn surely(family: &str) -> &'static [&'static str] {
    match family {
        "ideal" => &[
            "auto",
            "lu",
            "forward-backward",
            "douglas-rachford",
            "peaceman-rachford",
        ],
        "amplifiers" => &["auto", "lu", "dense"],
        "string" | "random" => &["auto", "cholesky", "lu"],
        _ => &["auto", "cholesky", "lu", "dense", "cg"],
    }
}

#[test]
fn solvers_that_have_an_answer_agree_in_every_family() {
    let own = "auto,cholesky,lu,dense,cg,elimination,coordinate-descent,forward-backward,\
               douglas-rachford,peaceman-rachford";
    let list = FAMILIES.join(",");
    let arguments = [
        "bench",
        "--families",
        &list,
        "--sizes",
        "60,600",
        "--solvers",
        own,
        "--repeat",
        "1",
        "--json",
    ];
    let cells = cells(&arguments);
    assert_eq!(cells.len(), FAMILIES.len() * 2 * 10);
    for cell in &cells {
        let family = cell["family"].as_str().expect("a family");
        let solver = cell["solver"].as_str().expect("a solver");
        if cell["outcome"] != "measured" {
            assert!(!surely(family).contains(&solver), "{cell}");
            continue;
        }
        let difference = cell["disagreement"].as_f64();
        match solver {
            "auto" => assert_eq!(difference, None, "{cell}"),
            _ => assert!(difference.is_some_and(|d| d <= 1e-9), "{cell}"),
        }
        assert!(
            cell["solution"]["median"].as_f64().is_some_and(|t| t > 0.0),
            "{cell}"
        );
        assert!(
            cell["peak_bytes"]
                .as_u64()
                .is_none_or(|bytes| bytes > 1_000_000),
            "{cell}"
        );
    }
    // The first certifies what it finds.
    let autos = cells.iter().filter(|cell| cell["solver"] == "auto");
    for cell in autos {
        assert!(
            cell["residual"].as_f64().is_some_and(|r| r <= 1e-9),
            "{cell}"
        );
    }
}

#[test]
fn coordinate_descent_takes_layers_of_crossbars() {
    let arguments = [
        "bench",
        "--families",
        "layered,ideal",
        "--sizes",
        "10000",
        "--solvers",
        "auto,coordinate-descent",
        "--repeat",
        "1",
        "--json",
    ];
    for cell in cells(&arguments) {
        assert_eq!(cell["outcome"], "measured", "{cell}");
        assert!(
            cell["disagreement"].as_f64().is_none_or(|d| d <= 1e-9),
            "{cell}"
        );
    }
}

#[test]
fn ngspice_agrees_within_its_tolerance() {
    if Command::new("ngspice").arg("--version").output().is_err() {
        println!("skipped: ngspice is not on PATH");
        return;
    }
    let arguments = [
        "bench",
        "--families",
        "ladder,grid,mesh,cube,crossbar,wires,power,layered,amplifiers",
        "--sizes",
        "300",
        "--solvers",
        "auto,ngspice",
        "--repeat",
        "1",
        "--json",
    ];
    for cell in cells(&arguments) {
        assert_eq!(cell["outcome"], "measured", "{cell}");
        assert!(
            cell["disagreement"].as_f64().is_none_or(|d| d <= 1e-3),
            "{cell}"
        );
        assert!(cell["iterations"].as_u64().is_some_and(|n| n > 0), "{cell}");
    }
}

#[test]
fn a_cell_over_its_limit_is_reported_and_larger_ones_are_not_run() {
    let arguments = [
        "bench",
        "--families",
        "grid",
        "--sizes",
        "20000,40000",
        "--solvers",
        "auto",
        "--limit",
        "0.02s",
        "--json",
    ];
    let began = std::time::Instant::now();
    let cells = cells(&arguments);
    assert_eq!(cells[0]["outcome"], "over-limit");
    assert_eq!(cells[0]["limit"], 0.02);
    assert_eq!(cells[1]["outcome"], "skipped");
    assert!(began.elapsed().as_secs() < 60);
}

#[test]
fn a_deck_is_measured_too_and_faults_in_it_are_told() {
    let arguments = [
        "bench",
        "--deck",
        "circuits/diode/bridge.cir",
        "--deck",
        "circuits/rtgd/mondeq_two_neurons.cir",
        "--solvers",
        "auto,lu,peaceman-rachford",
        "--json",
    ];
    let cells = cells(&arguments);
    assert_eq!(cells.len(), 6);
    for cell in &cells {
        let is_splitting = cell["solver"] == "peaceman-rachford";
        let is_bridge = cell["deck"] == "circuits/diode/bridge.cir";
        match is_splitting && is_bridge {
            true => assert_eq!(cell["outcome"], "does-not-fit", "{cell}"),
            false => assert!(
                cell["disagreement"].as_f64().is_none_or(|d| d <= 1e-9),
                "{cell}"
            ),
        }
        assert!(!is_external(cell));
    }
    let missing = ohmgrad(&["bench", "--deck", "circuits/none.cir"]);
    assert_eq!(missing.status.code(), Some(3));
    let bad = ohmgrad(&["bench", "--families", "nothing"]);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn csv_and_json_hold_every_cell_and_the_picture_every_curve() {
    let folder = tempfile::tempdir().expect("a folder");
    let svg = folder.path().join("scaling.svg");
    let common = |format: &'static str| {
        let svg = svg.to_str().expect("a name").to_string();
        let mut list: Vec<String> = [
            "bench",
            "--families",
            "ladder,amplifiers",
            "--sizes",
            "100,200",
            "--seeds",
            "1,2",
            "--solvers",
            "auto,cholesky",
            "--repeat",
            "2",
            "--svg",
        ]
        .map(str::to_string)
        .to_vec();
        list.extend([svg, format.to_string()]);
        list
    };
    let run = |format| {
        let arguments = common(format);
        succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let result: Value = serde_json::from_slice(&run("--json")).expect("JSON");
    assert_eq!(result["cells"].as_array().map(Vec::len), Some(16));
    // Cholesky does not fit amplifiers.
    assert_eq!(result["exponents"].as_array().map(Vec::len), Some(3));
    let bytes = run("--csv");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let width = reader.headers().expect("a header").len();
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 16);
    assert!(rows.iter().all(|row| row.len() == width));
    let text = std::fs::read_to_string(&svg).expect("a picture");
    let document = roxmltree::Document::parse(&text).expect("well-formed XML");
    let lines = document
        .descendants()
        .filter(|n| n.tag_name().name() == "polyline");
    assert_eq!(lines.count(), 2 * 3);
    assert!(!Path::new("scaling.svg").exists());
}

#[test]
fn a_profile_names_parts_and_kernels_below_the_roof() {
    let arguments = [
        "bench",
        "--families",
        "grid",
        "--sizes",
        "30000",
        "--solvers",
        "auto",
        "--repeat",
        "1",
        "--profile",
        "--json",
    ];
    let result: Value = serde_json::from_slice(&succeed(&arguments)).expect("JSON");
    assert!(
        result["machine"]["bandwidth"]
            .as_f64()
            .is_some_and(|b| b > 1e8)
    );
    assert!(result["machine"]["rate"].as_f64().is_some_and(|r| r > 1e8));
    let cell = &result["cells"][0];
    let phases = cell["phases"].as_object().expect("parts");
    for part in [
        "parse", "build", "compile", "order", "factor", "solve", "devices",
    ] {
        assert!(phases[part].as_f64().is_some_and(|t| t > 0.0), "{part}");
    }
    let kernels = cell["kernels"].as_array().expect("kernels");
    let names: Vec<_> = kernels.iter().filter_map(|k| k["name"].as_str()).collect();
    assert_eq!(
        names,
        ["devices", "residual", "scales", "load", "factor", "solve"]
    );
    let factor = &kernels[4];
    assert!(factor["calls"].as_u64().is_some_and(|n| n >= 5));
    assert!(factor["flops"].as_f64().is_some_and(|f| f > 1e6));
}

#[test]
fn generated_circuits_are_as_large_as_asked_for_and_sound() {
    let families = <Family as clap::ValueEnum>::value_variants();
    assert_eq!(families.len(), FAMILIES.len());
    for family in families {
        for size in [1, 50, 3000] {
            let circuit = family.build(size, 3).expect("a circuit");
            assert!(circuit.check().is_ok(), "{family} {size}");
            let ratio = circuit.element_count() as f64 / size as f64;
            // A random circuit has as many elements at a node as its seed says.
            let range = match family {
                Family::Random => 0.4..2.5,
                _ => 0.7..1.4,
            };
            assert!(size < 3000 || range.contains(&ratio), "{family}: {ratio}");
        }
        let same = family.build(200, 5).expect("a circuit").to_spice();
        let again = family.build(200, 5).expect("a circuit").to_spice();
        assert_eq!(same.expect("a deck"), again.expect("a deck"), "{family}");
    }
    assert!(exponents(&[]).is_empty());
    let subject = Subject::Deck {
        deck: "a.cir".into(),
    };
    assert_eq!(subject.name(), "a.cir");
}
