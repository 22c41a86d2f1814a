//! Names of the element parameters that carry a gradient.

use std::fmt;

/// A parameter of an element. Units are those of the deck: ohm, V, A, S, degrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Parameter {
    Resistance,
    Voltage,
    Current,
    Gain,
    Transconductance,
    Transresistance,
    Ratio,
    Conductance,
    SaturationCurrent,
    EmissionCoefficient,
    SeriesResistance,
    BreakdownVoltage,
    BreakdownCurrent,
    ActivationEnergy,
    SaturationExponent,
    Area,
    /// Junction temperature, degrees Celsius.
    Temperature,
    OnResistance,
    OffResistance,
    ForwardVoltage,
    ReverseVoltage,
    ReverseResistance,
    /// Voltage of breakpoint k of a table, counted from 0.
    BreakpointVoltage(u32),
    /// Current of breakpoint k of a table, counted from 0.
    BreakpointCurrent(u32),
    /// Argument k of a behavioural law, counted from 0: a coefficient of a polynomial, for instance.
    Argument(u32),
}

impl fmt::Display for Parameter {
    /// The deck's name of the parameter; breakpoints count from 1 (`v1`, `i1`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Parameter::Resistance => "resistance",
            Parameter::Voltage => "voltage",
            Parameter::Current => "current",
            Parameter::Gain => "gain",
            Parameter::Transconductance => "transconductance",
            Parameter::Transresistance => "transresistance",
            Parameter::Ratio => "ratio",
            Parameter::Conductance => "conductance",
            Parameter::SaturationCurrent => "is",
            Parameter::EmissionCoefficient => "n",
            Parameter::SeriesResistance => "rs",
            Parameter::BreakdownVoltage => "bv",
            Parameter::BreakdownCurrent => "ibv",
            Parameter::ActivationEnergy => "eg",
            Parameter::SaturationExponent => "xti",
            Parameter::Area => "area",
            Parameter::Temperature => "temperature",
            Parameter::OnResistance => "ron",
            Parameter::OffResistance => "roff",
            Parameter::ForwardVoltage => "vfwd",
            Parameter::ReverseVoltage => "vrev",
            Parameter::ReverseResistance => "rrev",
            Parameter::BreakpointVoltage(k) => return write!(f, "v{}", k + 1),
            Parameter::BreakpointCurrent(k) => return write!(f, "i{}", k + 1),
            Parameter::Argument(k) => return write!(f, "p{k}"),
        };
        f.write_str(name)
    }
}
