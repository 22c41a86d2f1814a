//! `-lambda' dF/dtheta` and the derivatives of element currents: the other half of each stamp.

use crate::circuit::{Circuit, ElementId, ElementRef, ParameterId};
use crate::device::{Device, Parameter};

use super::recover::BranchCurrents;
use super::stamps::Place;
use super::workspace::Workspace;
use super::{System, Unknown, Values};

impl System {
    /// Length of the full vector: nodes and kept branches.
    pub fn full_len(&self) -> usize {
        self.unknown.len()
    }

    /// Number of eliminated voltage sources and shorts.
    pub fn tie_count(&self) -> usize {
        self.ties.len()
    }

    /// The reduced unknown of each full entry.
    pub fn unknowns(&self) -> &[Unknown] {
        &self.unknown
    }

    /// Adds a reduced vector to the full entries it stands for.
    pub fn add_reduced(&self, reduced: &[f64], full: &mut [f64]) {
        for (value, unknown) in full.iter_mut().zip(&self.unknown) {
            if let Some(x) = reduced.get(unknown.index()) {
                *value += x;
            }
        }
    }

    /// The transposed equations of eliminated sources: `lambda_p - lambda_n = dL/dj`.
    pub fn apply_adjoint_ties(&self, tie_cotangents: &[f64], lambda: &mut [f64]) {
        for (tie, c) in self.ties.iter().zip(tie_cotangents) {
            lambda[tie.node.index()] = lambda[tie.parent.index()] + tie.sign * c;
        }
    }

    /// `-lambda' dF/dtheta` for some parameters of one element (table in Director and Rohrer 1969).
    pub fn parameter_derivatives(
        &self,
        circuit: &Circuit,
        values: &Values,
        workspace: &Workspace,
        lambda: (&BranchCurrents, &[f64], &BranchCurrents),
        ids: &[ParameterId],
        derivatives: &mut [f64],
    ) {
        let Some(first) = ids.first() else { return };
        let element = circuit.element(first.element);
        let place = self.place[first.element.index()];
        if let (Place::OnePort(_), Device::OnePort(one_port)) = (place, &element.device) {
            let [p, n] = element.port;
            let voltage = workspace.voltage(p, n);
            let parameters = ids.iter().map(|id| id.parameter);
            one_port.current_derivatives(parameters, voltage, derivatives);
            for derivative in derivatives {
                *derivative *= -(lambda.1[p.index()] - lambda.1[n.index()]);
            }
            return;
        }
        for (derivative, &id) in derivatives.iter_mut().zip(ids) {
            *derivative = self.parameter_derivative(&element, values, workspace, lambda, id);
        }
    }

    fn parameter_derivative(
        &self,
        element: &ElementRef,
        values: &Values,
        workspace: &Workspace,
        (ties, lambda, lambda_ties): (&BranchCurrents, &[f64], &BranchCurrents),
        id: ParameterId,
    ) -> f64 {
        let [p, n] = element.port;
        let lambda_pn = lambda[p.index()] - lambda[n.index()];
        let voltage = workspace.voltage(p, n);
        match (self.place[id.element.index()], &element.device) {
            (Place::Conductance(k), _) => {
                let g = values.conductances[k as usize];
                lambda_pn * voltage * g * g
            }
            (Place::Current(_), _) => -lambda_pn,
            (Place::Tie(k), Device::VoltageSource { .. }) => lambda_ties.get(k as usize),
            (Place::Tie(k), _) => lambda_ties.get(k as usize) * ties.get(k as usize),
            (Place::Law(k), _) => {
                let [p, n] = self.laws[k as usize].rows;
                let across = lambda[p.index()] - lambda[n.index()];
                -across * self.law_derivative(workspace, k, id.parameter)
            }
            (Place::Coupled { first, branch }, device) => {
                if let (Device::VoltageSource { .. }, Some(branch)) = (device, branch) {
                    return lambda[self.node_count + branch.0 as usize];
                }
                self.coupled_derivative(workspace, lambda, first, id)
            }
            _ => 0.0,
        }
    }

    /// `d f/d theta` of a law at fixed controls.
    fn law_derivative(&self, workspace: &Workspace, law: u32, parameter: Parameter) -> f64 {
        let stamp = &self.laws[law as usize];
        let Parameter::Argument(argument) = parameter else {
            return 0.0;
        };
        let arguments = &workspace.laws.slopes[stamp.slopes.clone()][stamp.controls.len()..];
        arguments.get(argument as usize).copied().unwrap_or(0.0)
    }

    /// `-sum sign lambda_row z_column` over the entries of the element that hold the parameter.
    fn coupled_derivative(
        &self,
        workspace: &Workspace,
        lambda: &[f64],
        first: u32,
        id: ParameterId,
    ) -> f64 {
        let entries = self.couplings[first as usize..].iter();
        let sum: f64 = entries
            .take_while(|c| c.element == id.element)
            .filter(|c| c.parameter == Some(id.parameter))
            .map(|c| c.sign * lambda[c.row.index()] * workspace.full[c.column.index()])
            .sum();
        -sum
    }

    /// Adds `weight d i/d z` for the current of the (first) port of an element.
    pub fn add_current_derivative(
        &self,
        circuit: &Circuit,
        values: &Values,
        workspace: &Workspace,
        id: ElementId,
        weight: f64,
        (full, ties): (&mut [f64], &mut [f64]),
    ) {
        let [p, n] = circuit.element(id).port;
        let mut pair = |g: f64| {
            full[p.index()] += weight * g;
            full[n.index()] -= weight * g;
        };
        match self.place[id.index()] {
            Place::Conductance(k) => pair(values.conductances[k as usize]),
            Place::OnePort(k) => pair(workspace.companions[k as usize].conductance),
            Place::Ideal(k) => full[self.ideal_diodes[k as usize].branch.index()] += weight,
            Place::Tie(k) => ties[k as usize] += weight,
            Place::RedundantShort | Place::Current(_) => {}
            Place::Law(k) => {
                let stamp = &self.laws[k as usize];
                if let Some(branch) = stamp.branch {
                    full[branch.index()] += weight;
                    return;
                }
                let slopes = &workspace.laws.slopes[stamp.slopes.clone()];
                let controls = self.controls[stamp.controls.clone()].iter();
                for (control, slope) in controls.zip(slopes) {
                    let [p, n] = control.columns;
                    full[p.index()] += weight * slope;
                    full[n.index()] -= weight * slope;
                }
            }
            Place::Coupled {
                branch: Some(branch),
                ..
            } => {
                full[self.node_count + branch.0 as usize] += weight;
            }
            Place::Coupled {
                first,
                branch: None,
            } => {
                for k in self.port_entries(circuit, id, first, 0) {
                    full[self.couplings[k].column.index()] += weight * values.coefficients[k];
                }
            }
        }
    }

    /// `d i/d theta` at fixed `z` for the current of the (first) port of an element.
    pub fn current_parameter_derivative(
        &self,
        circuit: &Circuit,
        workspace: &Workspace,
        id: ParameterId,
    ) -> f64 {
        let element = circuit.element(id.element);
        let voltage = workspace.voltage(element.port[0], element.port[1]);
        match (self.place[id.element.index()], &element.device) {
            (Place::Conductance(_), Device::Resistor { resistance }) => {
                -voltage / (resistance * resistance)
            }
            (Place::OnePort(_), Device::OnePort(one_port)) => {
                one_port.current_derivative(id.parameter, voltage)
            }
            (Place::Current(_), _) => f64::from(id.parameter == Parameter::Current),
            (Place::Law(k), _) if self.laws[k as usize].branch.is_none() => {
                self.law_derivative(workspace, k, id.parameter)
            }
            (
                Place::Coupled {
                    first,
                    branch: None,
                },
                _,
            ) => self
                .port_entries(circuit, id.element, first, 0)
                .map(|k| &self.couplings[k])
                .map(|c| c.sign * workspace.full[c.column.index()])
                .sum(),
            _ => 0.0,
        }
    }

    /// Entries that make the current of one port, by position in the order in which the compiler
    /// adds the entries of each device.
    pub(super) fn port_entries(
        &self,
        circuit: &Circuit,
        id: ElementId,
        first: u32,
        port: u32,
    ) -> std::ops::Range<usize> {
        let (from, to) = match (&circuit.element(id).device, port) {
            (Device::Vccs { .. } | Device::Gyrator { .. }, 0) => (0, 2),
            (Device::Gyrator { .. }, 1) => (4, 6),
            (Device::Cccs { .. }, 0) => (0, 1),
            (Device::Transformer { .. }, 1) => (4, 5),
            _ => (0, 0),
        };
        first as usize + from..first as usize + to
    }
}
