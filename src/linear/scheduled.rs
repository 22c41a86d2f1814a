//! Sparse `L D L'`, and `L U` without exchanges, as a list of operations: every product is written down once,
//! with the place that it is subtracted from. Quicker than any search for matrices with little fill, which
//! are ladders, trees, and all small circuits.

use std::sync::Arc;

use super::ordering::Ordering;
use super::pattern::EliminationPattern;
use super::tree::postorder;
use super::{LinearError, Matrix};

/// The operations of a factorization of a lower-triangular pattern, or of all of a general one, whose zeros
/// opposite to entries count as entries.
#[derive(Debug)]
pub struct Schedule {
    /// The unknown at each place of the elimination.
    order: Vec<u32>,
    /// Where each column of the factor begins: its diagonal entry, then what is below.
    starts: Vec<u32>,
    /// Rows of all entries, the diagonal included.
    rows: Vec<u32>,
    /// For each nonzero of the matrix, the entry of the factor that it is in; of a general one those above the
    /// diagonal are numbered, transposed, behind the others.
    entries: Vec<u32>,
    /// For each column, for each of its entries below the diagonal and each from there on: the entry that their
    /// product is subtracted from, counted from the end of the column.
    targets: Vec<u32>,
}

impl Schedule {
    /// # Errors
    /// [`LinearError::OutOfMemory`] if there are more than 2³² products.
    pub fn general(pattern: &Matrix, ordering: &Ordering) -> Result<Self, LinearError> {
        let mut schedule = Self::new(pattern, ordering)?;
        let mut place = vec![0; schedule.order.len()];
        for (new, &old) in schedule.order.iter().enumerate() {
            place[old as usize] = new;
        }
        let behind = schedule.rows.len() as u32;
        for (entry, (_, (row, column))) in schedule.entries.iter_mut().zip(pattern) {
            *entry += if place[row] < place[column] {
                behind
            } else {
                0
            };
        }
        Ok(schedule)
    }

    /// # Errors
    /// [`LinearError::OutOfMemory`] if there are more than 2³² products.
    pub fn new(pattern: &Matrix, ordering: &Ordering) -> Result<Self, LinearError> {
        let n = pattern.rows();
        let lack = LinearError::OutOfMemory { order: n };
        let count = |products: f64| products < f64::from(u32::MAX);
        if !count(ordering.products + 2.0 * (ordering.fill + n as f64)) {
            return Err(lack);
        }
        let elimination = EliminationPattern::new(pattern, postorder(pattern, &ordering.order));
        let mut starts = Vec::with_capacity(n + 1);
        let mut rows = Vec::with_capacity(n + elimination.factor.items.len());
        for column in 0..n {
            starts.push(rows.len() as u32);
            rows.push(column as u32);
            rows.extend_from_slice(elimination.factor.get(column));
        }
        starts.push(rows.len() as u32);
        let mut schedule = Self {
            order: elimination.order.iter().map(|&old| old as u32).collect(),
            starts,
            rows,
            entries: vec![u32::MAX; pattern.nnz()],
            targets: Vec::with_capacity(ordering.products as usize),
        };
        let mut place = vec![0u32; n];
        for column in 0..n {
            let range = schedule.range(column);
            for entry in range.clone() {
                place[schedule.rows[entry] as usize] = entry as u32;
            }
            if let Some(own) = schedule.entries.get_mut(elimination.diagonal[column]) {
                *own = range.start as u32;
            }
            for &(row, nonzero) in elimination.entries.get(column) {
                schedule.entries[nonzero as usize] = place[row as usize];
            }
        }
        for column in 0..n {
            schedule.add_targets(column);
        }
        Ok(schedule)
    }

    fn range(&self, column: usize) -> std::ops::Range<usize> {
        self.starts[column] as usize..self.starts[column + 1] as usize
    }

    /// Rows of a column are rows of the columns of all of them, and in the same order.
    fn add_targets(&mut self, column: usize) {
        let range = self.range(column);
        for first in range.start + 1..range.end {
            let mut at = self.starts[self.rows[first] as usize] as usize;
            for entry in first..range.end {
                while self.rows[at] != self.rows[entry] {
                    at += 1;
                }
                self.targets.push((at - range.end) as u32);
            }
        }
    }

    /// Entries of the factor.
    pub fn entries(&self) -> usize {
        self.rows.len()
    }

    /// Multiplications, additions and divisions of one factorization.
    pub fn flops(&self) -> f64 {
        2.0 * self.targets.len() as f64 + self.rows.len() as f64
    }
}

/// Numeric factors.
#[derive(Debug)]
pub struct ScheduledFactor {
    schedule: Arc<Schedule>,
    /// Inverses of pivots, and below them the entries of a unit lower triangle.
    values: Vec<f64>,
    /// False after a factorization that failed, which leaves numbers of no use.
    is_usable: bool,
    x: Vec<f64>,
}

impl ScheduledFactor {
    pub fn new(schedule: Arc<Schedule>) -> Self {
        Self {
            values: vec![0.0; schedule.rows.len()],
            is_usable: false,
            x: vec![0.0; schedule.order.len()],
            schedule,
        }
    }

    /// Factors the matrix with these `nonzeros` of the analyzed pattern.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is not positive.
    pub fn factor(&mut self, nonzeros: &[f64]) -> Result<(), LinearError> {
        let schedule = &*self.schedule;
        let values = self.values.as_mut_slice();
        self.is_usable = false;
        values.fill(0.0);
        for (&entry, nonzero) in schedule.entries.iter().zip(nonzeros) {
            values[entry as usize] = *nonzero;
        }
        let mut targets = schedule.targets.as_slice();
        for range in schedule.starts.windows(2) {
            let (own, later) = values.split_at_mut(range[1] as usize);
            let own = &mut own[range[0] as usize..];
            let pivot = own[0];
            if !(pivot > 0.0 && pivot < f64::INFINITY) {
                return Err(LinearError::Singular);
            }
            let inverse = pivot.recip();
            own[0] = inverse;
            let below = &mut own[1..];
            let (now, rest) = targets.split_at(below.len() * (below.len() + 1) / 2);
            targets = rest;
            eliminate(below, inverse, now, later);
        }
        self.is_usable = true;
        Ok(())
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        if !self.is_usable {
            return b.fill(f64::NAN);
        }
        let schedule = &*self.schedule;
        let x = self.x.as_mut_slice();
        for (x, &old) in x.iter_mut().zip(&schedule.order) {
            *x = b[old as usize];
        }
        for (column, range) in schedule.starts.windows(2).enumerate() {
            let below = range[0] as usize + 1..range[1] as usize;
            let own = x[column];
            spread(&self.values[below.clone()], &schedule.rows[below], own, x);
        }
        for (column, range) in schedule.starts.windows(2).enumerate().rev() {
            let (first, end) = (range[0] as usize, range[1] as usize);
            let own = x[column] * self.values[first];
            let below = first + 1..end;
            x[column] = gather(&self.values[below.clone()], &schedule.rows[below], own, x);
        }
        for (x, &old) in x.iter().zip(&schedule.order) {
            b[old as usize] = *x;
        }
    }
}

/// Calls a function for columns of one length, which becomes straight code, or one for any: columns of small
/// circuits are short, and loops of a length that is not known cost more than what they do.
macro_rules! by_length {
    ($slice:expr, $short:ident, $long:ident, $arguments:tt) => {
        by_length!(@ $slice, $short, $long, $arguments, 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    (@ $slice:expr, $short:ident, $long:ident, $arguments:tt, $($length:literal)*) => {
        match $slice.len() {
            $($length => $short::<$length> $arguments,)*
            _ => $long $arguments,
        }
    };
}

/// Divides the entries of a column by its pivot and subtracts their products from the later columns.
#[inline]
fn eliminate(below: &mut [f64], inverse: f64, targets: &[u32], later: &mut [f64]) {
    by_length!(
        below,
        eliminate_short,
        eliminate_long,
        (below, inverse, targets, later)
    );
}

// Only loops over plain ranges are unrolled.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn eliminate_short<const N: usize>(
    below: &mut [f64],
    inverse: f64,
    targets: &[u32],
    later: &mut [f64],
) {
    let Some(below) = below.first_chunk_mut::<N>() else {
        return;
    };
    let values = *below;
    let mut factors = values;
    for factor in &mut factors {
        *factor *= inverse;
    }
    *below = factors;
    let targets = &targets[..N * (N + 1) / 2];
    let mut next = 0;
    for first in 0..N {
        for other in first..N {
            later[targets[next] as usize] -= factors[first] * values[other];
            next += 1;
        }
    }
}

fn eliminate_long(below: &mut [f64], inverse: f64, mut targets: &[u32], later: &mut [f64]) {
    for first in 0..below.len() {
        let factor = below[first] * inverse;
        let (now, rest) = targets.split_at(below.len() - first);
        targets = rest;
        for (&target, other) in now.iter().zip(&below[first..]) {
            later[target as usize] -= factor * other;
        }
        below[first] = factor;
    }
}

/// Subtracts multiples of `own` from the rows of a column.
#[inline]
fn spread(values: &[f64], rows: &[u32], own: f64, x: &mut [f64]) {
    by_length!(rows, spread_short, spread_long, (values, rows, own, x));
}

#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn spread_short<const N: usize>(values: &[f64], rows: &[u32], own: f64, x: &mut [f64]) {
    if let (Some(values), Some(rows)) = (values.first_chunk::<N>(), rows.first_chunk::<N>()) {
        for k in 0..N {
            x[rows[k] as usize] -= values[k] * own;
        }
    }
}

fn spread_long(values: &[f64], rows: &[u32], own: f64, x: &mut [f64]) {
    for (&row, value) in rows.iter().zip(values) {
        x[row as usize] -= value * own;
    }
}

/// Subtracts multiples of the rows of a column from `own`.
#[inline]
fn gather(values: &[f64], rows: &[u32], own: f64, x: &[f64]) -> f64 {
    by_length!(rows, gather_short, gather_long, (values, rows, own, x))
}

#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn gather_short<const N: usize>(values: &[f64], rows: &[u32], mut own: f64, x: &[f64]) -> f64 {
    if let (Some(values), Some(rows)) = (values.first_chunk::<N>(), rows.first_chunk::<N>()) {
        for k in 0..N {
            own -= values[k] * x[rows[k] as usize];
        }
    }
    own
}

fn gather_long(values: &[f64], rows: &[u32], mut own: f64, x: &[f64]) -> f64 {
    for (&row, value) in rows.iter().zip(values) {
        own -= value * x[row as usize];
    }
    own
}

/// Numeric factors of a general matrix, whose pivots are those of its diagonal.
#[derive(Debug)]
pub struct ScheduledLu {
    schedule: Arc<Schedule>,
    /// `L`, with inverses of the pivots on its diagonal, and `U'`, whose diagonal of ones is not kept.
    factors: [Vec<f64>; 2],
    growth: f64,
    /// False after a factorization that failed, which leaves numbers of no use.
    is_usable: bool,
    x: Vec<f64>,
}

impl ScheduledLu {
    /// For a schedule of a [general](Schedule::general) pattern.
    pub fn new(schedule: Arc<Schedule>) -> Self {
        let factor = vec![0.0; schedule.rows.len()];
        Self {
            factors: [factor.clone(), factor],
            growth: 0.0,
            is_usable: false,
            x: vec![0.0; schedule.order.len()],
            schedule,
        }
    }

    /// Factors the matrix with these `nonzeros` of the analyzed pattern.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is zero or not finite.
    pub fn factor(&mut self, nonzeros: impl Iterator<Item = f64>) -> Result<(), LinearError> {
        let schedule = &*self.schedule;
        let [lower, upper] = &mut self.factors;
        self.is_usable = false;
        lower.fill(0.0);
        upper.fill(0.0);
        for (&entry, nonzero) in schedule.entries.iter().zip(nonzeros) {
            let entry = entry as usize;
            match entry.checked_sub(lower.len()) {
                None => lower[entry] = nonzero,
                Some(entry) => upper[entry] = nonzero,
            }
        }
        let (mut targets, mut growth) = (schedule.targets.as_slice(), 0.0f64);
        for range in schedule.starts.windows(2) {
            let [first, end] = [range[0] as usize, range[1] as usize];
            let (own, later) = lower.split_at_mut(end);
            let (own_upper, later_upper) = upper.split_at_mut(end);
            let (own, own_upper) = (&mut own[first..], &mut own_upper[first + 1..]);
            if !(own[0] != 0.0 && own[0].is_finite()) {
                return Err(LinearError::Singular);
            }
            let inverse = own[0].recip();
            own[0] = inverse;
            own_upper.iter_mut().for_each(|value| *value *= inverse);
            let (below, right) = (&own[1..], &*own_upper);
            for first in 0..below.len() {
                let (l, u) = (below[first], right[first]);
                growth = growth.max((l * inverse).abs());
                let (now, rest) = targets.split_at(below.len() - first);
                targets = rest;
                let own = below[first..].iter().zip(&right[first..]);
                for (&target, (below, right)) in now.iter().zip(own) {
                    let target = target as usize;
                    later[target] -= u * below;
                    later_upper[target] -= l * right;
                }
            }
        }
        self.growth = growth;
        self.is_usable = true;
        Ok(())
    }

    /// The largest entry of `L`, relative to the pivot of its column.
    pub fn growth(&self) -> f64 {
        self.growth
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        self.solve_by(b, false);
    }

    /// `A' x = b`; after a factorization that failed the solution is not a number.
    pub fn solve_transpose(&mut self, b: &mut [f64]) {
        self.solve_by(b, true);
    }

    fn solve_by(&mut self, b: &mut [f64], is_transposed: bool) {
        if !self.is_usable {
            return b.fill(f64::NAN);
        }
        let schedule = &*self.schedule;
        let [lower, upper] = &self.factors;
        let (up, down) = match is_transposed {
            false => (lower, upper),
            true => (upper, lower),
        };
        let x = self.x.as_mut_slice();
        for (x, &old) in x.iter_mut().zip(&schedule.order) {
            *x = b[old as usize];
        }
        for (column, range) in schedule.starts.windows(2).enumerate() {
            let (first, end) = (range[0] as usize, range[1] as usize);
            if !is_transposed {
                x[column] *= lower[first];
            }
            let (below, own) = (first + 1..end, x[column]);
            spread(&up[below.clone()], &schedule.rows[below], own, x);
        }
        for (column, range) in schedule.starts.windows(2).enumerate().rev() {
            let (first, end) = (range[0] as usize, range[1] as usize);
            let below = first + 1..end;
            let sum = gather(&down[below.clone()], &schedule.rows[below], x[column], x);
            x[column] = if is_transposed {
                sum * lower[first]
            } else {
                sum
            };
        }
        for (x, &old) in x.iter().zip(&schedule.order) {
            b[old as usize] = *x;
        }
    }
}
