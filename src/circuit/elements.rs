//! The elements of a circuit, in deck order: one by one, or fans of resistors as one thing.

use std::collections::HashMap;
use std::ops::{Deref, Range};
use std::sync::Arc;

use compact_str::format_compact;

use crate::device::{Device, Parameter};
use crate::netlist::{Name, Span};

use super::name_index::NameIndex;
use super::{BranchId, Control, ElementId, NodeId};

/// An element with its terminals. Its name is [`ElementRef::name`].
#[derive(Clone, Debug)]
pub struct Element {
    /// Empty for the resistors of a fan.
    pub(super) label: Name,
    pub span: Option<Span>,
    pub device: Device,
    /// Positive and negative terminal of the (first) port.
    pub port: [NodeId; 2],
    pub(super) first_branch: BranchId,
    /// Most elements have but their port.
    pub(super) more: Option<Box<Connections>>,
}

/// What an element depends on beside its port.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    pub second: Option<[NodeId; 2]>,
    pub control: Option<ElementId>,
    pub controls: Box<[Control]>,
}

impl Element {
    /// Control pair of E and G; second port of a transformer or gyrator.
    pub fn second(&self) -> Option<[NodeId; 2]> {
        self.more.as_ref().and_then(|more| more.second)
    }

    /// The element whose current controls an F or H.
    pub fn control(&self) -> Option<ElementId> {
        self.more.as_ref().and_then(|more| more.control)
    }

    /// What a behavioural source depends on, in the order of its law.
    pub fn controls(&self) -> &[Control] {
        self.more.as_ref().map_or(&[], |more| &more.controls)
    }

    pub(super) fn more_mut(&mut self) -> &mut Connections {
        self.more.get_or_insert_default()
    }

    /// True for devices whose second pair of terminals is a port and not a control input.
    pub fn is_two_port(&self) -> bool {
        matches!(
            self.device,
            Device::Transformer { .. } | Device::Gyrator { .. }
        )
    }

    /// The elements whose currents control this one.
    pub fn control_currents(&self) -> impl Iterator<Item = ElementId> + '_ {
        let of_law = self.controls().iter().filter_map(|control| match *control {
            Control::Current(id) => Some(id),
            Control::Voltage(_) => None,
        });
        self.control().into_iter().chain(of_law)
    }

    /// Branches in port order.
    pub fn branches(&self) -> impl Iterator<Item = BranchId> + use<> {
        let first = self.first_branch.0;
        (first..first + 1 + u32::from(self.is_two_port())).map(BranchId)
    }
}

/// An element as a circuit shows it.
#[derive(Clone, Debug)]
pub struct ElementRef<'a>(Shown<'a>);

#[derive(Clone, Debug)]
enum Shown<'a> {
    Held(&'a Element),
    /// A resistor of a fan, and which one it is.
    Made(Element, &'a Fan, usize),
}

impl ElementRef<'_> {
    /// The name, in lower case.
    pub fn name(&self) -> Name {
        match &self.0 {
            Shown::Held(element) => element.label.clone(),
            Shown::Made(_, fan, member) => fan.name(*member),
        }
    }
}

impl Deref for ElementRef<'_> {
    type Target = Element;

    fn deref(&self) -> &Element {
        match &self.0 {
            Shown::Held(element) => element,
            Shown::Made(element, ..) => element,
        }
    }
}

/// Resistors from each of several nodes to one node, named `<head><k><tail>`: a column of a crossbar.
/// Of each resistor only its value is kept.
#[derive(Clone, Debug)]
pub(crate) struct Fan {
    pub head: Name,
    pub tail: Name,
    pub from: Arc<[NodeId]>,
    pub to: NodeId,
    /// One for each of the nodes, ohm.
    pub resistances: Vec<f64>,
}

impl Fan {
    pub(super) fn name(&self, member: usize) -> Name {
        format_compact!("{}{member}{}", self.head, self.tail)
    }

    fn show(&self, member: usize, first_branch: u32) -> ElementRef<'_> {
        let element = Element {
            label: Name::const_new(""),
            span: None,
            device: Device::Resistor {
                resistance: self.resistances[member],
            },
            port: [self.from[member], self.to],
            first_branch: BranchId(first_branch + member as u32),
            more: None,
        };
        ElementRef(Shown::Made(element, self, member))
    }
}

/// Neighbouring elements that are held alike.
#[derive(Clone, Debug)]
struct Run {
    /// Of its first element.
    element: u32,
    branch: u32,
    /// How many elements before it are held one by one.
    ones: u32,
    fan: Option<u32>,
}

/// What holds one element.
enum Holder {
    One(usize),
    /// Run and member of its fan.
    Member(usize, usize),
}

/// Neighbouring elements.
pub(crate) enum Segment<'a> {
    One(ElementId, &'a Element),
    /// The fan's resistors, from this one on.
    Fan(ElementId, &'a Fan),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    ones: Vec<Element>,
    fans: Vec<Fan>,
    runs: Vec<Run>,
    /// Those that are held one by one.
    names: NameIndex,
    /// Runs of the fans by head and tail.
    fan_names: HashMap<(Name, Name), u32>,
    /// First branch of each two-port.
    two_ports: Vec<u32>,
    count: u32,
}

impl Elements {
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) fn branch_count(&self) -> usize {
        self.len() + self.two_ports.len()
    }

    /// Room for so many that are held one by one.
    pub(super) fn reserve(&mut self, elements: usize) {
        self.ones.reserve(elements);
        self.names.reserve(elements);
    }

    /// Takes an element of a new name; gives back one whose name another has, and which.
    pub(super) fn push(&mut self, mut element: Element) -> Result<ElementId, (ElementId, Element)> {
        if let Some(known) = self.find_or_note(&element.label) {
            return Err((known, element));
        }
        let id = ElementId(self.count);
        element.first_branch = BranchId(self.branch_count() as u32);
        if self.runs.last().is_none_or(|run| run.fan.is_some()) {
            self.begin_run(None);
        }
        if element.is_two_port() {
            self.two_ports.push(element.first_branch.0);
        }
        self.ones.push(element);
        self.count += 1;
        Ok(id)
    }

    /// The element of this name. If there is none, the name is that of the next one.
    fn find_or_note(&mut self, name: &str) -> Option<ElementId> {
        if !self.fans.is_empty()
            && let Some(known) = self.find(name)
        {
            return Some(known);
        }
        let ones = &self.ones;
        let name_of = |index: u32| ones[index as usize].label.as_str();
        let next = ones.len() as u32;
        let known = self.names.find_or_insert(name, next, name_of);
        known.map(|index| self.id_of_one(index))
    }

    /// Takes resistors of new names.
    pub(super) fn push_fan(&mut self, fan: Fan) -> ElementId {
        let id = ElementId(self.count);
        let names = (fan.head.clone(), fan.tail.clone());
        self.fan_names.insert(names, self.runs.len() as u32);
        self.begin_run(Some(self.fans.len() as u32));
        self.count += fan.resistances.len() as u32;
        self.fans.push(fan);
        id
    }

    fn begin_run(&mut self, fan: Option<u32>) {
        self.runs.push(Run {
            element: self.count,
            branch: self.branch_count() as u32,
            ones: self.ones.len() as u32,
            fan,
        });
    }

    #[inline]
    fn holder(&self, id: ElementId) -> Holder {
        if self.fans.is_empty() {
            return Holder::One(id.index());
        }
        let place = self.runs.partition_point(|run| run.element <= id.0) - 1;
        let run = &self.runs[place];
        let member = (id.0 - run.element) as usize;
        match run.fan {
            None => Holder::One(run.ones as usize + member),
            Some(_) => Holder::Member(place, member),
        }
    }

    fn member(&self, run: usize, member: usize) -> ElementRef<'_> {
        let run = &self.runs[run];
        match run.fan {
            None => ElementRef(Shown::Held(&self.ones[run.ones as usize + member])),
            Some(fan) => self.fans[fan as usize].show(member, run.branch),
        }
    }

    #[inline]
    pub(super) fn get(&self, id: ElementId) -> ElementRef<'_> {
        match self.holder(id) {
            Holder::One(index) => ElementRef(Shown::Held(&self.ones[index])),
            Holder::Member(run, member) => self.member(run, member),
        }
    }

    /// An element that is no resistor of a fan.
    pub(super) fn one_mut(&mut self, id: ElementId) -> Option<&mut Element> {
        match self.holder(id) {
            Holder::One(index) => self.ones.get_mut(index),
            Holder::Member(..) => None,
        }
    }

    /// Sets a parameter; false if the element has none such or cannot take the value.
    pub(super) fn set(&mut self, id: ElementId, parameter: Parameter, value: f64) -> bool {
        match self.holder(id) {
            Holder::One(index) => self.ones[index].device.set(parameter, value),
            Holder::Member(run, member) => {
                let Some(fan) = self.runs[run].fan else {
                    return false;
                };
                let place = &mut self.fans[fan as usize].resistances[member];
                let mut device = Device::Resistor { resistance: *place };
                let is_set = device.set(parameter, value);
                if let Device::Resistor { resistance } = device {
                    *place = resistance;
                }
                is_set
            }
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter {
            elements: self,
            run: 0,
            next: 0..self.count,
        }
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let ends = self.runs.iter().skip(1).map(|run| run.element);
        let ends = ends.chain([self.count]);
        self.runs.iter().zip(ends).flat_map(|(run, end)| {
            let first = run.element;
            let fan = run.fan.map(|fan| &self.fans[fan as usize]);
            let count = if fan.is_some() { 0 } else { end - first };
            let ones = self.ones[run.ones as usize..][..count as usize].iter();
            let ones = ones.zip(first..);
            let ones = ones.map(|(element, id)| Segment::One(ElementId(id), element));
            ones.chain(fan.map(|fan| Segment::Fan(ElementId(first), fan)))
        })
    }

    /// The element of this name, in lower case.
    pub(super) fn find(&self, name: &str) -> Option<ElementId> {
        let name_of = |index: u32| self.ones[index as usize].label.as_str();
        if let Some(index) = self.names.find(name, name_of) {
            return Some(self.id_of_one(index));
        }
        if self.fans.is_empty() {
            return None;
        }
        numbers(name).find_map(|digits| self.find_in_fans(name, digits))
    }

    /// Where `digits` of the name are the number of a member.
    fn find_in_fans(&self, name: &str, digits: Range<usize>) -> Option<ElementId> {
        let member: usize = name[digits.clone()].parse().ok()?;
        let key = (
            Name::from(&name[..digits.start]),
            Name::from(&name[digits.end..]),
        );
        let run = &self.runs[*self.fan_names.get(&key)? as usize];
        let fan = &self.fans[run.fan? as usize];
        let is_member = member < fan.resistances.len();
        is_member.then(|| ElementId(run.element + member as u32))
    }

    fn id_of_one(&self, index: u32) -> ElementId {
        // Fans after the run begin beyond the index.
        let run = self.runs.partition_point(|run| run.ones <= index) - 1;
        let run = &self.runs[run];
        ElementId(run.element + index - run.ones)
    }

    /// Element and port of a branch.
    pub(super) fn branch(&self, id: BranchId) -> (ElementId, u8) {
        let before = self.two_ports.partition_point(|&first| first < id.0);
        let is_second = before > 0 && self.two_ports[before - 1] + 1 == id.0;
        (
            ElementId(id.0 - before as u32),
            if is_second { 1 } else { 0 },
        )
    }
}

/// Runs of digits that are a number as it is written out.
fn numbers(name: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = name.as_bytes();
    let is_digit = |k: usize| bytes.get(k).is_some_and(u8::is_ascii_digit);
    let starts = (0..bytes.len()).filter(move |&k| is_digit(k) && (k == 0 || !is_digit(k - 1)));
    let runs = starts.map(move |start| {
        let end = (start..).find(|&k| !is_digit(k)).unwrap_or(start);
        start..end
    });
    runs.filter(move |run| run.len() == 1 || bytes[run.start] != b'0')
}

/// Elements in order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    elements: &'a Elements,
    run: usize,
    next: Range<u32>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (ElementId, ElementRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next.next()?;
        let runs = &self.elements.runs;
        // Runs may be empty.
        while runs.get(self.run + 1).is_some_and(|run| run.element <= id) {
            self.run += 1;
        }
        let member = (id - runs[self.run].element) as usize;
        Some((ElementId(id), self.elements.member(self.run, member)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.next.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}
