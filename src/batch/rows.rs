//! Dense input rows: conductances, one after the other, from one free node to nodes that carry
//! features.
//!
//! Rows of a crossbar meet the same held nodes in the same order. What is the same is kept once, as a
//! [`Pattern`]; of each conductance nothing is kept at all.

use std::ops::Range;

use super::ends::{End, Ends};
use super::inputs::{Inputs, NO_COLUMN};
use super::real::Real;

/// Conductances of one row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub conductances: Range<usize>,
    /// The free node, and its place among the fed ones.
    pub node: u32,
    pub place: u32,
    pub pattern: u32,
}

/// Potentials that the conductances of a row lead to: `coefficient u[column] + constant`.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Entries of the table of prescribed potentials.
    held: Vec<u32>,
    columns: Vec<u32>,
    coefficients: Vec<f64>,
    constants: Vec<f64>,
    has_constants: bool,
    /// Columns rise by one after so many conductances; 0 if they do not.
    repeat: usize,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    /// In the order of their conductances.
    pub rows: Vec<Row>,
    pub patterns: Vec<Pattern>,
    /// The same by fed node, and where those of each begin.
    by_place: Vec<u32>,
    starts: Vec<usize>,
}

impl Rows {
    pub(super) fn find(inputs: &Inputs, ends: &Ends, fed_place: &[Option<u32>]) -> Self {
        let mut found = Self::default();
        // The free node of a conductance that belongs into a row, its place, and the held end.
        let member = |ends: &[End; 2]| {
            let (node, held) = End::fed(ends)?;
            let has_column = inputs.held[held as usize].column != NO_COLUMN;
            let place = fed_place[node as usize].filter(|_| has_column)?;
            Some((node, place, held))
        };
        let mut members = ends.iter().map(|ends| member(&ends)).enumerate().peekable();
        let mut held = Vec::new();
        while let Some((first, start)) = members.next() {
            let Some((node, place, start)) = start else {
                continue;
            };
            held.clear();
            held.push(start);
            let is_next =
                |(_, m): &(usize, Option<(u32, u32, u32)>)| m.is_some_and(|m| m.0 == node);
            while let Some((_, Some(next))) = members.next_if(is_next) {
                held.push(next.2);
            }
            let pattern = found.pattern(&held, inputs);
            found.rows.push(Row {
                conductances: first..first + held.len(),
                node,
                place,
                pattern,
            });
        }
        let places = fed_place.iter().flatten().count();
        found.by_place = (0..found.rows.len() as u32).collect();
        let place = |row: u32| found.rows[row as usize].place;
        found.by_place.sort_by_key(|&row| place(row));
        found.starts = (0..=places as u32)
            .map(|p| found.by_place.partition_point(|&row| place(row) < p))
            .collect();
        found
    }

    /// A pattern with these held nodes: one of the last few, or a new one.
    fn pattern(&mut self, held: &[u32], inputs: &Inputs) -> u32 {
        const RECENT: usize = 8;
        let recent = self.patterns.iter().enumerate().rev().take(RECENT);
        if let Some((index, _)) = recent.into_iter().find(|(_, p)| p.held == held) {
            return index as u32;
        }
        self.patterns.push(Pattern::new(held, inputs));
        self.patterns.len() as u32 - 1
    }

    /// The row that a conductance belongs to, or the next one after it.
    pub(super) fn from(&self, conductance: usize) -> &[Row] {
        let first = (self.rows).partition_point(|row| row.conductances.end <= conductance);
        &self.rows[first..]
    }

    pub(super) fn contains(&self, conductance: usize) -> bool {
        let next = self.from(conductance).first();
        next.is_some_and(|row| row.conductances.contains(&conductance))
    }

    /// Rows of a fed node.
    pub(super) fn of_place(&self, place: usize) -> impl Iterator<Item = &Row> {
        let own = &self.by_place[self.starts[place]..self.starts[place + 1]];
        own.iter().map(|&row| &self.rows[row as usize])
    }

    pub(super) fn pattern_of(&self, row: &Row) -> &Pattern {
        &self.patterns[row.pattern as usize]
    }
}

/// What all derivatives of a row have in common.
#[derive(Clone, Copy)]
pub(super) struct Common {
    pub factor: f64,
    /// `sum lambda` and `sum lambda x` of the free node.
    pub lambda: f64,
    pub product: f64,
}

impl Pattern {
    fn new(held: &[u32], inputs: &Inputs) -> Self {
        let affine = || held.iter().map(|&h| &inputs.held[h as usize]);
        let columns: Vec<u32> = affine().map(|a| a.column).collect();
        let first = columns.first().copied().unwrap_or_default();
        let rises = |repeat: &usize| {
            let wanted = (0..columns.len()).map(|k| first + (k / repeat) as u32);
            wanted.eq(columns.iter().copied())
        };
        Self {
            held: held.to_vec(),
            coefficients: affine().map(|a| a.coefficient).collect(),
            constants: affine().map(|a| a.constant).collect(),
            has_constants: affine().any(|a| a.constant != 0.0),
            repeat: [1, 2].into_iter().find(rises).unwrap_or(0),
            columns,
        }
    }

    /// Writes `factor (sum lambda v - sum lambda x)` of the `members` of a row; `feed` holds
    /// `sum lambda u` of each column.
    pub(super) fn derivatives<T: Real>(
        &self,
        members: Range<usize>,
        feed: &[T],
        common: Common,
        out: &mut [f64],
    ) {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            move || {
                let out = out;
                match self.repeat {
                    1 => self.derivatives_by::<1, T>(members, feed, common, out),
                    2 => self.derivatives_by::<2, T>(members, feed, common, out),
                    _ => self.derivatives_of(members, feed, common, out),
                }
            },
        );
    }

    #[inline(always)]
    fn derivatives_of<T: Real>(
        &self,
        members: Range<usize>,
        feed: &[T],
        common: Common,
        out: &mut [f64],
    ) {
        for (k, out) in members.zip(out) {
            let product = self.coefficients[k] * feed[self.columns[k] as usize].f64();
            let sum = product + self.constants[k] * common.lambda;
            *out = common.factor * (sum - common.product);
        }
    }

    /// The same where `M` conductances share a column.
    #[inline(always)]
    fn derivatives_by<const M: usize, T: Real>(
        &self,
        members: Range<usize>,
        feed: &[T],
        common: Common,
        out: &mut [f64],
    ) {
        let (start, end) = (members.start.next_multiple_of(M), members.end / M * M);
        if start >= end {
            return self.derivatives_of(members, feed, common, out);
        }
        let (head, rest) = out.split_at_mut(start - members.start);
        let (body, tail) = rest.split_at_mut(end - start);
        self.derivatives_of(members.start..start, feed, common, head);
        self.derivatives_of(end..members.end, feed, common, tail);
        let affine = self.coefficients[start..end]
            .chunks_exact(M)
            .zip(self.constants[start..end].chunks_exact(M));
        let feed = &feed[self.columns[start] as usize..];
        let all = body.chunks_exact_mut(M).zip(feed).zip(affine);
        for ((out, feed), (coefficients, constants)) in all {
            let feed = feed.f64();
            for m in 0..M {
                let sum = coefficients[m] * feed + constants[m] * common.lambda;
                out[m] = common.factor * (sum - common.product);
            }
        }
    }

    /// Adds conductances `g` of a whole row to the entries of its columns; returns their sum and the
    /// current that constant potentials send.
    pub(super) fn add_to<T: Real>(&self, g: &[f64], entries: &mut [T]) -> [f64; 2] {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            move || {
                // What is moved out of a closure makes it one that is called once, and no shim of other
                // instructions stands between.
                let entries = entries;
                match self.repeat {
                    1 => self.add_by::<1, T>(g, entries),
                    2 => self.add_by::<2, T>(g, entries),
                    _ => self.add_from(0, g, entries),
                }
                let sent = match self.has_constants {
                    true => sum_of(g.iter().zip(&self.constants).map(|(g, c)| g * c)),
                    false => 0.0,
                };
                [sum_of(g.iter().copied()), sent]
            },
        )
    }

    /// Adds from conductance `first` on.
    #[inline(always)]
    fn add_from<T: Real>(&self, first: usize, g: &[f64], entries: &mut [T]) {
        let affine = self.columns.iter().zip(&self.coefficients).skip(first);
        for (&g, (&column, coefficient)) in g[first..].iter().zip(affine) {
            entries[column as usize] += T::of(coefficient * g);
        }
    }

    #[inline(always)]
    fn add_by<const M: usize, T: Real>(&self, g: &[f64], entries: &mut [T]) {
        let first = self.columns.first().map_or(0, |&c| c as usize);
        let pairs = g.chunks_exact(M).zip(self.coefficients.chunks_exact(M));
        for (entry, (g, coefficients)) in entries[first..].iter_mut().zip(pairs) {
            let mut sum = 0.0;
            for m in 0..M {
                sum += coefficients[m] * g[m];
            }
            *entry += T::of(sum);
        }
        self.add_from(g.len() / M * M, g, entries);
    }
}

/// A sum in eight parts, side by side.
#[inline(always)]
pub(super) fn sum_of(mut terms: impl ExactSizeIterator<Item = f64>) -> f64 {
    const PARTS: usize = 8;
    let mut parts = [0.0; PARTS];
    for _ in 0..terms.len() / PARTS {
        for part in &mut parts {
            *part += terms.next().unwrap_or_default();
        }
    }
    let rest: f64 = terms.sum();
    parts.iter().sum::<f64>() + rest
}
