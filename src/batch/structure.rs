//! A circuit compiled for batches: where everything lies, no element values.

use std::fmt;

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Parameter;
use crate::mna::Outline;

use super::elimination::Elimination;
use super::ends::{End, Ends};
use super::groups::Groups;
use super::inputs::{Drive, Inputs, NO_COLUMN};
use super::relaxation::Relaxation;
use super::rows::Rows;

/// Why the general solver takes a circuit's samples one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsuited {
    /// Controlled, behavioural or two-port elements: there is no co-content.
    NotReciprocal,
    /// An ideal diode between nodes that are not held.
    FloatingIdealDiode(ElementId),
    /// Two ideal diodes of one direction at one node.
    TwoClamps(ElementId),
    /// A trained parameter that is no conductance and no current.
    Parameter(ElementId, Parameter),
    /// An output that is no voltage.
    CurrentOutput,
    /// No free node.
    NoUnknowns,
    /// Asked for.
    ByRequest,
    /// The general solver is cheaper for a circuit with this much fill.
    Fill(usize),
}

impl Unsuited {
    /// The reason in words, with the names of `circuit`.
    pub fn describe(&self, circuit: &Circuit) -> String {
        let name = |id: &ElementId| circuit.element(*id).name().to_string();
        match self {
            Unsuited::NotReciprocal => "it has controlled sources or two-ports".into(),
            Unsuited::FloatingIdealDiode(id) => {
                format!("the ideal diode {} lies between free nodes", name(id))
            }
            Unsuited::TwoClamps(id) => {
                format!(
                    "{} is not the only ideal diode of its direction there",
                    name(id)
                )
            }
            Unsuited::Parameter(id, parameter) => format!("{parameter} of {} trains", name(id)),
            Unsuited::CurrentOutput => "an output is a current".into(),
            Unsuited::ByRequest => "that was asked for".into(),
            Unsuited::NoUnknowns => "sources hold every node".into(),
            Unsuited::Fill(size) => format!("its factors have {size} entries"),
        }
    }
}

/// How operating points are found.
#[derive(Debug)]
pub enum Method {
    Elimination(Elimination),
    Relaxation(Relaxation),
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Method::Elimination(e) => e.fmt(f),
            Method::Relaxation(r) => r.fmt(f),
        }
    }
}

/// A conductance from a free node to a held one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    pub held: u32,
    pub conductance: u32,
}

/// An ideal diode between a free node and a held one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clamp {
    pub node: u32,
    /// The bound of the node's potential: that of the other side, less what lies on the node's.
    pub bound: [u32; 2],
    /// The node may not rise above the bound; otherwise it may not fall below.
    pub is_upper: bool,
}

/// What a conductance adds to the current into a free node: `sign g` times a prescribed potential.
#[derive(Clone, Copy, Debug)]
pub(super) struct OffsetFeed {
    pub node: u32,
    pub held: u32,
    pub sign: f64,
    pub conductance: u32,
}

/// A nonlinear one-port, p to n.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub ends: [End; 2],
}

/// A current source: the node gains `sign` times the source's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Injection {
    pub node: u32,
    pub sign: f64,
    pub source: u32,
}

/// A dense block of conductances between two groups; row-major, first group by second.
#[derive(Debug)]
pub(super) struct Block {
    pub groups: [u32; 2],
    /// Index of each conductance.
    pub conductances: Vec<u32>,
    /// Further conductances in parallel: entry and index.
    pub parallel: Vec<(u32, u32)>,
}

/// A conductance between free nodes outside of dense blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub nodes: [u32; 2],
    pub conductance: u32,
}

/// A circuit compiled for batches.
#[derive(Debug)]
pub struct BatchSystem {
    /// Free nodes.
    pub(super) nodes: usize,
    pub(super) inputs: Inputs,
    /// Ends of each conductance of the outline.
    pub(super) ends: Ends,
    pub(super) rows: Rows,
    /// Conductances to held nodes that are in no dense row, by free node.
    pub(super) feeds: Vec<Feed>,
    pub(super) feeds_of: Vec<usize>,
    /// The same for floating voltage sources.
    pub(super) offsets: Vec<OffsetFeed>,
    /// Free nodes that most columns feed, in order, and the place of each node among them.
    pub(super) fed: Vec<u32>,
    pub(super) fed_place: Vec<Option<u32>>,
    pub(super) blocks: Vec<Block>,
    /// Block between each pair of groups.
    block_of: Vec<Option<u32>>,
    pub(super) edges: Vec<Edge>,
    pub(super) clamps: Vec<Clamp>,
    /// Clamps of each free node.
    pub(super) clamps_of: Vec<Vec<u32>>,
    pub(super) ports: Vec<Port>,
    pub(super) injections: Vec<Injection>,
    pub(super) groups: Groups,
    method: Method,
}

impl BatchSystem {
    /// Compiles a circuit of these source values (V, A), whose independent sources carry `features`
    /// as `drives` say.
    ///
    /// # Errors
    /// [`Unsuited`] if the general solver has to take the samples.
    pub fn compile(
        outline: &Outline,
        sources: &[f64],
        features: usize,
        drives: &[(usize, Drive)],
    ) -> Result<Self, Unsuited> {
        if !outline.is_plain() {
            return Err(Unsuited::NotReciprocal);
        }
        let nodes = outline.node_unknown_count();
        if nodes == 0 {
            return Err(Unsuited::NoUnknowns);
        }
        let inputs = Inputs::new(outline, sources, features, drives);
        let of_node = (0..outline.node_count()).map(NodeId::from_index);
        let of_node = of_node.map(|node| {
            let unknown = outline.node_unknown(node);
            End::new(
                unknown.map(|u| u.index() as u32),
                inputs.held_of_node[node.index()],
            )
        });
        let mut ends = Ends::new(outline.conductance_runs().clone(), of_node.collect());
        let port_ends = |ends: &Ends| -> Vec<[End; 2]> {
            let ports = outline.one_ports().iter();
            ports
                .map(|(_, port)| port.map(|node| ends.of_node(node)))
                .collect()
        };
        let groups = find_groups(nodes, &ends, &port_ends(&ends));
        ends.renumber(&groups.order);
        let ports = port_ends(&ends).into_iter().map(|ends| Port { ends });
        let ports: Vec<Port> = ports.collect();
        let clamps = find_clamps(outline, &ends)?;
        let injections = find_injections(outline, &ends);
        let (feeds, feeds_of) = find_feeds(nodes, &ends);
        let (fed, fed_place) = find_fed(&inputs, &feeds, &feeds_of);
        let rows = Rows::find(&inputs, &ends, &fed_place);
        let (feeds, feeds_of) = without_rows(feeds, feeds_of, &rows);
        let (blocks, edges) = find_blocks(&groups, &ends);
        let ports_between: Vec<[u32; 2]> = ports.iter().filter_map(|p| between(p.ends)).collect();
        let elimination = Elimination::plan(nodes, &groups, &blocks, &edges, &ports_between);
        let relaxation = Relaxation::plan(nodes, &groups, &blocks, &edges, &ports_between);
        let method = choose(elimination, relaxation)?;
        Ok(Self {
            nodes,
            rows,
            offsets: find_offsets(&ends),
            inputs,
            ends,
            feeds,
            feeds_of,
            fed,
            fed_place,
            block_of: block_of(&groups),
            blocks,
            edges,
            clamps_of: clamps_of(nodes, &clamps),
            clamps,
            ports,
            injections,
            groups,
            method,
        })
    }

    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Takes the other method, if there is one for this circuit; false if not.
    pub fn relax(&mut self) -> bool {
        let between: Vec<[u32; 2]> = self.ports.iter().filter_map(|p| between(p.ends)).collect();
        let (groups, blocks, edges) = (&self.groups, &self.blocks, &self.edges);
        match Relaxation::plan(self.nodes, groups, blocks, edges, &between) {
            Some(relaxation) => {
                self.method = Method::Relaxation(relaxation);
                true
            }
            None => false,
        }
    }

    /// Where the potential of a circuit node is found.
    pub(super) fn end(&self, node: NodeId) -> End {
        self.ends.of_node(node)
    }

    /// Whether anything but dense rows depends on the features.
    pub(super) fn has_loose_columns(&self) -> bool {
        let has_column = |&held: &u32| self.inputs.held[held as usize].column != NO_COLUMN;
        let of_clamps = self.clamps.iter().flat_map(|clamp| &clamp.bound);
        let of_offsets = self.offsets.iter().map(|offset| &offset.held);
        let ends = self.ports.iter().flat_map(|port| &port.ends);
        let sources = self.injections.iter().map(|i| i.source as usize);
        of_clamps.chain(of_offsets).any(has_column)
            || self.feeds.iter().any(|feed| has_column(&feed.held))
            || ends.map(|end| &end.held).any(has_column)
            || { sources }.any(|k| self.inputs.sources[k].column != NO_COLUMN)
    }

    /// Whether a diode or another nonlinear one-port meets a potential that depends on the features.
    pub fn has_driven_diodes(&self) -> bool {
        let has_column = |held: u32| self.inputs.held[held as usize].column != NO_COLUMN;
        let of_clamps = self.clamps.iter().flat_map(|clamp| clamp.bound);
        let of_ports = self.ports.iter().flat_map(|port| port.ends);
        of_clamps
            .chain(of_ports.map(|end| end.held))
            .any(has_column)
    }

    /// No crossbars: a pass over all branches costs no more than a solution.
    pub(super) fn is_sparse(&self) -> bool {
        self.fed.is_empty() && self.blocks.is_empty()
    }

    /// The dense block that the conductance between two free nodes belongs to, and its entry there.
    #[inline]
    pub(super) fn block_entry(&self, p: usize, n: usize) -> Option<(usize, usize)> {
        let (p, n) = (p.min(n), p.max(n));
        let [row, column] = [self.groups.group_of[p]?, self.groups.group_of[n]?];
        let block = self.block_of[row as usize * self.groups.groups.len() + column as usize]?;
        let [rows, columns] = [row, column].map(|g| &self.groups.groups[g as usize]);
        let entry = (p - rows.start) * columns.len() + n - columns.start;
        Some((block as usize, entry))
    }

    pub(super) fn feeds(&self, node: usize) -> &[Feed] {
        &self.feeds[self.feeds_of[node]..self.feeds_of[node + 1]]
    }
}

/// Elimination costs one pass for each of a few Newton steps, relaxation many passes.
const SWEEPS_TO_EXPECT: usize = 25;

fn choose(
    elimination: Result<Elimination, usize>,
    relaxation: Option<Relaxation>,
) -> Result<Method, Unsuited> {
    match (elimination, relaxation) {
        (Ok(e), Some(r)) if e.cost() > SWEEPS_TO_EXPECT * r.cost() => Ok(Method::Relaxation(r)),
        (Ok(e), _) => Ok(Method::Elimination(e)),
        (Err(_), Some(r)) => Ok(Method::Relaxation(r)),
        (Err(fill), None) => Err(Unsuited::Fill(fill)),
    }
}

/// The free nodes of a branch between two different ones.
fn between(ends: [End; 2]) -> Option<[u32; 2]> {
    match ends.map(End::node) {
        [Some(p), Some(n)] if p != n => Some([p as u32, n as u32]),
        _ => None,
    }
}

fn find_groups(nodes: usize, ends: &Ends, ports: &[[End; 2]]) -> Groups {
    let mut neighbours = vec![Vec::new(); nodes];
    let mut plain = vec![true; nodes];
    for [p, n] in ends.iter().filter_map(between) {
        neighbours[p as usize].push(n);
        neighbours[n as usize].push(p);
    }
    for pair in ports.iter().filter_map(|e| between(*e)) {
        pair.iter().for_each(|&k| plain[k as usize] = false);
    }
    for list in &mut neighbours {
        list.sort_unstable();
        list.dedup();
    }
    Groups::find(&neighbours, &plain)
}

fn find_clamps(outline: &Outline, ends: &Ends) -> Result<Vec<Clamp>, Unsuited> {
    let mut clamps: Vec<Clamp> = Vec::new();
    let mut taken = std::collections::HashSet::new();
    for &(element, port) in outline.ideal_diodes() {
        let [p, n] = port.map(|node| ends.of_node(node));
        let (index, node, held, is_upper) = match (p.node(), n.node()) {
            (Some(index), None) => (index, p, n, true),
            (None, Some(index)) => (index, n, p, false),
            _ => return Err(Unsuited::FloatingIdealDiode(element)),
        };
        if !taken.insert((index, is_upper)) {
            return Err(Unsuited::TwoClamps(element));
        }
        clamps.push(Clamp {
            node: index as u32,
            bound: [held.held, node.held],
            is_upper,
        });
    }
    Ok(clamps)
}

fn clamps_of(nodes: usize, clamps: &[Clamp]) -> Vec<Vec<u32>> {
    let mut of = vec![Vec::new(); nodes];
    for (index, clamp) in clamps.iter().enumerate() {
        of[clamp.node as usize].push(index as u32);
    }
    of
}

fn find_injections(outline: &Outline, ends: &Ends) -> Vec<Injection> {
    let mut injections = Vec::new();
    for &([p, n], source) in outline.current_sources() {
        for (node, sign) in [(p, -1.0), (n, 1.0)] {
            if let Some(node) = ends.of_node(node).node() {
                injections.push(Injection {
                    node: node as u32,
                    sign,
                    source: source.index() as u32,
                });
            }
        }
    }
    injections
}

/// Conductances to held nodes, sorted by free node.
fn find_feeds(nodes: usize, ends: &Ends) -> (Vec<Feed>, Vec<usize>) {
    let feed = |ends: [End; 2]| match ends.map(End::node) {
        [Some(node), None] => Some((node, ends[1].held)),
        [None, Some(node)] => Some((node, ends[0].held)),
        _ => None,
    };
    let mut start = vec![0usize; nodes + 1];
    for (node, _) in ends.iter().filter_map(feed) {
        start[node + 1] += 1;
    }
    for k in 0..nodes {
        start[k + 1] += start[k];
    }
    let nothing = Feed {
        held: 0,
        conductance: 0,
    };
    let (mut feeds, mut next) = (vec![nothing; start[nodes]], start.clone());
    for (conductance, e) in ends.iter().enumerate() {
        if let Some((node, held)) = feed(e) {
            feeds[next[node]] = Feed {
                held,
                conductance: conductance as u32,
            };
            next[node] += 1;
        }
    }
    (feeds, start)
}

/// Feeds that dense rows do not hold already.
fn without_rows(
    mut feeds: Vec<Feed>,
    mut feeds_of: Vec<usize>,
    rows: &Rows,
) -> (Vec<Feed>, Vec<usize>) {
    let (mut kept, mut begin) = (0, 0);
    for end in &mut feeds_of[1..] {
        for k in begin..*end {
            if !rows.contains(feeds[k].conductance as usize) {
                feeds[kept] = feeds[k];
                kept += 1;
            }
        }
        begin = std::mem::replace(end, kept);
    }
    feeds.truncate(kept);
    feeds.shrink_to_fit();
    (feeds, feeds_of)
}

/// Nodes for which a dense row of the input product is worth it.
fn find_fed(inputs: &Inputs, feeds: &[Feed], start: &[usize]) -> (Vec<u32>, Vec<Option<u32>>) {
    let nodes = start.len() - 1;
    let (mut fed, mut place) = (Vec::new(), vec![None; nodes]);
    for node in 0..nodes {
        let own = feeds[start[node]..start[node + 1]].iter();
        let driven = own.filter(|f| inputs.held[f.held as usize].coefficient != 0.0);
        let count = driven.count();
        if count >= 8 && 4 * count >= inputs.columns() {
            place[node] = Some(fed.len() as u32);
            fed.push(node as u32);
        }
    }
    (fed, place)
}

fn find_offsets(ends: &Ends) -> Vec<OffsetFeed> {
    let mut offsets = Vec::new();
    for (conductance, [p, n]) in ends.iter().enumerate() {
        if p.node() == n.node() || !(p.is_offset() || n.is_offset()) {
            continue;
        }
        for (own, other) in [(p, n), (n, p)] {
            let Some(node) = own.node() else {
                continue;
            };
            // What a held node sends is a feed already.
            let other = other.node().map(|_| (other.held, 1.0));
            for (held, sign) in [(own.held, -1.0)].into_iter().chain(other) {
                if held != 0 {
                    offsets.push(OffsetFeed {
                        node: node as u32,
                        held,
                        sign,
                        conductance: conductance as u32,
                    });
                }
            }
        }
    }
    offsets
}

fn block_of(groups: &Groups) -> Vec<Option<u32>> {
    let count = groups.groups.len();
    let mut of = vec![None; count * count];
    for (index, [a, b]) in groups.blocks.iter().enumerate() {
        of[*a as usize * count + *b as usize] = Some(index as u32);
    }
    of
}

fn find_blocks(groups: &Groups, ends: &Ends) -> (Vec<Block>, Vec<Edge>) {
    const NONE: u32 = u32::MAX;
    let mut blocks: Vec<Block> = groups
        .blocks
        .iter()
        .map(|&pair| {
            let [rows, columns] = pair.map(|g| groups.groups[g as usize].len());
            Block {
                groups: pair,
                conductances: vec![NONE; rows * columns],
                parallel: Vec::new(),
            }
        })
        .collect();
    let block_of = block_of(groups);
    let mut edges = Vec::new();
    for (conductance, ends) in ends.iter().enumerate() {
        let Some(mut pair) = between(ends) else {
            continue;
        };
        pair.sort_unstable();
        let conductance = conductance as u32;
        let owners = pair.map(|k| groups.group_of[k as usize]);
        let block = match owners {
            [Some(a), Some(b)] => block_of[a as usize * groups.groups.len() + b as usize],
            _ => None,
        };
        let Some(block) = block else {
            edges.push(Edge {
                nodes: pair,
                conductance,
            });
            continue;
        };
        let block = &mut blocks[block as usize];
        let ranges = block.groups.map(|g| groups.groups[g as usize].clone());
        let row = pair[0] as usize - ranges[0].start;
        let column = pair[1] as usize - ranges[1].start;
        let entry = row * ranges[1].len() + column;
        match &mut block.conductances[entry] {
            place if *place == NONE => *place = conductance,
            _ => block.parallel.push((entry as u32, conductance)),
        }
    }
    (blocks, edges)
}
