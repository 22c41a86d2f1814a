//! `A x = b` on the factors: from the leaves up, then down again.
//!
//! Every front has a vector of its own: the solution at its columns, then at its rows below. On the way up the
//! rows below collect what a front leaves to those above, on the way down they are what it gets from there.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::front;
use super::plan::{Front, Plan, Segment};

/// Which numbers of a front.
#[derive(Clone, Copy, Debug)]
pub(super) enum Panel {
    /// `L`, also of Cholesky.
    Lower,
    /// `U'` of LU.
    Upper,
}

impl Panel {
    fn begin(self, front: &Front) -> usize {
        match self {
            Panel::Lower => front.values,
            Panel::Upper => front.values + front.width * front.height(),
        }
    }
}

/// What a segment works on.
struct Part<'a> {
    segment: Segment,
    /// The right-hand side, then the solution, by place of the elimination.
    x: &'a mut [f64],
    vectors: &'a mut [f64],
}

/// `x` by places of the elimination, in place; `vectors` are those of all fronts.
/// `panels` are those that the way up and the way down go through.
pub(super) fn solve(
    plan: &Plan,
    values: &[f64],
    panels: [Panel; 2],
    x: &mut [f64],
    vectors: &mut [f64],
) {
    let [up, down] = panels;
    let mut parts = split(plan, x, vectors);
    for round in &plan.rounds {
        run(round, &mut parts, |part, others| {
            Arch::new().dispatch(Forward {
                plan,
                values,
                panel: up,
                part,
                others,
            });
        });
    }
    for round in plan.rounds.iter().rev() {
        run(round, &mut parts, |part, others| {
            Arch::new().dispatch(Backward {
                plan,
                values,
                panel: down,
                part,
                others,
            });
        });
    }
}

fn split<'a>(
    plan: &Plan,
    mut x: &'a mut [f64],
    mut vectors: &'a mut [f64],
) -> Vec<Option<Part<'a>>> {
    let mut parts = Vec::with_capacity(plan.segments.len());
    for &segment in &plan.segments {
        let (begin, end) = (&plan.fronts[segment.first], &plan.fronts[segment.last + 1]);
        let (own_x, x_left) = x.split_at_mut(end.column - begin.column);
        let (own, left) = vectors.split_at_mut(end.vector() - begin.vector());
        parts.push(Some(Part {
            segment,
            x: own_x,
            vectors: own,
        }));
        (x, vectors) = (x_left, left);
    }
    parts
}

/// Does the segments of one round side by side; they read others only.
fn run<'a>(
    round: &[u32],
    parts: &mut [Option<Part<'a>>],
    step: impl Fn(&mut Part<'a>, &[Option<Part<'a>>]) + Sync,
) {
    let own = round.iter().map(|&s| parts[s as usize].take());
    let mut own: Vec<Part<'a>> = own.flatten().collect();
    match own.as_mut_slice() {
        [one] => step(one, parts),
        many => many.par_iter_mut().for_each(|part| step(part, parts)),
    }
    for (&segment, part) in round.iter().zip(own) {
        parts[segment as usize] = Some(part);
    }
}

/// From the leaves up: `L x = b`.
struct Forward<'a, 'b> {
    plan: &'a Plan,
    values: &'a [f64],
    panel: Panel,
    part: &'a mut Part<'b>,
    others: &'a [Option<Part<'b>>],
}

impl NullaryFnOnce for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { plan, part, .. } = self;
        let begin = &plan.fronts[part.segment.first];
        for index in part.segment.first..=part.segment.last {
            let front = &plan.fronts[index];
            let (done, own) = part.vectors.split_at_mut(front.vector() - begin.vector());
            let own = &mut own[..front.height()];
            let x = &part.x[front.column - begin.column..][..front.width];
            own[..front.width].copy_from_slice(x);
            own[front.width..].fill(0.0);
            for &child in plan.children(index) {
                let child = child as usize;
                let places = plan.places(child);
                let from = match self.others.get(plan.segment_of[child] as usize) {
                    Some(Some(other)) => &other.vectors[other.vectors.len() - places.len()..],
                    _ => {
                        let end = plan.fronts[child + 1].vector() - begin.vector();
                        &done[end - places.len()..end]
                    }
                };
                for (&place, value) in places.iter().zip(from) {
                    own[place as usize] += value;
                }
            }
            let values = &self.values[self.panel.begin(front)..];
            front::solve_lower(values, front.width, own);
        }
    }
}

/// Down again: `L' x = b`.
struct Backward<'a, 'b> {
    plan: &'a Plan,
    values: &'a [f64],
    panel: Panel,
    part: &'a mut Part<'b>,
    others: &'a [Option<Part<'b>>],
}

impl NullaryFnOnce for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { plan, part, .. } = self;
        let begin = &plan.fronts[part.segment.first];
        for index in (part.segment.first..=part.segment.last).rev() {
            let front = &plan.fronts[index];
            let end = plan.fronts[index + 1].vector() - begin.vector();
            let (own, above) = part.vectors.split_at_mut(end);
            let own = &mut own[front.vector() - begin.vector()..];
            if let Some(parent) = plan.parent(index) {
                let from = match self.others.get(plan.segment_of[parent] as usize) {
                    Some(Some(other)) if index == part.segment.last => {
                        &other.vectors[other.vectors.len() - plan.fronts[parent].height()..]
                    }
                    _ => &above[plan.fronts[parent].vector() - begin.vector() - end..],
                };
                for (value, &place) in own[front.width..].iter_mut().zip(plan.places(index)) {
                    *value = from[place as usize];
                }
            }
            let values = &self.values[self.panel.begin(front)..];
            front::solve_upper(values, front.width, own);
            let x = &mut part.x[front.column - begin.column..][..front.width];
            x.copy_from_slice(&own[..front.width]);
        }
    }
}
