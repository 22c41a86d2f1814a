//! Dense arithmetic of one front: its first columns are eliminated, what they leave is updated.
//!
//! How products are cut depends on their sizes alone, never on threads.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, NullaryFnOnce};

/// Why there are no factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A pivot cannot be divided by: it is not positive in Cholesky, zero or not finite in LU.
    Pivot,
    Memory,
}

/// Columns that are eliminated one by one.
const NARROW: usize = 8;
/// Multiplications below which a product is a loop.
const SMALL_PRODUCT: usize = 6_000;
/// Multiplications from which a product is cut for threads.
const LARGE_PRODUCT: usize = 4_000_000;
/// Rows or columns of one part of a product.
const PART: usize = 256;
/// Columns of the update at a time: of each only what is below the diagonal counts.
const STRIP: usize = 64;

/// Eliminates the columns `left` (rows x width, by columns, lower trapezoid) of a front and subtracts
/// their product from `update` (square, lower triangle).
pub(super) fn eliminate(
    left: &mut [f64],
    rows: usize,
    width: usize,
    update: &mut [f64],
) -> Result<(), Fault> {
    factor(left, rows, 0, width)?;
    subtract_below(update, [left, left], rows, width);
    Ok(())
}

/// The same of a general matrix: `lower` holds `L`, `upper` what is right of the diagonal, transposed, as
/// `U'` with a diagonal of ones; `updates` are the lower triangle and the transposed upper one. Returns the
/// largest entry of `L` relative to the pivot of its column.
pub(super) fn eliminate_general(
    [lower, upper]: [&mut [f64]; 2],
    rows: usize,
    width: usize,
    updates: [&mut [f64]; 2],
) -> Result<f64, Fault> {
    let growth = factor_general([lower, upper], rows, 0, width)?;
    let [update, transposed] = updates;
    subtract_below(update, [lower, upper], rows, width);
    subtract_below(transposed, [upper, lower], rows, width);
    Ok(growth)
}

/// Subtracts from the lower triangle of `update` the product of `left` with `right'`, both below the first
/// `width` of their `rows`.
fn subtract_below(update: &mut [f64], [left, right]: [&[f64]; 2], rows: usize, width: usize) {
    let below = rows - width;
    if below * below * width < 2 * SMALL_PRODUCT {
        Arch::new().dispatch(SmallProduct {
            out: update,
            height: below,
            first: 0,
            left,
            right,
            rows,
            row: width,
            count: width,
        });
    } else {
        let of = |panel| MatRef::from_column_major_slice(panel, rows, width).subrows(width, below);
        let update = MatMut::from_column_major_slice_mut(update, below, below);
        subtract_strips(update, of(left), of(right));
    }
}

/// Cholesky of the columns in `panel`, whose diagonal begins in row `top`.
fn factor(panel: &mut [f64], rows: usize, top: usize, width: usize) -> Result<(), Fault> {
    if width <= NARROW {
        return Arch::new().dispatch(Narrow {
            panel,
            rows,
            top,
            width,
        });
    }
    let half = (width / 2).next_multiple_of(NARROW).min(width - 1);
    let (left, right) = panel.split_at_mut(half * rows);
    factor(left, rows, top, half)?;
    let (first, rest) = (top + half, width - half);
    subtract_beside(right, [left, left], rows, [first, half, rest]);
    factor(right, rows, first, rest)
}

/// LU without exchanges of the columns in both panels, whose diagonal begins in row `top`.
fn factor_general(
    [lower, upper]: [&mut [f64]; 2],
    rows: usize,
    top: usize,
    width: usize,
) -> Result<f64, Fault> {
    if width <= NARROW {
        return Arch::new().dispatch(NarrowGeneral {
            panels: [lower, upper],
            rows,
            top,
            width,
        });
    }
    let half = (width / 2).next_multiple_of(NARROW).min(width - 1);
    let (lower, lower_right) = lower.split_at_mut(half * rows);
    let (upper, upper_right) = upper.split_at_mut(half * rows);
    let growth = factor_general([&mut *lower, &mut *upper], rows, top, half)?;
    let (first, rest) = (top + half, width - half);
    let shape = [first, half, rest];
    subtract_beside(lower_right, [lower, upper], rows, shape);
    subtract_beside(upper_right, [upper, lower], rows, shape);
    Ok(factor_general([lower_right, upper_right], rows, first, rest)?.max(growth))
}

/// Subtracts from the `rest` columns `out`, from row `first` on, what the `half` columns before them leave:
/// `left` times the first rows of `right`, transposed.
fn subtract_beside(
    out: &mut [f64],
    [left, right]: [&[f64]; 2],
    rows: usize,
    [first, half, rest]: [usize; 3],
) {
    let height = rows - first;
    if rest * height * half < SMALL_PRODUCT {
        Arch::new().dispatch(SmallProduct {
            out: &mut out[..rest * rows],
            height: rows,
            first,
            left,
            right,
            rows,
            row: first,
            count: half,
        });
    } else {
        let of = |panel| MatRef::from_column_major_slice(panel, rows, half).subrows(first, height);
        let out = MatMut::from_column_major_slice_mut(out, rows, rest);
        let out = out.subrows_mut(first, height);
        subtract_product(out, of(left), of(right).subrows(0, rest));
    }
}

/// Cholesky of a few columns, one after the other.
struct Narrow<'a> {
    panel: &'a mut [f64],
    rows: usize,
    top: usize,
    width: usize,
}

impl NullaryFnOnce for Narrow<'_> {
    type Output = Result<(), Fault>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Self { panel, rows, .. } = self;
        for column in 0..self.width {
            let (left, right) = panel.split_at_mut(column * rows);
            let row = self.top + column;
            let target = &mut right[row..rows];
            subtract_columns(target, [left, left], rows, row, column);
            let pivot = target[0];
            if !(pivot > 0.0 && pivot < f64::INFINITY) {
                return Err(Fault::Pivot);
            }
            let scale = pivot.sqrt().recip();
            target.iter_mut().for_each(|value| *value *= scale);
        }
        Ok(())
    }
}

/// LU of a few columns, one after the other.
struct NarrowGeneral<'a> {
    panels: [&'a mut [f64]; 2],
    rows: usize,
    top: usize,
    width: usize,
}

impl NullaryFnOnce for NarrowGeneral<'_> {
    type Output = Result<f64, Fault>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut growth = 0.0f64;
        let rows = self.rows;
        let [lower, upper] = self.panels;
        for column in 0..self.width {
            let (done, right) = lower.split_at_mut(column * rows);
            let (done_upper, right_upper) = upper.split_at_mut(column * rows);
            let row = self.top + column;
            let target = &mut right[row..rows];
            subtract_columns(target, [done, done_upper], rows, row, column);
            let pivot = target[0];
            if !(pivot != 0.0 && pivot.is_finite()) {
                return Err(Fault::Pivot);
            }
            growth = growth.max(largest(&target[1..]) / pivot.abs());
            let target = &mut right_upper[row..rows];
            subtract_columns(target, [done_upper, done], rows, row, column);
            let scale = pivot.recip();
            target.iter_mut().for_each(|value| *value *= scale);
            target[0] = 1.0;
        }
        Ok(growth)
    }
}

/// The largest magnitude, in parts that go side by side.
#[inline(always)]
fn largest(values: &[f64]) -> f64 {
    let mut most = [0.0f64; 8];
    let mut parts = values.chunks_exact(8);
    for part in &mut parts {
        for (most, value) in most.iter_mut().zip(part) {
            *most = most.max(value.abs());
        }
    }
    let rest = parts
        .remainder()
        .iter()
        .fold(0.0, |m: f64, v| m.max(v.abs()));
    most.iter().fold(rest, |m, v| m.max(*v))
}

/// `out -= left right'` below a diagonal, in loops: that of `out` (columns of `height`) begins in row
/// `first`, those of `left` and `right` in row `row`.
struct SmallProduct<'a> {
    out: &'a mut [f64],
    height: usize,
    first: usize,
    left: &'a [f64],
    right: &'a [f64],
    rows: usize,
    row: usize,
    count: usize,
}

impl NullaryFnOnce for SmallProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (column, target) in self.out.chunks_exact_mut(self.height.max(1)).enumerate() {
            let (target, row) = (&mut target[self.first + column..], self.row + column);
            let panels = [self.left, self.right];
            subtract_columns(target, panels, self.rows, row, self.count);
        }
    }
}

/// `target -= sum_k right[row, k] left[row.., k]` over the first `count` columns.
#[inline(always)]
fn subtract_columns(
    target: &mut [f64],
    [left, right]: [&[f64]; 2],
    rows: usize,
    row: usize,
    count: usize,
) {
    let mut columns = left[..count * rows].chunks_exact(4 * rows);
    let mut factors = right[..count * rows].chunks_exact(4 * rows);
    for (four, factors) in (&mut columns).zip(&mut factors) {
        let (a, rest) = four.split_at(rows);
        let (b, rest) = rest.split_at(rows);
        let (c, d) = rest.split_at(rows);
        let factor = |column: usize| -factors[column * rows + row];
        let (fa, fb, fc, fd) = (factor(0), factor(1), factor(2), factor(3));
        let (a, b, c, d) = (&a[row..], &b[row..], &c[row..], &d[row..]);
        let n = target.len();
        let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
        for i in 0..n {
            let sum = fb.mul_add(b[i], fa.mul_add(a[i], target[i]));
            target[i] = fd.mul_add(d[i], fc.mul_add(c[i], sum));
        }
    }
    let factors = factors.remainder().chunks_exact(rows);
    for (column, factors) in columns.remainder().chunks_exact(rows).zip(factors) {
        let factor = -factors[row];
        for (value, x) in target.iter_mut().zip(&column[row..]) {
            *value = factor.mul_add(*x, *value);
        }
    }
}

/// `update -= left right'`, lower triangle, by products of blocks.
fn subtract_strips(update: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    let (below, width) = (update.nrows(), left.ncols());
    if below > 4 * STRIP && below * below * width >= LARGE_PRODUCT {
        let half = (below / 2).next_multiple_of(STRIP);
        let (top_left, _, bottom_left, bottom_right) = update.split_at_mut(half, half);
        let (top, bottom) = left.split_at_row(half);
        let (right_top, right_bottom) = right.split_at_row(half);
        rayon::join(
            || subtract_strips(top_left, top, right_top),
            || {
                rayon::join(
                    || subtract_product(bottom_left, bottom, right_top),
                    || subtract_strips(bottom_right, bottom, right_bottom),
                )
            },
        );
        return;
    }
    let mut update = update;
    for first in (0..below).step_by(STRIP) {
        let count = STRIP.min(below - first);
        let part = update
            .as_mut()
            .submatrix_mut(first, first, below - first, count);
        let columns = right.subrows(first, count).transpose();
        let rows = left.subrows(first, below - first);
        matmul(part, Accum::Add, rows, columns, -1.0, Par::Seq);
    }
}

/// `out -= left right'`.
fn subtract_product(out: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    let (rows, columns) = (out.nrows(), out.ncols());
    if rows * columns * left.ncols() >= LARGE_PRODUCT && rows.max(columns) > PART {
        if rows >= columns {
            let half = (rows / 2).next_multiple_of(PART / 2);
            let (a, b) = out.split_at_row_mut(half);
            let (left_a, left_b) = left.split_at_row(half);
            rayon::join(
                || subtract_product(a, left_a, right),
                || subtract_product(b, left_b, right),
            );
        } else {
            let half = (columns / 2).next_multiple_of(PART / 2);
            let (a, b) = out.split_at_col_mut(half);
            let (right_a, right_b) = right.split_at_row(half);
            rayon::join(
                || subtract_product(a, left, right_a),
                || subtract_product(b, left, right_b),
            );
        }
        return;
    }
    matmul(out, Accum::Add, left, right.transpose(), -1.0, Par::Seq);
}

/// Adds the lower triangle of `child` (square) into a front, whose positions of the child's rows are
/// `places`, ascending: the first `width` columns are in `left`, the others in `update`.
pub(super) struct AddChild<'a> {
    pub left: &'a mut [f64],
    pub rows: usize,
    pub width: usize,
    pub update: &'a mut [f64],
    pub child: &'a [f64],
    pub places: &'a [u32],
}

impl NullaryFnOnce for AddChild<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (rows, width) = (self.rows, self.width);
        let below = rows - width;
        for (column, source) in self
            .child
            .chunks_exact(self.places.len().max(1))
            .enumerate()
        {
            let (source, places) = (&source[column..], &self.places[column..]);
            let first = places[0] as usize;
            let (target, shift) = match first < width {
                true => (&mut self.left[first * rows..][..rows], 0),
                false => (&mut self.update[(first - width) * below..][..below], width),
            };
            let last = places[places.len() - 1] as usize;
            if last - first + 1 == places.len() {
                let target = &mut target[first - shift..=last - shift];
                for (value, x) in target.iter_mut().zip(source) {
                    *value += x;
                }
            } else {
                for (&place, x) in places.iter().zip(source) {
                    target[place as usize - shift] += x;
                }
            }
        }
    }
}

/// Columns of a front that a solution goes through together.
const BLOCK: usize = 4;

/// `L x = b` for the first `width` columns of one front: the solution there, in place, and what it adds to
/// the rows below.
#[inline(always)]
pub(super) fn solve_lower(left: &[f64], width: usize, x: &mut [f64]) {
    let rows = x.len();
    for (block, columns) in left[..width * rows].chunks(BLOCK * rows).enumerate() {
        let first = block * BLOCK;
        let end = first + columns.len() / rows;
        for (column, entries) in (first..end).zip(columns.chunks_exact(rows)) {
            x[column] /= entries[column];
            for row in column + 1..end {
                x[row] = (-x[column]).mul_add(entries[row], x[row]);
            }
        }
        let (done, below) = x.split_at_mut(end);
        let n = below.len();
        if let [fa, fb, fc, fd] = done[first..] {
            let (a, rest) = columns[end..].split_at(rows);
            let (b, rest) = rest.split_at(rows);
            let (c, d) = rest.split_at(rows);
            let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
            for i in 0..n {
                let sum = (-fb).mul_add(b[i], (-fa).mul_add(a[i], below[i]));
                below[i] = (-fd).mul_add(d[i], (-fc).mul_add(c[i], sum));
            }
        } else {
            for (factor, entries) in done[first..].iter().zip(columns.chunks_exact(rows)) {
                for (value, entry) in below.iter_mut().zip(&entries[end..]) {
                    *value = (-factor).mul_add(*entry, *value);
                }
            }
        }
    }
}

/// `L' x = b` for the first `width` columns of one front, where the rows below have their solution.
#[inline(always)]
pub(super) fn solve_upper(left: &[f64], width: usize, x: &mut [f64]) {
    let rows = x.len();
    for (block, columns) in left[..width * rows].chunks(BLOCK * rows).enumerate().rev() {
        let first = block * BLOCK;
        let end = first + columns.len() / rows;
        let (own, below) = x.split_at_mut(end);
        let sums = dots(&columns[end..], rows, below);
        for column in (first..end).rev() {
            let entries = &columns[(column - first) * rows..][..rows];
            let mut sum = own[column] - sums[column - first];
            for row in column + 1..end {
                sum = (-entries[row]).mul_add(own[row], sum);
            }
            own[column] = sum / entries[column];
        }
    }
}

/// Products of up to four columns, `rows` apart, with one vector. Each is summed in the same order on
/// every machine.
#[inline(always)]
fn dots(columns: &[f64], rows: usize, x: &[f64]) -> [f64; BLOCK] {
    const LANES: usize = 8;
    let n = x.len();
    let whole = n / LANES * LANES;
    let mut out = [0.0; BLOCK];
    let mut sums = [[0.0; LANES]; BLOCK];
    if columns.len() >= 3 * rows + n {
        let (a, b) = (&columns[..n], &columns[rows..][..n]);
        let (c, d) = (&columns[2 * rows..][..n], &columns[3 * rows..][..n]);
        for at in (0..whole).step_by(LANES) {
            let x = &x[at..at + LANES];
            let (a, b) = (&a[at..at + LANES], &b[at..at + LANES]);
            let (c, d) = (&c[at..at + LANES], &d[at..at + LANES]);
            for k in 0..LANES {
                sums[0][k] = a[k].mul_add(x[k], sums[0][k]);
                sums[1][k] = b[k].mul_add(x[k], sums[1][k]);
                sums[2][k] = c[k].mul_add(x[k], sums[2][k]);
                sums[3][k] = d[k].mul_add(x[k], sums[3][k]);
            }
        }
        for at in whole..n {
            out[0] = a[at].mul_add(x[at], out[0]);
            out[1] = b[at].mul_add(x[at], out[1]);
            out[2] = c[at].mul_add(x[at], out[2]);
            out[3] = d[at].mul_add(x[at], out[3]);
        }
    } else {
        for (index, column) in columns.chunks(rows).enumerate() {
            let (Some(column), true) = (column.get(..n), index < BLOCK) else {
                break;
            };
            for at in (0..whole).step_by(LANES) {
                for k in 0..LANES {
                    sums[index][k] = column[at + k].mul_add(x[at + k], sums[index][k]);
                }
            }
            for at in whole..n {
                out[index] = column[at].mul_add(x[at], out[index]);
            }
        }
    }
    for (out, s) in out.iter_mut().zip(&sums) {
        *out += ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    }
    out
}
