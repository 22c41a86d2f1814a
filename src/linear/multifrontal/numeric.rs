//! The factorization: fronts from the leaves up (Duff and Reid 1983; Liu 1992).
//!
//! Every front adds up its children in their order, on whatever thread, so that bits do not depend on
//! threads.

use std::sync::Mutex;

use pulp::Arch;
use rayon::prelude::*;

use super::front::{self, AddChild, NotPositive};
use super::plan::{Plan, Segment};

/// Updates of fronts that wait for their parents, one on top of the other.
#[derive(Debug, Default)]
pub(super) struct Stack {
    numbers: Vec<f64>,
    /// Front and where its update begins.
    waiting: Vec<usize>,
}

/// Stacks for threads to take.
pub(super) type Stacks = Mutex<Vec<Stack>>;

/// Fills `values` with the factor of the matrix with these `nonzeros`.
pub(super) fn factor(
    plan: &Plan,
    nonzeros: &[f64],
    values: &mut [f64],
    stacks: &Stacks,
) -> Result<(), NotPositive> {
    let mut parts = split(plan, values);
    let mut updates: Vec<Vec<f64>> = vec![Vec::new(); plan.segments.len()];
    for round in &plan.rounds {
        let work: Vec<(u32, &mut [f64])> = round
            .iter()
            .map(|&segment| (segment, std::mem::take(&mut parts[segment as usize])))
            .collect();
        let one = |(index, values): (u32, &mut [f64])| {
            let segment = plan.segments[index as usize];
            let update = match segment.first == segment.last {
                true => single(plan, segment.last, nonzeros, values, &updates),
                false => {
                    let stack = stacks.lock().ok().and_then(|mut s| s.pop());
                    let mut stack = stack.unwrap_or_default();
                    let outcome = subtree(plan, segment, nonzeros, values, &mut stack);
                    if let Ok(mut stacks) = stacks.lock() {
                        stacks.push(stack);
                    }
                    outcome
                }
            };
            update.map(|update| (index, update))
        };
        let done: Vec<_> = match work.len() {
            1 => work.into_iter().map(one).collect(),
            _ => work.into_par_iter().map(one).collect(),
        };
        for outcome in done {
            let (index, update) = outcome?;
            for &child in plan.children(plan.segments[index as usize].last) {
                if let Some(update) = updates.get_mut(plan.segment_of[child as usize] as usize) {
                    *update = Vec::new();
                }
            }
            updates[index as usize] = update;
        }
    }
    Ok(())
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
) -> Result<Vec<f64>, NotPositive> {
    let front = &plan.fronts[index];
    let mut update = vec![0.0; front.below * front.below];
    load(plan, index, nonzeros, values);
    let shape = (front.height(), front.width);
    for &child in plan.children(index) {
        let child = child as usize;
        let from = &updates[plan.segment_of[child] as usize];
        Arch::new().dispatch(AddChild {
            left: values,
            rows: shape.0,
            width: shape.1,
            update: &mut update,
            child: from,
            places: plan.places(child),
        });
    }
    front::eliminate(values, shape.0, shape.1, &mut update)?;
    Ok(update)
}

/// The fronts of a whole subtree; the update that its root leaves.
fn subtree(
    plan: &Plan,
    segment: Segment,
    nonzeros: &[f64],
    values: &mut [f64],
    stack: &mut Stack,
) -> Result<Vec<f64>, NotPositive> {
    stack.waiting.clear();
    let mut top = 0;
    let origin = plan.fronts[segment.first].values;
    for index in segment.first..=segment.last {
        let front = &plan.fronts[index];
        let children = plan.children(index);
        let begin = stack.waiting.len() - children.len();
        let base = stack.waiting.get(begin).copied().unwrap_or(top);
        let size = front.below * front.below;
        if stack.numbers.len() < top + size {
            stack.numbers.resize((top + size).next_power_of_two(), 0.0);
        }
        let (waiting, update) = stack.numbers.split_at_mut(top);
        let update = &mut update[..size];
        update.fill(0.0);
        let own = &mut values[front.values - origin..plan.fronts[index + 1].values - origin];
        load(plan, index, nonzeros, own);
        let shape = (front.height(), front.width);
        for (&child, &at) in children.iter().zip(&stack.waiting[begin..]) {
            let places = plan.places(child as usize);
            Arch::new().dispatch(AddChild {
                left: own,
                rows: shape.0,
                width: shape.1,
                update,
                child: &waiting[at..at + places.len() * places.len()],
                places,
            });
        }
        front::eliminate(own, shape.0, shape.1, update)?;
        stack.numbers.copy_within(top..top + size, base);
        stack.waiting.truncate(begin);
        stack.waiting.push(base);
        top = base + size;
    }
    let base = stack.waiting.last().copied().unwrap_or(0);
    Ok(stack.numbers[base..top].to_vec())
}

/// The entries of the matrix that a front holds.
fn load(plan: &Plan, index: usize, nonzeros: &[f64], values: &mut [f64]) {
    values.fill(0.0);
    for &[from, to] in plan.entries(index) {
        values[to as usize] += nonzeros[from as usize];
    }
}
