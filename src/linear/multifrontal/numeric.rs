//! The factorization: fronts from the leaves up (Duff and Reid 1983; Liu 1992).
//!
//! Every front adds up its children in their order, on whatever thread, so that bits do not depend on
//! threads. What comes of numbers that are those of the last factorization is taken from there.

use std::ops::Range;
use std::sync::Mutex;

use pulp::Arch;
use rayon::prelude::*;

use super::front::{self, AddChild, Fault};
use super::plan::{Plan, Segment, Sides};

/// Updates of fronts that wait for their parents, one on top of the other.
#[derive(Debug, Default)]
pub(super) struct Stack {
    numbers: Vec<f64>,
    /// Front and where its update begins.
    waiting: Vec<usize>,
}

impl Stack {
    fn grow(&mut self, size: usize) -> Result<(), Fault> {
        let more = size - self.numbers.len();
        self.numbers.try_reserve(more).map_err(|_| Fault::Memory)?;
        self.numbers.resize(size, 0.0);
        Ok(())
    }
}

/// Memory for threads to take, kept from one factorization to the next: fresh pages of the largest updates cost
/// as much as what is computed in them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    stacks: Mutex<Vec<Stack>>,
    updates: Mutex<Vec<Vec<f64>>>,
}

impl Memory {
    fn stack(&self) -> Stack {
        let stack = self.stacks.lock().ok().and_then(|mut s| s.pop());
        stack.unwrap_or_default()
    }

    fn give_stack(&self, stack: Stack) {
        if let Ok(mut stacks) = self.stacks.lock() {
            stacks.push(stack);
        }
    }

    /// An empty list with room for `size` numbers: the smallest that there is, or a new one.
    fn update(&self, size: usize) -> Result<Vec<f64>, Fault> {
        let update = self.updates.lock().ok().and_then(|mut free| {
            let fits = |update: &Vec<f64>| update.capacity() >= size;
            let rooms = free.iter().enumerate().filter(|(_, u)| fits(u));
            let best = rooms.min_by_key(|(_, u)| u.capacity()).map(|(k, _)| k)?;
            Some(free.swap_remove(best))
        });
        let mut update = update.unwrap_or_default();
        update.clear();
        update.try_reserve_exact(size).map_err(|_| Fault::Memory)?;
        Ok(update)
    }

    fn give_update(&self, update: Vec<f64>) {
        if let Ok(mut free) = self.updates.lock()
            && update.capacity() > 0
        {
            free.push(update);
        }
    }
}

/// What the last factorization was made of, and what of it may serve the next one.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// Of the matrix; none after a factorization that failed.
    nonzeros: Vec<f64>,
    /// By segment what it left, or nothing: kept where its numbers were those of the factorization before and
    /// its parent's were not.
    updates: Vec<Vec<f64>>,
    /// By segment, see [`factor`].
    growths: Vec<f64>,
}

impl Last {
    /// Segments with other numbers than last time, or above such.
    fn changed(&self, plan: &Plan, nonzeros: &[f64]) -> Vec<bool> {
        let mut changed = vec![true; plan.segments.len()];
        if self.nonzeros.len() != nonzeros.len() {
            return changed;
        }
        for (index, segment) in plan.segments.iter().enumerate() {
            let entries = plan.fronts[segment.first].entries..plan.fronts[segment.last + 1].entries;
            let differs = |&[from, _]: &[u32; 2]| {
                nonzeros[from as usize].to_bits() != self.nonzeros[from as usize].to_bits()
            };
            let mut below = plan.segments_below(*segment);
            changed[index] =
                below.any(|below| changed[below]) || plan.entries[entries].iter().any(differs);
        }
        changed
    }
}

/// Fills `values`, which hold the factor of the `last` factorization, with that of the matrix with these
/// `nonzeros`. Returns the largest entry of `L` relative to the pivot of its column, of LU.
pub(super) fn factor(
    plan: &Plan,
    nonzeros: &[f64],
    values: &mut [f64],
    memory: &Memory,
    last: &mut Last,
) -> Result<f64, Fault> {
    let changed = last.changed(plan, nonzeros);
    last.nonzeros.clear();
    last.growths.resize(plan.segments.len(), 0.0);
    let mut updates = std::mem::take(&mut last.updates);
    updates.resize(plan.segments.len(), Vec::new());
    for (update, _) in updates
        .iter_mut()
        .zip(&changed)
        .filter(|(_, changed)| **changed)
    {
        memory.give_update(std::mem::take(update));
    }
    let mut is_needed = changed.clone();
    for (index, segment) in plan.segments.iter().enumerate().rev() {
        if is_needed[index] {
            plan.segments_below(*segment)
                .for_each(|below| is_needed[below] |= updates[below].is_empty());
        }
    }
    let mut parts = split(plan, values);
    for round in &plan.rounds {
        let work: Vec<(u32, &mut [f64])> = round
            .iter()
            .filter(|&&segment| is_needed[segment as usize])
            .map(|&segment| (segment, std::mem::take(&mut parts[segment as usize])))
            .collect();
        let one = |(index, values): (u32, &mut [f64])| {
            let segment = plan.segments[index as usize];
            let update = match segment.first == segment.last {
                true => single(plan, segment.last, nonzeros, values, &updates, memory),
                false => {
                    let mut stack = memory.stack();
                    let outcome = subtree(plan, segment, nonzeros, values, &mut stack);
                    let update = outcome.and_then(|(range, growth)| {
                        let mut update = memory.update(range.len())?;
                        update.extend_from_slice(&stack.numbers[range]);
                        Ok((update, growth))
                    });
                    memory.give_stack(stack);
                    update
                }
            };
            update.map(|(update, growth)| (index as usize, update, growth))
        };
        let done: Vec<_> = match work.len() {
            1 => work.into_iter().map(one).collect(),
            _ => work.into_par_iter().map(one).collect(),
        };
        for outcome in done {
            let (index, update, growth) = outcome?;
            last.growths[index] = growth;
            for below in plan.segments_below(plan.segments[index]) {
                if changed[below] || !changed[index] {
                    memory.give_update(std::mem::take(&mut updates[below]));
                }
            }
            updates[index] = update;
        }
    }
    last.updates = updates;
    last.nonzeros.extend_from_slice(nonzeros);
    Ok(last.growths.iter().fold(0.0, |m, growth| growth.max(m)))
}

/// The numbers of each segment.
fn split<'a>(plan: &Plan, mut values: &'a mut [f64]) -> Vec<&'a mut [f64]> {
    let mut parts = Vec::with_capacity(plan.segments.len());
    for segment in &plan.segments {
        let (begin, end) = (&plan.fronts[segment.first], &plan.fronts[segment.last + 1]);
        let (part, rest) = values.split_at_mut(end.values - begin.values);
        parts.push(part);
        values = rest;
    }
    parts
}

/// A front above other segments.
fn single(
    plan: &Plan,
    index: usize,
    nonzeros: &[f64],
    values: &mut [f64],
    updates: &[Vec<f64>],
    memory: &Memory,
) -> Result<(Vec<f64>, f64), Fault> {
    let size = plan.update_size(index);
    let mut update = memory.update(size)?;
    update.resize(size, 0.0);
    load(plan, index, nonzeros, values);
    for &child in plan.children(index) {
        let from = &updates[plan.segment_of[child as usize] as usize];
        add_child(plan, index, values, &mut update, child as usize, from);
    }
    let growth = eliminate(plan, index, values, &mut update)?;
    Ok((update, growth))
}

/// Adds what a child leaves, each triangle of a general matrix by itself.
fn add_child(
    plan: &Plan,
    index: usize,
    values: &mut [f64],
    update: &mut [f64],
    child: usize,
    from: &[f64],
) {
    let front = &plan.fronts[index];
    let (rows, width, places) = (front.height(), front.width, plan.places(child));
    let size = (front.below * front.below).max(1);
    let parts = values.chunks_exact_mut(rows * width);
    // A root leaves nothing, and one part of nothing for each side.
    let mut updates = update.chunks_exact_mut(size);
    for (left, child) in parts.zip(from.chunks_exact(places.len() * places.len())) {
        let update = updates.next().unwrap_or_default();
        Arch::new().dispatch(AddChild {
            left,
            rows,
            width,
            update,
            child,
            places,
        });
    }
}

fn eliminate(
    plan: &Plan,
    index: usize,
    values: &mut [f64],
    update: &mut [f64],
) -> Result<f64, Fault> {
    let front = &plan.fronts[index];
    let (rows, width) = (front.height(), front.width);
    match plan.sides {
        Sides::One => front::eliminate(values, rows, width, update).map(|()| 0.0),
        Sides::Two => {
            let (lower, upper) = values.split_at_mut(rows * width);
            let (update, transposed) = update.split_at_mut(front.below * front.below);
            front::eliminate_general([lower, upper], rows, width, [update, transposed])
        }
    }
}

/// The fronts of a whole subtree; where in the stack the update is that its root leaves.
fn subtree(
    plan: &Plan,
    segment: Segment,
    nonzeros: &[f64],
    values: &mut [f64],
    stack: &mut Stack,
) -> Result<(Range<usize>, f64), Fault> {
    stack.waiting.clear();
    let mut growth = 0.0f64;
    let mut top = 0;
    let origin = plan.fronts[segment.first].values;
    for index in segment.first..=segment.last {
        let children = plan.children(index);
        let begin = stack.waiting.len() - children.len();
        let base = stack.waiting.get(begin).copied().unwrap_or(top);
        let size = plan.update_size(index);
        if stack.numbers.len() < top + size {
            stack.grow((top + size).next_power_of_two())?;
        }
        let (waiting, update) = stack.numbers.split_at_mut(top);
        let update = &mut update[..size];
        update.fill(0.0);
        let range = plan.fronts[index].values - origin..plan.fronts[index + 1].values - origin;
        let own = &mut values[range];
        load(plan, index, nonzeros, own);
        for (&child, &at) in children.iter().zip(&stack.waiting[begin..]) {
            let from = &waiting[at..at + plan.update_size(child as usize)];
            add_child(plan, index, own, update, child as usize, from);
        }
        growth = growth.max(eliminate(plan, index, own, update)?);
        stack.numbers.copy_within(top..top + size, base);
        stack.waiting.truncate(begin);
        stack.waiting.push(base);
        top = base + size;
    }
    let base = stack.waiting.last().copied().unwrap_or(0);
    Ok((base..top, growth))
}

/// The entries of the matrix that a front holds.
fn load(plan: &Plan, index: usize, nonzeros: &[f64], values: &mut [f64]) {
    values.fill(0.0);
    for &[from, to] in plan.entries(index) {
        values[to as usize] += nonzeros[from as usize];
    }
}
