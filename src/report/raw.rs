//! Raw files as ngspice writes them (its `src/frontend/rawfile.c`), binary and ASCII.
//!
//! A file is a sequence of plots: a header in text, then 8-byte little-endian numbers point by point,
//! or the same as text. ngspice keeps of a nested sweep the inner variable only; here each outer
//! variable and each step is a vector as well.

use super::dataset::{Dataset, Unit, Variable, scientific};

/// Always the same, so that the same input gives the same bytes. Readers want the line, and
/// ngspice puts the time of loading in its place where it is missing.
const DATE: &str = "Thu Jan  1 00:00:00  1970";

/// By the word `ngspice` in this line Python readers recognise the dialect. ngspice executes what
/// stands here when it loads the file; a leading `*` makes it a comment.
const COMMAND: &str = "* ohmgrad, in the format of ngspice";

/// Decimals of a number in ASCII: 17 significant digits carry all bits.
const DECIMALS: usize = 16;

/// `Binary:` raw file.
pub fn binary(datasets: &[Dataset]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for dataset in datasets {
        let vectors = vectors(dataset);
        bytes.extend(header(dataset, &vectors).into_bytes());
        bytes.extend(b"Binary:\n");
        for row in &dataset.rows {
            let numbers = vectors.iter().map(|v| v.source.value(row));
            bytes.extend(numbers.flat_map(f64::to_le_bytes));
        }
    }
    bytes
}

/// `Values:` raw file.
pub fn ascii(datasets: &[Dataset]) -> Vec<u8> {
    let mut text = String::new();
    for dataset in datasets {
        let vectors = vectors(dataset);
        text += &header(dataset, &vectors);
        text += "Values:\n";
        for (index, row) in dataset.rows.iter().enumerate() {
            text += &format!(" {index}");
            for vector in &vectors {
                text += &format!("\t{}\n", scientific(vector.source.value(row), DECIMALS));
            }
            // The empty line is no ornament: spicelib 1.6 never returns from a plot that another one
            // follows without it.
            text += "\n";
        }
    }
    text.into_bytes()
}

/// A vector of a plot.
struct Vector {
    name: String,
    kind: &'static str,
    source: Source,
}

/// Where the numbers of a vector come from.
enum Source {
    Column(usize),
    Constant(f64),
}

impl Source {
    fn value(&self, row: &[f64]) -> f64 {
        match *self {
            Source::Column(column) => row[column],
            Source::Constant(value) => value,
        }
    }
}

/// The dataset's variables, then its steps.
fn vectors(dataset: &Dataset) -> Vec<Vector> {
    let columns = dataset.variables.iter().enumerate().map(|(k, variable)| {
        let (name, kind) = match (variable.is_sweep, k) {
            (true, 0) => inner_sweep(variable),
            (true, _) => (outer_sweep(variable), sweep_kind(&variable.unit)),
            (false, _) => (variable.name.clone(), kind(&variable.unit)),
        };
        Vector {
            name: token(&name),
            kind,
            source: Source::Column(k),
        }
    });
    let steps = dataset.steps.iter().map(|(name, value)| Vector {
        name: token(&format!("{name}_step")),
        kind: "notype",
        source: Source::Constant(*value),
    });
    columns.chain(steps).collect()
}

/// ngspice's name for the scale of a `.dc` plot does not say what is swept.
fn inner_sweep(variable: &Variable) -> (String, &'static str) {
    let name = match variable.unit {
        Unit::Voltage => "v(v-sweep)",
        Unit::Current => "i(i-sweep)",
        Unit::Resistance => "res-sweep",
        Unit::Temperature => "temp-sweep",
        _ => "param-sweep",
    };
    (name.to_string(), sweep_kind(&variable.unit))
}

/// A plain `v2` would hide the vector `v(v2)` of a node of that name, and `print r2-sweep` would be
/// a difference; these forms can be printed and hide nothing.
fn outer_sweep(variable: &Variable) -> String {
    let name = &variable.name;
    match variable.unit {
        Unit::Voltage => format!("v({name}-sweep)"),
        Unit::Current => format!("i({name}-sweep)"),
        _ => format!("{name}_sweep"),
    }
}

fn sweep_kind(unit: &Unit) -> &'static str {
    match unit {
        Unit::Resistance => "res-sweep",
        Unit::Temperature => "temp-sweep",
        other => kind(other),
    }
}

/// The type words of ngspice-39 (its `src/frontend/typesdef.c`).
fn kind(unit: &Unit) -> &'static str {
    match unit {
        Unit::Voltage => "voltage",
        Unit::Current => "current",
        Unit::Power => "power",
        Unit::Resistance => "impedance",
        Unit::Conductance => "admittance",
        Unit::Temperature => "temperature",
        Unit::None | Unit::Other(_) => "notype",
    }
}

fn header(dataset: &Dataset, vectors: &[Vector]) -> String {
    let mut text = format!(
        "Title: {}\nDate: {DATE}\nPlotname: {}\nFlags: real\nCommand: {COMMAND}\n",
        line(&dataset.title),
        line(&dataset.plot),
    );
    text += &format!(
        "No. Variables: {}\nNo. Points: {}\nVariables:\n",
        vectors.len(),
        dataset.rows.len(),
    );
    for (k, vector) in vectors.iter().enumerate() {
        text += &format!("\t{k}\t{}\t{}\n", vector.name, vector.kind);
    }
    text
}

/// Text that stays on its line: a title with a line end could write header lines of its own.
fn line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// A name in lower case and without blanks, which end a name.
fn token(name: &str) -> String {
    name.replace(|c: char| c.is_whitespace() || c.is_control(), "")
        .to_lowercase()
}
