//! Rows of lanes: the vector operations of a block.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::batch::inputs::{Affine, NO_COLUMN};
use crate::batch::real::Real;

#[inline(always)]
pub(super) fn row<T>(values: &[T], index: usize, lanes: usize) -> &[T] {
    &values[index * lanes..(index + 1) * lanes]
}

#[inline(always)]
pub(super) fn row_mut<T>(values: &mut [T], index: usize, lanes: usize) -> &mut [T] {
    &mut values[index * lanes..(index + 1) * lanes]
}

/// `y += a x`.
#[inline(always)]
pub(super) fn add_scaled<T: Real>(y: &mut [T], a: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = a.fma(x, *y);
    }
}

/// `y -= a x`, lane by lane.
#[inline(always)]
pub(super) fn subtract_product<T: Real>(y: &mut [T], a: &[T], x: &[T]) {
    for ((y, &a), &x) in y.iter_mut().zip(a).zip(x) {
        *y = (-a).fma(x, *y);
    }
}

/// Two different rows, the first to be changed.
#[inline(always)]
pub(super) fn two_rows<T>(
    values: &mut [T],
    first: usize,
    second: usize,
    lanes: usize,
) -> (&mut [T], &[T]) {
    if first < second {
        let (head, tail) = values.split_at_mut(second * lanes);
        (row_mut(head, first, lanes), &tail[..lanes])
    } else {
        let (head, tail) = values.split_at_mut(first * lanes);
        (&mut tail[..lanes], row(head, second, lanes))
    }
}

/// `out (+)= matrix' input`: rows of lanes; `matrix` is inputs x outputs.
pub(super) fn product<T: Real>(
    out: &mut [T],
    accumulate: Accum,
    input: &[T],
    matrix: MatRef<'_, T>,
    lanes: usize,
) {
    let (inputs, outputs) = matrix.shape();
    let out = MatMut::from_column_major_slice_mut(out, lanes, outputs);
    let input = MatRef::from_column_major_slice(input, lanes, inputs);
    matmul(out, accumulate, input, matrix, T::ONE, Par::Seq);
}

/// Raises the largest potential of each lane.
#[inline(always)]
pub(super) fn measure<T: Real>(largest: &mut [T], x: &[T]) {
    for row in x.chunks_exact(largest.len()) {
        for (largest, &x) in largest.iter_mut().zip(row) {
            let size = x.size();
            *largest = if size > *largest { size } else { *largest };
        }
    }
}

/// Adds `factor` times a prescribed potential to a row.
pub(super) fn add_affine<T: Real>(out: &mut [T], factor: T, affine: &Affine, columns: &[T]) {
    let constant = factor * T::of(affine.constant);
    out.iter_mut().for_each(|value| *value += constant);
    if affine.column != NO_COLUMN {
        let column = row(columns, affine.column as usize, out.len());
        add_scaled(out, factor * T::of(affine.coefficient), column);
    }
}

/// Runs `f` with the vector instructions of this machine.
#[inline(always)]
pub(super) fn dispatch<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
