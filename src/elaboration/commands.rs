//! What can be checked of the requests of a deck before anything is solved.

use super::Elaborator;
use crate::netlist::{Analysis, Diagnostic, Sweep};

impl<'a> Elaborator<'a> {
    pub(super) fn check_commands(&mut self) {
        let commands = &self.netlist.commands;
        for analysis in &commands.analyses {
            if let Analysis::DcSweep { sweeps } = &analysis.value {
                self.check_sweeps(".dc", sweeps);
            }
        }
        self.check_sweeps(".step", &commands.steps);
    }

    /// Every variable must be there, and only once.
    fn check_sweeps(&mut self, card: &str, sweeps: &[Sweep]) {
        for (index, sweep) in sweeps.iter().enumerate() {
            let variable = &sweep.variable;
            let same = |other: &&Sweep| other.variable.value == variable.value;
            if sweeps[..index].iter().any(|other| same(&other)) {
                let message = format!("`{card}` sweeps `{}` twice", variable.value);
                let fault = Diagnostic::error(message).at(variable.span, "again");
                self.diagnose(fault.help("name another variable for the outer sweep"));
            }
            if let Err(error) = self.circuit.find_variable(&variable.value) {
                let message = format!(
                    "`{card}` sweeps `{}`, which is nothing that can be swept",
                    variable.value
                );
                let fault = Diagnostic::error(message).at(variable.span, "no such variable");
                self.diagnose(fault.help(error.help()));
            }
        }
    }

    /// `.nodeset` of the innermost frame, once its elements are there.
    pub(super) fn nodeset(&mut self) {
        let scope = self.top().scope;
        for (node, value) in &self.tree.scopes[scope].body.nodeset {
            let Some(number) = self.number(value, "its voltage") else {
                continue;
            };
            let volts = self.fixed(number);
            match self.existing_node(&node.value) {
                Some(id) => self.circuit.nodeset.push((id, volts)),
                None => {
                    let message = format!(
                        "`.nodeset` names `{}`, which is no node of the circuit",
                        node.value
                    );
                    self.warn(Diagnostic::warning(message).at(node.span, "ignored"));
                }
            }
        }
    }
}
