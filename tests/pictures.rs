//! Pictures of circuits and of results: what they say, and that they can be drawn at all.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ohmgrad::analysis::{Probe, Solver};
use ohmgrad::circuit::Circuit;
use ohmgrad::circuit::generators::{Clamp, Layered, Wild, grid};
use ohmgrad::drawing::{Annotations, DrawingError, Effects, View, crossbars, draw};
use ohmgrad::netlist::Netlist;
use ohmgrad::plots::{Content, SweepOptions, read, sweep_curves};
use ohmgrad::report::picture::{draw_curves, png};
use proptest::prelude::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(root())
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// All texts of a well-formed SVG.
fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    let texts = document
        .descendants()
        .filter(|n| n.tag_name().name() == "text");
    texts.filter_map(|n| n.text()).map(str::to_string).collect()
}

fn count(svg: &str, name: &str) -> usize {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    let elements = document.descendants();
    elements.filter(|n| n.tag_name().name() == name).count()
}

fn circuit_of(deck: &str) -> Circuit {
    let netlist = Netlist::parse("deck", deck).expect("a deck");
    Circuit::from_netlist(&netlist).expect("a circuit")
}

/// Drawn with its operating point and the gradient of an output, twice to the same bits.
fn annotated(circuit: &Circuit, output: Option<&str>, view: View) -> Result<String, DrawingError> {
    let mut solver = Solver::new(circuit.clone()).expect("a sound circuit");
    let op = solver.operating_point().expect("an operating point");
    let effects = output.map(|text| {
        let probe = Probe::parse(&solver.circuit, text).expect("an output");
        let sensitivities = solver.sensitivities(&probe, &op).expect("a gradient");
        Effects::new(&solver.circuit, &probe, &sensitivities)
    });
    let annotations = Annotations {
        operating_point: Some(&op),
        effects: effects.as_ref(),
    };
    let svg = draw(&solver.circuit, annotations, view)?;
    assert_eq!(svg, draw(&solver.circuit, annotations, view)?);
    Ok(svg)
}

const DIVIDER: &str = "divider\nV1 in 0 10\nR1 in out 1k\nR2 out 0 3k\n.end\n";

#[test]
fn a_drawing_names_every_element_and_node_with_value_and_unit() {
    let svg = draw(
        &circuit_of(DIVIDER),
        Annotations::default(),
        View::Automatic,
    )
    .expect("a drawing");
    let texts = texts(&svg);
    for expected in [
        "divider", "v1", "10 V", "r1", "1 kΩ", "r2", "3 kΩ", "in", "out",
    ] {
        assert!(
            texts.iter().any(|t| t == expected),
            "{expected} of {texts:?}"
        );
    }
    assert_eq!(
        count(&svg, "circle"),
        4 + 1,
        "ends of branches at nets, and the source"
    );
}

#[test]
fn an_operating_point_is_written_beside_nodes_and_symbols() {
    let svg = annotated(&circuit_of(DIVIDER), None, View::Automatic).expect("a drawing");
    let texts = texts(&svg);
    for expected in [
        "in  10 V",
        "out  7.5 V",
        "2.5 mA",
        "wires: potential, V",
        "symbols: current, mA",
    ] {
        assert!(
            texts.iter().any(|t| t == expected),
            "{expected} of {texts:?}"
        );
    }
}

#[test]
fn diodes_say_whether_they_conduct() {
    let deck = |volts: i32| {
        format!("clamp\nV1 in 0 {volts}\nR1 in out 1k\nD1 out 0 DX\n.model DX D(IS=1e-14)\n")
    };
    let state = |volts, state: &str| {
        let svg = annotated(&circuit_of(&deck(volts)), None, View::Automatic).expect("a drawing");
        texts(&svg).iter().any(|text| text == state)
    };
    assert!(state(5, "diode on") && !state(5, "diode off"));
    assert!(state(-5, "diode off") && !state(-5, "diode on"));
}

#[test]
fn gradients_are_those_of_the_divider() {
    let svg = annotated(
        &circuit_of(&DIVIDER.replace("3k", "4k")),
        Some("v(out)"),
        View::Automatic,
    )
    .expect("a drawing");
    let texts = texts(&svg);
    // dv/dR1 = -V R2 / (R1 + R2)^2, dv/dR2 = V R1 / (R1 + R2)^2, dv/dV = 4/5.
    for expected in ["\u{2212}1.6 mV/Ω", "400 µV/Ω", "800 mV/V"] {
        assert!(
            texts.iter().any(|t| t == expected),
            "{expected} of {texts:?}"
        );
    }
    let title = "symbols: change of v(out) for +1 %, mV";
    assert!(texts.iter().any(|t| t == title), "{texts:?}");
}

fn layered() -> Circuit {
    let network = Layered {
        inputs: 8,
        hidden: vec![12],
        outputs: 4,
        clamp: Clamp::Shockley,
        conductance: 1e-3,
        bias: 1.0,
        seed: 5,
    };
    network.build().expect("a circuit")
}

#[test]
fn a_crossbar_is_a_heat_map_with_all_its_resistors() {
    let circuit = layered();
    let svg = annotated(&circuit, None, View::Automatic).expect("a picture");
    let texts = texts(&svg);
    let resistors: usize = crossbars(&circuit).iter().map(|c| c.elements.len()).sum();
    assert_eq!(resistors, 18 * 12 + 14 * 4);
    let expected = format!("Crossbars of {resistors} resistors");
    assert!(texts.iter().any(|t| t.starts_with(&expected)), "{texts:?}");
    assert!(texts.iter().any(|t| t == "conductance, S"), "{texts:?}");
    let gradient = annotated(&circuit, Some("v(out0)"), View::Automatic).expect("a picture");
    assert!(gradient.contains("d v(out0) / d conductance, "));
    assert_ne!(svg, gradient);
}

#[test]
fn what_is_too_large_is_said() {
    let circuit = grid(20, 20, 1).expect("a circuit");
    let svg = annotated(&circuit, None, View::Automatic).expect("an overview");
    assert!(
        texts(&svg)
            .iter()
            .any(|t| t.starts_with("Overview: 1,165 branches are too many"))
    );
    let refused = |view| draw(&circuit, Annotations::default(), view).expect_err("too large");
    assert!(matches!(
        refused(View::Symbols),
        DrawingError::TooLarge { branches: 1165, .. }
    ));
    assert!(matches!(
        refused(View::Crossbars),
        DrawingError::NoCrossbar { .. }
    ));
}

/// Every deck below `circuits` that can be built.
fn decks(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            decks(&path, found);
        } else if path.extension().is_some_and(|e| e == "cir") {
            found.push(path);
        }
    }
}

#[test]
fn every_deck_can_be_drawn() {
    let mut found = Vec::new();
    decks(&root().join("circuits"), &mut found);
    found.sort();
    let mut drawn = 0;
    for path in found {
        let netlist = Netlist::read(&path);
        let circuit = netlist
            .ok()
            .and_then(|netlist| Circuit::from_netlist(&netlist).ok());
        let Some(circuit) = circuit.filter(|circuit| circuit.element_count() > 0) else {
            continue;
        };
        for view in [View::Automatic, View::Overview] {
            let svg = draw(&circuit, Annotations::default(), view).expect("a drawing");
            roxmltree::Document::parse(&svg).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        drawn += 1;
    }
    assert!(drawn > 350, "only {drawn} decks");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_circuits_are_drawn_with_all_their_names(seed in any::<u64>()) {
        let wild = Wild { seed, nodes: None, kind: None };
        let circuit = wild.build().expect("a circuit");
        if let Ok(svg) = draw(&circuit, Annotations::default(), View::Symbols) {
            let texts = texts(&svg);
            for (_, element) in circuit.elements() {
                prop_assert!(texts.iter().any(|t| t == element.name().as_str()));
            }
        }
    }
}

#[test]
fn a_png_decodes_to_the_size_of_its_picture() {
    let svg = draw(
        &circuit_of(DIVIDER),
        Annotations::default(),
        View::Automatic,
    )
    .expect("a drawing");
    let bytes = match png(&svg) {
        Ok(bytes) => bytes,
        Err(error) => return println!("skipped: {error}"),
    };
    let image = resvg::tiny_skia::Pixmap::decode_png(&bytes).expect("a PNG");
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let side = |name| {
        document
            .root_element()
            .attribute(name)
            .and_then(|x| x.parse::<f64>().ok())
    };
    assert_eq!(
        Some(f64::from(image.width())),
        side("width").map(|x| (2.0 * x).ceil())
    );
    assert_eq!(
        Some(f64::from(image.height())),
        side("height").map(|x| (2.0 * x).ceil())
    );
    let colours: std::collections::HashSet<_> = image.data().chunks(4).collect();
    assert!(colours.len() > 16, "{} colours", colours.len());
}

const FAMILY: &str = "diode behind a resistor\nV1 in 0 1\nR1 in out 1k\nD1 out 0 DX\n.model DX D(IS=1e-14)\n\
                      .dc V1 -1 1 0.5 R1 1k 3k 1k\n.print dc v(out) i(v1)\n.end\n";

#[test]
fn every_format_of_a_nested_sweep_gives_the_same_curves() {
    let folder = tempfile::tempdir().expect("a folder");
    let deck = folder.path().join("family.cir");
    std::fs::write(&deck, FAMILY).expect("a file");
    for format in ["csv", "json", "raw", "raw-ascii"] {
        let path = folder.path().join(format);
        let (deck, out) = (
            deck.to_str().expect("a path"),
            path.to_str().expect("a path"),
        );
        stdout(ohmgrad(&["run", deck, "--format", format, "--out", out]));
        let Content::Results(datasets) = read(&path).expect("results") else {
            panic!("{format} is not read as results");
        };
        let only = vec!["v(out)".to_string()];
        let options = SweepOptions {
            only,
            ..SweepOptions::default()
        };
        let curves = sweep_curves(&path, &datasets, &options).expect("curves");
        let series = &curves.panels[0].series;
        assert_eq!(series.len(), 3, "{format}: one for each resistance");
        assert_eq!(curves.panels[0].y_title, "v(out), V", "{format}");
        for curve in series {
            let x: Vec<f64> = curve.points.iter().map(|p| p.0).collect();
            assert_eq!(x, [-1.0, -0.5, 0.0, 0.5, 1.0], "{format}");
        }
        // Kirchhoff at 1 V behind 1, 2 and 3 kohm: v + R IS (exp(v/Vt) - 1) = 1 V at 27 degrees.
        for (curve, resistance) in series.iter().zip([1e3, 2e3, 3e3]) {
            let volts = curve.points[4].1;
            let drop = resistance * 1e-14 * ((volts / 0.0258649).exp() - 1.0);
            assert!((volts + drop - 1.0).abs() < 5e-3, "{format}: {volts} V");
        }
        let svg = draw_curves(&curves);
        assert_eq!(count(&svg, "polyline"), 3);
        assert!(
            svg.contains("r1 = 2 kΩ") || format.starts_with("raw"),
            "{format}"
        );
    }
}

#[test]
fn estimates_are_read_from_csv_and_json_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let training = "circuits/learning/xor.toml";
    let arguments = [
        "compare-gradients",
        training,
        "--samples",
        "2",
        "--beta",
        "1e-1,1e-2",
    ];
    let read_as = |format: &str| {
        let path = folder.path().join(format);
        let out = ["--format", format, "--out", path.to_str().expect("a path")];
        stdout(ohmgrad(&[&arguments[..], &out].concat()));
        match read(&path).expect("estimates") {
            Content::Estimates(estimates) => estimates,
            Content::Results(_) => panic!("{format} is not read as estimates"),
        }
    };
    let estimates = read_as("csv");
    assert_eq!(estimates, read_as("json"));
    let eqprop = estimates.iter().filter(|e| e.estimator == "eqprop");
    let errors: Vec<f64> = eqprop.map(|e| e.relative_error).collect();
    assert!(errors.len() == 2 && errors[1] < errors[0], "{errors:?}");
}

#[test]
fn a_single_point_and_other_files_are_refused_with_a_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let output = ohmgrad(&["plot", path.to_str().expect("a path")]);
        assert_eq!(output.status.code(), Some(3), "{name}");
        let message = stderr(&output);
        assert!(message.contains("help:"), "{message}");
        message
    };
    assert!(refused("op.csv", "v(a),i(v1)\n1,2\n").contains("single points only"));
    assert!(refused("words.csv", "a,b\nx,y\n").contains("row 1 has `x` in `a`"));
    assert!(refused("op.json", "{\"converged\": true}").contains("draw DECK --op"));
    assert!(refused("other.json", "{\"a\": 1}").contains("understood are"));
    assert!(
        refused(
            "cut.raw",
            "Title: x\nNo. Points: 9\nVariables:\n\t0\tv(a)\tvoltage\nBinary:\n"
        )
        .contains("ends before")
    );
    assert!(refused("empty", "").contains("empty"));
    std::fs::write(folder.path().join("bytes"), [0xff, 0xfe, 0]).expect("a file");
    let nothing = folder.path().to_str().expect("a path");
    assert_eq!(ohmgrad(&["plot", nothing]).status.code(), Some(3));
}

#[test]
fn runs_become_curves_maps_and_heat_maps() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_string()
    };
    for seed in ["1", "2"] {
        let (training, out) = ("circuits/learning/xor.toml", path(seed));
        let options = ["--epochs", "3", "--seed", seed, "--out", &out];
        stdout(ohmgrad(&[&["train", training][..], &options].concat()));
    }
    let one = stdout(ohmgrad(&["plot", &path("1")]));
    assert_eq!((count(&one, "polyline"), count(&one, "polygon")), (4, 0));
    let both = stdout(ohmgrad(&["plot", &path("1"), &path("2")]));
    assert_eq!(
        (count(&both, "polyline"), count(&both, "polygon")),
        (4, 4),
        "a band for each line"
    );
    assert_eq!(
        both,
        stdout(ohmgrad(&["plot", &path("")])),
        "the folder that holds them"
    );
    let map = stdout(ohmgrad(&["plot", &path("1"), "--show", "decision"]));
    let written = std::fs::read_to_string(folder.path().join("1/decision.svg")).expect("a picture");
    assert_eq!(map, written, "what `train` has drawn");
    let histogram = stdout(ohmgrad(&["plot", &path("1"), "--show", "conductances"]));
    assert!(texts(&histogram).iter().any(|t| t == "conductance, S"));
}

#[test]
fn help_is_what_it_was() {
    for command in ["draw", "plot"] {
        let help = stdout(ohmgrad(&[command, "--help"]));
        insta::assert_snapshot!(format!("{command}_help"), help);
    }
}

#[test]
fn the_history_of_a_solution_falls_to_rounding_and_can_be_plotted() {
    let folder = tempfile::tempdir().expect("a folder");
    let [csv, svg, plot] = ["h.csv", "h.svg", "p.svg"].map(|name| folder.path().join(name));
    let deck = "circuits/diode/grid5x5.cir";
    for out in [&csv, &svg] {
        stdout(ohmgrad(&[
            "op",
            deck,
            "--history",
            out.to_str().expect("UTF-8"),
        ]));
    }
    let text = std::fs::read_to_string(&csv).expect("a history");
    let residuals: Vec<f64> = text
        .lines()
        .skip(1)
        .map(|line| {
            line.split_once(',')
                .expect("two columns")
                .1
                .parse()
                .expect("a number")
        })
        .collect();
    assert!(residuals.len() > 3, "{text}");
    assert!(
        residuals[residuals.len() - 1] < 1e-10 * residuals[0],
        "{text}"
    );
    let svg = std::fs::read_to_string(&svg).expect("a picture");
    assert!(texts(&svg).iter().any(|t| t == "Convergence"));
    let [csv, plot] = [&csv, &plot].map(|path| path.to_str().expect("UTF-8"));
    stdout(ohmgrad(&["plot", csv, "--log-y", "--out", plot]));
    assert_eq!(
        ohmgrad(&["op", deck, "--history", deck]).status.code(),
        Some(2)
    );
}
