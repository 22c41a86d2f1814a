//! Temperature, gmin and the numbers of `.options`.

use super::Elaborator;
use crate::device::Environment;
use crate::netlist::Diagnostic;
use crate::source::Span;
use crate::units::CELSIUS_ZERO;

impl<'a> Elaborator<'a> {
    /// Options first, for expressions may name the temperature; `.temp` wins over `.options temp=`.
    pub(super) fn environment(&mut self) {
        for option in &self.netlist.options {
            let what = format!("option `{}`", option.name.value);
            let value = option.value.as_ref();
            let number = value.map(|value| self.number(value, &what));
            if let Some(value) = number.map(|n| n.map(|n| n.value)) {
                let Some(value) = value else { continue };
                self.circuit
                    .options
                    .push((option.name.value.clone(), value));
            }
        }
        self.warn_of_shunt();
        let default = Environment::default();
        let temperature = match &self.netlist.temperature {
            Some(value) => self.number(value, "the temperature").map(|n| n.value),
            None => self.circuit.option("temp"),
        };
        let environment = Environment {
            temperature: temperature.unwrap_or(default.temperature),
            nominal_temperature: self
                .circuit
                .option("tnom")
                .unwrap_or(default.nominal_temperature),
            gmin: self.circuit.option("gmin").unwrap_or(default.gmin),
        };
        self.circuit.set_environment(environment);
        self.check_environment(environment);
    }

    /// ngspice would put this resistor from every node to ground; a circuit is solved here without it.
    fn warn_of_shunt(&mut self) {
        let options = self.netlist.options.iter();
        for option in options.filter(|o| o.name.value == "rshunt") {
            let warning = Diagnostic::warning("option `rshunt` is not used")
                .at(option.name.span, "ignored")
                .help("put resistors to ground where the circuit has them");
            self.warn(warning);
        }
    }

    /// The parameters behind the environment cannot be set any more.
    pub(super) fn fix_environment(&mut self) {
        let options = self.netlist.options.iter().filter_map(|o| o.value.as_ref());
        for value in self.netlist.temperature.iter().chain(options) {
            if let Some(number) = self.number(value, "an option") {
                self.fixed(number);
            }
        }
    }

    /// Temperatures above absolute zero, GMIN not negative.
    fn check_environment(&mut self, e: Environment) {
        let coldest = e.temperature.min(e.nominal_temperature);
        let (message, help) = if !(coldest + CELSIUS_ZERO > 0.0) {
            let help = "temperatures are in degrees Celsius, above -273.15";
            (format!("{coldest} °C is below absolute zero"), help)
        } else if !(e.gmin >= 0.0) {
            let help = "give a conductance that is not negative, such as 1e-12";
            (format!("gmin = {} is negative", e.gmin), help)
        } else {
            return;
        };
        let span = self.place_of_environment();
        self.diagnose(
            Diagnostic::error(message)
                .at(span, "out of range")
                .help(help),
        );
    }

    fn place_of_environment(&self) -> Span {
        let temperature = self.netlist.temperature.as_ref().map(|t| t.span);
        let options = self.netlist.options.iter().map(|o| o.name.span);
        let mut places = temperature.into_iter().chain(options);
        places.next().unwrap_or_default()
    }
}
