//! What an analysis gives to the writers: named columns of finished numbers.

/// The results of one analysis, for one point of the outer `.step` loops.
///
/// **Invariant:** every row has one number per variable, the names of variables differ, and the
/// product of `shape` is the number of rows unless `shape` is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The deck's title line.
    pub title: String,
    /// The card that asked for it: `op`, `dc`, `tf`, `sens`.
    pub analysis: String,
    /// What ngspice calls such a plot: `Operating Point`, `DC transfer characteristic`,
    /// `Transfer Function`, `Sensitivity Analysis`. Readers of raw files go by these words.
    pub plot: String,
    /// Sweep variables first, the inner one before the outer ones.
    pub variables: Vec<Variable>,
    /// Points of each sweep variable, inner first; empty where nothing is swept.
    pub shape: Vec<usize>,
    /// One row per point, the inner sweep fastest; one number per variable, in SI units.
    pub rows: Vec<Vec<f64>>,
    /// Values of the `.step` variables that hold for all rows.
    pub steps: Vec<(String, f64)>,
}

/// A column: `v1` when it is swept, `v(out)`, `i(v1)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    pub name: String,
    pub unit: Unit,
    pub is_sweep: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    Voltage,
    Current,
    Power,
    Resistance,
    Conductance,
    /// Degrees Celsius, as decks give it.
    Temperature,
    /// A plain number.
    None,
    /// Anything else, spelled out: `V/ohm`.
    Other(String),
}

impl Unit {
    /// The unit of a symbol.
    pub fn of(symbol: &str) -> Self {
        match symbol {
            "V" => Unit::Voltage,
            "A" => Unit::Current,
            "W" => Unit::Power,
            "ohm" => Unit::Resistance,
            "S" => Unit::Conductance,
            "degC" | "°C" => Unit::Temperature,
            "" => Unit::None,
            other => Unit::Other(other.to_string()),
        }
    }

    /// The unit of a quotient.
    pub fn per(&self, other: &Unit) -> Self {
        match (self.symbol(), other.symbol()) {
            (a, "") => Self::of(a),
            ("V", "A") => Unit::Resistance,
            ("A", "V") => Unit::Conductance,
            ("", b) => Unit::Other(format!("1/{b}")),
            (a, b) if a == b => Unit::None,
            (a, b) if b.contains('/') => Unit::Other(format!("{a}/({b})")),
            (a, b) => Unit::Other(format!("{a}/{b}")),
        }
    }

    /// The unit's symbol in ASCII; empty for a plain number.
    pub fn symbol(&self) -> &str {
        match self {
            Unit::Voltage => "V",
            Unit::Current => "A",
            Unit::Power => "W",
            Unit::Resistance => "ohm",
            Unit::Conductance => "S",
            Unit::Temperature => "degC",
            Unit::None => "",
            Unit::Other(symbol) => symbol,
        }
    }
}

impl Variable {
    pub fn new(name: impl Into<String>, unit: Unit) -> Self {
        Self {
            name: name.into(),
            unit,
            is_sweep: false,
        }
    }

    pub fn swept(name: impl Into<String>, unit: Unit) -> Self {
        Self {
            is_sweep: true,
            ..Self::new(name, unit)
        }
    }
}

impl Dataset {
    pub fn sweeps(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().filter(|v| v.is_sweep)
    }

    /// All numbers of one variable.
    pub fn column(&self, variable: usize) -> impl Iterator<Item = f64> + '_ {
        self.rows.iter().map(move |row| row[variable])
    }

    /// Whether the other dataset is the same analysis at another step.
    fn is_step_beside(&self, other: &Dataset) -> bool {
        let names = |d: &Dataset| d.steps.iter().map(|s| s.0.clone()).collect::<Vec<_>>();
        !self.steps.is_empty()
            && self.analysis == other.analysis
            && self.variables == other.variables
            && names(self) == names(other)
    }
}

/// Puts the steps of each analysis together, in the order in which the analyses first appear. A
/// stepped deck gives `op dc op dc`, a table wants `op op` and `dc dc`.
pub fn by_analysis(datasets: &[Dataset]) -> Vec<Vec<&Dataset>> {
    let mut groups: Vec<Vec<&Dataset>> = Vec::new();
    for dataset in datasets {
        match groups.iter_mut().find(|g| g[0].is_step_beside(dataset)) {
            Some(group) => group.push(dataset),
            None => groups.push(vec![dataset]),
        }
    }
    groups
}

/// A number as C prints it with `%.{decimals}e`: `1.5e-03`. Sixteen decimals carry all bits.
pub fn scientific(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text.to_lowercase(); // nan, inf, -inf
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::scientific;

    #[test]
    fn numbers_look_as_c_prints_them() {
        assert_eq!(scientific(0.0015, 2), "1.50e-03");
        assert_eq!(scientific(-1e300, 1), "-1.0e+300");
        assert_eq!(scientific(-0.0, 0), "-0e+00");
        assert_eq!(scientific(f64::NAN, 3), "nan");
        assert_eq!(scientific(f64::NEG_INFINITY, 3), "-inf");
    }

    #[test]
    fn sixteen_decimals_carry_all_bits() {
        for value in [0.1, 1.0 / 3.0, f64::MAX, f64::MIN_POSITIVE, 5e-324] {
            assert_eq!(scientific(value, 16).parse(), Ok(value));
        }
    }
}
