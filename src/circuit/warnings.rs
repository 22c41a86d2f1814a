//! What of a circuit's topology is odd, but no fault.

use crate::device::Device;
use crate::netlist::Diagnostic;

use super::Circuit;
use super::topology::terminals;

impl Circuit {
    pub(super) fn topology_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = Vec::new();
        let mut uses = vec![0u32; self.node_count()];
        for (_, element) in self.elements() {
            for node in terminals(&element) {
                uses[node.index()] += 1;
            }
            let Device::Resistor { resistance } = element.device else {
                continue;
            };
            let Some(span) = element.span else { continue };
            // Of an inductor the reader has said so already.
            if resistance == 0.0 && element.name().starts_with('l') {
                continue;
            }
            if resistance == 0.0 {
                warnings.push(
                    Diagnostic::warning(format!("`{}` has 0 ohm", element.name()))
                        .at(span, "taken as a short")
                        .help("its two nodes are one; give it a small value to keep them apart"),
                );
            } else if resistance < 0.0 {
                warnings.push(
                    Diagnostic::warning(format!("`{}` is negative", element.name()))
                        .at(span, format!("{resistance} ohm"))
                        .help("the circuit is not monotone: it may have several operating points"),
                );
            }
        }
        self.warn_of_dangling_nodes(&uses, &mut warnings);
        warnings
    }

    fn warn_of_dangling_nodes(&self, uses: &[u32], warnings: &mut Vec<Diagnostic>) {
        for (index, node) in self.nodes.iter().enumerate().skip(1) {
            if let (1, Some(span)) = (uses[index], node.span) {
                warnings.push(
                    Diagnostic::warning(format!("node `{}` has one connection only", node.name))
                        .at(span, "no current can flow here")
                        .help("check the spelling, or remove the element"),
                );
            }
        }
    }
}
