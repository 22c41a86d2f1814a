//! Units of element parameters.

use super::{Device, Parameter};

impl Device {
    /// The unit of a parameter; empty for a plain number.
    pub fn unit(&self, parameter: Parameter) -> &'static str {
        match parameter {
            Parameter::Resistance
            | Parameter::Transresistance
            | Parameter::SeriesResistance
            | Parameter::OnResistance
            | Parameter::OffResistance
            | Parameter::ReverseResistance => "ohm",
            Parameter::Voltage
            | Parameter::BreakdownVoltage
            | Parameter::JunctionPotential
            | Parameter::ForwardVoltage
            | Parameter::ReverseVoltage
            | Parameter::BreakpointVoltage(_) => "V",
            Parameter::Current
            | Parameter::SaturationCurrent
            | Parameter::BreakdownCurrent
            | Parameter::LowBreakdownCurrent
            | Parameter::ForwardKneeCurrent
            | Parameter::ReverseKneeCurrent
            | Parameter::RecombinationCurrent
            | Parameter::SidewallCurrent
            | Parameter::TunnelCurrent
            | Parameter::SidewallTunnelCurrent
            | Parameter::BreakpointCurrent(_) => "A",
            Parameter::Transconductance | Parameter::Conductance => "S",
            Parameter::ActivationEnergy => "eV",
            Parameter::Temperature => "°C",
            Parameter::Gain if matches!(self, Device::Vcvs { .. }) => "V/V",
            Parameter::Gain => "A/A",
            Parameter::BreakdownTemperature | Parameter::PotentialTemperature => "V/K",
            Parameter::KneeTemperature
            | Parameter::GradingTemperature
            | Parameter::ResistanceTemperature
            | Parameter::RelativeBreakdownTemperature => "1/K",
            Parameter::QuadraticGradingTemperature
            | Parameter::QuadraticResistanceTemperature
            | Parameter::QuadraticBreakdownTemperature => "1/K2",
            Parameter::Ratio
            | Parameter::EmissionCoefficient
            | Parameter::BreakdownEmission
            | Parameter::LowBreakdownEmission
            | Parameter::RecombinationEmission
            | Parameter::SidewallEmission
            | Parameter::TunnelEmission
            | Parameter::TunnelExponent
            | Parameter::TunnelEnergyFactor
            | Parameter::SaturationExponent
            | Parameter::GradingCoefficient
            | Parameter::DepletionCoefficient
            | Parameter::BreakdownTemperatureLaw
            | Parameter::PotentialTemperatureLaw
            | Parameter::Perimeter
            | Parameter::Multiplier
            | Parameter::Area
            | Parameter::Argument(_) => "",
        }
    }
}
