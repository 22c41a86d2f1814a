//! Activations: closed forms against circuits that were solved, properties of resolvents, limits, the
//! command.

use std::process::{Command, Output};

use ohmgrad::activation::{
    ActivationError, ClosedForm, Conditions, Curve, Drive, Element, ElementError,
};

fn element(text: &str) -> Element {
    Element::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn curve(text: &str, drive: &Drive) -> Curve {
    let curve = element(text).curve(Conditions::default(), drive);
    curve.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// From 1 uV to 1 MV, in both directions: a fifth of a decade between neighbours.
fn twelve_decades(resistance: f64) -> Drive {
    let magnitudes = (0..=60).map(|k| 10f64.powf(-6.0 + f64::from(k) / 5.0));
    let up: Vec<f64> = magnitudes.collect();
    let down = up.iter().rev().map(|x| -x);
    Drive {
        resistance,
        inputs: down.chain([0.0]).chain(up.iter().copied()).collect(),
    }
}

/// Distance of the solved voltage from the formula relative to the voltage itself, and that of the current
/// relative to |x|/R.
fn worst_distance(curve: &Curve) -> f64 {
    let mut worst = 0.0f64;
    for point in curve.points.iter().filter(|p| p.x != 0.0) {
        let closed = point.closed.expect("a closed form at every x");
        let voltage = (point.voltage - closed.voltage).abs() / closed.voltage.abs();
        let current = (point.current - closed.current).abs() * curve.resistance / point.x.abs();
        worst = worst.max(voltage).max(current);
    }
    worst
}

const DIODES: [&str; 8] = [
    "shockley",
    "shockley:reversed",
    "shockley:is=1e-6,n=2",
    "shockley:is=1e-20,n=0.5",
    "shockley:rs=25,is=1e-12",
    "shockley:gmin=1e-9,rs=3",
    "shockley:temp=125",
    "shockley:temp=-55,n=1.7,area=10",
];

const PASSIVE: [&str; 22] = [
    "ideal",
    "ideal:reversed",
    "shockley",
    "shockley:level=1,is=1e-9",
    "shockley:is=1e-6,n=2,reversed",
    "shockley:rs=25",
    "antiparallel",
    "antiparallel:is=1e-6,n=2,rs=10",
    "zener",
    "zener:bv=3.3,rs=5,reversed",
    "zener:level=1,bv=4.7",
    "pair",
    "pair:low=-0.7,high=0.3,is=4n,n=1.9",
    "pair:ideal",
    "pair:ideal,low=0.2,high=0.9,reversed",
    "pwl:-1:-1m,0:0,1:5m",
    "pwl:ron=1,roff=1meg,vfwd=0.6",
    "pwl:ron=10,roff=1g,vfwd=0.7,vrev=1.2,rrev=3,reversed",
    "b:i=1m*tanh(v(p)/0.1)",
    "b:v=0.3",
    "spice:R1 p a 100; D1 a n DX; .model DX D(IS=1e-12)",
    "@circuits/diode/clamp.cir:out",
];

/// The claim: 1e-10 of the voltage itself, over twelve decades of x, in both directions.
#[test]
fn the_closed_form_of_a_diode_is_the_circuit() {
    for resistance in [10.0, 1e3, 1e6] {
        let drive = twelve_decades(resistance);
        for text in DIODES {
            let curve = curve(text, &drive);
            let form = curve.closed_form.as_ref().map(ClosedForm::name);
            assert_eq!(form, Some("Lambert W"), "{text}");
            let worst = worst_distance(&curve);
            println!("{text} behind {resistance} ohm: {worst:.1e}");
            assert!(worst < 1e-10, "{text} behind {resistance} ohm: {worst:e}");
        }
    }
}

/// Beyond where circuits are solved: nothing overflows, and the largest currents are x/R.
#[test]
fn the_closed_form_has_a_value_for_any_voltage() {
    let form = curve("shockley", &twelve_decades(1e3))
        .closed_form
        .expect("a closed form");
    let mut last = f64::NEG_INFINITY;
    for k in -400i32..=400 {
        let x = f64::from(k).signum() * 10f64.powf(f64::from(k.abs()) / 2.0 - 100.0);
        let response = form.response(x, 1e3).expect("a value");
        let is_finite = response.voltage.is_finite() && response.current.is_finite();
        assert!(
            is_finite && (0.0..=1.0).contains(&response.slope),
            "{x:e}: {response:?}"
        );
        assert!(
            response.voltage >= last,
            "{x:e}: {response:?} after {last:e}"
        );
        last = response.voltage;
        if x > 1e9 {
            assert!(
                (response.current * 1e3 / x - 1.0).abs() < 1e-6,
                "{x:e}: {response:?}"
            );
        }
    }
}

/// The same for the slope: from the formula, from the adjoint network, and between zero and one.
#[test]
fn the_slope_of_the_closed_form_is_that_of_the_adjoint_network() {
    let drive = twelve_decades(1e3);
    for text in DIODES {
        for point in curve(text, &drive).points {
            let closed = point.closed.expect("a closed form at every x");
            let miss = (point.slope - closed.slope).abs();
            assert!(miss < 1e-10, "{text} at {}: {miss:e}", point.x);
        }
    }
}

/// ngspice's diode has a cubic below -3 N Vt: there Lambert W is not told.
#[test]
fn a_closed_form_ends_where_the_law_ends() {
    let drive = Drive::over(-1.0, 1.0, 201, 1e3).expect("a drive");
    let curve = curve("shockley:level=1,is=1e-6", &drive);
    let thermal = 0.0258649;
    for point in &curve.points {
        let is_told = point.closed.is_some();
        assert_eq!(is_told, point.voltage >= -3.0 * thermal, "{point:?}");
        if let Some(closed) = point.closed {
            assert!((closed.voltage - point.voltage).abs() < 1e-13);
        }
    }
    let ends = curve.points.iter().filter(|p| p.closed.is_none()).count();
    assert!(0 < ends && ends < 201, "{ends}");
}

#[test]
fn an_ideal_diode_is_the_relu_to_the_bit() {
    let drive = twelve_decades(1e3);
    for point in curve("ideal", &drive).points {
        assert_eq!(point.voltage, point.x.min(0.0));
        assert_eq!(Some(point.voltage), point.closed.map(|c| c.voltage));
        // The solver multiplies by the conductance, itself rounded.
        let current = point.x.max(0.0) / 1e3;
        assert!((point.current - current).abs() <= 2.0 * f64::EPSILON * current);
    }
    for point in curve("ideal:reversed", &drive).points {
        assert_eq!(point.voltage, point.x.max(0.0));
    }
    for point in curve("pair:ideal,low=-0.25,high=0.75", &drive).points {
        assert_eq!(point.voltage, point.x.clamp(-0.25, 0.75));
    }
}

#[test]
fn piecewise_linear_laws_are_their_closed_form() {
    for text in PASSIVE.iter().filter(|text| text.starts_with("pwl")) {
        let curve = curve(text, &twelve_decades(1e3));
        for point in &curve.points {
            let closed = point.closed.expect("a closed form at every x");
            // Breakpoints are volts, from which the formula counts.
            let miss = (point.voltage - closed.voltage).abs() / point.x.abs().max(1.0);
            assert!(miss < 1e-14, "{text}: {miss:e} at {}", point.x);
            assert!(
                (point.slope - closed.slope).abs() < 1e-12,
                "{text}: {point:?}"
            );
        }
    }
}

/// A resolvent of a law that does not decrease is monotone and nonexpansive.
#[test]
fn passive_elements_do_not_fall_and_do_not_stretch() {
    const ROUNDING: f64 = 1e-12;
    for text in PASSIVE {
        for resistance in [1.0, 1e3, 1e7] {
            let drive = Drive::over(-6.0, 6.0, 241, resistance).expect("a drive");
            let curve = curve(text, &drive);
            for point in &curve.points {
                let is_inside = (-ROUNDING..=1.0 + ROUNDING).contains(&point.slope);
                assert!(is_inside, "{text} behind {resistance} ohm: {point:?}");
            }
            for pair in curve.points.windows(2) {
                let (dx, dv) = (pair[1].x - pair[0].x, pair[1].voltage - pair[0].voltage);
                assert!(dv >= -ROUNDING, "{text}: falls at {}", pair[0].x);
                assert!(dv <= dx + ROUNDING, "{text}: stretches at {}", pair[0].x);
            }
        }
    }
}

#[test]
fn the_slope_is_the_difference_quotient() {
    let smooth = PASSIVE.iter().filter(|text| {
        !text.contains("ideal") && !text.starts_with("pwl") && !text.contains("level=1")
    });
    let step = 1e-4;
    for text in smooth {
        let middles = Drive::over(-6.0, 6.0, 61, 1e3).expect("a drive").inputs;
        let around = middles.iter().flat_map(|x| [x - step, *x, x + step]);
        let drive = Drive {
            resistance: 1e3,
            inputs: around.collect(),
        };
        for points in curve(text, &drive).points.chunks(3) {
            let quotient = (points[2].voltage - points[0].voltage) / (2.0 * step);
            let miss = (points[1].slope - quotient).abs();
            // The third derivative of the sharpest law here is some 1/(10 (N Vt)^2).
            assert!(miss < 1e-5, "{text} at {}: {miss:e}", points[1].x);
        }
    }
}

/// As N goes to zero, the diode becomes the ideal one: `0 <= v - min(0, x) <= N Vt ln(1 + x/(R IS))` where
/// it conducts, and `R IS` at most is missing where it blocks.
#[test]
fn a_diode_becomes_ideal_as_n_goes_to_zero() {
    let drive = Drive::over(-2.0, 2.0, 81, 1e3).expect("a drive");
    let distance = |text: &str| {
        let points = curve(text, &drive).points;
        let distances = points.iter().map(|p| (p.voltage - p.x.min(0.0)).abs());
        distances.fold(0.0, f64::max)
    };
    let thermal = 0.0258649;
    let mut last = f64::INFINITY;
    for n in [1.0, 0.1, 0.01, 1e-3, 1e-4] {
        let farthest = distance(&format!("shockley:n={n}"));
        let bound = n * thermal * (2.0f64 / (1e3 * 1e-14)).ln_1p() + 1e3 * 1e-14;
        assert!(farthest <= bound * (1.0 + 1e-4), "{n}: {farthest} {bound}");
        assert!(farthest < 0.2 * last, "{n}: {farthest} after {last}");
        last = farthest;
    }
}

/// As IS goes to zero, nothing flows where the diode blocks, and the knee moves on by N Vt for each factor
/// of e: `x = N Vt (1 - ln(R IS/(N Vt))) - R IS`.
#[test]
fn a_diode_blocks_and_its_knee_moves_on_as_is_goes_to_zero() {
    let drive = Drive::over(-2.0, 2.0, 41, 1e3).expect("a drive");
    let thermal = 1.38064852e-23 / 1.6021766208e-19 * 300.15;
    for exponent in [6, 9, 12, 15, 18, 21, 24] {
        let is = 10f64.powi(-exponent);
        let curve = curve(&format!("shockley:is=1e-{exponent}"), &drive);
        for point in curve.points.iter().filter(|p| p.x <= 0.0) {
            let flows = (point.x - point.voltage).abs();
            assert!(flows <= 1e3 * is * (1.0 + 1e-9) + 1e-15, "{is}: {flows}");
        }
        let expected = thermal * (1.0 - (1e3 * is / thermal).ln()) - 1e3 * is;
        let [knee] = curve.knees[..] else {
            panic!("{is}: {:?}", curve.knees);
        };
        assert!(
            (knee.x - expected).abs() < 1e-12,
            "{is}: {} {expected}",
            knee.x
        );
        let width = knee.width.expect("it goes from 0.9 to 0.1");
        let expected = thermal * (80.0 / 9.0 + 81f64.ln());
        assert!((width - expected).abs() < 1e-12, "{is}: {width} {expected}");
    }
}

/// With temperature and N the knee widens in proportion to N Vt.
#[test]
fn families_keep_what_an_element_sets_itself() {
    let drive = Drive::over(-1.0, 5.0, 61, 1e3).expect("a drive");
    let at = |text: &str, temperature: f64, n: f64| {
        let conditions = Conditions {
            temperature: Some(temperature),
            emission: Some(n),
        };
        let curve = element(text).curve(conditions, &drive).expect("a curve");
        curve.knees[0].width.expect("a width")
    };
    let deck = "spice:D1 p 0 DX; .model DX D(LEVEL=2); .options gmin=0";
    for text in ["shockley", deck] {
        let ratio = at(text, 127.0, 2.0) / at(text, 27.0, 1.0);
        assert!(
            (ratio - 2.0 * 400.15 / 300.15).abs() < 1e-9,
            "{text}: {ratio}"
        );
    }
    assert_eq!(
        at("shockley:temp=50,n=1", 0.0, 2.0),
        at("shockley:temp=50,n=1", 90.0, 1.5)
    );
    let own = element("shockley:temp=50,n=1");
    assert!(!own.depends_on_temperature() && !own.depends_on_emission());
    assert!(!element("ideal").depends_on_temperature());
    assert!(element(deck).depends_on_emission());
    assert!(!element("b:i=v(p)").depends_on_emission());
}

/// A built-in element is what its cards are.
#[test]
fn decks_and_built_in_elements_agree() {
    let drive = Drive::over(-6.0, 6.0, 49, 1e3).expect("a drive");
    let pairs = [
        ("ideal", "spice:D1 p 0 DX; .model DX D(IDEAL)"),
        (
            "shockley:level=1,is=1e-9,gmin=1e-12,n=1.3",
            "spice:D1 p n DX; .model DX D(IS=1e-9 N=1.3)",
        ),
        (
            "zener:bv=3.3",
            "spice:D1 p n DX; .model DX D(LEVEL=2 BV=3.3 IBV=1m); .options gmin=0",
        ),
        (
            "pair:low=-0.7,high=0.3",
            "spice:D1 p a DX; V1 a n 0.3; D2 b p DX; V2 b n -0.7; .model DX D(LEVEL=2); .options gmin=0",
        ),
        ("pwl:-1:-1m,0:0,1:5m", "b:i=table(v(p,n),-1,-1m,0,0,1,5m)"),
    ];
    for (built_in, deck) in pairs {
        let (a, b) = (curve(built_in, &drive), curve(deck, &drive));
        for (a, b) in a.points.iter().zip(&b.points) {
            assert!(
                (a.voltage - b.voltage).abs() < 1e-11,
                "{built_in}: {a:?} {b:?}"
            );
        }
    }
}

/// A network between two of its nodes, neither of them ground, with a source of its own.
#[test]
fn a_deck_is_taken_between_two_nodes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bridge.cir");
    let deck =
        "bridge\nV1 top bottom 2\nR1 top a 1k\nR2 a bottom 1k\nR3 top b 1k\nR4 b bottom 3k\n";
    std::fs::write(&path, deck).expect("a file");
    let drive = Drive::over(-1.0, 1.0, 5, 1e3).expect("a drive");
    let curve = curve(&format!("@{}:a,b", path.display()), &drive);
    // Thevenin: 1 V - 1.5 V behind 500 + 750 ohm.
    for point in &curve.points {
        let expected = point.x + (-0.5 - point.x) * 1e3 / 2250.0;
        assert!((point.voltage - expected).abs() < 1e-12, "{point:?}");
        assert!((point.slope - 1250.0 / 2250.0).abs() < 1e-12);
    }
}

#[test]
fn what_is_no_element_is_told_with_a_way_out() {
    let cases = [
        ("shokley", "did you mean `shockley`?"),
        ("transistor", "write one of ideal, shockley"),
        ("shockley:tmep=1", "did you mean `temp`?"),
        ("shockley:colour=1", "it has reversed, is, n, rs"),
        ("shockley:is", "write key=value"),
        ("shockley:is=abc", "which is no number"),
        (
            "shockley:is=-1",
            "IS, N, BV, IBV and the area must be positive",
        ),
        ("shockley:temp=-300", "above absolute zero"),
        ("shockley:ikr=1m", "belongs to the other LEVEL"),
        ("shockley:revrsed", "did you mean `reversed`?"),
        ("ideal:is=1", "has no parameter `is`"),
        ("pair:low=1,high=0", "it must lie above `low`"),
        ("pair:ideal,is=1n", "has no parameter `is`"),
        ("pwl", "write breakpoints as volts:amperes"),
        ("pwl:0:0", "at least two points"),
        ("pwl:0:0,1:-1", "never down"),
        ("pwl:0:0,1", "is no breakpoint"),
        ("pwl:ron=0", "must be positive"),
        ("b:", "holds no cards"),
        ("spice:", "holds no cards"),
        ("spice:R1 a 0 1k", "has no node `p`"),
        ("@circuits/diode/clamp.cir", "names no terminals"),
        ("@circuits/diode/clamp.cir:otu", "did you mean `out`?"),
        ("@circuits/diode/clamp.cir:out,out", "are one node"),
        ("@no/such/file.cir:a", "no/such/file.cir"),
        ("b:i=v(p", "argument:2:13"),
    ];
    for (text, expected) in cases {
        let error = match Element::parse(text) {
            Err(error) => error,
            Ok(_) => panic!("`{text}` was taken"),
        };
        let message = error.to_string();
        assert!(message.contains(expected), "{text}:\n{message}");
        assert!(message.contains("help:"), "{text}: no way out:\n{message}");
    }
    let known = Element::parse("zenner").map(|_| ());
    assert!(matches!(
        known,
        Err(ActivationError::Element(ElementError::UnknownName { .. }))
    ));
}

#[test]
fn a_drive_has_points_and_a_direction() {
    assert!(Drive::over(0.0, 1.0, 1, 1e3).is_err());
    assert!(Drive::over(1.0, 1.0, 5, 1e3).is_err());
    assert!(Drive::over(f64::NAN, 1.0, 5, 1e3).is_err());
    assert!(Drive::over(-f64::MAX, f64::MAX, 5, 1e3).is_err());
    for resistance in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        assert!(Drive::over(0.0, 1.0, 5, resistance).is_err());
    }
    let drive = Drive::over(-2.0, 2.0, 41, 1e3).expect("a drive");
    assert_eq!(drive.inputs[20..=21], [0.0, 0.1]);
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("activation")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

/// What rounding decides is no part of a snapshot: differences are `~0` where they are below 1e-15.
fn without_rounding(table: &str) -> String {
    let steady = |word: &str| match word.parse::<f64>() {
        Ok(x) if word.contains('e') && x.abs() < 1e-15 => format!("{:>1$}", "~0", word.len()),
        _ => word.to_string(),
    };
    let line = |line: &str| line.split(' ').map(steady).collect::<Vec<_>>().join(" ");
    table.lines().map(|l| line(l) + "\n").collect()
}

/// The same for numbers with all their digits: nine are kept.
fn to_nine_digits(csv: &str) -> String {
    let steady = |field: &str| match field.parse::<f64>() {
        Ok(x) if x.abs() < 1e-30 => "0".to_string(),
        Ok(x) => format!("{x:.8e}"),
        Err(_) => field.to_string(),
    };
    let line = |line: &str| line.split(',').map(steady).collect::<Vec<_>>().join(",");
    csv.lines().map(|l| line(l) + "\n").collect()
}

#[test]
fn the_command_prints_points_and_knees() {
    let output = ohmgrad(&[
        "ideal",
        "shockley",
        "zener",
        "--from=-6",
        "--to=2",
        "--points=9",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    insta::assert_snapshot!("table", without_rounding(&text(output.stdout)));
    let output = ohmgrad(&[
        "shockley",
        "pwl:-1:-1m,1:2m",
        "--n",
        "1,2",
        "--temperature=-40,125",
        "--points=3",
        "--csv",
    ]);
    let csv = text(output.stdout);
    // Four members of the diode's family, and one of what knows neither N nor temperature.
    assert_eq!(csv.lines().count(), 1 + 3 * (4 + 1), "{csv}");
    insta::assert_snapshot!("csv", to_nine_digits(&csv));
}

#[test]
fn json_holds_every_curve() {
    let output = ohmgrad(&[
        "shockley",
        "zener",
        "--output",
        "current",
        "--points=5",
        "--json",
    ]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["resistance"], 1000.0);
    let curves = json["curves"].as_array().expect("curves");
    assert_eq!(curves.len(), 2);
    assert_eq!(curves[0]["closed_form"], "Lambert W");
    assert!(curves[0]["largest_difference"].as_f64().expect("a number") < 1e-12);
    for key in [
        "x",
        "voltage",
        "current",
        "slope",
        "closed_voltage",
        "closed_current",
    ] {
        assert_eq!(curves[0][key].as_array().expect(key).len(), 5);
    }
    assert!(curves[1]["closed_form"].is_null() && curves[1]["closed_voltage"][0].is_null());
}

#[test]
fn the_picture_is_an_svg_with_a_line_for_each_curve() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.svg");
    let name = path.to_str().expect("a path");
    let arguments = ["ideal", "shockley", "--temperature=0,50", "--svg", name];
    let output = ohmgrad(&arguments);
    assert!(output.status.success(), "{}", text(output.stderr));
    let svg = std::fs::read_to_string(&path).expect("the picture");
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let lines = document.descendants();
    let lines = lines.filter(|n| n.tag_name().name() == "polyline").count();
    assert_eq!(lines, 3 * 3);
    assert!(svg.contains("shockley, 50 °C") && svg.contains("closed form"));
    // The same arguments give the same bytes.
    assert!(ohmgrad(&arguments).status.success());
    assert_eq!(std::fs::read_to_string(&path).expect("the picture"), svg);
}

#[test]
fn exit_codes_and_messages_tell_what_went_wrong() {
    let cases: [(&[&str], i32, &str); 13] = [
        (&[], 2, "ELEMENT"),
        (&["shokley"], 2, "did you mean `shockley`?"),
        (&["ideal", "--points", "1"], 2, "take at least 2"),
        (
            &["ideal", "--from", "1", "--to", "1"],
            2,
            "it begins below where it ends",
        ),
        (
            &["ideal", "--from", "2", "--to", "-2"],
            2,
            "it begins below where it ends",
        ),
        (&["ideal", "--resistance", "0"], 2, "positive and finite"),
        (&["ideal", "--resistance", "4k7"], 2, "expected a number"),
        (&["ideal", "--points", "1000001"], 2, "fewer --points"),
        (
            &["shockley", "--temperature=-300"],
            2,
            "above absolute zero",
        ),
        (&["shockley", "--n", "0"], 2, "N must be positive"),
        (&["ideal", "--csv", "--json"], 2, "cannot be used with"),
        (&["spice:D1 p 0 NONE"], 3, "argument:2:8"),
        (
            &["spice:R1 p a 1k; V1 b 0 1; V2 b 0 2; R2 a b 1"],
            4,
            "loop of voltage sources",
        ),
    ];
    for (arguments, code, expected) in cases {
        let output = ohmgrad(arguments);
        let message = text(output.stderr);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}:\n{message}"
        );
        assert!(message.contains(expected), "{arguments:?}:\n{message}");
    }
    let deck = "circuits/diode/clamp.cir";
    let before = std::fs::read(deck).expect("a deck");
    for option in ["--out", "--svg"] {
        let output = ohmgrad(&["@circuits/diode/clamp.cir:out", option, deck]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(output.stderr).contains("would overwrite the deck"));
    }
    assert_eq!(std::fs::read(deck).expect("a deck"), before);
    // A law without a value has no operating point.
    let output = ohmgrad(&["b:i=ln(-1-v(p)*v(p))"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(output.stdout));
}
