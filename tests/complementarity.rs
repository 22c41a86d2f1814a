//! Ideal diodes: the operating point against the complementarity conditions, and against a solver of
//! its own: the network seen from the diodes' ports as a linear complementarity problem, by Lemke.

mod common;

use std::path::Path;

use common::dense::{self, Matrix, subtract, zeros};
use common::{Draft, Family, circuit_up_to, expectations, worst_violation};
use ohmgrad::analysis::{OperatingPoint, Output, Solver, operating_point};
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::device::Device;
use ohmgrad::netlist::Netlist;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn solved(circuit: &Circuit) -> OperatingPoint {
    operating_point(circuit).unwrap_or_else(|e| panic!("{}: {e}", circuit.title))
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0f64, |m, x| m.max(x.abs()))
}

fn diodes(circuit: &Circuit) -> Vec<ElementId> {
    let is_diode = |id: &ElementId| circuit.element(*id).device == Device::IdealDiode;
    circuit
        .elements()
        .map(|(id, _)| id)
        .filter(is_diode)
        .collect()
}

/// The linear part of a circuit with all diodes taken out: its nodal equations with one more unknown
/// for each voltage source, short and transformer. Written for these tests.
struct Linear {
    a: Matrix,
    b: Vec<f64>,
}

impl Linear {
    fn of(circuit: &Circuit) -> Self {
        let nodes = circuit.node_count() - 1;
        let branches = circuit
            .elements()
            .filter(|(_, e)| match e.device {
                Device::VoltageSource { .. } | Device::Transformer { .. } => true,
                Device::Resistor { resistance } => resistance == 0.0,
                _ => false,
            })
            .count();
        let mut linear = Linear {
            a: zeros(nodes + branches, nodes + branches),
            b: vec![0.0; nodes + branches],
        };
        let mut branch = nodes;
        for (_, element) in circuit.elements() {
            let port = element.port;
            let second = element.second().unwrap_or([NodeId::GROUND; 2]);
            match element.device {
                Device::Resistor { resistance } if resistance != 0.0 => {
                    linear.transconductance(port, port, 1.0 / resistance);
                }
                Device::CurrentSource { current } => linear.inject(port, current),
                Device::Gyrator { conductance } => {
                    linear.transconductance(port, second, conductance);
                    linear.transconductance(second, port, -conductance);
                }
                Device::Resistor { .. } => {
                    linear.branch(branch, port, 1.0, 1.0);
                    branch += 1;
                }
                Device::VoltageSource { voltage } => {
                    linear.branch(branch, port, 1.0, 1.0);
                    linear.b[branch] = voltage;
                    branch += 1;
                }
                Device::Transformer { ratio } => {
                    linear.branch(branch, port, 1.0, 1.0);
                    linear.branch(branch, second, -ratio, -ratio);
                    branch += 1;
                }
                Device::IdealDiode => {}
                ref other => panic!("not of this family: {other:?}"),
            }
        }
        linear
    }

    fn add(&mut self, row: usize, column: usize, value: f64) {
        if let (Some(row), Some(column)) = (row.checked_sub(1), column.checked_sub(1)) {
            self.a[row][column] += value;
        }
    }

    fn transconductance(&mut self, [p, n]: [NodeId; 2], [cp, cn]: [NodeId; 2], g: f64) {
        for (row, r) in [(p, 1.0), (n, -1.0)] {
            for (column, c) in [(cp, 1.0), (cn, -1.0)] {
                self.add(row.index(), column.index(), r * c * g);
            }
        }
    }

    /// The unknown `index` is a current into p and out of n; its equation holds `voltage (v_p - v_n)`.
    fn branch(&mut self, index: usize, port: [NodeId; 2], current: f64, voltage: f64) {
        for (node, sign) in port.into_iter().zip([1.0, -1.0]) {
            self.add(node.index(), index + 1, sign * current);
            self.add(index + 1, node.index(), sign * voltage);
        }
    }

    /// A current from p to n.
    fn inject(&mut self, port: [NodeId; 2], current: f64) {
        inject(&mut self.b, port, current);
    }

    /// Unknowns without diodes in column 0, and for one ampere through each diode in the others.
    fn responses(self, circuit: &Circuit, diodes: &[ElementId]) -> Matrix {
        let mut right = zeros(self.b.len(), 1 + diodes.len());
        for (row, b) in right.iter_mut().zip(&self.b) {
            row[0] = *b;
        }
        for (k, &diode) in diodes.iter().enumerate() {
            let port = circuit.element(diode).port;
            for (node, sign) in port.into_iter().zip([-1.0, 1.0]) {
                if let Some(row) = node.index().checked_sub(1) {
                    right[row][1 + k] += sign;
                }
            }
        }
        dense::solve(self.a, right).expect("a well-posed network without diodes")
    }
}

fn inject(b: &mut [f64], port: [NodeId; 2], current: f64) {
    for (node, sign) in port.into_iter().zip([-1.0, 1.0]) {
        if let Some(row) = node.index().checked_sub(1) {
            b[row] += sign * current;
        }
    }
}

/// Potentials (ground first) and diode currents of a circuit of R, V, I, transformers, gyrators and
/// ideal diodes. With the diode currents `z` and `w = -v` across them: `0 <= z, w = M z + q >= 0`
/// and `z w = 0`.
fn reference(circuit: &Circuit) -> (Vec<f64>, Vec<f64>) {
    let diodes = diodes(circuit);
    let responses = Linear::of(circuit).responses(circuit, &diodes);
    let potential = |node: NodeId, column: usize| {
        let row = node.index().checked_sub(1);
        row.map_or(0.0, |row| responses[row][column])
    };
    let minus_voltage = |diode: ElementId, column: usize| {
        let [p, n] = circuit.element(diode).port;
        potential(n, column) - potential(p, column)
    };
    let q: Vec<f64> = diodes.iter().map(|&d| minus_voltage(d, 0)).collect();
    let m: Matrix = diodes
        .iter()
        .map(|&d| (0..diodes.len()).map(|k| minus_voltage(d, 1 + k)).collect())
        .collect();
    let z = lemke(&m, &q);
    let on: Vec<bool> = z.iter().map(|z| *z > 0.0).collect();
    with_states(circuit, &diodes, &on)
}

/// One linear solve with the conducting diodes as shorts, free of the rounding of the pivots.
fn with_states(circuit: &Circuit, diodes: &[ElementId], on: &[bool]) -> (Vec<f64>, Vec<f64>) {
    let mut linear = Linear::of(circuit);
    let first = linear.b.len();
    let shorts: Vec<usize> = (0..on.len()).filter(|&k| on[k]).collect();
    for row in &mut linear.a {
        row.resize(first + shorts.len(), 0.0);
    }
    linear
        .a
        .resize(first + shorts.len(), vec![0.0; first + shorts.len()]);
    linear.b.resize(first + shorts.len(), 0.0);
    for (index, &k) in shorts.iter().enumerate() {
        let port = circuit.element(diodes[k]).port;
        linear.branch(first + index, port, 1.0, 1.0);
    }
    let mut x = vec![0.0; linear.b.len()];
    for _ in 0..2 {
        let residual = |(row, b): (&Vec<f64>, &f64)| {
            let sum: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
            vec![b - sum]
        };
        let right = linear.a.iter().zip(&linear.b).map(residual).collect();
        let step = dense::solve(linear.a.clone(), right).expect("a regular state");
        for (x, step) in x.iter_mut().zip(&step) {
            *x += step[0];
        }
    }
    let mut currents = vec![0.0; on.len()];
    for (index, &k) in shorts.iter().enumerate() {
        currents[k] = x[first + index];
    }
    let nodes = &x[..circuit.node_count() - 1];
    (
        std::iter::once(0.0).chain(nodes.iter().copied()).collect(),
        currents,
    )
}

/// Lemke's complementary pivoting for `w = m z + q`. The tableau holds `w`, `z`, `z0` and `q`.
fn lemke(m: &Matrix, q: &[f64]) -> Vec<f64> {
    let n = q.len();
    let mut z = vec![0.0; n];
    if q.iter().all(|q| *q >= 0.0) {
        return z;
    }
    // A random covering vector keeps ties out of the ratio tests.
    let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
    let units = |row: &Vec<f64>| largest(row.iter().copied()).max(1e-30);
    let mut tableau: Matrix = (0..n)
        .map(|i| {
            let mut row = vec![0.0; 2 * n + 2];
            row[i] = 1.0;
            for k in 0..n {
                row[n + k] = -m[i][k];
            }
            row[2 * n] = -units(&m[i]) * rng.random_range(0.5..1.5);
            row[2 * n + 1] = q[i];
            row
        })
        .collect();
    let mut basis: Vec<usize> = (0..n).collect();
    let ratio = |row: &Vec<f64>| row[2 * n + 1] / -row[2 * n];
    let mut leaving_row = (0..n)
        .min_by(|&a, &b| ratio(&tableau[a]).total_cmp(&ratio(&tableau[b])))
        .expect("at least one diode");
    let mut entering = 2 * n;
    for _ in 0..50 * n + 100 {
        let left = basis[leaving_row];
        pivot(&mut tableau, leaving_row, entering);
        basis[leaving_row] = entering;
        if left == 2 * n {
            for (row, &variable) in tableau.iter().zip(&basis) {
                if (n..2 * n).contains(&variable) {
                    z[variable - n] = row[2 * n + 1].max(0.0);
                }
            }
            return z;
        }
        entering = if left < n { left + n } else { left - n };
        let column = largest(tableau.iter().map(|row| row[entering]));
        leaving_row = (0..n)
            .filter(|&i| tableau[i][entering] > 1e-11 * column)
            .min_by(|&a, &b| {
                let ratio = |i: usize| tableau[i][2 * n + 1].max(0.0) / tableau[i][entering];
                ratio(a).total_cmp(&ratio(b))
            })
            .expect("no ray: the problem is solvable");
    }
    panic!("Lemke does not end");
}

fn pivot(tableau: &mut Matrix, row: usize, column: usize) {
    let scale = tableau[row][column];
    for x in &mut tableau[row] {
        *x /= scale;
    }
    let own = tableau[row].clone();
    for (k, other) in tableau.iter_mut().enumerate() {
        if k != row && other[column] != 0.0 {
            let factor = other[column];
            subtract(other, factor, &own);
        }
    }
}

/// Complementarity at each diode, to 1e-12 of the circuit's volts and amperes.
fn check_complementarity(circuit: &Circuit, op: &OperatingPoint) {
    let volts = largest(op.potentials.iter().copied()).max(1e-30);
    let amps = largest(op.currents.iter().copied()).max(1e-30);
    for id in diodes(circuit) {
        let [p, n] = circuit.element(id).port;
        let v = op.voltage(p, n) / volts;
        let i = op.current(circuit, id) / amps;
        let name = &circuit.element(id).name();
        let place = format!("{}, {name}: v {v:e}, i {i:e}", circuit.title);
        assert!(v <= 1e-12 && i >= -1e-12, "{place}");
        assert!(
            v.abs().min(i.abs()) <= 1e-12 && (v * i).abs() <= 1e-12,
            "{place}"
        );
    }
    let violation = worst_violation(circuit, op);
    assert!(
        violation <= 1e-5,
        "{}: violation {violation:e}",
        circuit.title
    );
}

/// Solves, checks the conditions, and compares all potentials and diode currents; returns the
/// largest difference relative to the largest voltage and current.
fn compare(circuit: &Circuit) -> f64 {
    let op = solved(circuit);
    check_complementarity(circuit, &op);
    let (potentials, currents) = reference(circuit);
    let volts = largest(potentials.iter().copied()).max(1e-30);
    let amps = largest(op.currents.iter().copied()).max(1e-30);
    let differences = op.potentials.iter().zip(&potentials);
    let mut worst = largest(differences.map(|(a, b)| (a - b) / volts));
    for (id, expected) in diodes(circuit).into_iter().zip(&currents) {
        worst = worst.max((op.current(circuit, id) - expected).abs() / amps);
    }
    assert!(
        worst <= 1e-9,
        "{}: differs by {worst:e} of the largest",
        circuit.title
    );
    worst
}

fn resistor(resistance: f64) -> Device {
    Device::Resistor { resistance }
}

#[test]
fn random_networks_agree_with_lemke() {
    let (mut count, mut worst) = (0, 0.0f64);
    for seed in 0..400 {
        let circuit = circuit_up_to(Family::Ideal, seed, 40);
        count += diodes(&circuit).len();
        worst = worst.max(compare(&circuit));
    }
    println!("random networks: 400 circuits, {count} diodes, within {worst:.1e}");
}

#[test]
fn networks_with_gyrators_and_transformers_agree_with_lemke() {
    let (mut count, mut worst) = (0, 0.0f64);
    for seed in 0..150 {
        let mut draft = Draft::new(seed, 60);
        for _ in 0..5 {
            draft.voltage_source(10.0);
            draft.current_source(5.0);
            draft.two_port();
        }
        let wanted = draft.rng.random_range(20..=50);
        for _ in 0..wanted {
            draft.ideal_diode();
        }
        count += diodes(&draft.circuit).len();
        worst = worst.max(compare(&draft.circuit));
    }
    println!("RTGD networks: 150 circuits, {count} diodes, within {worst:.1e}");
}

/// A resistor grid with a diode at every node, one way or the other, and random injections.
fn grid(rows: usize, columns: usize, seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut c = Circuit::new(format!("{rows} x {columns} grid of ideal diodes"));
    for row in 0..rows {
        for column in 0..columns {
            let here = c.node(&format!("n{row}_{column}"));
            let ground = NodeId::GROUND;
            let name = format!("{row}_{column}");
            let mut add = |prefix: &str, device: Device, port: [NodeId; 2]| {
                c.add(&format!("{prefix}{name}"), device, port)
                    .expect("a new name");
            };
            let port = if rng.random_bool(0.5) {
                [here, ground]
            } else {
                [ground, here]
            };
            add("d", Device::IdealDiode, port);
            add("rg", resistor(rng.random_range(1e3..1e5)), [here, ground]);
            let current = rng.random_range(-1e-3..1e-3);
            add("i", Device::CurrentSource { current }, [ground, here]);
            for (prefix, name, wanted) in [
                ("rh", format!("n{row}_{}", column + 1), column + 1 < columns),
                ("rv", format!("n{}_{column}", row + 1), row + 1 < rows),
            ] {
                if wanted {
                    let next = c.node(&name);
                    let device = resistor(rng.random_range(100.0..1e4));
                    let name = format!("{prefix}{row}_{column}");
                    c.add(&name, device, [here, next]).expect("a new name");
                }
            }
        }
    }
    c
}

#[test]
fn grids_of_up_to_a_thousand_diodes_obey_complementarity() {
    for (rows, columns, seed) in [(5, 5, 1), (10, 10, 2), (12, 25, 3), (25, 40, 4)] {
        let circuit = grid(rows, columns, seed);
        let worst = compare(&circuit);
        let op = solved(&circuit);
        let on = op.diodes.iter().filter(|d| d.state == "on").count();
        let iterations = op.convergence.iterations;
        println!(
            "{rows} x {columns} grid: {on} diodes conduct, {iterations} iterations, within {worst:.1e}"
        );
    }
}

/// Rectifier stages in a row: a diode on, a resistor down, a resistor back to the source.
#[test]
fn ladders_of_series_diodes_agree_with_lemke() {
    for (stages, seed) in [(3, 1), (30, 2), (150, 3), (1000, 4)] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut c = Circuit::new(format!("ladder of {stages} series diodes"));
        let ground = NodeId::GROUND;
        let mut previous = c.node("in");
        let source = Device::VoltageSource { voltage: 10.0 };
        c.add("vin", source, [previous, ground])
            .expect("a new name");
        for k in 0..stages {
            let node = c.node(&format!("n{k}"));
            let join = c.node(&format!("j{k}"));
            let mut add = |prefix: &str, device, port| {
                c.add(&format!("{prefix}{k}"), device, port)
                    .expect("a new name");
            };
            add(
                "rs",
                resistor(rng.random_range(1.0..20.0)),
                [previous, join],
            );
            add("d", Device::IdealDiode, [join, node]);
            add("rj", resistor(1e6), [join, ground]);
            add("rp", resistor(rng.random_range(1e3..1e4)), [node, ground]);
            let current = rng.random_range(-2e-3..2e-3);
            add("i", Device::CurrentSource { current }, [ground, node]);
            previous = node;
        }
        let worst = compare(&c);
        println!("ladder of {stages}: within {worst:.1e}");
    }
}

/// A binary tree of diodes picks the highest of its leaves, as a chain of OR gates.
#[test]
fn trees_of_diodes_pick_the_highest_leaf() {
    (1..=3).for_each(check_tree);
}

#[test]
fn deep_trees_of_diodes_pick_the_highest_leaf() {
    (4..=7).for_each(check_tree);
}

fn check_tree(depth: u64) {
    {
        let mut rng = ChaCha8Rng::seed_from_u64(depth);
        let mut c = Circuit::new(format!("tree of depth {depth}"));
        let ground = NodeId::GROUND;
        let nodes = (1usize << (depth + 1)) - 1;
        let mut highest = 0.0f64;
        for k in 0..nodes {
            let node = c.node(&format!("n{k}"));
            if k > 0 {
                let parent = c.node(&format!("n{}", (k - 1) / 2));
                let device = Device::IdealDiode;
                c.add(&format!("d{k}"), device, [node, parent])
                    .expect("a new name");
            }
            let is_leaf = 2 * k + 1 >= nodes;
            if is_leaf {
                let voltage = rng.random_range(1.0..9.0);
                highest = highest.max(voltage);
                let device = Device::VoltageSource { voltage };
                c.add(&format!("v{k}"), device, [node, ground])
                    .expect("a new name");
            } else {
                c.add(&format!("r{k}"), resistor(1e3), [node, ground])
                    .expect("a new name");
            }
        }
        let op = solved(&c);
        check_complementarity(&c, &op);
        let root = c.find_node("n0").expect("the root");
        assert!((op.potentials[root.index()] - highest).abs() <= 1e-12 * highest);
    }
}

#[test]
fn a_bridge_rectifies_both_polarities() {
    for voltage in [-10.0, -1e-6, 0.0, 1e-3, 10.0] {
        let mut c = Circuit::new("bridge");
        let [a, b, plus, minus] = ["a", "b", "plus", "0"].map(|n| c.node(n));
        c.add("v1", Device::VoltageSource { voltage }, [a, b])
            .expect("a new name");
        for (name, port) in [
            ("d1", [a, plus]),
            ("d2", [b, plus]),
            ("d3", [minus, a]),
            ("d4", [minus, b]),
        ] {
            c.add(name, Device::IdealDiode, port).expect("a new name");
        }
        c.add("r1", resistor(1e3), [plus, minus])
            .expect("a new name");
        let op = solved(&c);
        check_complementarity(&c, &op);
        let out = op.voltage(plus, minus);
        assert!(
            (out - f64::abs(voltage)).abs() <= 1e-12 * f64::abs(voltage),
            "{voltage}: {out}"
        );
    }
}

/// Two points meet at a diode: no voltage and no current, in either state.
#[test]
fn a_diode_between_equal_potentials_carries_nothing() {
    let mut c = Circuit::new("balanced bridge with a diode across");
    let [top, left, right] = ["top", "left", "right"].map(|n| c.node(n));
    let ground = NodeId::GROUND;
    c.add("v1", Device::VoltageSource { voltage: 6.0 }, [top, ground])
        .expect("a new name");
    for (name, port) in [
        ("r1", [top, left]),
        ("r2", [top, right]),
        ("r3", [left, ground]),
        ("r4", [right, ground]),
    ] {
        c.add(name, resistor(1e3), port).expect("a new name");
    }
    let diode = c
        .add("d1", Device::IdealDiode, [left, right])
        .expect("a new name");
    let op = solved(&c);
    assert!((op.potentials[left.index()] - 3.0).abs() <= 1e-12);
    assert!(op.voltage(left, right).abs() <= 1e-12);
    assert!(op.current(&c, diode).abs() <= 1e-15);
}

/// How parallel diodes share their current is open; their sum is not.
#[test]
fn parallel_conducting_diodes_carry_the_current_together() {
    for count in [2usize, 3, 10] {
        let mut c = Circuit::new(format!("{count} parallel diodes"));
        let [source, a, k] = ["s", "a", "k"].map(|n| c.node(n));
        let ground = NodeId::GROUND;
        c.add(
            "v1",
            Device::VoltageSource { voltage: 5.0 },
            [source, ground],
        )
        .expect("a new name");
        c.add("r1", resistor(1e3), [source, a]).expect("a new name");
        c.add("r2", resistor(4e3), [k, ground]).expect("a new name");
        for n in 0..count {
            c.add(&format!("d{n}"), Device::IdealDiode, [a, k])
                .expect("a new name");
        }
        let op = solved(&c);
        check_complementarity(&c, &op);
        let sum: f64 = diodes(&c).into_iter().map(|d| op.current(&c, d)).sum();
        assert!((sum - 1e-3).abs() <= 1e-12, "{count}: {sum}");
        assert!((op.potentials[k.index()] - 4.0).abs() <= 1e-9, "{count}");
    }
}

/// Between two blocking diodes the potential is open; whatever is returned must obey the laws.
#[test]
fn a_node_between_blocking_diodes_gets_a_valid_potential() {
    for voltage in [-5.0, 5.0] {
        let mut c = Circuit::new("two diodes in series");
        let [source, middle, end] = ["s", "m", "e"].map(|n| c.node(n));
        let ground = NodeId::GROUND;
        c.add("v1", Device::VoltageSource { voltage }, [source, ground])
            .expect("a new name");
        c.add("d1", Device::IdealDiode, [source, middle])
            .expect("a new name");
        c.add("d2", Device::IdealDiode, [middle, end])
            .expect("a new name");
        c.add("r1", resistor(1e3), [end, ground])
            .expect("a new name");
        let op = solved(&c);
        check_complementarity(&c, &op);
        let expected = f64::max(voltage, 0.0);
        let got = op.potentials[end.index()];
        assert!((got - expected).abs() <= 1e-9, "{voltage}: {got}");
    }
}

/// An ideal diode forward across a source has no solution: an error, no numbers.
#[test]
fn a_diode_forward_across_a_source_is_refused() {
    let mut c = Circuit::new("shorted source");
    let a = c.node("a");
    let port = [a, NodeId::GROUND];
    c.add("v1", Device::VoltageSource { voltage: 5.0 }, port)
        .expect("a new name");
    c.add("r1", resistor(1e3), port).expect("a new name");
    c.add("d1", Device::IdealDiode, port).expect("a new name");
    let error = operating_point(&c).expect_err("no solution exists");
    assert!(!error.to_string().is_empty());
}

#[test]
fn decks_settle_where_their_comments_expect_them() {
    let (mut decks, mut checked) = (0, 0);
    for folder in ["ideal", "rtgd", "piecewise"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("circuits")
            .join(folder);
        for entry in std::fs::read_dir(folder).expect("a folder of decks") {
            let path = entry.expect("a folder entry").path();
            let netlist = Netlist::read(&path).expect("a readable deck");
            let text = std::fs::read_to_string(&path).expect("a readable deck");
            let mut solver = Solver::from_netlist(&netlist).expect("a circuit");
            let op = solver.operating_point().expect("an operating point");
            let circuit = &solver.circuit;
            let violation = worst_violation(circuit, &op);
            assert!(violation <= 1e-9, "{}: {violation:e}", path.display());
            decks += 1;
            for (name, expected) in expectations(&text) {
                let output = Output::parse(circuit, &name).expect("an output");
                let got = output.value(circuit, &op);
                let allowed = 1e-9 * f64::max(1e-3, f64::abs(expected));
                assert!(
                    (got - expected).abs() <= allowed,
                    "{}: {name} {got}",
                    path.display()
                );
                checked += 1;
            }
        }
    }
    println!("{decks} decks, {checked} expectations");
    assert!(decks >= 30 && checked >= 40);
}
