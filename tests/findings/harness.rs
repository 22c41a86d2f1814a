//! What the fuzz targets run and the kept findings are replayed through: any bytes are read or refused
//! with a message, and whatever is computed from them is a finite number.

use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use ohmgrad::analysis::dataset::Dataset;
use ohmgrad::analysis::{OperatingPoint, Solver, Sweep};
use ohmgrad::circuit::Circuit;
use ohmgrad::device::Device;
use ohmgrad::execution::{Columns, execute};
use ohmgrad::expression::{
    Dialect, Expr, Function1, Function2, LowerError, Operation, Resolver, Tape, Term, lower,
    write_term,
};
use ohmgrad::learning::data::{CsvOptions, TargetColumn, parse_csv, parse_idx, parse_npz};
use ohmgrad::learning::{Checkpoint, TrainingConfig, sha256};
use ohmgrad::netlist::{Analysis, LogicalLine, Name, Netlist, Span};
use ohmgrad::safetensors::{SafeTensors, Tensor};
use ohmgrad::synthesis::{Equilibrium, Mlp, SymmetricPart};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Circuits beyond these are read and written but not solved: a fuzzer lives from speed.
const MOST_ELEMENTS: usize = 200;
const MOST_UNKNOWNS: usize = 40;
const MOST_POINTS: usize = 30;

/// Relative to the largest voltage of the circuit.
const SAME_VOLTAGE: f64 = 1e-6;

/// A deck: parse, elaborate, check, solve, execute; then write it and read it again.
pub fn netlist(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(circuit) = circuit(&text) else {
        return;
    };
    if circuit.element_count() > MOST_ELEMENTS {
        return;
    }
    let written = circuit.to_spice();
    let Some(mut solver) = solver(circuit) else {
        return;
    };
    if solver.system.order() > MOST_UNKNOWNS {
        return;
    }
    let first = operating_point(&mut solver);
    if points(&solver.circuit) <= MOST_POINTS
        && let Some(results) = report(execute(&mut solver, Columns::Saved))
    {
        results.datasets().iter().for_each(assert_finite);
    }
    if let Some(written) = report(written) {
        read_back(&solver.circuit, first.as_ref(), &written);
    }
}

/// The value, or None after its error was put into words.
fn report<T, E: std::fmt::Display>(result: Result<T, E>) -> Option<T> {
    result.map_err(|error| error.to_string()).ok()
}

fn circuit(text: &str) -> Option<Circuit> {
    let netlist = report(Netlist::parse("deck", text))?;
    report(Circuit::from_netlist(&netlist))
}

fn solver(circuit: Circuit) -> Option<Solver> {
    let mut solver = report(Solver::new(circuit))?;
    for warning in &solver.warnings {
        let _ = warning.render(&solver.circuit.sources).to_string();
    }
    solver.options.max_iterations = 50;
    Some(solver)
}

fn operating_point(solver: &mut Solver) -> Option<OperatingPoint> {
    let op = report(solver.operating_point())?;
    let numbers = [&op.potentials, &op.currents, &op.power];
    for number in numbers.into_iter().flatten().chain(&op.cocontent) {
        assert!(number.is_finite(), "an operating point holds {number}");
    }
    Some(op)
}

/// How many points the loops of a deck ask for.
fn points(circuit: &Circuit) -> usize {
    let count = |card| Sweep::from_card(circuit, card).map_or(1, |sweep| sweep.values.len());
    let commands = &circuit.commands;
    let steps: usize = commands.steps.iter().map(count).product();
    let analyses = commands.analyses.iter().map(|card| match &card.value {
        Analysis::DcSweep { sweeps } => sweeps.iter().map(count).product(),
        _ => 1,
    });
    steps.saturating_mul(analyses.sum::<usize>().max(1))
}

/// Sweeps of expressions may hold what an expression has no value for; operating points may not.
fn assert_finite(dataset: &Dataset) {
    for (variable, value) in dataset
        .rows
        .iter()
        .flat_map(|r| dataset.variables.iter().zip(r))
    {
        let name = &variable.name;
        let is_plain = name.starts_with("v(") || name.starts_with("i(");
        assert!(value.is_finite() || !is_plain, "{name} = {value}");
    }
}

fn read_back(circuit: &Circuit, op: Option<&OperatingPoint>, written: &str) {
    let again = Netlist::parse("written", written).unwrap_or_else(|e| panic!("{e}\n{written}"));
    let again = Circuit::from_netlist(&again).unwrap_or_else(|e| panic!("{e}\n{written}"));
    assert_eq!(circuit.element_count(), again.element_count(), "{written}");
    for ((_, a), (_, b)) in circuit.elements().zip(again.elements()) {
        // Laws and model cards are written in another form of the same meaning.
        let is_plain = !matches!(a.device, Device::Behavioural(_) | Device::OnePort(_));
        assert!(
            !is_plain || a.device == b.device,
            "{}:\n{written}",
            a.name()
        );
        let names = |c: &Circuit, port: [_; 2]| port.map(|n| c.node_name(n).to_string());
        assert_eq!(names(circuit, a.port), names(&again, b.port), "{written}");
    }
    // Laws are written in a form that rounds differently, which may lead to another solution.
    let has_law = |c: &Circuit| {
        c.elements()
            .any(|(_, e)| matches!(e.device, Device::Behavioural(_)))
    };
    let (Some(op), false) = (op, has_law(circuit)) else {
        return;
    };
    let mut again = solver(again).unwrap_or_else(|| panic!("refused:\n{written}"));
    let op_again = operating_point(&mut again).unwrap_or_else(|| panic!("unsolved:\n{written}"));
    let largest = op.potentials.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (id, node) in circuit.nodes() {
        let Some(other) = again.circuit.find_node(&node.name) else {
            continue;
        };
        let (a, b) = (
            op.potentials[id.index()],
            op_again.potentials[other.index()],
        );
        let differs = (a - b).abs() > SAME_VOLTAGE * largest;
        assert!(!differs, "{}: {a} and {b}:\n{written}", node.name);
    }
}

/// An expression in either dialect: value, derivatives, and the text that it is written as.
pub fn expression(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let line = LogicalLine::of(&text);
    let Some(expr) = report(Expr::parse(&text, 0, &line, &["v", "i"])) else {
        return;
    };
    for dialect in [Dialect::Parameter, Dialect::Behavioural] {
        let Some((tape, term)) = lowered(&expr, dialect) else {
            return;
        };
        let value = value(&tape, term);
        let input = |index: u32| format!("v(n{index})");
        let Some(written) = report(write_term(&tape, term, &input)) else {
            continue;
        };
        let line = LogicalLine::of(&written);
        let again = Expr::parse(&written, 0, &line, &["v"]);
        // A text may be nested deeper than the tape that it writes out.
        let Some((again, term)) = report(again).and_then(|e| lowered(&e, Dialect::Behavioural))
        else {
            continue;
        };
        if dialect == Dialect::Behavioural && tape.operations().iter().all(is_exact_in_text) {
            let other = self::value(&again, term);
            let same = value == other || value.is_nan() && other.is_nan();
            assert!(same, "{value} is written as {written}, which is {other}");
        }
    }
}

fn lowered(expr: &Expr, dialect: Dialect) -> Option<(Tape, Term)> {
    let mut tape = Tape::default();
    let term = lower(expr, &mut tape, &mut Inputs, dialect);
    let term = term.map_err(|error| match error {
        LowerError::Fault(fault, _) => (fault.message(), fault.help()),
        LowerError::Resolver(never) => match never {},
    });
    Some((tape, term.ok()?))
}

/// Input k has the value k + 0.5, so that none is zero or whole.
fn value(tape: &Tape, term: Term) -> f64 {
    let inputs: Vec<f64> = (0..INPUTS).map(|k| f64::from(k) + 0.5).collect();
    let (mut values, mut adjoints) = (Vec::new(), vec![0.0; tape.len()]);
    tape.evaluate(&inputs, &[], &mut values);
    adjoints[term.index()] = 1.0;
    tape.backward(&values, &[], &mut adjoints);
    values[term.index()]
}

/// Written by the operation itself and not by a formula that rounds in another way.
fn is_exact_in_text(operation: &Operation) -> bool {
    use Function1::{Log2, Round, Trunc};
    use Function2::{Atan2, Divide, Hypot, Power, Remainder};
    match operation {
        Operation::Unary(f, _) => ![Log2, Round, Trunc].contains(f),
        Operation::Binary(f, ..) => ![Atan2, Divide, Hypot, Power, Remainder].contains(f),
        Operation::Table(..) => false,
        _ => true,
    }
}

const INPUTS: u32 = 4;

/// A name that is no constant, and every probe, is one of a few inputs.
struct Inputs;

impl Resolver for Inputs {
    type Error = std::convert::Infallible;

    fn name(
        &mut self,
        tape: &mut Tape,
        name: &Name,
        _: Span,
    ) -> Result<Option<Term>, LowerError<Self::Error>> {
        let index = ["x", "y", "z", "w"].iter().position(|known| name == known);
        Ok(index.map(|index| tape.input(index as u32)))
    }

    fn probe(
        &mut self,
        tape: &mut Tape,
        _: &Name,
        arguments: &[(Name, Span)],
        _: Span,
    ) -> Result<Term, LowerError<Self::Error>> {
        let name = arguments.first().map_or("", |(name, _)| name);
        let number = name.strip_prefix('n').and_then(|n| n.parse().ok());
        Ok(tape.input(number.unwrap_or(0) % INPUTS))
    }
}

/// A training file: what is accepted is written and read back.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("train.toml");
    let Some(config) = report(TrainingConfig::parse(path, &text)) else {
        return;
    };
    let write = |c: &TrainingConfig| c.to_toml().expect("what was read can be written");
    let written = write(&config);
    let again = TrainingConfig::parse(path, &written).unwrap_or_else(|e| panic!("{e}\n{written}"));
    assert_eq!(write(&again), written);
}

/// CSV or a pair of IDX files; the first byte chooses which, and how it is read.
pub fn data(bytes: &[u8]) {
    match bytes {
        [choice @ 0xe0..=0xef, first, rest @ ..] => npz(*choice, usize::from(*first), rest),
        [choice @ 0xf0..=0xff, labels, rest @ ..] => idx(*choice, usize::from(*labels), rest),
        [choice, text @ ..] => csv(*choice, text),
        [] => {}
    }
}

/// The last bytes are the labels. Packed files may be among the bytes; others are packed here.
fn idx(choice: u8, labels: usize, bytes: &[u8]) {
    let (images, labels) = bytes.split_at(bytes.len().saturating_sub(labels));
    let wrap = |bytes: &[u8], is_packed: bool| match is_packed {
        true => pack(bytes),
        false => bytes.to_vec(),
    };
    let (images, labels) = (wrap(images, choice & 1 != 0), wrap(labels, choice & 2 != 0));
    let limit = (choice & 4 != 0).then_some(usize::from(choice & 8));
    let data = parse_idx(
        (Path::new("images"), &mut images.as_slice()),
        (Path::new("labels"), &mut labels.as_slice()),
        limit,
    );
    if let Some(data) = report(data) {
        data.validate().expect("what was read is sound");
    }
}

/// A file as it is, or one whose checksums are right around the bytes of its two arrays.
fn npz(choice: u8, first: usize, bytes: &[u8]) {
    let archive = match choice & 1 {
        0 => bytes.to_vec(),
        _ => {
            let (x, y) = bytes.split_at(bytes.len().min(8 * first));
            zipped([("x.npy", x), ("y.npy", y)])
        }
    };
    if let Some(data) = report(parse_npz(Path::new("data.npz"), &archive)) {
        data.validate().expect("what was read is sound");
    }
}

fn zipped(files: [(&str, &[u8]); 2]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::default());
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(name, options).expect("memory takes all");
        zip.write_all(bytes).expect("memory takes all");
    }
    zip.finish().expect("memory takes all").into_inner()
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("memory takes all");
    packed.finish().expect("memory takes all")
}

fn csv(choice: u8, text: &[u8]) {
    let options = CsvOptions {
        target: match choice % 4 {
            0 | 1 => TargetColumn::Last,
            2 => TargetColumn::Number(usize::from(choice / 64)),
            _ => TargetColumn::Name("y".into()),
        },
        classes: [None, None, Some(true), Some(false)][usize::from(choice / 4 % 4)],
        delimiter: [',', ';', '\t', '|'][usize::from(choice / 16 % 4)],
    };
    if let Some(data) = report(parse_csv(Path::new("data.csv"), text, &options)) {
        data.validate().expect("what was read is sound");
    }
}

/// A checkpoint as it is, and as the body of one whose checksum is right.
pub fn checkpoint(bytes: &[u8]) {
    let path = Path::new("checkpoint.bin");
    report(Checkpoint::parse(bytes, path));
    report(Checkpoint::parse(&sealed(bytes), path));
}

/// A checkpoint in the format that is read, with this body and its checksum.
pub fn sealed(body: &[u8]) -> Vec<u8> {
    let head = "ohmgrad-checkpoint 3";
    let sum = sha256(&[format!("{head}\n").as_bytes(), body].concat());
    [format!("{head} sha256={sum}\n").as_bytes(), body].concat()
}

/// Networks of more units are read but not solved.
const MOST_UNITS: usize = 6;

/// A safetensors file as it is, and one with tensors of the right names.
pub fn safetensors(bytes: &[u8]) {
    let file = Path::new("net.safetensors");
    if let Some(read) = report(SafeTensors::parse(file, bytes)) {
        networks(file, &read);
    }
    networks(file, &tensors(bytes));
}

/// Both kinds of networks: read, written, read again, made circuits and solved.
fn networks(file: &Path, read: &SafeTensors) {
    let written = read.to_bytes().expect("as many numbers as the shapes say");
    let again = SafeTensors::parse(file, &written).expect("what was written");
    assert_eq!(read.metadata, again.metadata);
    // The format's writer chooses the order.
    for (name, tensor) in &read.tensors {
        assert_eq!(Some(tensor), again.tensors.get(name), "{name}");
    }
    if let Some(network) = report(Equilibrium::from_tensors(file, read.clone())) {
        equilibrium(&network);
    }
    if let Some(network) = report(Mlp::from_tensors(file, read.clone())) {
        mlp(&network);
    }
}

fn equilibrium(network: &Equilibrium) {
    let is_small = network.units() + network.u.columns() <= MOST_UNITS;
    if report(network.check_size()).is_none() || !is_small {
        return;
    }
    let tensors = network.to_tensors().tensors;
    let numbers = tensors.values().flat_map(|tensor| &tensor.numbers);
    let is_plain = is_plain(numbers.chain([&network.m]));
    for part in [SymmetricPart::Gyrators, SymmetricPart::Transformers] {
        settle(report(network.circuit(part)), is_plain);
    }
}

fn mlp(network: &Mlp) {
    let layers = || network.layers().iter();
    let size: usize = layers().map(|l| l.weight.columns() + l.bias.len()).sum();
    if report(network.check_size()).is_none() || size > 2 * MOST_UNITS {
        return;
    }
    let Some(mut cascade) = report(network.cascade()) else {
        return;
    };
    let numbers = layers().flat_map(|layer| layer.weight.numbers().iter().chain(&layer.bias));
    let is_plain = is_plain(numbers);
    if is_plain && let Some(found) = report(cascade.evaluate(&vec![0.5; network.inputs()])) {
        assert!(found.outputs.iter().all(|y| y.is_finite()), "{found:?}");
    }
    let whole = report(cascade.to_circuit());
    settle(whole.map(|whole| whole.circuit), is_plain);
}

/// Whether training may have left these numbers. With others a search in vain takes a second.
fn is_plain<'a>(mut numbers: impl Iterator<Item = &'a f64>) -> bool {
    numbers.all(|x| *x == 0.0 || (1e-9..1e9).contains(&x.abs()))
}

/// Writes a circuit, compiles it and, if asked to, solves it.
fn settle(circuit: Option<Circuit>, is_solved: bool) {
    let Some(circuit) = circuit else {
        return;
    };
    report(circuit.to_spice());
    let solver = solver(circuit);
    if let Some(mut solver) = solver.filter(|_| is_solved) {
        operating_point(&mut solver);
    }
}

/// Tensors that a network has, with shapes and numbers from the bytes: of an equilibrium network or, if
/// the first byte is odd, of a ReLU network.
fn tensors(bytes: &[u8]) -> SafeTensors {
    const EQUILIBRIUM: [&str; 6] = ["A", "B", "U", "b", "out.weight", "out.bias"];
    const MLP: [&str; 4] = ["0.weight", "0.bias", "2.weight", "2.bias"];
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let names = match first % 2 {
        0 => &EQUILIBRIUM[..],
        _ => &MLP[..],
    };
    let (head, rest) = rest.split_at(rest.len().min(3 + names.len()));
    let byte = |k: usize| usize::from(head.get(k).copied().unwrap_or(0));
    let mut numbers = rest.chunks_exact(8).map(|chunk| {
        let number = f64::from_le_bytes(chunk.try_into().unwrap_or_default());
        if number.is_finite() { number } else { 1.0 }
    });
    let sizes = [byte(0), byte(1), byte(2)].map(|size| 1 + size % 3);
    let shape = |k: usize, name: &str| {
        let [units, inputs, classes] = sizes;
        let mut shape = match name {
            "A" | "B" => vec![units, units],
            "U" | "0.weight" => vec![units, inputs],
            "b" | "0.bias" => vec![units],
            "out.weight" | "2.weight" => vec![classes, units],
            _ => vec![classes],
        };
        // Wrong shapes are rare, so that most of them make a network.
        if byte(3 + k) > 250 {
            shape.push(2);
        }
        shape
    };
    let mut read = SafeTensors::default();
    for (k, name) in names.iter().enumerate() {
        let shape = shape(k, name);
        let count = shape.iter().product();
        let numbers = (0..count).map(|_| numbers.next().unwrap_or(0.5)).collect();
        read.tensors
            .insert((*name).to_string(), Tensor { shape, numbers });
    }
    for key in ["m", "input_mean", "input_std"] {
        if let Some(number) = numbers.next() {
            read.metadata.insert(key.into(), number.abs().to_string());
        }
    }
    if !read.metadata.contains_key("m") {
        read.metadata.insert("m".into(), "1".into());
    }
    read
}
