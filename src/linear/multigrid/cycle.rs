//! From the finest level to the coarsest and back.

use super::level::{Level, NONE, dot, each, multiply, subtract, sweep_down, sweep_up};
use crate::linear::CholeskyFactor;

/// A correction that leaves less than this part of a residual needs no second.
const ENOUGH: f64 = 0.25;

/// An approximate solution of the equations of the first of the levels.
pub(super) fn cycle(levels: &mut [Level], coarsest: &mut CholeskyFactor, b: &[f64], x: &mut [f64]) {
    let Some((level, coarser)) = levels.split_first_mut() else {
        return;
    };
    let Some(next) = coarser.first_mut() else {
        x.copy_from_slice(b);
        return coarsest.solve(x);
    };
    sweep_down(level, b, x);
    let mut residual = std::mem::take(&mut level.residual);
    subtract(level, b, x, &mut residual);
    let [mut sums, mut correction] = [0, 1].map(|k| std::mem::take(&mut next.vectors[k]));
    sums.fill(0.0);
    for (residual, &group) in residual.iter().zip(&level.group) {
        if group != NONE {
            sums[group as usize] += residual;
        }
    }
    descend(coarser, coarsest, &mut sums, &mut correction);
    for (x, &group) in x.iter_mut().zip(&level.group) {
        if group != NONE {
            *x += correction[group as usize];
        }
    }
    coarser[0].vectors[0] = sums;
    coarser[0].vectors[1] = correction;
    subtract(level, b, x, &mut residual);
    let mut step = std::mem::take(&mut level.vectors[4]);
    sweep_up(level, &residual, &mut step);
    each(x, &step, |x, step| *x += step);
    level.vectors[4] = step;
    level.residual = residual;
}

/// One or two steps of conjugate gradients behind cycles: what keeps the number of iterations from growing with
/// the number of levels (K-cycle, Notay and Vassilevski 2008). Changes `b`.
fn descend(levels: &mut [Level], coarsest: &mut CholeskyFactor, b: &mut [f64], x: &mut [f64]) {
    cycle(levels, coarsest, b, x);
    if levels.len() == 1 {
        return;
    }
    let [mut image, mut second] = [2, 3].map(|k| std::mem::take(&mut levels[0].vectors[k]));
    multiply(&levels[0], x, &mut image);
    let (rho, alpha) = (dot(x, &image), dot(x, b));
    let before = dot(b, b).sqrt();
    let step = alpha / rho;
    each(b, &image, |b, image| *b -= step * image);
    if dot(b, b).sqrt() <= ENOUGH * before || !step.is_finite() {
        let step = if step.is_finite() { step } else { 1.0 };
        x.iter_mut().for_each(|x| *x *= step);
    } else {
        cycle(levels, coarsest, b, &mut second);
        let gamma = dot(&second, &image);
        multiply(&levels[0], &second, &mut image);
        let (beta, other) = (dot(&second, &image), dot(&second, b));
        let rest = beta - gamma * gamma / rho;
        let of_first = step - gamma * other / (rho * rest);
        let of_second = other / rest;
        each(x, &second, |x, second| {
            *x = of_first * *x + of_second * second
        });
    }
    levels[0].vectors[2] = image;
    levels[0].vectors[3] = second;
}
