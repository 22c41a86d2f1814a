//! Co-content, power and energy landscapes: properties of random circuits, values that are known, the
//! commands.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{Family, circuit_up_to};
use ohmgrad::analysis::{
    OperatingPoint, Output as Reading, Solver, check_reciprocal, operating_point,
};
use ohmgrad::circuit::{Circuit, NodeId};
use ohmgrad::device::{Device, Parameter};
use ohmgrad::landscape::{Direction, Landscape, LandscapeError, Line};
use ohmgrad::netlist::Netlist;

const RECIPROCAL: [Family; 4] = [
    Family::Linear,
    Family::Monotone,
    Family::MonotoneWithIdeal,
    Family::Rtgd,
];

/// Random circuits with a co-content; of those with two-ports, the ones that drew transformers only.
fn reciprocal(family: Family, seeds: u64) -> impl Iterator<Item = (u64, Circuit)> {
    let circuits = (0..seeds).map(move |seed| (seed, circuit_up_to(family, seed, 10)));
    circuits.filter(|(_, circuit)| check_reciprocal(circuit).is_ok())
}

fn solved(circuit: &Circuit) -> OperatingPoint {
    operating_point(circuit).unwrap_or_else(|e| panic!("{}: {e}", circuit.title))
}

fn landscape(circuit: &Circuit) -> Landscape {
    let solver = Solver::new(circuit.clone()).expect("a sound circuit");
    Landscape::new(solver).expect("a co-content and an operating point")
}

fn parsed(deck: &str) -> Circuit {
    let netlist = Netlist::parse("deck", deck).expect("a deck");
    Circuit::from_netlist(&netlist).expect("a circuit")
}

/// What the co-content is a sum of, W: rounding is in parts of it.
fn size(circuit: &Circuit, op: &OperatingPoint) -> f64 {
    op.power_taken() + op.power_dissipated(circuit)
}

fn steps(reach: f64) -> Vec<f64> {
    (-8..=8).map(|k| reach * f64::from(k) / 8.0).collect()
}

/// Asserts that no point is below the operating point, that differences never fall, and that the slope
/// lies between those of both sides; returns the number of points that were compared.
fn assert_convex(line: &Line, least: f64, rounding: f64, what: &str) -> usize {
    let allowed: Vec<_> = line.points.iter().filter(|p| p.slope.is_some()).collect();
    for point in &allowed {
        let (x, raised) = (point.x, point.cocontent - least);
        assert!(raised >= -rounding, "{what}: {raised:e} W at {x} V");
    }
    for triple in allowed.windows(3) {
        let [a, b, c] = [triple[0], triple[1], triple[2]];
        let left = (b.cocontent - a.cocontent) / (b.x - a.x);
        let right = (c.cocontent - b.cocontent) / (c.x - b.x);
        let slope = b.slope.expect("a point that is allowed");
        let rounding = 4.0 * rounding / (b.x - a.x).min(c.x - b.x) + 1e-8 * slope.abs();
        assert!(
            left <= slope + rounding && slope <= right + rounding,
            "{what} at {} V: {left:e}, {slope:e}, {right:e}",
            b.x
        );
    }
    allowed.len()
}

#[test]
fn no_allowed_change_of_the_potentials_lowers_the_cocontent_and_it_is_convex() {
    for family in RECIPROCAL {
        let mut compared = 0;
        for (seed, circuit) in reciprocal(family, 60) {
            let landscape = landscape(&circuit);
            let op = landscape.operating_point();
            let least = op.cocontent.expect("a reciprocal circuit");
            for direction in 0..4 {
                let direction = Direction::Random { seed: direction };
                for reach in [0.05, 0.4] {
                    let line = match landscape.straight(&direction, &steps(reach)) {
                        Ok(line) => line,
                        // Sources and conducting diodes may hold every node of a small circuit.
                        Err(LandscapeError::Held { .. }) => continue,
                        Err(error) => panic!("{family:?} {seed}: {error}"),
                    };
                    // Currents of diodes grow beyond those of the operating point.
                    let highest = line.points.iter().filter(|p| p.slope.is_some());
                    let highest = highest.map(|p| p.cocontent.abs()).fold(0.0, f64::max);
                    let rounding = 1e-12 * (size(&circuit, op) + highest);
                    let what = format!("{family:?} {seed} {direction:?}");
                    compared += assert_convex(&line, least, rounding, &what);
                }
            }
        }
        println!("{family:?}: {compared} points");
        assert!(compared > 500, "{family:?}: {compared}");
    }
}

#[test]
fn the_reduced_cocontent_is_convex_below_the_straight_line_and_its_slope_is_the_current_of_the_clamp()
 {
    for family in RECIPROCAL {
        let (mut compared, mut below) = (0, 0);
        for (seed, mut circuit) in reciprocal(family, 40) {
            let (p, n) = (circuit.node("n1"), circuit.node("n2"));
            let landscape = landscape(&circuit);
            let op = landscape.operating_point();
            let least = landscape.least();
            for n in [NodeId::GROUND, n] {
                let output = Reading::Voltage { p, n };
                let rest = op.voltage(p, n);
                let values: Vec<f64> = steps(0.5).iter().map(|step| rest + step).collect();
                let line = match landscape.along(output, &values) {
                    Ok(line) => line,
                    Err(LandscapeError::Held { .. }) => continue,
                    Err(error) => panic!("{family:?} {seed}: {error}"),
                };
                assert_eq!(line.rest, rest);
                let highest = line.points.iter().filter(|p| p.slope.is_some());
                let highest = highest.map(|p| p.cocontent.abs()).fold(0.0, f64::max);
                let rounding = 1e-11 * (size(&circuit, op) + highest);
                let what = format!("{family:?} {seed} {}", line.name);
                compared += assert_convex(&line, least, rounding, &what);
                if n != NodeId::GROUND {
                    continue;
                }
                let Ok(straight) = landscape.straight(&Direction::Voltage(output), &steps(0.5))
                else {
                    continue;
                };
                for (relaxed, straight) in line.points.iter().zip(&straight.points) {
                    let (relaxed, straight) = (relaxed.cocontent, straight.cocontent);
                    assert!(
                        relaxed <= straight + rounding,
                        "{what}: {relaxed:e} {straight:e}"
                    );
                    below += usize::from(relaxed < straight - rounding);
                }
            }
        }
        println!("{family:?}: {compared} points, {below} below the straight line");
        assert!(
            compared > 100 && below > 20,
            "{family:?}: {compared}, {below}"
        );
    }
}

#[test]
fn the_derivative_of_the_least_cocontent_to_a_conductance_is_half_the_square_of_its_voltage() {
    // Voltages of V sources and currents of I sources are held, all potentials settle anew. The co-content
    // is linear in a conductance, so that its minimum is concave: differences to both sides enclose the
    // derivative, also where a breakpoint or an ideal diode is passed.
    for family in RECIPROCAL {
        let (mut compared, mut widest) = (0, 0.0f64);
        for (seed, circuit) in reciprocal(family, 60) {
            let op = solved(&circuit);
            let least = op.cocontent.expect("a reciprocal circuit");
            for id in circuit.parameters() {
                let element = circuit.element(id.element);
                let Device::Resistor { resistance } = element.device else {
                    continue;
                };
                assert_eq!(id.parameter, Parameter::Resistance);
                let at = |factor: f64| {
                    let mut changed = circuit.clone();
                    assert!(changed.set(id, resistance / factor));
                    solved(&changed).cocontent.expect("a reciprocal circuit")
                };
                // In parts of the conductance.
                let h = 1e-4;
                let above = (at(1.0 + h) - least) / h * resistance;
                let below = (least - at(1.0 - h)) / h * resistance;
                let v = op.voltage(element.port[0], element.port[1]);
                let exact = 0.5 * v * v;
                let rounding = 1e-13 * size(&circuit, &op) / h * resistance;
                assert!(
                    above <= exact + rounding && exact <= below + rounding,
                    "{family:?} {seed} {}: v^2/2 = {exact:e} is not from {above:e} to {below:e} V^2",
                    element.name()
                );
                if rounding < 1e-4 * exact {
                    let width = (below - above) / exact;
                    // The voltage falls by at most as much as the conductance grows.
                    assert!(
                        width <= 8.0 * h,
                        "{family:?} {seed} {}: {width:e}",
                        element.name()
                    );
                    (compared, widest) = (compared + 1, widest.max(width));
                }
            }
        }
        println!("{family:?}: {compared} conductances, enclosed to {widest:.1e}");
        assert!(compared > 50, "{family:?}: {compared}");
    }
}

#[test]
fn what_sources_deliver_is_dissipated() {
    for family in Family::ALL {
        let mut dissipating = 0;
        for seed in 0..150 {
            let circuit = circuit_up_to(family, seed, 25);
            let op = solved(&circuit);
            let (heat, work) = (op.power_dissipated(&circuit), op.power_delivered(&circuit));
            let largest = op.power.iter().fold(0.0f64, |m, p| m.max(p.abs()));
            assert!(heat >= -1e-12 * largest, "{family:?} {seed}: {heat:e} W");
            assert!(
                (heat - work).abs() <= 1e-11 * largest,
                "{family:?} {seed}: {heat:e} W dissipated, {work:e} W delivered"
            );
            dissipating += usize::from(heat > 0.1 * largest);
        }
        assert!(dissipating > 50, "{family:?}: {dissipating}");
    }
}

#[test]
fn a_source_that_is_charged_takes_what_it_does_not_dissipate() {
    let circuit = parsed("battery\nV1 a 0 12\nR1 a b 1\nV2 b 0 10\n");
    let op = solved(&circuit);
    // 2 A: 24 W from V1, of which V2 takes 20 W.
    assert!((op.power_dissipated(&circuit) - 4.0).abs() < 1e-12);
    assert!((op.power_delivered(&circuit) - 4.0).abs() < 1e-12);
    assert!((op.power_taken() - 24.0).abs() < 1e-12);
    assert!((op.cocontent.expect("reciprocal") - 2.0).abs() < 1e-12);
}

#[test]
fn ideal_diodes_are_walls_of_the_landscape() {
    let deck =
        "wall\nI1 0 h 1m\nR1 h 0 1k\nD1 h k DI\nV2 k 0 0.25\nD2 0 h DI\n.model DI D(IDEAL)\n";
    let landscape = landscape(&parsed(deck));
    let circuit = landscape.circuit().clone();
    let h = Reading::parse(&circuit, "v(h)").expect("an output");
    let values = [-0.1, 0.0, 0.1, 0.25, 0.3];
    let line = landscape.along(h, &values).expect("a line");
    assert_eq!((line.rest, line.points.len()), (0.25, 5));
    for (point, x) in line.points.iter().zip(values) {
        let exact = 0.5e-3 * x * x - 1e-3 * x;
        assert_eq!(point.x, x);
        match (0.0..=0.25).contains(&x) {
            true => assert!((point.cocontent - exact).abs() < 1e-17, "{point:?}"),
            false => assert_eq!((point.cocontent, point.slope), (f64::INFINITY, None)),
        }
    }
    // The diode that conducts holds the only node.
    let held = landscape.straight(&Direction::Random { seed: 1 }, &[0.0]);
    assert!(matches!(held, Err(LandscapeError::Held { .. })), "{held:?}");
}

#[test]
fn transformers_keep_their_ratio_in_every_direction() {
    let deck = "ratio\nV1 in 0 1\nR1 in a 1k\nX1 a 0 b 0 TRANSFORMER n=2\nR2 b 0 1k\n";
    let landscape = landscape(&parsed(deck));
    let direction = Direction::Random { seed: 3 };
    let line = landscape
        .straight(&direction, &[-1.0, 0.0, 1.0])
        .expect("a line");
    // v(a) = 2 v(b): a moves by 1 V and b by half of it, 1.25 (1 V)^2 / 2 kohm in all.
    for point in &line.points {
        let raised = point.cocontent - landscape.least();
        assert!(
            (raised - 0.625e-3 * point.x.powi(2)).abs() < 1e-16,
            "{point:?}"
        );
    }
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn op_states_energy_in_every_format_or_why_there_is_none() {
    let bridge = "circuits/ideal/bridge.cir";
    let table = text(&ohmgrad(&["op", bridge]).stdout);
    assert!(
        table.contains("power dissipated 100 mW, delivered by sources 100 mW, balance 0 W\n"),
        "{table}"
    );
    assert!(table.contains("\nco-content 50 mW\n"), "{table}");
    let csv = text(&ohmgrad(&["op", bridge, "--format", "csv"]).stdout);
    for line in [
        "power_dissipated,,0.1,W\n",
        "power_delivered,,0.1,W\n",
        "cocontent,,0.05,W\n",
    ] {
        assert!(csv.contains(line), "{csv}");
    }
    let json = |deck: &str| -> serde_json::Value {
        let output = ohmgrad(&["op", deck, "--format", "json"]);
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let bridge = json(bridge);
    assert_eq!(bridge["power_dissipated"], 0.1);
    assert_eq!(bridge["power_delivered"], 0.1);
    assert_eq!(bridge["cocontent"], 0.05);
    assert!(bridge["no_cocontent"].is_null());
    let vcvs = "circuits/controlled/vcvs.cir";
    let table = text(&ohmgrad(&["op", vcvs]).stdout);
    assert!(
        table.contains("\nno co-content: `e1` is a gyrator"),
        "{table}"
    );
    let vcvs = json(vcvs);
    assert!(vcvs["cocontent"].is_null());
    assert!(
        vcvs["no_cocontent"]
            .as_str()
            .is_some_and(|text| text.contains("`e1`"))
    );
    assert!(vcvs["power_dissipated"].is_number());
}

#[test]
fn landscape_writes_a_table_csv_json_and_a_picture() {
    let deck = "circuits/diode/bridge.cir";
    let range = ["--from=8", "--to=9", "--points", "3"];
    let run = |more: &[&str]| {
        let output = ohmgrad(&[&["landscape", deck], &range[..], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let table = run(&["--along", "v(plus)"]);
    assert!(
        table.contains("x = v(plus), at the operating point 8.687424 V"),
        "{table}"
    );
    let along = ["--along", "v(plus)", "--along", "v(ac1,plus)"];
    let csv = run(&[&along[..], &["--csv"]].concat());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines[0], lines.len()), ("line,x,cocontent,slope", 7));
    assert!(lines[4].starts_with("\"v(ac1,plus)\",8,"), "{csv}");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["--along", "v(plus)", "--json"])).expect("JSON");
    assert_eq!(json["lines"][0]["x"], serde_json::json!([8.0, 8.5, 9.0]));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("landscape.svg");
    let path = file.to_str().expect("a path");
    let directions = ["--direction", "v(plus)", "--direction", "random:1"];
    run(&[&directions[..], &["--svg", path]].concat());
    let svg = std::fs::read_to_string(&file).expect("a picture");
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let lines = document
        .descendants()
        .filter(|n| n.tag_name().name() == "polyline");
    // Two panels and the legend.
    assert_eq!(lines.count(), 2 * 3);
}

#[test]
fn landscape_says_what_is_wrong() {
    let bridge = "circuits/diode/bridge.cir";
    let cases: [(&[&str], i32, &str); 9] = [
        (&[bridge], 2, "--along"),
        (
            &[bridge, "--along", "v(plus)", "--direction", "random:1"],
            2,
            "cannot be used with",
        ),
        (&[bridge, "--along", "v(nowhere)"], 2, "no node `nowhere`"),
        (&[bridge, "--along", "i(rl)"], 2, "`i(rl)` is no voltage"),
        (
            &[bridge, "--along", "v(ac1,ac2)"],
            2,
            "`v(ac1,ac2)` cannot be varied",
        ),
        (
            &[bridge, "--direction", "random"],
            2,
            "`random` is no direction",
        ),
        (
            &[
                bridge,
                "--direction",
                "random:1",
                "--from",
                "1",
                "--to",
                "1",
            ],
            2,
            "no line from 1 V",
        ),
        (
            &[bridge, "--along", "v(plus)", "--points", "1"],
            2,
            "at least 2 --points",
        ),
        (
            &["circuits/controlled/vcvs.cir", "--along", "v(out)"],
            3,
            "no co-content: `e1`",
        ),
    ];
    for (arguments, code, expected) in cases {
        let output = ohmgrad(&[&["landscape"], arguments].concat());
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("bridge.cir");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(bridge), &copy).expect("a copy");
    let copy = copy.to_str().expect("a path");
    for option in ["--out", "--svg"] {
        let output = ohmgrad(&["landscape", copy, "--along", "v(plus)", option, copy]);
        assert!(text(&output.stderr).contains("would overwrite the deck"));
    }
}
