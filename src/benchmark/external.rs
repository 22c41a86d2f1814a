//! Other simulators on the same circuit: deck out, log and potentials in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::circuit::{Circuit, Simulator};

use super::SolverKind;
use super::process::{self, End};
use super::record::{Measurement, Outcome, Phases};

/// Whether a program of this name is on PATH.
pub fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Writes the deck into `folder` and runs the simulator on it. Returns the potential of each node of the
/// circuit as well, V.
pub fn measure(
    circuit: &Circuit,
    solver: SolverKind,
    folder: &Path,
    limit: Duration,
) -> (Outcome, Vec<f64>) {
    match run(circuit, solver, folder, limit) {
        Ok((measurement, potentials)) => (Outcome::Measured(Box::new(measurement)), potentials),
        Err(outcome) => (outcome, Vec::new()),
    }
}

fn failed(error: impl std::fmt::Display) -> Outcome {
    Outcome::Failed(error.to_string())
}

fn run(
    circuit: &Circuit,
    solver: SolverKind,
    folder: &Path,
    limit: Duration,
) -> Result<(Measurement, Vec<f64>), Outcome> {
    let program = solver.program().unwrap_or_default();
    if !is_on_path(program) {
        return Err(Outcome::DoesNotFit(format!("{program} is not on PATH")));
    }
    let [deck, answer, log, errors] = [
        "external.cir",
        "external.raw",
        "external.log",
        "external.err",
    ]
    .map(|f| folder.join(f));
    let _ = std::fs::remove_file(&answer);
    std::fs::write(&deck, deck_for(circuit, solver)?).map_err(failed)?;
    let mut command = Command::new(program);
    command.current_dir(folder);
    match solver {
        SolverKind::Gnucap => command.arg("-b").arg(&deck),
        SolverKind::Xyce => command.arg(&deck),
        _ => command.arg("-b").arg("-r").arg(&answer).arg(&deck),
    };
    let end = process::run(&mut command, limit, [&log, &errors]).map_err(failed)?;
    let End::Exited {
        status,
        seconds,
        peak_bytes,
    } = end
    else {
        return Err(Outcome::OverLimit(limit.as_secs_f64()));
    };
    let text = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let log = text(&log) + &text(&errors);
    if solver == SolverKind::NgspiceKlu && !log.contains("KLU") {
        return Err(Outcome::DoesNotFit("this ngspice has no KLU".into()));
    }
    let values = match solver {
        SolverKind::Gnucap => columns_of_gnucap(&log),
        SolverKind::Xyce => columns_of_xyce(&text(&folder.join("external.cir.csv"))),
        _ => raw(&std::fs::read(&answer).unwrap_or_default()),
    };
    let complaint = || complaint(&log).unwrap_or_else(|| format!("it ended with {status}"));
    let values = values.filter(|_| !log.contains("did not converge"));
    let values = values.ok_or_else(|| Outcome::Failed(complaint()))?;
    let value = |(id, node): (crate::circuit::NodeId, &crate::circuit::Node)| {
        let known = values.get(node.name.as_str()).copied();
        known.or((id.index() == 0).then_some(0.0))
    };
    let potentials: Option<Vec<f64>> = circuit.nodes().map(value).collect();
    let potentials = potentials.ok_or_else(|| failed("potentials are missing in its answer"))?;
    let measurement = Measurement {
        process: seconds,
        peak_bytes,
        ..account(&log, seconds)
    };
    Ok((measurement, potentials))
}

fn deck_for(circuit: &Circuit, solver: SolverKind) -> Result<String, Outcome> {
    let mut circuit = circuit.clone();
    circuit.commands = crate::netlist::Commands::default();
    circuit.ask_for_operating_point();
    let deck = circuit.to_spice_for(Simulator::Ngspice).map_err(failed)?;
    let body = deck.trim_end().trim_end_matches(".end").trim_end();
    let (body, cards) = match solver {
        SolverKind::Ngspice => (body, ".options acct"),
        SolverKind::NgspiceKlu => (body, ".options acct klu"),
        SolverKind::Xyce => (body, ".print dc format=csv precision=16 v(*)"),
        // Its cards are commands, in order.
        _ => (
            body.trim_end_matches(".op"),
            ".options numdgt=15\n.print op v(nodes)\n.op",
        ),
    };
    Ok(format!("{body}\n{cards}\n.end\n"))
}

/// The last line of a log that sounds like a reason.
fn complaint(log: &str) -> Option<String> {
    const WORDS: [&str; 6] = [
        "converge", "singular", "error", "aborted", "limit", "failed",
    ];
    let sounds = |line: &&str| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    let line = log.lines().rev().find(sounds)?;
    Some(line.trim().to_string())
}

/// What ngspice tells of its parts with `.options acct`; nothing of the others.
fn account(log: &str, process: f64) -> Measurement {
    let number = |name: &str| -> Option<f64> {
        let line = log
            .lines()
            .find_map(|line| line.trim().strip_prefix(name))?;
        line.trim_start().strip_prefix('=')?.trim().parse().ok()
    };
    let seconds = |name: &str| number(name).unwrap_or(0.0);
    let mut phases = Phases {
        parse: seconds("Netlist loading time") + seconds("Netlist parsing time"),
        build: seconds("Subckt and Param expansion time"),
        order: seconds("Matrix reorder time"),
        load: seconds("Matrix load time"),
        factor: seconds("Matrix factor time"),
        solve: seconds("Matrix solve time"),
        ..Phases::default()
    };
    let known = phases.order + phases.load + phases.factor + phases.solve;
    phases.other = match number("Total analysis time (seconds)") {
        Some(analysis) => (analysis - known).max(0.0),
        None => process,
    };
    Measurement {
        phases,
        unknowns: number("Circuit Equations").map(|n| n as usize),
        nonzeros: number("Circuit original non-zeroes").map(|n| n as usize),
        iterations: number("Total iterations").map(|n| n as usize),
        ..Measurement::default()
    }
}

/// `v(name)` or `name`, without the case.
fn node_name(column: &str) -> Option<String> {
    let column = column.trim().trim_matches('"').to_lowercase();
    match column.strip_prefix("v(") {
        Some(rest) => rest.strip_suffix(')').map(str::to_string),
        None if column.contains('(') || column.contains('#') => None,
        None => Some(column),
    }
}

/// The first point of a binary raw file of ngspice.
fn raw(bytes: &[u8]) -> Option<HashMap<String, f64>> {
    const MARK: &[u8] = b"Binary:\n";
    let mark = bytes
        .windows(MARK.len())
        .position(|window| window == MARK)?;
    let head = String::from_utf8_lossy(&bytes[..mark]);
    let (_, variables) = head.split_once("Variables:\n")?;
    let mut values = HashMap::new();
    let data = bytes[mark + MARK.len()..].chunks_exact(8);
    for (line, number) in variables.lines().zip(data) {
        let mut words = line.split_whitespace().skip(1);
        let (name, kind) = (words.next()?, words.next()?);
        if let (true, Some(name)) = (kind == "voltage", node_name(name)) {
            values.insert(name, f64::from_le_bytes(number.try_into().ok()?));
        }
    }
    (!values.is_empty()).then_some(values)
}

/// A line of names that begins with `#`, then one of numbers: the temperature first.
fn columns_of_gnucap(log: &str) -> Option<HashMap<String, f64>> {
    let mut lines = log.lines().skip_while(|line| !line.starts_with('#'));
    let names = lines.next()?.trim_start_matches('#').split_whitespace();
    let numbers = lines.next()?.split_whitespace().skip(1);
    pairs(names, numbers)
}

fn columns_of_xyce(table: &str) -> Option<HashMap<String, f64>> {
    let mut lines = table.lines();
    pairs(lines.next()?.split(','), lines.next()?.split(','))
}

fn pairs<'a>(
    names: impl Iterator<Item = &'a str>,
    numbers: impl Iterator<Item = &'a str>,
) -> Option<HashMap<String, f64>> {
    let pair = |(name, number): (&str, &str)| {
        let number = crate::units::parse_number(number.trim());
        Some(node_name(name)?).zip(number)
    };
    let values: HashMap<String, f64> = names.zip(numbers).filter_map(pair).collect();
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_file_gives_the_voltages_of_its_first_point() {
        let mut bytes = b"Title: t\nVariables:\n\t0\tv(a)\tvoltage\n\t1\ti(v1)\tcurrent\n\t2\tB\tvoltage\nBinary:\n".to_vec();
        for number in [1.5f64, -2.0, 0.25] {
            bytes.extend(number.to_le_bytes());
        }
        let values = raw(&bytes).expect("values");
        assert_eq!((values["a"], values["b"], values.len()), (1.5, 0.25, 2));
        assert_eq!(raw(b"Title: t\n"), None);
    }

    #[test]
    fn columns_of_gnucap_are_read_with_their_suffixes() {
        let values =
            columns_of_gnucap("hello\n#           v(a)       v(B1)\n 27.        5.   692.87m\n");
        let values = values.expect("values");
        assert_eq!((values["a"], values["b1"]), (5.0, 0.69287));
        assert_eq!(columns_of_gnucap("did not converge"), None);
    }

    #[test]
    fn columns_of_xyce_are_read() {
        let values = columns_of_xyce("V(A),V(B)\n1.0e+00, -2.5e-01\n").expect("values");
        assert_eq!((values["a"], values["b"]), (1.0, -0.25));
    }

    #[test]
    fn the_log_of_ngspice_tells_its_parts() {
        let log = "Total iterations = 5\nCircuit Equations = 4\nTotal analysis time (seconds) = 1.5\nMatrix load time = 0.5\n";
        let measurement = account(log, 9.0);
        assert_eq!(measurement.iterations, Some(5));
        assert_eq!(
            (measurement.phases.load, measurement.phases.other),
            (0.5, 1.0)
        );
    }
}
