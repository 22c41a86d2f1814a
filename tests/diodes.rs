//! The junction diode: agreement with ngspice over voltage and temperature, derivatives to every
//! parameter, and the level-2 law against values computed by other means.
//! `tests/golden/diodes/record.py` made the records.

use std::path::{Path, PathBuf};

use ohmgrad::analysis::Solver;
use ohmgrad::circuit::Circuit;
use ohmgrad::device::{Device, DiodeLevel, Environment, Parameter, Shockley, ShockleyParameters};
use serde::Deserialize;

#[derive(Deserialize)]
struct Record {
    card: String,
    element: String,
    sweeps: Vec<Sweep>,
}

#[derive(Deserialize)]
struct Sweep {
    temperature: f64,
    voltages: Vec<f64>,
    currents: Vec<f64>,
}

const TEMPERATURES: [f64; 3] = [-40.0, 27.0, 125.0];

/// Two level-2 cards: PSpice's 1N750 and a Schottky diode with every level-2 parameter.
const LEVEL_TWO: [&str; 2] = [
    "level=2 is=880.5e-18 rs=0.25 ikf=0.1 n=1 xti=3 eg=1.11 m=0.5516 vj=0.75 fc=0.5 isr=1.859e-9 nr=2 \
     bv=4.7 ibv=20.245e-3 nbv=1.6989 ibvl=1.9556e-3 nbvl=14.976 tbv1=-21.277e-6",
    "level=2 is=1e-7 rs=0.5 ikf=0.02 n=1.05 xti=2 eg=0.69 m=0.4 vj=0.4 isr=1e-7 nr=1.9 bv=25 ibv=1e-4 \
     nbv=2 ibvl=1e-5 nbvl=9 tbv1=1e-3 tbv2=1e-6 trs1=2e-3 trs2=1e-5 tikf=-1e-3",
];

fn records() -> Vec<(PathBuf, Record)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/diodes");
    let files = std::fs::read_dir(folder).expect("the folder of records");
    let mut records: Vec<_> = files
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable record");
            let record = serde_json::from_str(&text).expect("a record");
            (path, record)
        })
        .collect();
    records.sort_by(|a, b| a.0.cmp(&b.0));
    records
}

fn entries(text: &str) -> impl Iterator<Item = (&str, f64)> {
    text.split_whitespace().map(|entry| {
        let (name, value) = entry.split_once('=').expect("name=value");
        (name, value.parse().expect("a number"))
    })
}

fn diode(card: &str, element: &str, temperature: f64) -> Shockley {
    let mut parameters = ShockleyParameters::default();
    let mut environment = Environment {
        temperature,
        ..Environment::default()
    };
    for (name, value) in entries(card) {
        match (name, Shockley::card_parameter(name)) {
            ("level", _) => parameters.level = DiodeLevel::from_card(value).expect("a level"),
            ("tnom", _) => environment.nominal_temperature = value,
            (_, Some(parameter)) => assert!(parameters.assign(parameter, value), "{name}"),
            ("cjo" | "tt", None) => {}
            _ => panic!("unknown {name}"),
        }
    }
    for (name, value) in entries(element) {
        let parameter = match name {
            "area" => Parameter::Area,
            "pj" => Parameter::Perimeter,
            _ => Parameter::Multiplier,
        };
        assert!(parameters.assign(parameter, value), "{name}");
    }
    Shockley::new(parameters, environment).expect("a usable diode")
}

/// Every recorded diode and the level-2 diodes at one temperature.
fn diodes(temperature: f64) -> Vec<(String, Shockley)> {
    let one = records().into_iter().map(|(path, r)| {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, diode(&r.card, &r.element, temperature))
    });
    let two = LEVEL_TWO.iter().enumerate();
    one.chain(two.map(|(k, card)| {
        (
            format!("level 2, {k}"),
            diode(card, "area=2 m=2", temperature),
        )
    }))
    .collect()
}

#[test]
fn currents_agree_with_ngspice_from_breakdown_to_forward_at_three_temperatures() {
    let records = records();
    assert!(records.len() >= 8, "only {} records", records.len());
    for (path, record) in &records {
        for sweep in &record.sweeps {
            let diode = diode(&record.card, &record.element, sweep.temperature);
            let mut worst: f64 = 0.0;
            for (&v, &expected) in sweep.voltages.iter().zip(&sweep.currents) {
                let ours = diode.evaluate(v).current;
                let relative = (ours - expected).abs() / expected.abs().max(1e-15);
                worst = worst.max(relative);
                assert!(
                    relative <= 1e-6,
                    "{} at {} C and {v} V: {ours:e} against {expected:e}",
                    path.display(),
                    sweep.temperature
                );
            }
            let name = path.file_stem().expect("a name").display();
            println!("{name} {} C: {worst:.1e}", sweep.temperature);
        }
    }
}

const VOLTAGES: [f64; 14] = [
    -26.0, -9.6, -6.3, -5.0, -4.1, -1.3, -0.31, -0.03, 0.013, 0.21, 0.4, 0.62, 0.85, 1.7,
];

/// Best of several central differences and what it leaves open; `rounding` is relative to `f`.
fn difference(scale: f64, rounding: f64, f: impl Fn(f64) -> Option<f64>) -> Option<(f64, f64)> {
    let size = f(0.0)?.abs();
    let central = |h: f64| Some((f(h)? - f(-h)?) / (2.0 * h));
    let estimate = |relative: f64| {
        let h = relative * scale;
        let (near, far) = (central(h)?, central(2.0 * h)?);
        let fourth = (4.0 * near - far) / 3.0;
        Some((
            fourth,
            relative.sqrt() * (near - far).abs() + rounding * size / h,
        ))
    };
    [1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
        .into_iter()
        .filter_map(estimate)
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

#[test]
fn derivatives_to_every_parameter_are_differences_of_the_current() {
    let mut compared = 0;
    for (name, diode) in TEMPERATURES.iter().flat_map(|&t| diodes(t)) {
        for v in VOLTAGES {
            let i = diode.evaluate(v).current;
            // The start of breakdown is exact to some 1e-15 V of a few V, times 1/(NBV Vt).
            let rounding = if v < -3.0 { 3e-13 } else { 2e-15 };
            for parameter in diode.parameters() {
                let value = diode
                    .value(parameter)
                    .expect("a listed parameter has a value");
                let scale = match parameter {
                    Parameter::Temperature => 30.0,
                    _ if value == 0.0 => 1e-2,
                    _ => value.abs(),
                };
                let moved = |by: f64| {
                    let mut other = diode.clone();
                    let set = other.set(parameter, value + by);
                    set.then(|| other.evaluate(v).current)
                };
                let Some((expected, open)) = difference(scale, rounding, moved) else {
                    continue;
                };
                let mut ours = [0.0];
                diode.current_derivatives([parameter], v, &mut ours);
                let [ours] = ours;
                // What the parameter's own size moves by less than rounding cannot be compared.
                let bound = 1e-6 * expected.abs() + 10.0 * open + 1e-13 * i.abs() / scale;
                assert!(
                    (ours - expected).abs() <= bound,
                    "{name} {} C, {parameter} at {v} V: {ours:e} against {expected:e} +- {open:e}",
                    diode.environment().temperature
                );
                compared += usize::from(expected.abs() * 1e-5 > open);
            }
        }
    }
    println!("{compared} derivatives");
    assert!(
        compared > 3000,
        "only {compared} derivatives were compared closely"
    );
}

#[test]
fn slope_and_co_content_belong_to_the_current() {
    for (name, diode) in TEMPERATURES.iter().flat_map(|&t| diodes(t)) {
        for v in VOLTAGES {
            let companion = diode.evaluate(v);
            let slope = difference(0.02, 2e-15, |h| Some(diode.evaluate(v + h).current));
            let (slope, open) = slope.expect("a difference");
            assert!(
                (companion.conductance - slope).abs() <= 1e-6 * slope.abs() + 10.0 * open,
                "{name}: slope at {v} V: {} and {slope}",
                companion.conductance
            );
            let content = difference(0.02, 2e-15, |h| Some(diode.cocontent(v + h)));
            let (current, open) = content.expect("a difference");
            assert!(
                (companion.current - current).abs() <= 1e-6 * current.abs() + 10.0 * open,
                "{name}: co-content at {v} V: {} and {current}",
                companion.current
            );
        }
    }
}

#[test]
fn currents_rise_with_the_voltage_unless_an_effect_ends_at_three_thermal_voltages() {
    for (name, diode) in TEMPERATURES.iter().flat_map(|&t| diodes(t)) {
        let ends = [
            Parameter::RecombinationCurrent,
            Parameter::ReverseKneeCurrent,
        ];
        let level_two = name.starts_with("level 2");
        if !level_two && ends.iter().any(|&p| diode.value(p).is_some()) {
            continue;
        }
        let mut last = f64::NEG_INFINITY;
        for k in -40_000..2_000 {
            let i = diode.evaluate(1e-3 * f64::from(k)).current;
            assert!(i >= last, "{name} at {k} mV");
            last = i;
        }
    }
}

#[test]
fn a_card_written_and_read_gives_the_same_law() {
    for (name, diode) in TEMPERATURES.iter().flat_map(|&t| diodes(t)) {
        let mut parameters = ShockleyParameters::default();
        for (name, value) in diode.card() {
            if name == "level" {
                parameters.level = DiodeLevel::from_card(value).expect("a level");
            } else {
                let parameter = Shockley::card_parameter(name).expect("a name of the card");
                assert!(parameters.assign(parameter, value), "{name}");
            }
        }
        assert!(parameters.assign(Parameter::Area, diode.area()));
        let again = Shockley::new(parameters, *diode.environment()).expect("usable");
        for v in VOLTAGES {
            let (a, b) = (diode.evaluate(v).current, again.evaluate(v).current);
            assert!(
                (a - b).abs() <= 1e-12 * a.abs(),
                "{name} at {v} V: {a} and {b}"
            );
        }
    }
}

#[test]
fn iterates_stay_finite_at_any_voltage() {
    for (name, diode) in TEMPERATURES.iter().flat_map(|&t| diodes(t)) {
        for size in [0.0, 1e-300, 1e-12, 0.0776, 0.3, 5.0, 300.0, 1e6, 1e15] {
            for v in [size, -size] {
                let companion = diode.evaluate(v);
                assert!(companion.current.is_finite(), "{name} at {v} V");
                assert!(companion.conductance.is_finite(), "{name} at {v} V");
                for previous in [-4.0, -0.08, 0.0, 0.5] {
                    let next = diode.limit(v, previous);
                    let inside = next >= v.min(0.0) && next <= v.max(0.0);
                    assert!(inside, "{name}: {v} V after {previous} V became {next} V");
                }
            }
        }
    }
}

/// A source, a resistor and the diode: the solver settles on both sides of the end of recombination.
#[test]
fn circuits_with_every_diode_are_solved() {
    for (name, diode) in TEMPERATURES.iter().flat_map(|&t| diodes(t)) {
        for resistance in [1.0, 1e3, 1e6] {
            for volts in [
                -20.0, -6.0, -1.0, -0.12, -0.1, -0.08, -0.05, 0.0, 0.3, 2.0, 50.0,
            ] {
                let mut circuit = Circuit::new("diode");
                let (a, b) = (circuit.node("a"), circuit.node("b"));
                let ground = circuit.node("0");
                let source = Device::VoltageSource { voltage: volts };
                circuit.add("v1", source, [a, ground]).expect("a source");
                let resistor = Device::Resistor { resistance };
                circuit.add("r1", resistor, [a, b]).expect("a resistor");
                circuit
                    .add("d1", diode.clone().into(), [b, ground])
                    .expect("a diode");
                let mut solver = Solver::new(circuit).expect("a circuit that can be solved");
                let op = solver.operating_point();
                let op = op.unwrap_or_else(|e| panic!("{name} {resistance} ohm {volts} V: {e}"));
                let v = op.potentials[b.index()];
                let (i, expected) = ((volts - v) / resistance, diode.evaluate(v).current);
                assert!(
                    (i - expected).abs() <= 1e-9 + 1e-6 * expected.abs(),
                    "{name} {resistance} ohm {volts} V: {i} against {expected}"
                );
            }
        }
    }
}

/// Voltages and currents.
type Points = &'static [(f64, f64)];

/// Card, temperature and points of a diode of area 2 and m = 2, computed from the equations
/// of the PSpice reference guide with 40 digits and bisection (Python's mpmath).
const LEVEL_TWO_CURRENTS: [(usize, f64, Points); 6] = [
    (
        0,
        -40.0,
        &[
            (-30.0, -4.000479160877e2),
            (-5.2, -5.582194444557e0),
            (-4.5, -4.120500695510e-3),
            (-1.0, -3.494485475762e-8),
            (-0.05, -1.493697993606e-9),
            (0.1, -7.919381369692e-10),
            (0.45, 5.227710689789e-7),
            (0.8, 2.750408902330e-3),
            (1.5, 7.549557167327e0),
        ],
    ),
    (
        0,
        27.0,
        &[
            (-30.0, -3.988224817679e2),
            (-5.2, -5.090381094529e0),
            (-4.5, -5.511381472850e-3),
            (-1.0, -5.677162159201e-7),
            (-0.05, -5.262433590570e-8),
            (0.1, 8.210454854440e-9),
            (0.45, 2.723927027538e-5),
            (0.8, 8.113868412852e-2),
            (1.5, 8.190534135681e0),
        ],
    ),
    (
        0,
        125.0,
        &[
            (-30.0, -3.970318016821e2),
            (-5.2, -4.427586965360e0),
            (-4.5, -8.475396024210e-3),
            (-1.0, -9.848887732017e-6),
            (-0.05, -2.148593262826e-6),
            (0.1, 5.941180141567e-6),
            (0.45, 8.486906941427e-4),
            (0.8, 6.831754583948e-1),
            (1.5, 9.208425904297e0),
        ],
    ),
    (
        1,
        -40.0,
        &[
            (-30.0, -5.347289944980e1),
            (-5.2, -1.368262795458e-8),
            (-4.5, -1.300340777094e-8),
            (-1.0, -8.227569259228e-9),
            (-0.05, -4.245342445052e-9),
            (0.1, 8.313503952068e-8),
            (0.45, 1.013781655143e-1),
            (0.8, 2.120761365137e0),
            (1.5, 7.786978220388e0),
        ],
    ),
    (
        1,
        27.0,
        &[
            (-30.0, -3.528738839511e1),
            (-5.2, -1.549516951274e-6),
            (-4.5, -1.489730503276e-6),
            (-1.0, -1.060272630158e-6),
            (-0.05, -6.044629554376e-7),
            (0.1, 1.786500843710e-5),
            (0.45, 3.261262145243e-1),
            (0.8, 2.291551573527e0),
            (1.5, 7.383904709302e0),
        ],
    ),
    (
        1,
        125.0,
        &[
            (-30.0, -9.999814221087e0),
            (-5.2, -4.370962312248e-4),
            (-4.5, -4.326468789294e-4),
            (-1.0, -3.994292513114e-4),
            (-0.05, -2.778094522606e-4),
            (0.1, 5.077967541077e-3),
            (0.45, 6.331795651131e-1),
            (0.8, 2.240246082928e0),
            (1.5, 6.126743889091e0),
        ],
    ),
];

#[test]
fn level_two_currents_are_those_of_the_equations() {
    for (card, temperature, points) in LEVEL_TWO_CURRENTS {
        let diode = diode(LEVEL_TWO[card], "area=2 m=2", temperature);
        for &(v, expected) in points {
            let ours = diode.evaluate(v).current;
            assert!(
                (ours - expected).abs() <= 1e-11 * expected.abs(),
                "{card} {temperature} C {v} V: {ours:e} against {expected:e}"
            );
        }
    }
}

#[test]
fn names_of_a_card_are_those_of_ngspice_and_pspice() {
    for (names, parameter) in [
        (&["is", "js"][..], Parameter::SaturationCurrent),
        (&["ikf", "ik"], Parameter::ForwardKneeCurrent),
        (&["jsw", "isw"], Parameter::SidewallCurrent),
        (&["bv", "vb"], Parameter::BreakdownVoltage),
        (&["ibv", "ib"], Parameter::BreakdownCurrent),
        (&["vj", "pb"], Parameter::JunctionPotential),
        (&["m", "mj"], Parameter::GradingCoefficient),
        (&["trs", "trs1"], Parameter::ResistanceTemperature),
    ] {
        for name in names {
            assert_eq!(Shockley::card_parameter(name), Some(parameter), "{name}");
        }
    }
    assert_eq!(Shockley::card_parameter("tt"), None);
}

#[test]
fn values_without_a_meaning_are_refused_and_change_nothing() {
    let mut diode = diode("is=1e-14 rs=10 trs1=-5e-3 bv=5 tcv=0.02", "", 27.0);
    let before = diode.clone();
    for (parameter, value) in [
        (Parameter::SaturationCurrent, 0.0),
        (Parameter::SeriesResistance, -1.0),
        (Parameter::BreakdownVoltage, -5.0),
        (Parameter::JunctionPotential, f64::NAN),
        (Parameter::Multiplier, 0.0),
        (Parameter::Temperature, -300.0),
        (Parameter::Temperature, 300.0),
        (Parameter::Gain, 1.0),
    ] {
        assert!(!diode.set(parameter, value), "{parameter} = {value}");
        assert_eq!(diode, before);
    }
}

#[test]
fn a_level_uses_its_own_parameters() {
    let low = Parameter::LowBreakdownCurrent;
    assert!(DiodeLevel::Two.uses(low) && !DiodeLevel::One.uses(low));
    let sidewall = Parameter::SidewallCurrent;
    assert!(DiodeLevel::One.uses(sidewall) && !DiodeLevel::Two.uses(sidewall));
    assert_eq!(DiodeLevel::from_card(3.0), None);
}
