//! Which parameter each trained coordinate is, by runs of neighbouring elements.

use crate::circuit::{Circuit, ElementId, ParameterId};
use crate::device::Parameter;

/// The parameter behind a coordinate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub id: ParameterId,
    /// The quantity is the reciprocal of the parameter: conductance of a resistor.
    pub is_reciprocal: bool,
}

impl Entry {
    pub(super) fn quantity(&self, circuit: &Circuit) -> f64 {
        let value = circuit.value(self.id).unwrap_or(f64::NAN);
        if self.is_reciprocal {
            1.0 / value
        } else {
            value
        }
    }
}

/// The same parameter of neighbouring elements.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Index of the first entry.
    first: usize,
    element: usize,
    count: usize,
    parameter: Parameter,
    is_reciprocal: bool,
}

impl Run {
    fn entry(&self, member: usize) -> Entry {
        let element = ElementId::from_index(self.element + member);
        let parameter = self.parameter;
        Entry {
            id: ParameterId { element, parameter },
            is_reciprocal: self.is_reciprocal,
        }
    }
}

/// Entries in the order of the coordinates.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    runs: Vec<Run>,
    count: usize,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let Entry { id, is_reciprocal } = entry;
        let element = id.element.index();
        self.count += 1;
        if let Some(last) = self.runs.last_mut()
            && last.element + last.count == element
            && (last.parameter, last.is_reciprocal) == (id.parameter, is_reciprocal)
        {
            last.count += 1;
            return;
        }
        self.runs.push(Run {
            first: self.count - 1,
            element,
            count: 1,
            parameter: id.parameter,
            is_reciprocal,
        });
    }

    pub(super) fn append(&mut self, other: Entries) {
        let moved = other.runs.into_iter().map(|run| Run {
            first: run.first + self.count,
            ..run
        });
        self.runs.extend(moved);
        self.count += other.count;
    }

    pub(super) fn at(&self, k: usize) -> Entry {
        let run = &self.runs[self.runs.partition_point(|run| run.first <= k) - 1];
        run.entry(k - run.first)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        let members = |run: &'_ Run| {
            let run = *run;
            (0..run.count).map(move |member| run.entry(member))
        };
        self.runs.iter().flat_map(members)
    }

    /// The first element of `other` that is here with the same parameter.
    pub(super) fn first_shared(&self, other: &Entries) -> Option<ElementId> {
        let mut known: Vec<&Run> = self.runs.iter().collect();
        known.sort_by_key(|run| (run.parameter, run.element));
        other.runs.iter().find_map(|run| {
            let end = (run.parameter, run.element + run.count);
            let after = known.partition_point(|known| (known.parameter, known.element) < end);
            // Runs of one parameter do not overlap: the last that begins before the end decides, but
            // for the first element that is shared all of them are asked.
            let shared = known[..after].iter().rev().take_while(|known| {
                known.parameter == run.parameter && known.element + known.count > run.element
            });
            let first = shared.map(|known| known.element.max(run.element)).min();
            first.map(ElementId::from_index)
        })
    }
}
