//! Preferred values, bills of materials, netlists for boards: `ohmgrad export`.

#[path = "common/ngspice.rs"]
mod ngspice;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ohmgrad::analysis::Solver;
use ohmgrad::circuit::{Circuit, NodeId, ParameterId, Simulator};
use ohmgrad::device::{Device, OnePort, Parameter};
use ohmgrad::learning::{LoadedConfig, Trainer};
use ohmgrad::netlist::Netlist;
use ohmgrad::parts::{Bill, KicadError, MOST_PARTS, Series, kicad_netlist, snap};
use proptest::prelude::*;

fn circuit_of(deck: &str) -> Circuit {
    let netlist = Netlist::parse("deck", deck).expect("a sound deck");
    Circuit::from_netlist(&netlist).expect("a circuit")
}

fn deck(path: &str) -> Circuit {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("circuits")
        .join(path);
    let netlist = Netlist::read(&path).expect("a sound deck");
    Circuit::from_netlist(&netlist).expect("a circuit")
}

/// The standard's own lists (IEC 60063:2015, table 1 and 2), as catalogues print them.
const E12: &str = "1.0 1.2 1.5 1.8 2.2 2.7 3.3 3.9 4.7 5.6 6.8 8.2";
const E24: &str = "1.0 1.1 1.2 1.3 1.5 1.6 1.8 2.0 2.2 2.4 2.7 3.0 3.3 3.6 3.9 4.3 4.7 5.1 5.6 6.2 6.8 \
                   7.5 8.2 9.1";
const E96: &str = "1.00 1.02 1.05 1.07 1.10 1.13 1.15 1.18 1.21 1.24 1.27 1.30 1.33 1.37 1.40 1.43 1.47 \
                   1.50 1.54 1.58 1.62 1.65 1.69 1.74 1.78 1.82 1.87 1.91 1.96 2.00 2.05 2.10 2.15 2.21 \
                   2.26 2.32 2.37 2.43 2.49 2.55 2.61 2.67 2.74 2.80 2.87 2.94 3.01 3.09 3.16 3.24 3.32 \
                   3.40 3.48 3.57 3.65 3.74 3.83 3.92 4.02 4.12 4.22 4.32 4.42 4.53 4.64 4.75 4.87 4.99 \
                   5.11 5.23 5.36 5.49 5.62 5.76 5.90 6.04 6.19 6.34 6.49 6.65 6.81 6.98 7.15 7.32 7.50 \
                   7.68 7.87 8.06 8.25 8.45 8.66 8.87 9.09 9.31 9.53 9.76";

fn listed(series: Series) -> Vec<f64> {
    let list = match series {
        Series::E12 => E12,
        Series::E24 => E24,
        Series::E96 => E96,
    };
    let values = list.split_whitespace();
    values.map(|v| v.parse().expect("a number")).collect()
}

#[test]
fn series_are_those_of_the_standard() {
    for series in Series::ALL {
        assert_eq!(series.decade(), listed(series), "{series:?}");
    }
}

fn any_series() -> impl Strategy<Value = Series> {
    prop::sample::select(Series::ALL.as_slice())
}

proptest! {
    #[test]
    fn a_snapped_value_is_the_nearest_of_the_series(
        series in any_series(),
        logarithm in -8.0..12.0f64,
    ) {
        let value = 10f64.powf(logarithm);
        let snapped = series.nearest(value).expect("a value");
        prop_assert_eq!(series.nearest(snapped), Some(snapped));
        // From the list by hand, over all decades.
        let list = listed(series);
        let ratio = |v: f64| (v / value).max(value / v);
        let decades = -10..14;
        let all = decades.flat_map(|d| list.iter().map(move |v| v * 10f64.powi(d)));
        let best = all.min_by(|a, b| ratio(*a).total_cmp(&ratio(*b))).expect("a value");
        prop_assert!((ratio(snapped) / ratio(best) - 1.0).abs() < 1e-12, "{value}: {snapped}, {best}");
        // Within half the widest step of the series.
        let next = list.iter().skip(1).copied().chain([10.0]);
        let widest = list.iter().zip(next).map(|(a, b)| b / a).fold(1.0, f64::max);
        prop_assert!(ratio(snapped) <= widest.sqrt() * (1.0 + 1e-12));
    }
}

#[test]
fn what_is_no_resistance_has_no_preferred_value() {
    for value in [0.0, -4.7, f64::NAN, f64::INFINITY, f64::MAX, 5e-324] {
        for series in Series::ALL {
            let found = series.nearest(value);
            assert!(
                found.is_none_or(|v| v > 0.0 && v.is_finite()),
                "{value}: {found:?}"
            );
        }
    }
    assert_eq!(Series::E24.nearest(-4.7), None);
    assert_eq!(Series::E24.nearest(0.0), None);
}

const MIXED: &str = "parts\nV1 in 0 5\nR1 in a 4800\nR2 a out 4601\nR3 out 0 1.04k\nR4 out 0 -10k\n\
                     R5 out b 0\nD1 b 0 DX\nD2 0 b DX\nI1 0 b 1m\n.model DX D(IS=1e-14 N=2)\n";

#[test]
fn a_bill_counts_every_part_once() {
    let mut circuit = circuit_of(MIXED);
    let snapped = snap(&mut circuit, Series::E24);
    assert_eq!((snapped.resistors, snapped.kept), (3, 2));
    assert!((snapped.largest_change - (1.0 - 1.0 / 1.04)).abs() < 1e-12);
    let bill = Bill::of(&circuit, Some(Series::E24));
    let lines: Vec<_> = bill
        .lines
        .iter()
        .map(|line| {
            let designators = line.designators.join(" ");
            (line.part, line.value, line.series, designators)
        })
        .collect();
    let line =
        |part, value, series, designators: &str| (part, value, series, designators.to_string());
    assert_eq!(
        lines,
        [
            line("resistor", Some(-10e3), None, "R4"),
            line("resistor", Some(0.0), None, "R5"),
            line("resistor", Some(1000.0), Some(Series::E24), "R3"),
            line("resistor", Some(4700.0), Some(Series::E24), "R1 R2"),
            line("diode", None, None, "D1 D2"),
            line("voltage source", Some(5.0), None, "V1"),
            line("current source", Some(1e-3), None, "I1"),
        ]
    );
    assert_eq!(bill.lines[4].model, "N=2");
    let csv = ohmgrad::report::bill::csv(&bill);
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let counts = rows
        .records()
        .map(|row| row.expect("a row")[6].parse::<usize>().expect("a count"));
    assert_eq!(counts.sum::<usize>(), circuit.element_count());
    let json = ohmgrad::report::bill::json(&bill);
    assert_eq!(json[3]["tolerance"], 0.05);
    assert_eq!(json[3]["designators"][1], "R2");
}

#[test]
fn the_deck_of_a_snapped_circuit_has_its_operating_point() {
    for (path, series) in [
        ("diode/bridge.cir", Series::E12),
        ("basic/cube.cir", Series::E96),
    ] {
        let mut circuit = deck(path);
        snap(&mut circuit, series);
        let mut again = circuit_of(&circuit.to_spice().expect("a deck"));
        for (id, element) in circuit.elements() {
            let (own, other) = (&element.device, &again.element(id).device);
            assert_eq!(
                own.value(Parameter::Resistance),
                other.value(Parameter::Resistance)
            );
        }
        assert_eq!(snap(&mut again, series).largest_change, 0.0);
        let mut solvers = [circuit, again].map(|c| Solver::new(c).expect("a sound circuit"));
        let [a, b] = solvers
            .each_mut()
            .map(|s| s.operating_point().expect("a solution").potentials);
        assert_eq!(a, b, "{path}");
    }
}

/// An S-expression.
#[derive(Debug)]
enum Tree {
    Text(String),
    List(Vec<Tree>),
}

impl Tree {
    fn read(text: &str) -> Tree {
        let mut characters = text.chars().peekable();
        let mut open = vec![Vec::new()];
        while let Some(c) = characters.next() {
            match c {
                '(' => open.push(Vec::new()),
                ')' => {
                    let list = open.pop().expect("an open list");
                    open.last_mut()
                        .expect("no list closes twice")
                        .push(Tree::List(list));
                }
                '"' => {
                    let mut string = String::new();
                    loop {
                        match characters.next().expect("strings end") {
                            '"' => break,
                            '\\' => string.push(characters.next().expect("an escaped character")),
                            c => string.push(c),
                        }
                    }
                    open.last_mut().expect("a list").push(Tree::Text(string));
                }
                c if c.is_whitespace() => {}
                c => {
                    let mut word = String::from(c);
                    let in_word = |c: &char| !c.is_whitespace() && !"()\"".contains(*c);
                    while let Some(c) = characters.next_if(in_word) {
                        word.push(c);
                    }
                    open.last_mut().expect("a list").push(Tree::Text(word));
                }
            }
        }
        assert_eq!(open.len(), 1, "every list is closed");
        let mut all = open.remove(0);
        assert_eq!(all.len(), 1, "one expression");
        all.remove(0)
    }

    fn items(&self) -> &[Tree] {
        match self {
            Tree::List(items) => items,
            Tree::Text(text) => panic!("`{text}` is no list"),
        }
    }

    fn text(&self) -> &str {
        match self {
            Tree::Text(text) => text,
            Tree::List(_) => panic!("a list where a text should be"),
        }
    }

    /// Lists that begin with `name`.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Tree> {
        let lists = self.items().iter().filter(|t| matches!(t, Tree::List(_)));
        lists.filter(move |t| t.items().first().is_some_and(|t| t.text() == name))
    }

    fn one<'a>(&'a self, name: &'a str) -> &'a Tree {
        let mut found = self.all(name);
        let first = found.next().unwrap_or_else(|| panic!("no `{name}`"));
        assert!(found.next().is_none(), "one `{name}`");
        first
    }

    fn value<'a>(&'a self, name: &'a str) -> &'a str {
        self.one(name).items()[1].text()
    }
}

/// Pins on each net: the reference of a component and whether it is the element's first terminal.
type Nets = BTreeMap<String, BTreeSet<(String, bool)>>;

fn nets_of_circuit(circuit: &Circuit) -> Nets {
    let mut nets = Nets::new();
    for (_, element) in circuit.elements() {
        for (node, first) in element.port.into_iter().zip([true, false]) {
            let net = match node {
                NodeId::GROUND => "GND".to_string(),
                node => circuit.node_name(node).to_string(),
            };
            nets.entry(net)
                .or_default()
                .insert((element.name().to_uppercase().to_string(), first));
        }
    }
    nets
}

fn nets_of_kicad(netlist: &Tree) -> Nets {
    let components = netlist.one("components");
    let part_of: BTreeMap<&str, &str> = (components.all("comp"))
        .map(|c| (c.value("ref"), c.one("libsource").value("part")))
        .collect();
    let mut nets = Nets::new();
    let mut codes = BTreeSet::new();
    for net in netlist.one("nets").all("net") {
        assert!(
            codes.insert(net.value("code").to_string()),
            "codes are unique"
        );
        let pins = net.all("node").map(|node| {
            // Pin 1 of KiCad's diode is the cathode.
            let is_diode = part_of[node.value("ref")] == "D";
            let first = (node.value("pin") == "1") != is_diode;
            (node.value("ref").to_string(), first)
        });
        let before = nets.insert(net.value("name").to_string(), pins.collect());
        assert!(before.is_none(), "names are unique");
    }
    nets
}

#[test]
fn the_nets_of_a_kicad_netlist_are_those_of_the_circuit() {
    let decks = [
        "diode/bridge.cir",
        "basic/cube.cir",
        "ideal/bridge.cir",
        "diode/clamp.cir",
    ];
    for path in decks {
        let circuit = deck(path);
        let netlist = Tree::read(&kicad_netlist(&circuit).expect("a small circuit"));
        assert_eq!(netlist.items()[0].text(), "export");
        assert_eq!(netlist.value("version"), "E");
        let components: Vec<_> = netlist.one("components").all("comp").collect();
        assert_eq!(components.len(), circuit.element_count(), "{path}");
        let identities: BTreeSet<_> = components.iter().map(|c| c.value("tstamps")).collect();
        assert_eq!(identities.len(), components.len());
        assert_eq!(nets_of_kicad(&netlist), nets_of_circuit(&circuit), "{path}");
        for ((_, element), component) in circuit.elements().zip(components) {
            if let Device::Resistor { resistance } = element.device {
                assert_eq!(component.value("value").parse(), Ok(resistance));
            }
        }
    }
}

#[test]
fn names_are_quoted_as_kicad_reads_them() {
    let mut circuit = Circuit::new("a \"title\" \\ with\nlines");
    let node = circuit.node("a\"b\\c");
    let device = Device::Resistor { resistance: 4700.0 };
    circuit
        .add("r1", device, [node, NodeId::GROUND])
        .expect("a resistor");
    let netlist = Tree::read(&kicad_netlist(&circuit).expect("a small circuit"));
    assert_eq!(
        netlist.one("design").value("source"),
        "a \"title\" \\ with lines"
    );
    assert_eq!(nets_of_kicad(&netlist), nets_of_circuit(&circuit));
}

#[test]
fn what_kicad_cannot_draw_is_an_error() {
    let gyrator = circuit_of("g\nV1 a 0 1\nX1 a 0 b 0 GYRATOR g=1m\nR1 b 0 1k\n");
    let error = kicad_netlist(&gyrator).expect_err("no symbol");
    assert!(
        error.to_string().contains("`x1`, an ideal gyrator"),
        "{error}"
    );
    let mut text = String::from("ladder\nV1 n0 0 1\n");
    for k in 0..MOST_PARTS {
        text += &format!("R{k} n{k} n{} 1k\n", k + 1);
    }
    text += "Rend n2000 0 1k\n";
    let error = kicad_netlist(&circuit_of(&text)).expect_err("too large");
    assert_eq!(
        error,
        KicadError::TooLarge {
            parts: MOST_PARTS + 2
        }
    );
}

/// A short training of the built-in digits.
fn trained_digits() -> Trainer {
    let loaded = LoadedConfig::built_in().expect("the built-in file");
    let mut trainer = Trainer::new(&loaded).expect("a trainer");
    trainer.train_epoch().expect("an epoch");
    trainer
}

#[test]
fn a_trained_circuit_is_evaluated_with_other_values() {
    let mut trainer = trained_digits();
    let circuit = trainer.circuit().clone();
    let test = trainer.test.clone();
    let before = trainer.test().expect("an evaluation");
    let same = trainer
        .evaluate_circuit(circuit.clone(), &test)
        .expect("an evaluation");
    // Conductances come from resistances here, with a rounding of one over the other.
    assert_eq!(same.predicted, before.predicted);
    assert!((same.loss - before.loss).abs() < 1e-12);
    let mut losses = Vec::new();
    for series in [Series::E96, Series::E12] {
        let mut snapped = circuit.clone();
        snap(&mut snapped, series);
        let after = trainer
            .evaluate_circuit(snapped, &test)
            .expect("an evaluation");
        losses.push((after.loss - before.loss).abs());
    }
    assert!(
        losses.iter().all(|d| *d > 0.0) && losses[0] < losses[1],
        "{losses:?}"
    );
}

/// Three epochs of MNIST, snapped to E24 and solved by ngspice for twenty test images.
#[test]
#[ignore = "trains on MNIST and runs ngspice twenty times"]
fn a_snapped_mnist_network_reads_the_same_digits_in_ngspice() {
    let Some(folder) = std::env::var_os("OHMGRAD_MNIST").map(PathBuf::from) else {
        println!("skipped: OHMGRAD_MNIST is not set");
        return;
    };
    if !ngspice::is_available() {
        return;
    }
    const IMAGES: usize = 20;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/mnist/shockley.toml");
    let mut loaded = LoadedConfig::read(&file).expect("a training file");
    loaded.take_data_from(&folder);
    let mut trainer = Trainer::new(&loaded).expect("a trainer");
    for _ in 0..3 {
        trainer.train_epoch().expect("an epoch");
    }
    let test = trainer.test.clone();
    let before = trainer.test().expect("an evaluation").accuracy;
    let mut circuit = trainer.circuit().clone();
    snap(&mut circuit, Series::E24);
    let after = trainer
        .evaluate_circuit(circuit.clone(), &test)
        .expect("an evaluation");
    println!("accuracy {before} before, {} after", after.accuracy);
    assert!(after.accuracy > before - 0.01);
    let width = trainer.engine.ports.outputs.len();
    let mut worst = 0.0f64;
    for image in 0..IMAGES {
        let features = test.input(image);
        for (source, drive) in trainer.engine.ports.source_drives() {
            let element = trainer.engine.outline.source_elements()[source];
            let parameter = Parameter::Voltage;
            let feature = drive.feature.expect("a source that carries a feature");
            let value = drive.coefficient * features.get(feature as usize);
            assert!(circuit.set(ParameterId { element, parameter }, value));
        }
        let deck = circuit.to_spice_for(Simulator::Ngspice).expect("a deck");
        let theirs = ngspice::operating_point(&deck, ".options reltol=1e-6");
        let difference = |k: usize| {
            let [p, n] = [2 * k, 2 * k + 1].map(|out| theirs[&format!("out{out}")]);
            p - n
        };
        let read: Vec<f64> = (0..width).map(difference).collect();
        let digit = (0..width).max_by(|&a, &b| read[a].total_cmp(&read[b]));
        let ours = &after.outputs[image * width..(image + 1) * width];
        let off = ours.iter().zip(&read).map(|(a, b)| (a - b).abs());
        worst = off.fold(worst, f64::max);
        assert!(worst < 1e-6, "image {image}: {worst:e} V");
        assert_eq!(
            digit, after.predicted[image],
            "image {image}: {read:?}, {ours:?}"
        );
    }
    println!("{IMAGES} images, outputs differ by up to {worst:e} V");
}

/// Shockley diodes are there to be counted, whatever wraps them.
#[test]
fn a_diode_is_told_by_its_card() {
    let circuit = circuit_of("d\nV1 a 0 1\nR1 a b 1k\nD1 b 0 DX 2\n.model DX D(IS=2e-9 N=1.5)\n");
    let bill = Bill::of(&circuit, None);
    let diode = bill
        .lines
        .iter()
        .find(|line| line.part == "diode")
        .expect("a diode");
    assert_eq!(diode.model, "IS=2e-9 N=1.5 AREA=2");
    let is_shockley = |device: &Device| matches!(device, Device::OnePort(p) if matches!(**p, OnePort::Shockley(_)));
    let count = circuit
        .elements()
        .filter(|(_, e)| is_shockley(&e.device))
        .count();
    assert_eq!(count, diode.count());
}
