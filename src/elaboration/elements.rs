//! One card to one device.

use super::Elaborator;
use super::number::Number;
use crate::device::{Device, Parameter, PiecewiseTable};
use crate::netlist::{Assignment, BuiltIn, Diagnostic, Element, ElementKind, Name, Value};
use crate::source::Spanned;

impl<'a> Elaborator<'a> {
    pub(super) fn element(&mut self, element: &'a Element) {
        use ElementKind::*;
        match &element.kind {
            Resistor {
                resistance,
                details,
            } => self.resistor(element, resistance.as_ref(), details.as_deref()),
            VoltageSource { dc } => {
                self.scalar(element, dc, Parameter::Voltage, |voltage| {
                    Device::VoltageSource { voltage }
                });
            }
            CurrentSource { dc } => {
                self.scalar(element, dc, Parameter::Current, |current| {
                    Device::CurrentSource { current }
                });
            }
            Vcvs { gain } => {
                self.scalar(element, gain, Parameter::Gain, |gain| Device::Vcvs { gain });
            }
            Vccs { transconductance } => {
                let parameter = Parameter::Transconductance;
                self.scalar(element, transconductance, parameter, |transconductance| {
                    Device::Vccs { transconductance }
                });
            }
            Cccs { control, gain } => {
                let device = |gain| Device::Cccs { gain };
                self.controlled(element, control, gain, Parameter::Gain, device);
            }
            Ccvs {
                control,
                transresistance,
            } => {
                let parameter = Parameter::Transresistance;
                let device = |transresistance| Device::Ccvs { transresistance };
                self.controlled(element, control, transresistance, parameter, device);
            }
            PiecewiseLinear { points } => self.piecewise_table(element, points),
            Diode { model, parameters } => self.diode(element, model, parameters),
            Behavioural(card) => self.behavioural(element, card),
            Polynomial(card) => self.polynomial(element, card),
            Table(card) => self.table(element, card),
            Switch(card) => self.switch(element, card),
            Call {
                definition,
                parameters,
            } => self.call(element, definition, parameters),
        }
    }

    /// An element with one number.
    fn scalar(
        &mut self,
        element: &'a Element,
        value: &'a Spanned<Value>,
        parameter: Parameter,
        device: impl FnOnce(f64) -> Device,
    ) -> Option<crate::circuit::ElementId> {
        let number = match value.value {
            Value::Number(number) => Number::constant(number),
            _ => self.number(value, &format!("the {parameter} of `{}`", element.name))?,
        };
        let scales = [
            Parameter::Current,
            Parameter::Transconductance,
            Parameter::Conductance,
        ];
        let is_current =
            scales.contains(&parameter) || matches!(element.kind, ElementKind::Cccs { .. });
        let number = match is_current {
            true => self.multiplied(number),
            false => number,
        };
        let nodes = self.nodes(element);
        let id = self.insert(element, device(number.value), &nodes)?;
        self.bind(id, parameter, number);
        Some(id)
    }

    /// `TRANSFORMER n=ratio`, or `GYRATOR g=conductance`, S.
    pub(super) fn built_in(
        &mut self,
        element: &'a Element,
        built_in: BuiltIn,
        parameters: &'a [Assignment],
    ) {
        let Some(assignment) = parameters.last() else {
            return;
        };
        let value = &assignment.value;
        match built_in {
            BuiltIn::Transformer => {
                let device = |ratio| Device::Transformer { ratio };
                self.scalar(element, value, Parameter::Ratio, device);
            }
            BuiltIn::Gyrator => {
                let device = |conductance| Device::Gyrator { conductance };
                self.scalar(element, value, Parameter::Conductance, device);
            }
        }
    }

    fn controlled(
        &mut self,
        element: &'a Element,
        control: &'a Spanned<Name>,
        value: &'a Spanned<Value>,
        parameter: Parameter,
        device: impl FnOnce(f64) -> Device,
    ) {
        if let Some(id) = self.scalar(element, value, parameter, device) {
            self.control_later(id, None, control);
        }
    }

    fn piecewise_table(&mut self, element: &'a Element, points: &[(f64, f64)]) {
        let m = self.multiplied(Number::constant(1.0)).value;
        let points = points.iter().map(|(v, i)| (*v, m * i));
        match PiecewiseTable::new(points.collect()) {
            Ok(table) => {
                let nodes = self.nodes(element);
                self.insert(element, table.into(), &nodes);
            }
            Err(error) => {
                let message = format!("`{}` is not a monotone table: {error}", element.name);
                self.diagnose(Diagnostic::error(message).at(element.span, "this table"));
            }
        }
    }
}
