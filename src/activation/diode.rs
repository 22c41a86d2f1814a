//! The diode of built-in elements: a model card without a deck.

use crate::device::{DiodeLevel, Environment, Parameter, Shockley, ShockleyParameters};

use super::element::Conditions;
use super::error::{ActivationError, ElementError};

/// Keys to choose from where one is unknown; every DC parameter of the model card is taken.
pub(super) const KEYS: [&str; 18] = [
    "is", "n", "rs", "bv", "ibv", "nbv", "isr", "nr", "ikf", "eg", "xti", "area", "temp", "tnom",
    "gmin", "level", "vj", "m",
];

const RANGES: &str = "IS, N, BV, IBV and the area must be positive, RS not negative";

/// Parameters of a diode and what it takes from its surroundings.
///
/// Unlike in a deck, LEVEL is 2 and GMIN is zero unless they are given: Shockley's law itself, at every
/// voltage. LEVEL 1, ngspice's, has a cubic in place of the exponential below `-3 N Vt`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DiodeCard {
    pub parameters: ShockleyParameters,
    /// Degrees Celsius, if the element has a temperature of its own.
    temperature: Option<f64>,
    nominal_temperature: f64,
    gmin: f64,
    /// Whether N was given, so that families leave it alone.
    has_emission: bool,
}

impl Default for DiodeCard {
    fn default() -> Self {
        Self {
            parameters: ShockleyParameters {
                level: DiodeLevel::Two,
                ..ShockleyParameters::default()
            },
            temperature: None,
            nominal_temperature: Environment::default().nominal_temperature,
            gmin: 0.0,
            has_emission: false,
        }
    }
}

impl DiodeCard {
    /// Takes `key = value` of `element`; false if diodes have no such key.
    pub fn take(&mut self, element: &str, key: &str, value: f64) -> Result<bool, ElementError> {
        let refused = |rule| ElementError::Refused {
            element: element.to_string(),
            key: key.to_string(),
            value,
            rule,
        };
        match key {
            "temp" | "tnom" => {
                if !(value > -crate::units::CELSIUS_ZERO) {
                    return Err(refused("degrees Celsius above absolute zero"));
                }
                match key {
                    "temp" => self.temperature = Some(value),
                    _ => self.nominal_temperature = value,
                }
            }
            "gmin" if value >= 0.0 => self.gmin = value,
            "gmin" => return Err(refused("siemens, not negative")),
            "level" => {
                let level = DiodeLevel::from_card(value);
                self.parameters.level =
                    level.ok_or_else(|| refused("1 is ngspice's law, 2 that of PSpice"))?;
            }
            _ => {
                let Some(parameter) = Shockley::card_parameter(key) else {
                    return Ok(false);
                };
                if !self.parameters.assign(parameter, value) {
                    return Err(refused(RANGES));
                }
                self.has_emission |= parameter == Parameter::EmissionCoefficient;
            }
        }
        Ok(true)
    }

    /// Whether the level in use has a key, as far as it is a parameter of the law at all.
    pub fn uses(&self, key: &str) -> bool {
        Shockley::card_parameter(key).is_none_or(|p| self.parameters.level.uses(p))
    }

    pub fn has_own_temperature(&self) -> bool {
        self.temperature.is_some()
    }

    pub fn has_own_emission(&self) -> bool {
        self.has_emission
    }

    /// The diode at given conditions; what it was given itself comes first.
    pub fn diode(
        &self,
        element: &str,
        conditions: &Conditions,
    ) -> Result<Shockley, ActivationError> {
        let mut parameters = self.parameters;
        if let Some(n) = conditions.emission.filter(|_| !self.has_emission)
            && !parameters.assign(Parameter::EmissionCoefficient, n)
        {
            return Err(ActivationError::Emission {
                element: element.to_string(),
                value: n,
            });
        }
        let default = Environment::default().temperature;
        let temperature = self.temperature.or(conditions.temperature);
        let environment = Environment {
            temperature: temperature.unwrap_or(default),
            nominal_temperature: self.nominal_temperature,
            gmin: self.gmin,
        };
        Shockley::new(parameters, environment).ok_or_else(|| ActivationError::Temperature {
            element: element.to_string(),
            value: environment.temperature,
            rule: "above absolute zero, and where the saturation current is a number: it grows with \
                   exp(-EG/(N Vt))",
        })
    }
}
