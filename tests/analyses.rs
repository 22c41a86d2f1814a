//! What a deck asks for, against numbers worked out by hand and, where it is on PATH, against ngspice.

use std::path::Path;
use std::process::{Command, Output};

use ohmgrad::adjoint::{Comparison, compare_with_differences};
use ohmgrad::analysis::dataset::Dataset;
use ohmgrad::analysis::{Probe, Solver, Sweep};
use ohmgrad::circuit::Circuit;
use ohmgrad::execution::{Columns, ExecutionError, Results, execute};
use ohmgrad::netlist::{self, Netlist};

/// A diode behind a divider, with a second source.
const CLAMP: &str = "V1 in 0 5\nV2 bias 0 1\nR1 in out 1k\nR2 out bias 2k\nD1 out 0 DX\n\
                     .model DX D(IS=1e-14)\n";

/// ngspice's tolerances as tight as ours.
const TIGHT: &str = ".options reltol=1e-10 vntol=1e-14 abstol=1e-18\n";

fn solver(body: &str) -> Solver {
    let netlist = Netlist::parse("deck.cir", format!("title\n{body}"));
    Solver::from_netlist(&netlist.unwrap_or_else(|e| panic!("{e}")))
        .unwrap_or_else(|e| panic!("{e}"))
}

fn try_run(body: &str) -> Result<Results, ExecutionError> {
    execute(&mut solver(body), Columns::Saved)
}

fn run(body: &str) -> Results {
    try_run(body).unwrap_or_else(|e| panic!("{e}"))
}

fn column(dataset: &Dataset, name: &str) -> Vec<f64> {
    let index = dataset.variables.iter().position(|v| v.name == name);
    let index = index.unwrap_or_else(|| panic!("no {name} in {:?}", names(dataset)));
    dataset.column(index).collect()
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.variables.iter().map(|v| v.name.as_str()).collect()
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    let largest = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (f, e) in found.iter().zip(expected) {
        let near = (f - e).abs() <= tolerance * e.abs().max(1e-6 * largest);
        assert!(near, "{found:?} is not {expected:?}");
    }
}

fn has_ngspice() -> bool {
    let found = Command::new("ngspice").arg("--version").output().is_ok();
    if !found {
        println!("skipped: ngspice is not on PATH");
    }
    found
}

/// What ngspice prints when it runs a deck and then the commands.
fn ngspice(folder: &Path, body: &str, commands: &str) -> String {
    let control = format!(".control\nset numdgt=17\nset width=200\n{commands}\nquit\n.endc\n");
    let deck = format!("title\n{body}{TIGHT}{control}.end\n");
    std::fs::write(folder.join("deck.cir"), deck).expect("a deck");
    let output = Command::new("ngspice")
        .args(["-b", "deck.cir"])
        .env("NGSPICE_MEAS_PRECISION", "15")
        .current_dir(folder)
        .output()
        .expect("ngspice runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Vectors of ngspice's current plot after some commands.
fn vectors(body: &str, commands: &str, names: &[&str]) -> Vec<Vec<f64>> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = format!("set wr_singlescale\nwrdata out {}", names.join(" "));
    let messages = ngspice(folder.path(), body, &format!("{commands}\n{write}"));
    let text = std::fs::read_to_string(folder.path().join("out"))
        .unwrap_or_else(|_| panic!("ngspice wrote nothing: {messages}"));
    let rows: Vec<Vec<f64>> = text
        .lines()
        .map(|line| line.split_whitespace().flat_map(str::parse).collect())
        .collect();
    let columns = 1..=names.len();
    columns
        .map(|k| rows.iter().map(|row| row[k]).collect())
        .collect()
}

/// `name = value` among ngspice's messages.
fn printed(text: &str, name: &str) -> f64 {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    let line = lines.find(|(key, _)| key.trim() == name);
    let value = line.and_then(|(_, value)| value.split_whitespace().next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn assert_sweep_as_ngspice(body: &str, sweep: &str) {
    if !has_ngspice() {
        return;
    }
    let ours = run(&format!("{body}.dc {sweep}\n"));
    let names = ["v(out)", "i(v1)"];
    let theirs = vectors(body, &format!("dc {sweep}"), &names);
    for (name, theirs) in names.iter().zip(&theirs) {
        assert_close(&column(&ours.outcomes[0].dataset, name), theirs, 1e-8);
    }
}

#[test]
fn nested_sweeps_are_those_of_ngspice() {
    assert_sweep_as_ngspice(CLAMP, "V1 -1 5 0.3 V2 0 2 1");
    assert_sweep_as_ngspice(CLAMP, "V1 2 -2 -0.25");
}

#[test]
fn sweeps_of_resistors_and_temperature_are_those_of_ngspice() {
    assert_sweep_as_ngspice(CLAMP, "R2 500 4k 500");
    assert_sweep_as_ngspice(CLAMP, "temp -40 120 20");
    assert_sweep_as_ngspice(CLAMP, "V1 0 5 1 temp -40 120 80");
}

fn values(range: &str) -> Vec<f64> {
    let solver = solver(&format!("{CLAMP}.param top=50\n.dc {range}\n"));
    let analyses = &solver.circuit.commands.analyses;
    let netlist::Analysis::DcSweep { sweeps } = &analyses[0].value else {
        panic!("no sweep in {range}");
    };
    let sweep = Sweep::from_card(&solver.circuit, &sweeps[0]);
    sweep.unwrap_or_else(|e| panic!("{e}")).values
}

#[test]
fn sweeps_take_the_values_that_their_cards_say() {
    assert_eq!(values("V1 0 1 0.25"), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(values("V1 0 1 0.1").len(), 11);
    assert_eq!(values("V1 0 1 0.3").len(), 4);
    assert_eq!(values("V1 2 2 1"), [2.0]);
    assert_eq!(values("V1 {top/10} {top} {top/5}").len(), 5);
    assert_eq!(values("V1 list 3 1 2"), [3.0, 1.0, 2.0]);
    assert_close(
        &values("dec V1 1 1000 1"),
        &[1.0, 10.0, 100.0, 1000.0],
        1e-15,
    );
    assert_close(
        &values("oct V1 1 4 2"),
        &[1.0, 2f64.sqrt(), 2.0, 8f64.sqrt(), 4.0],
        1e-15,
    );
    assert_close(&values("dec V1 -1 -100 1"), &[-1.0, -10.0, -100.0], 1e-15);
}

#[test]
fn logarithmic_sweeps_have_the_points_of_an_ac_analysis() {
    if !has_ngspice() {
        return;
    }
    let cases = [
        ("dec", "1", "50", "3"),
        ("dec", "1", "1000", "10"),
        ("oct", "1", "10", "2"),
    ];
    for (kind, start, stop, points) in cases {
        let command = format!("ac {kind} {points} {start} {stop}");
        let theirs = vectors(CLAMP, &command, &["real(frequency)"]);
        let ours = values(&format!("{kind} V1 {start} {stop} {points}"));
        // ngspice stops short of the end of octaves.
        assert_eq!(ours.len(), theirs[0].len(), "{kind}");
        if kind == "dec" {
            assert_close(&ours, &theirs[0], 1e-12);
        }
    }
}

#[test]
fn steps_go_round_every_analysis_and_the_deck_is_as_before() {
    let body = ".param rload=2k vin={rload/1k}\nV1 in 0 {vin}\nR1 in out 1k\nR2 out 0 {rload}\n\
                .op\n.dc V1 1 2 1\n.step param rload list 1k 3k\n.step temp 0 50 50\n";
    let mut solver = solver(body);
    let results = execute(&mut solver, Columns::Saved).unwrap_or_else(|e| panic!("{e}"));
    let datasets = results.datasets();
    assert_eq!(datasets.len(), 8);
    for (k, dataset) in datasets.iter().enumerate() {
        let (rload, temp) = ([1e3, 3e3][k / 2 % 2], [0.0, 50.0][k / 4]);
        let steps = [("rload".to_string(), rload), ("temp".to_string(), temp)];
        assert_eq!(dataset.steps, steps);
        let share = rload / (1e3 + rload);
        let inputs = match dataset.analysis.as_str() {
            "op" => vec![rload / 1e3],
            _ => vec![1.0, 2.0],
        };
        let expected: Vec<f64> = inputs.iter().map(|v| v * share).collect();
        assert_close(&column(dataset, "v(out)"), &expected, 1e-14);
    }
    let value = |name: &str| {
        let variable = solver.circuit.find_variable(name).expect("a variable");
        solver.circuit.variable_value(&variable).expect("a value")
    };
    assert_eq!(value("rload"), 2e3);
    assert_eq!(value("v1"), 2.0);
    assert_eq!(value("r2"), 2e3);
    assert_eq!(value("temp"), 27.0);
}

#[test]
fn long_sweeps_in_batches_are_those_of_one_point_after_the_other() {
    let bridge = "v1 a b 0\nv2 c 0 1\nd1 a p dx\nd2 b p dx\nd3 n a dx\nd4 n b dx\nrl p n 1k\nr0 n 0 1\n\
                  rb b c 10\n.model dx d(is=1e-14)\n.dc v1 -10 10 0.1 v2 0 2 1\n.print dc v(p,n) v(a)\n";
    let batches = run(bridge);
    // A measurement sees the whole of every operating point.
    let one_by_one = run(&format!("{bridge}.meas dc top max v(p,n)\n"));
    let [batches, one_by_one] = [batches, one_by_one].map(|r| r.datasets().remove(0));
    assert_eq!(batches.rows.len(), 603);
    for name in ["v1", "v2", "v(p,n)", "v(a)"] {
        let [found, expected] = [&batches, &one_by_one].map(|d| column(d, name));
        assert_close(&found, &expected, 1e-10);
    }
}

#[test]
fn a_resistor_may_pass_through_zero() {
    let body = "V1 in 0 5\nR1 in out 1k\nR2 out 0 2k\n.dc R2 -500 1000 500\n";
    let results = run(body);
    let found = column(&results.outcomes[0].dataset, "v(out)");
    assert_close(&found, &[-5.0, 0.0, 5.0 / 3.0, 2.5], 1e-13);
}

#[test]
fn a_short_that_makes_a_loop_of_sources_is_an_error_with_its_place_in_the_sweep() {
    let body = "V1 in 0 5\nR1 in 0 1k\n.dc R1 0 1k 500\n";
    let message = try_run(body).expect_err("a loop").to_string();
    assert!(message.starts_with("at r1 = 0: "), "{message}");
}

#[test]
fn model_and_element_parameters_can_be_swept() {
    let body = "I1 0 a 1m\nI2 0 b 1m\nD1 a 0 DX\nD2 b 0 DX\n.model DX D(IS=1e-14 N=1)\n\
                .dc dec dx:is 1e-14 1e-12 1\n.dc d1:n 1 2 1\n";
    let results = run(body);
    let vt = 300.15 * 1.38064852e-23 / 1.6021766208e-19;
    let expected: Vec<f64> = [1e-14, 1e-13, 1e-12]
        .iter()
        .map(|is| vt * (1e-3f64 / is).ln_1p())
        .collect();
    let both = &results.outcomes[0].dataset;
    assert_close(&column(both, "v(a)"), &expected, 1e-9);
    assert_close(&column(both, "v(b)"), &expected, 1e-9);
    let one = &results.outcomes[1].dataset;
    assert_close(
        &column(one, "v(a)"),
        &[expected[0], 2.0 * expected[0]],
        1e-9,
    );
    assert_close(&column(one, "v(b)"), &[expected[0]; 2], 1e-9);
}

#[test]
fn a_transfer_function_is_that_of_the_linear_circuit() {
    let body = "V1 in 0 5\nR1 in out 1k\nR2 out 0 2k\nI1 0 out 1m\nV2 out low 0\nR3 low 0 2k\n\
                .tf v(out) V1\n.tf v(in,out) V1\n.tf i(V2) V1\n.tf v(out) I1\n";
    let rows: Vec<_> = run(body)
        .datasets()
        .iter()
        .map(|d| d.rows[0].clone())
        .collect();
    assert_close(&rows[0], &[0.5, 2e3, 500.0], 1e-13);
    assert_close(&rows[1], &[0.5, 2e3, 500.0], 1e-13);
    // ngspice says 1e20 ohm in place of 2k + 1k || 2k.
    let around = 2e3 + 1.0 / (1e-3 + 0.5e-3);
    assert_close(&rows[2], &[0.25e-3, 2e3, around], 1e-13);
    assert_close(&rows[3], &[500.0, 500.0, 500.0], 1e-13);
}

#[test]
fn requests_that_make_no_sense_are_pointed_at() {
    let message = |card: &str| {
        let error = try_run(&format!("{CLAMP}{card}\n"));
        error.expect_err("a bad request").to_string()
    };
    let cases = [
        (".tf v(out) r1", "`r1` is no independent source"),
        (".tf i(r1) v1", "cannot take the output `i(r1)`"),
        (".tf v(oot) v1", "did you mean `out`?"),
        (".sens v(out) i(r7)", "no element `r7`"),
        (".save v(x*)", "nothing in the circuit matches"),
    ];
    for (card, expected) in cases {
        let text = message(card);
        assert!(text.contains(expected), "{card}: {text}");
        assert!(text.contains("deck.cir:8:"), "{text}");
    }
}

#[test]
fn derivatives_have_units() {
    let datasets = run(&format!("{CLAMP}.sens v(out) p(r1)\n.tf i(v1) v2\n")).datasets();
    let unit = |k: usize, name: &str| {
        let mut variables = datasets[k].variables.iter();
        let found = variables.find(|v| v.name == name).expect("a variable");
        found.unit.symbol().to_string()
    };
    assert_eq!(unit(0, "v(out)"), "V");
    assert_eq!(unit(0, "v1"), "");
    assert_eq!(unit(0, "r1"), "V/ohm");
    assert_eq!(unit(0, "d1:is"), "ohm");
    assert_eq!(unit(1, "temp"), "W/degC");
    assert_eq!(unit(2, "transfer_function"), "S");
    assert_eq!(unit(2, "v1#output_impedance"), "ohm");
}

#[test]
fn transfer_functions_are_those_of_ngspice() {
    if !has_ngspice() {
        return;
    }
    for (output, source) in [("v(out)", "v1"), ("v(in,out)", "v2"), ("i(v1)", "v1")] {
        let ours = run(&format!("{CLAMP}.tf {output} {source}\n")).datasets();
        let folder = tempfile::tempdir().expect("a folder");
        let text = ngspice(
            folder.path(),
            CLAMP,
            &format!("tf {output} {source}\nprint all"),
        );
        let theirs: Vec<f64> = names(&ours[0]).iter().map(|n| printed(&text, n)).collect();
        assert_close(&ours[0].rows[0], &theirs, 1e-6);
    }
}

#[test]
fn sensitivities_are_those_of_ngspice() {
    if !has_ngspice() {
        return;
    }
    let ours = run(&format!("{CLAMP}.sens v(out)\n")).datasets();
    let folder = tempfile::tempdir().expect("a folder");
    let text = ngspice(folder.path(), CLAMP, "sens v(out)\nprint r1 r2 v1 v2 d1:is");
    for name in ["r1", "r2", "v1", "v2", "d1:is"] {
        let ours = column(&ours[0], name);
        assert_close(&ours, &[printed(&text, name)], 1e-4);
    }
}

/// Of a sweep with several crossings.
const MEASURED: &str = "V1 in 0 0\nR1 in out 1k\nR2 out 0 2k\nD1 out 0 DX\n.model DX D(IS=1e-14)\n\
    B1 sine 0 v=sin(3*v(in)+0.1)\nR3 sine 0 1\nE1 half 0 in 0 0.25\nR4 half 0 1k\n\
    .dc V1 -1 5 0.25\n";

const MEASURES: &[(&str, &str)] = &[
    ("vmax", "max v(out)"),
    ("vmin", "min v(out)"),
    ("wheremax", "max_at v(sine)"),
    ("wheremin", "min_at v(sine) from=0 to=3"),
    ("swing", "pp v(sine)"),
    ("mean", "avg v(out) from=1 to=3"),
    ("meanall", "avg v(out)"),
    ("effective", "rms v(out)"),
    ("area", "integ v(out)"),
    ("areain", "integ v(out) from=1.5 to=3.5"),
    ("cross", "when v(out)=0.5"),
    ("meet", "when v(out)=v(half)"),
    ("found", "find i(v1) when v(out)=0.6"),
    ("foundat", "find i(v1) at=2.2"),
    ("rise2", "when v(sine)=0.1 rise=2"),
    ("fall1", "when v(sine)=0.1 fall=1"),
    ("cross3", "when v(sine)=0.1 cross=3"),
    ("last", "when v(sine)=0.1 cross=last"),
    ("windowed", "when v(sine)=0.1 from=1 to=4"),
];

fn measured(results: &Results, name: &str) -> f64 {
    let mut all = results.measurements.iter();
    let found = all.find(|m| m.name == name).expect("a measurement");
    *found
        .value
        .as_ref()
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn measurements_are_those_of_ngspice() {
    if !has_ngspice() {
        return;
    }
    let cards = MEASURES
        .iter()
        .map(|(n, m)| format!(".measure dc {n} {m}\n"));
    let body = format!("{MEASURED}{}", cards.collect::<String>());
    let results = run(&body);
    let folder = tempfile::tempdir().expect("a folder");
    let text = ngspice(folder.path(), &body, "run");
    for (name, what) in MEASURES {
        let (ours, theirs) = (measured(&results, name), printed(&text, name));
        // ngspice prints seven digits of some.
        let error = (ours - theirs).abs();
        assert!(error <= 1e-6 * theirs.abs(), "{what}: {ours} {theirs}");
    }
}

#[test]
fn a_failed_measurement_says_so_and_the_others_stand() {
    let results = run("V1 in 0 0\nR1 in 0 1k\n.dc V1 0 4 1\n\
        .measure dc high when v(in)=9\n\
        .measure dc nowhere max v(nowhere)\n\
        .measure dc deep param='high+1'\n\
        .measure dc slope deriv i(v1) at=2.5\n\
        .measure dc corner deriv v(in) at=2\n\
        .measure dc top max v(in)\n\
        .measure dc twice param='2*top'\n");
    let value = |k: usize| results.measurements[k].value.clone();
    assert!(value(0).is_err_and(|e| e.contains("does not meet `9`")));
    assert!(value(1).is_err_and(|e| e.contains("no node `nowhere`")));
    assert!(value(2).is_err());
    assert_close(&[measured(&results, "slope")], &[-1e-3], 1e-12);
    assert_eq!(measured(&results, "corner"), 1.0);
    assert_eq!(measured(&results, "twice"), 8.0);
}

const HIERARCHY: &str = ".param k=2\n.func half(x) {x/2}\n.subckt div a b r=1k\nR1 a b {r}\n\
    R2 b n {r}\nR3 n 0 1k\n.ends\nV1 in 0 6\nX1 in mid div r=2k\n";

#[test]
fn outputs_are_read_in_every_spelling() {
    let mut solver = solver(HIERARCHY);
    let op = solver.operating_point().expect("a solution");
    let current = 6.0 / 5e3;
    let cases = [
        ("v(mid)", 6.0 - 2e3 * current),
        ("V( in , mid )", 2e3 * current),
        ("v(x1.n)", 1e3 * current),
        ("v(x1:n)", 1e3 * current),
        ("x1.n", 1e3 * current),
        ("i(r.x1.r1)", current),
        ("i(x1:r1)", current),
        ("i(x1.r1)", current),
        ("v1#branch", -current),
        ("@r.x1.r2[i]", current),
        ("v(x1.r2)", 2e3 * current),
        ("p(x1.r3)", 1e3 * current * current),
        ("w(v1)", -6.0 * current),
        ("{v(in)*i(v1)}", -6.0 * current),
        ("par('half(v(in))+k')", 5.0),
        ("k^2*v(x1:n)", 4e3 * current),
        ("{temper}", 27.0),
        ("x1.r", 2e3),
    ];
    for (text, expected) in cases {
        let probe = Probe::parse(&solver.circuit, text).unwrap_or_else(|e| panic!("{e}"));
        let found = probe.value(&solver.circuit, &op);
        assert!(
            (found - expected).abs() <= 1e-12 * expected.abs(),
            "{text}: {found}"
        );
    }
}

#[test]
fn unknown_outputs_are_pointed_at() {
    let solver = solver(HIERARCHY);
    let message = |text: &str| {
        let error = Probe::parse(&solver.circuit, text).expect_err("not an output");
        error.to_string()
    };
    let text = message("{v(im)*2}");
    assert!(
        text.contains("no node `im`") && text.contains("did you mean"),
        "{text}"
    );
    assert!(text.contains("argument:1:4"), "{text}");
    assert!(message("i(r9)").contains("no element `r9`"));
    assert!(message("half(v(in),1)").contains("takes"));
    assert!(message("v(in").contains("-->"));
}

#[test]
fn cards_select_the_columns() {
    let columns = |cards: &str, which: Columns| {
        let mut solver = solver(&format!("{HIERARCHY}.op\n{cards}"));
        let results = execute(&mut solver, which).unwrap_or_else(|e| panic!("{e}"));
        let datasets = results.datasets();
        names(&datasets[0]).join(" ")
    };
    use Columns::{Printed, Saved};
    assert_eq!(columns("", Saved), "v(in) v(mid) v(x1.n) i(v1)");
    assert_eq!(
        columns(".save all p(v1)\n", Saved),
        "v(in) v(mid) v(x1.n) i(v1) p(v1)"
    );
    assert_eq!(columns(".print dc v(*)\n", Saved), "v(in) v(mid) v(x1.n)");
    assert_eq!(columns(".print dc v(x1.*)\n", Saved), "v(x1.n)");
    assert_eq!(columns(".print dc v(x1:*)\n", Saved), "v(x1.n)");
    assert_eq!(
        columns(".print dc i(x1.*) i(v*)\n", Saved),
        "i(r.x1.r1) i(r.x1.r2) i(r.x1.r3) i(v1)"
    );
    let both = ".save v(in)\n.print dc {v(in)*2} v(mid) v(in)\n";
    assert_eq!(columns(both, Saved), "v(in) {v(in)*2} v(mid)");
    assert_eq!(columns(both, Printed), "{v(in)*2} v(mid) v(in)");
    let message = try_run(&format!("{HIERARCHY}.op\n.print dc v(mud)\n")).expect_err("no node");
    let message = message.to_string();
    assert!(message.contains("deck.cir:12:13"), "{message}");
}

#[test]
fn bad_sweeps_are_pointed_at() {
    let message = |sweep: &str| {
        let body = format!("title\n{CLAMP}.param zero=0 one=1\n.dc {sweep}\n");
        let netlist = Netlist::parse("deck.cir", body).unwrap_or_else(|e| panic!("{e}"));
        match Solver::from_netlist(&netlist) {
            Err(error) => error.to_string(),
            Ok(mut solver) => {
                let error = execute(&mut solver, Columns::Saved);
                error.expect_err("a bad sweep").to_string()
            }
        }
    };
    let cases = [
        ("V3 0 1 1", "did you mean `v1`?"),
        ("V1 0 {one} {zero}", "never ends"),
        ("V1 0 1 1e-12", "take a larger step"),
        ("dec V1 0 1 1", "not zero"),
        ("V1 0 {v(out)} 1", "reads an output"),
        ("V1 0 {1/zero} 1", "not finite"),
        ("temp -400 0 100", "cannot be -400"),
    ];
    for (sweep, expected) in cases {
        let text = message(sweep);
        assert!(text.contains(expected), "{sweep}: {text}");
        assert!(
            text.contains("deck.cir:9:") || sweep.starts_with("temp"),
            "{text}"
        );
    }
}

/// Every derivative against differences; the named ones must be certain.
fn assert_gradient(body: &str, output: &str, certain: &[&str]) {
    let mut solver = solver(body);
    let op = solver.operating_point().unwrap_or_else(|e| panic!("{e}"));
    let probe = Probe::parse(&solver.circuit, output).unwrap_or_else(|e| panic!("{e}"));
    let sensitivities = solver
        .sensitivities(&probe, &op)
        .expect("a regular circuit");
    let mut derivatives = sensitivities.all(&solver.circuit);
    for name in certain {
        let variable = solver
            .circuit
            .find_variable(name)
            .unwrap_or_else(|e| panic!("{e}"));
        let name = (*name).to_string();
        derivatives.push(sensitivities.derivative(&solver.circuit, name, variable));
    }
    let comparisons = compare_with_differences(&solver, &probe, &derivatives);
    assert_eq!(comparisons.len(), derivatives.len());
    for comparison in &comparisons {
        assert!(
            comparison.relative_error() <= 1e-6,
            "{output}: {comparison:?}"
        );
    }
    let is_named = |c: &&Comparison| certain.contains(&c.entry.name.as_str());
    for comparison in comparisons.iter().filter(is_named) {
        assert!(comparison.is_resolved(1e-5), "{output}: {comparison:?}");
        assert!(comparison.raw_error() <= 1e-6, "{output}: {comparison:?}");
        assert!(comparison.entry.gradient != 0.0, "{output}: {comparison:?}");
    }
}

#[test]
fn gradients_reach_everything_that_values_depend_on() {
    let body = ".param base=1k ratio={base/500} tilt=0.3\n.func scaled(x,k) {x*k^2}\n\
        .subckt branch a b r=1k is=1e-14\nR1 a m {scaled(r,ratio)}\nD1 m b DL\n\
        .model DL D(IS={is} N=1.2)\n.ends\n\
        V1 in 0 {2+tilt}\nR0 in out {base} tc1=2m\nX1 out 0 branch r={2*base} is=2e-14\n\
        X2 out 0 branch\nD2 out 0 DM\n.model DM D(IS=3e-14 RS=5)\n\
        B1 sense 0 v=v(out)^2*tilt+temper/100\nR9 sense 0 1k\n";
    let certain = [
        "base", "tilt", "ratio", "temp", "x1.r", "dm:is", "d2:rs", "v1", "r0",
    ];
    assert_gradient(body, "v(out)", &certain);
    assert_gradient(body, "v(sense)", &["base", "tilt", "temp", "dm:is"]);
    assert_gradient(
        body,
        "{v(out)*i(v1)*tilt+temper}",
        &["base", "tilt", "temp"],
    );
    assert_gradient(body, "p(x1.d1)", &["base"]);
    assert_gradient(body, "p(r0)", &["base", "tilt", "temp", "r0"]);
}

#[test]
fn an_element_that_is_set_by_itself_follows_its_parameter_no_more() {
    let body = ".param r=1k\nV1 in 0 5\nR1 in out {r}\nR2 out 0 {r}\n";
    let netlist = Netlist::parse("deck.cir", format!("title\n{body}")).expect("a deck");
    let mut circuit = Circuit::from_netlist(&netlist).expect("a circuit");
    let variable = circuit.find_variable("r1").expect("a resistor");
    assert!(circuit.set_variable(&variable, 2e3));
    let mut solver = Solver::new(circuit).expect("a sound circuit");
    let op = solver.operating_point().expect("a solution");
    let probe = Probe::parse(&solver.circuit, "v(out)").expect("an output");
    let sensitivities = solver
        .sensitivities(&probe, &op)
        .expect("a regular circuit");
    let parameter = solver.circuit.find_variable("r").expect("a parameter");
    let found = sensitivities.to(&solver.circuit, &parameter);
    // d/dr of 5 r / (2k + r).
    assert_close(&[found], &[5.0 * 2e3 / 9e6], 1e-12);
}

fn ohmgrad(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn folder_with(body: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.cir"), format!("title\n{body}")).expect("a deck");
    folder
}

#[test]
fn raw_files_of_the_program_load_in_ngspice() {
    if !has_ngspice() {
        return;
    }
    let body = format!("{CLAMP}.op\n.dc V1 1 3 1\n.dc V1 1 2 1 V2 0 1 1\n");
    let folder = folder_with(&body);
    for format in ["raw", "raw-ascii"] {
        let arguments = ["run", "a.cir", "--format", format, "--out", "a.raw"];
        assert!(ohmgrad(folder.path(), &arguments).status.success());
        let ours = run(&body).datasets();
        let read = "load a.raw\nsetplot op1\nprint v(out)\nsetplot dc1\nprint i(v1)[2]\n\
                    setplot dc2\nprint v(out)[3]\nprint v(v2-sweep)[3]";
        let text = ngspice(folder.path(), "R1 a 0 1\n", read);
        let expected = [
            ("v(out)", column(&ours[0], "v(out)")[0]),
            ("i(v1)[2]", column(&ours[1], "i(v1)")[2]),
            ("v(out)[3]", column(&ours[2], "v(out)")[3]),
            ("v(v2-sweep)[3]", 1.0),
        ];
        for (name, value) in expected {
            assert_eq!(printed(&text, name), value, "{format} {name}");
        }
    }
}

#[test]
fn every_format_of_the_program_holds_the_same_numbers() {
    let folder = folder_with(&format!(
        "{CLAMP}.param top=2\n.dc V1 1 {{top}} 1\n.print dc v(out)\n.save i(v1)\n\
         .measure dc best max v(out)\n.measure dc none when v(out)=9\n"
    ));
    let text = |format: &str| {
        let output = ohmgrad(folder.path(), &["run", "a.cir", "--format", format]);
        assert!(output.status.success(), "{format}");
        String::from_utf8(output.stdout).expect("text")
    };
    let json: serde_json::Value = serde_json::from_str(&text("json")).expect("JSON");
    let data = &json["datasets"][0]["data"];
    let best = data["v(out)"][1].as_f64().expect("a number");
    assert_eq!(json["measurements"][0]["value"], best);
    assert!(json["measurements"][1]["error"].is_string());
    let csv = text("csv");
    assert!(csv.starts_with("v1,v(out),i(v1)\n"), "{csv}");
    assert!(csv.contains(&format!("2,{best},")), "{csv}");
    let prn = text("prn");
    let header: Vec<_> = prn
        .lines()
        .next()
        .expect("a line")
        .split_whitespace()
        .collect();
    assert_eq!(header, ["Index", "V1", "V(OUT)"]);
    let table = text("table");
    assert!(
        table.contains("best") && table.contains("failed: "),
        "{table}"
    );
}

#[test]
fn parameters_are_set_from_outside() {
    let folder = folder_with(".param r=1k\nV1 in 0 5\nR1 in out 1k\nR2 out 0 {r}\n.op\n");
    let json = |arguments: &[&str]| -> serde_json::Value {
        let output = ohmgrad(folder.path(), arguments);
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let op = json(&["op", "a.cir", "--param", "r=4k", "--format", "json"]);
    assert_eq!(op["nodes"]["out"], 4.0);
    let op = json(&[
        "run", "a.cir", "--param", "r=4k", "--param", "V1=10", "--format", "json",
    ]);
    assert_eq!(op["datasets"][0]["data"]["v(out)"][0], 8.0);
    let grad = [
        "grad", "a.cir", "--output", "v(out)", "--wrt", "r", "--param", "r=4k",
    ];
    let grad = json(&[&grad[..], &["--format", "json", "--check"]].concat());
    let entries = grad["gradients"].as_array().expect("a list");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["variable"], "r");
    let gradient = entries[0]["gradient"].as_f64().expect("a number");
    assert_close(&[gradient], &[5.0 * 1e3 / 25e6], 1e-12);
}

#[test]
fn exit_codes_and_messages_of_requests() {
    let folder = folder_with(&format!("{CLAMP}.dc V7 0 1 1\n"));
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let output = ohmgrad(folder.path(), arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{message}");
        assert!(message.contains(words), "{message}");
    };
    fails(&["run", "a.cir"], 3, "a.cir:8:5");
    std::fs::write(folder.path().join("a.cir"), format!("title\n{CLAMP}")).expect("a deck");
    fails(&["op", "a.cir", "--param", "rr=1"], 2, "no variable `rr`");
    fails(&["op", "a.cir", "--param", "r1"], 2, "name=value");
    fails(
        &["grad", "a.cir", "--output", "v(oot)"],
        2,
        "did you mean `out`?",
    );
    let wrt = ["grad", "a.cir", "--output", "v(out)", "--wrt", "d1:iss"];
    fails(&wrt, 2, "no variable `d1:iss`");
}
