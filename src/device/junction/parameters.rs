//! Parameters of the junction diode: their defaults, their names on a `.model` card, their ranges.

use crate::device::Parameter;

/// Which equations a diode obeys: the `LEVEL` of its model card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiodeLevel {
    /// Berkeley SPICE's diode as ngspice-39 extends it.
    #[default]
    One,
    /// PSpice's diode, which Xyce calls level 2.
    Two,
}

impl DiodeLevel {
    /// The level of a card's `level=` entry; ngspice takes the card without one as level 1.
    pub fn from_card(level: f64) -> Option<Self> {
        match level {
            1.0 => Some(DiodeLevel::One),
            2.0 => Some(DiodeLevel::Two),
            _ => None,
        }
    }

    /// Whether the equations of this level contain the parameter at DC.
    pub fn uses(self, parameter: Parameter) -> bool {
        use Parameter as P;
        match parameter {
            P::RelativeBreakdownTemperature
            | P::QuadraticBreakdownTemperature
            | P::LowBreakdownCurrent
            | P::LowBreakdownEmission
            | P::KneeTemperature => self == DiodeLevel::Two,
            P::ReverseKneeCurrent
            | P::SidewallCurrent
            | P::SidewallEmission
            | P::Perimeter
            | P::TunnelCurrent
            | P::SidewallTunnelCurrent
            | P::TunnelEmission
            | P::TunnelExponent
            | P::TunnelEnergyFactor
            | P::BreakdownTemperature
            | P::BreakdownTemperatureLaw
            | P::PotentialTemperature
            | P::PotentialTemperatureLaw
            | P::GradingTemperature
            | P::QuadraticGradingTemperature
            | P::DepletionCoefficient => self == DiodeLevel::One,
            _ => CARD.iter().any(|&(known, _)| known == parameter),
        }
    }
}

/// A field that a parameter names.
trait Field {
    fn read(&self) -> Option<f64>;
    fn write(&mut self, value: f64);
}

impl Field for f64 {
    fn read(&self) -> Option<f64> {
        Some(*self)
    }
    fn write(&mut self, value: f64) {
        *self = value;
    }
}

impl Field for Option<f64> {
    fn read(&self) -> Option<f64> {
        *self
    }
    fn write(&mut self, value: f64) {
        *self = Some(value);
    }
}

/// Declares the parameters once: field, type, default, [`Parameter`], names on the card.
macro_rules! parameters {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $parameter:ident, $names:expr;)*) => {
        /// Parameters of a junction diode with SPICE's defaults. Units V, A, ohm, eV, K. What is
        /// `None` takes the default of the level.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct ShockleyParameters {
            pub level: DiodeLevel,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for ShockleyParameters {
            fn default() -> Self {
                Self { level: DiodeLevel::default(), $($field: $default,)* }
            }
        }

        /// Every parameter with its names on a model card, the usual one first.
        const CARD: &[(Parameter, &[&str])] = &[$((Parameter::$parameter, &$names),)*];

        impl ShockleyParameters {
            /// The value as given, or the default that does not depend on the level.
            pub fn given(&self, parameter: Parameter) -> Option<f64> {
                match parameter {
                    $(Parameter::$parameter => self.$field.read(),)*
                    _ => None,
                }
            }

            fn field(&mut self, parameter: Parameter) -> Option<&mut dyn Field> {
                match parameter {
                    $(Parameter::$parameter => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

parameters! {
    saturation_current: f64 = 1e-14, SaturationCurrent, ["is", "js"];
    emission_coefficient: f64 = 1.0, EmissionCoefficient, ["n"];
    series_resistance: f64 = 0.0, SeriesResistance, ["rs"];
    /// No breakdown if absent.
    breakdown_voltage: Option<f64> = None, BreakdownVoltage, ["bv", "vb"];
    /// 1e-3 A at level 1, 1e-10 A at level 2.
    breakdown_current: Option<f64> = None, BreakdownCurrent, ["ibv", "ib"];
    /// N at level 1, 1 at level 2.
    breakdown_emission: Option<f64> = None, BreakdownEmission, ["nbv"];
    activation_energy: f64 = 1.11, ActivationEnergy, ["eg"];
    saturation_exponent: f64 = 3.0, SaturationExponent, ["xti"];
    /// No high injection if absent or below 1e-28 A.
    forward_knee_current: Option<f64> = None, ForwardKneeCurrent, ["ikf", "ik"];
    reverse_knee_current: Option<f64> = None, ReverseKneeCurrent, ["ikr"];
    /// `IKF (1 + TIKF dT)`, level 2.
    knee_temperature: f64 = 0.0, KneeTemperature, ["tikf"];
    /// No recombination if absent.
    recombination_current: Option<f64> = None, RecombinationCurrent, ["isr"];
    /// 1 at level 1 (ngspice-39; later versions 2), 2 at level 2.
    recombination_emission: Option<f64> = None, RecombinationEmission, ["nr"];
    /// A per unit of the perimeter.
    sidewall_current: Option<f64> = None, SidewallCurrent, ["jsw", "isw"];
    /// Without it the sidewall current joins that of the area.
    sidewall_emission: Option<f64> = None, SidewallEmission, ["ns"];
    tunnel_current: Option<f64> = None, TunnelCurrent, ["jtun"];
    sidewall_tunnel_current: Option<f64> = None, SidewallTunnelCurrent, ["jtunsw"];
    tunnel_emission: f64 = 30.0, TunnelEmission, ["ntun"];
    tunnel_exponent: f64 = 3.0, TunnelExponent, ["xtitun"];
    tunnel_energy_factor: f64 = 1.0, TunnelEnergyFactor, ["keg"];
    junction_potential: f64 = 1.0, JunctionPotential, ["vj", "pb"];
    grading_coefficient: f64 = 0.5, GradingCoefficient, ["m", "mj"];
    grading_temperature: f64 = 0.0, GradingTemperature, ["tm1"];
    quadratic_grading_temperature: f64 = 0.0, QuadraticGradingTemperature, ["tm2"];
    /// ngspice limits VJ to 1/FC.
    depletion_coefficient: f64 = 0.5, DepletionCoefficient, ["fc"];
    /// `VJ - TPB (T - 27 C)` where TLEVC = 1.
    potential_temperature: f64 = 0.0, PotentialTemperature, ["tpb", "tvj"];
    potential_temperature_law: f64 = 0.0, PotentialTemperatureLaw, ["tlevc"];
    resistance_temperature: f64 = 0.0, ResistanceTemperature, ["trs1", "trs"];
    quadratic_resistance_temperature: f64 = 0.0, QuadraticResistanceTemperature, ["trs2"];
    /// `BV - TCV dT`, or `BV (1 - TCV dT)` where TLEV = 1.
    breakdown_temperature: f64 = 0.0, BreakdownTemperature, ["tcv"];
    breakdown_temperature_law: f64 = 0.0, BreakdownTemperatureLaw, ["tlev"];
    /// `BV (1 + TBV1 dT + TBV2 dT^2)`, level 2.
    relative_breakdown_temperature: f64 = 0.0, RelativeBreakdownTemperature, ["tbv1"];
    quadratic_breakdown_temperature: f64 = 0.0, QuadraticBreakdownTemperature, ["tbv2"];
    low_breakdown_current: Option<f64> = None, LowBreakdownCurrent, ["ibvl"];
    low_breakdown_emission: f64 = 1.0, LowBreakdownEmission, ["nbvl"];
    area: f64 = 1.0, Area, ["area"];
    perimeter: f64 = 0.0, Perimeter, ["pj"];
    /// Number of diodes in parallel.
    multiplier: f64 = 1.0, Multiplier, [];
}

/// Parameters that [`ShockleyParameters::listed`] names even where nobody gave them.
const ALWAYS: &[Parameter] = &[
    Parameter::SaturationCurrent,
    Parameter::EmissionCoefficient,
    Parameter::SeriesResistance,
    Parameter::ActivationEnergy,
    Parameter::SaturationExponent,
    Parameter::Area,
];

impl ShockleyParameters {
    /// The parameter that a name on a `.model` card sets, in lower case.
    pub fn card_parameter(name: &str) -> Option<Parameter> {
        CARD.iter()
            .find(|(_, names)| names.contains(&name))
            .map(|&(parameter, _)| parameter)
    }

    /// Sets a parameter; false, with nothing changed, if diodes have no such parameter or it cannot
    /// take the value.
    pub fn assign(&mut self, parameter: Parameter, value: f64) -> bool {
        let mut changed = *self;
        match changed.field(parameter) {
            Some(field) => field.write(value),
            None => return false,
        }
        let valid = changed.valid();
        if valid {
            *self = changed;
        }
        valid
    }

    /// The value in use: given, or the default of the level; none for an effect that is off.
    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        let one = self.level == DiodeLevel::One;
        self.given(parameter).or(match parameter {
            Parameter::BreakdownCurrent => Some(if one { 1e-3 } else { 1e-10 }),
            Parameter::BreakdownEmission if one => Some(self.emission_coefficient),
            Parameter::BreakdownEmission => Some(1.0),
            Parameter::RecombinationEmission => Some(if one { 1.0 } else { 2.0 }),
            _ => None,
        })
    }

    /// Parameters that the law depends on here, in the order of the declaration.
    pub fn listed(&self) -> Vec<Parameter> {
        CARD.iter()
            .map(|&(parameter, _)| parameter)
            .filter(|&p| self.level.uses(p) && (ALWAYS.contains(&p) || self.matters(p)))
            .collect()
    }

    /// Whether the effect that a parameter belongs to is present.
    fn matters(&self, parameter: Parameter) -> bool {
        use Parameter as P;
        let default = Self::default();
        let changed = self.given(parameter) != default.given(parameter);
        match parameter {
            P::BreakdownTemperatureLaw | P::PotentialTemperatureLaw => false,
            P::BreakdownCurrent => self.breakdown_voltage.is_some(),
            P::BreakdownEmission
            | P::BreakdownTemperature
            | P::RelativeBreakdownTemperature
            | P::QuadraticBreakdownTemperature => changed && self.breakdown_voltage.is_some(),
            P::LowBreakdownCurrent => changed && self.breakdown_voltage.is_some(),
            P::LowBreakdownEmission => self.low_breakdown_current.is_some(),
            P::RecombinationEmission | P::JunctionPotential | P::GradingCoefficient => {
                self.recombination_current.is_some()
            }
            P::GradingTemperature | P::QuadraticGradingTemperature | P::PotentialTemperature => {
                changed && self.recombination_current.is_some()
            }
            P::DepletionCoefficient => false,
            P::TunnelEmission | P::TunnelExponent | P::TunnelEnergyFactor => {
                self.tunnel_current.is_some() || self.sidewall_tunnel_current.is_some()
            }
            P::Perimeter => {
                self.sidewall_current.is_some() || self.sidewall_tunnel_current.is_some()
            }
            _ => changed,
        }
    }

    /// Every entry of the model card that differs from its default, for the one diode that equals
    /// the `m` in parallel: perimeter and IBV carry the multiplier, which a card has not.
    pub fn card(&self) -> Vec<(&'static str, f64)> {
        let mut single = *self;
        single.perimeter *= self.multiplier;
        single.area = 1.0;
        if self.multiplier != 1.0 && self.level == DiodeLevel::One {
            let ibv = self.value(Parameter::BreakdownCurrent);
            single.breakdown_current = ibv.map(|i| i * self.multiplier);
        }
        let default = Self::default();
        let level = (self.level == DiodeLevel::Two).then_some(("level", 2.0));
        let entries = CARD.iter().filter_map(|&(parameter, names)| {
            let value = single.given(parameter)?;
            let differs = default.given(parameter) != Some(value);
            differs.then_some((*names.first()?, value))
        });
        level.into_iter().chain(entries).collect()
    }

    /// Whether every number lies where the law has a meaning.
    pub(super) fn valid(&self) -> bool {
        CARD.iter().all(|&(parameter, _)| {
            self.given(parameter)
                .is_none_or(|value| value.is_finite() && in_range(parameter, value))
        })
    }
}

fn in_range(parameter: Parameter, value: f64) -> bool {
    use Parameter as P;
    match parameter {
        // Beyond anything that is a diode, and far from overflow.
        P::SaturationCurrent | P::Area | P::Multiplier => value > 0.0 && value < 1e30,
        P::EmissionCoefficient
        | P::BreakdownVoltage
        | P::BreakdownCurrent
        | P::BreakdownEmission
        | P::LowBreakdownEmission
        | P::RecombinationEmission
        | P::SidewallEmission
        | P::TunnelEmission
        | P::JunctionPotential => value > 0.0,
        P::SeriesResistance
        | P::ForwardKneeCurrent
        | P::ReverseKneeCurrent
        | P::RecombinationCurrent
        | P::SidewallCurrent
        | P::TunnelCurrent
        | P::SidewallTunnelCurrent
        | P::LowBreakdownCurrent
        | P::GradingCoefficient
        | P::Perimeter => value >= 0.0,
        P::DepletionCoefficient => (0.0..1.0).contains(&value),
        P::BreakdownTemperatureLaw | P::PotentialTemperatureLaw => value == 0.0 || value == 1.0,
        _ => true,
    }
}
