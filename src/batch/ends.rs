//! Where branches end: at free nodes, or at potentials that sources prescribe.

use std::sync::Arc;

use crate::circuit::NodeId;
use crate::mna::ConductanceRun;

/// One end of a branch: the potential of a free node, or zero, plus one that sources prescribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Internal index of the free node.
    node: u32,
    /// Entry of the table of prescribed potentials.
    pub held: u32,
}

const NO_NODE: u32 = u32::MAX;

impl End {
    pub(super) fn new(node: Option<u32>, held: u32) -> Self {
        let node = node.unwrap_or(NO_NODE);
        Self { node, held }
    }

    #[inline]
    pub(super) fn node(self) -> Option<usize> {
        (self.node != NO_NODE).then_some(self.node as usize)
    }

    /// The free node and the held potential of a conductance between the two, if it is one without a
    /// prescribed potential on top of the free node.
    pub(super) fn fed(ends: &[End; 2]) -> Option<(u32, u32)> {
        match *ends {
            [p, n] if p.node != NO_NODE && n.node == NO_NODE && p.held == 0 => {
                Some((p.node, n.held))
            }
            [p, n] if p.node == NO_NODE && n.node != NO_NODE && n.held == 0 => {
                Some((n.node, p.held))
            }
            _ => None,
        }
    }

    /// A free node with a prescribed potential on top.
    pub(super) fn is_offset(self) -> bool {
        self.node != NO_NODE && self.held != 0
    }
}

/// Ends of all conductances: those of a fan are not written out.
#[derive(Debug)]
pub(super) struct Ends {
    runs: Arc<[ConductanceRun]>,
    of_node: Vec<End>,
}

impl Ends {
    /// The end that each node of the circuit is.
    pub(super) fn new(runs: Arc<[ConductanceRun]>, of_node: Vec<End>) -> Self {
        Self { runs, of_node }
    }

    /// Gives the free nodes other indices.
    pub(super) fn renumber(&mut self, place: &[u32]) {
        for end in &mut self.of_node {
            if let Some(node) = end.node() {
                end.node = place[node];
            }
        }
    }

    pub(super) fn of_node(&self, node: NodeId) -> End {
        self.of_node[node.index()]
    }

    /// The ends of all conductances, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = [End; 2]> + '_ {
        self.runs.iter().flat_map(|run| {
            let ports = (0..run.ports.len()).map(|member| run.ports.at(member));
            ports.map(|port| port.map(|node| self.of_node(node)))
        })
    }

    /// Looks conductances up one after the other.
    pub(super) fn cursor(&self, first: usize) -> Cursor<'_> {
        let run = self.runs.partition_point(|run| run.first <= first);
        Cursor {
            ends: self,
            run: run.saturating_sub(1),
        }
    }
}

/// A place among conductances, for what goes through them in order.
pub(super) struct Cursor<'a> {
    ends: &'a Ends,
    run: usize,
}

impl Cursor<'_> {
    /// Ends of a conductance no earlier than the last one.
    #[inline]
    pub(super) fn at(&mut self, conductance: usize) -> [End; 2] {
        let runs = &self.ends.runs;
        while runs
            .get(self.run + 1)
            .is_some_and(|run| run.first <= conductance)
        {
            self.run += 1;
        }
        let run = &runs[self.run];
        let port = run.ports.at(conductance - run.first);
        port.map(|node| self.ends.of_node(node))
    }
}
