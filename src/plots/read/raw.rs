//! Raw files as ngspice writes them, binary and ASCII; ohmgrad's own and those of others.

use crate::analysis::dataset::{Dataset, Unit, Variable};

pub(super) fn results(bytes: &[u8]) -> Result<Vec<Dataset>, String> {
    let mut datasets = Vec::new();
    let mut rest = bytes;
    while rest.iter().any(|b| !b.is_ascii_whitespace()) {
        let (dataset, after) = plot(rest)?;
        datasets.push(dataset);
        rest = after;
    }
    Ok(datasets)
}

/// What the header of a plot says.
#[derive(Default)]
struct Header {
    title: String,
    plot: String,
    variables: Vec<Variable>,
    points: usize,
}

/// One plot, and the bytes after it.
fn plot(bytes: &[u8]) -> Result<(Dataset, &[u8]), String> {
    let mut header = Header::default();
    let mut rest = bytes;
    loop {
        let line = next_line(&mut rest).ok_or("the header of a plot is cut short")?;
        let (key, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.trim();
        match key.trim() {
            "Title" => header.title = value.to_string(),
            "Plotname" => header.plot = value.to_string(),
            "Flags" if value.contains("complex") => return Err("its numbers are complex".into()),
            "No. Points" => {
                header.points = value.parse().map_err(|_| "`No. Points` is no number")?
            }
            "Binary" => return binary(header, rest),
            "Values" => return ascii(header, rest),
            _ => {
                let mut words = line.split_whitespace();
                let index = words.next().and_then(|word| word.parse::<usize>().ok());
                if let (Some(_), Some(name), Some(kind)) = (index, words.next(), words.next()) {
                    header.variables.push(variable(name, kind));
                }
            }
        }
    }
}

fn next_line(rest: &mut &[u8]) -> Option<String> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[(end + 1).min(rest.len())..];
    Some(line)
}

fn variable(name: &str, kind: &str) -> Variable {
    let unit = match kind {
        "voltage" => Unit::Voltage,
        "current" => Unit::Current,
        "power" => Unit::Power,
        "impedance" | "res-sweep" => Unit::Resistance,
        "admittance" => Unit::Conductance,
        "temperature" | "temp-sweep" => Unit::Temperature,
        _ => Unit::None,
    };
    let bare = name.trim_start_matches("v(").trim_start_matches("i(");
    let is_sweep = bare.contains("-sweep") || name.ends_with("_sweep") || name.ends_with("_step");
    Variable {
        name: name.to_string(),
        unit,
        is_sweep,
    }
}

fn binary(header: Header, rest: &[u8]) -> Result<(Dataset, &[u8]), String> {
    let width = header.variables.len();
    if width == 0 {
        return Err("its header names no variable".to_string());
    }
    let length = header.points.checked_mul(8 * width);
    let length = length.filter(|length| *length <= rest.len());
    let length = length.ok_or("it ends before its last number")?;
    let numbers = rest[..length].chunks_exact(8).map(|chunk| {
        let bytes = chunk.try_into().unwrap_or_default();
        f64::from_le_bytes(bytes)
    });
    let numbers: Vec<f64> = numbers.collect();
    Ok((dataset(header, &numbers), &rest[length..]))
}

/// An index before the numbers of each point.
fn ascii(header: Header, mut rest: &[u8]) -> Result<(Dataset, &[u8]), String> {
    let width = header.variables.len();
    let mut numbers = Vec::new();
    for _ in 0..header.points {
        let mut point = Vec::new();
        while point.len() < width + 1 {
            let line = next_line(&mut rest).ok_or("it ends before its last number")?;
            for word in line.split_whitespace() {
                point.push(
                    word.parse::<f64>()
                        .map_err(|_| format!("`{word}` is no number"))?,
                );
            }
        }
        numbers.extend(&point[1..=width]);
    }
    Ok((dataset(header, &numbers), rest))
}

fn dataset(header: Header, numbers: &[f64]) -> Dataset {
    let width = header.variables.len().max(1);
    Dataset {
        title: header.title,
        analysis: "dc".to_string(),
        plot: header.plot,
        variables: header.variables,
        shape: Vec::new(),
        rows: numbers.chunks_exact(width).map(<[f64]>::to_vec).collect(),
        steps: Vec::new(),
    }
}
