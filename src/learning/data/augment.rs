//! Samples that are moved a little each time they are trained.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::{Dataset, Targets};
use crate::batch::Samples;

/// Random shifts of images; what comes in at a side is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Numbers in a row of an image.
    pub width: usize,
    /// Largest shift in each direction.
    pub shift: usize,
}

/// A batch of moved samples; its memory is used again.
#[derive(Debug)]
pub struct MovedBatch {
    pub data: Dataset,
    pub indices: Vec<usize>,
}

impl MovedBatch {
    pub fn new(data: &Dataset) -> Self {
        Self {
            data: data.subset(&[]),
            indices: Vec::new(),
        }
    }
}

impl Augmentation {
    /// Moves the samples at `indices` by random shifts.
    pub fn fill(
        &self,
        data: &Dataset,
        indices: &[usize],
        rng: &mut impl Rng,
        batch: &mut MovedBatch,
    ) {
        batch.indices.clear();
        batch.indices.extend(0..indices.len());
        let features = data.features;
        match (&mut batch.data.inputs, &data.inputs) {
            (Samples::Numbers(to), Samples::Numbers(from)) => {
                self.move_images(from, features, indices, rng, to);
            }
            (Samples::Pixels(to), Samples::Pixels(from)) => {
                self.move_images(from, features, indices, rng, to);
            }
            // Of another data set.
            (to, from) => {
                *to = from.rows(features, &[]);
                return self.fill(data, indices, rng, batch);
            }
        }
        match (&mut batch.data.targets, &data.targets) {
            (Targets::Classes { labels: to, .. }, Targets::Classes { labels, .. }) => {
                to.clear();
                to.extend(indices.iter().map(|&k| labels[k]));
            }
            (Targets::Values { values: to, .. }, Targets::Values { width, values }) => {
                to.clear();
                let rows = indices.iter().map(|&k| &values[k * width..(k + 1) * width]);
                rows.for_each(|row| to.extend_from_slice(row));
            }
            (to, from) => *to = from.subset(indices),
        }
    }

    fn move_images<T: Copy + Default>(
        &self,
        from: &[T],
        features: usize,
        indices: &[usize],
        rng: &mut impl Rng,
        to: &mut Vec<T>,
    ) {
        to.clear();
        to.resize(indices.len() * features, T::default());
        let reach = self.shift as i64;
        for (moved, &index) in to.chunks_exact_mut(features.max(1)).zip(indices) {
            let mut draw = || rng.random_range(-reach..=reach);
            let (down, right) = (draw() as isize, draw() as isize);
            let image = &from[index * features..][..features];
            self.shift_image(image, (down, right), moved);
        }
    }

    fn shift_image<T: Copy + Default>(
        &self,
        image: &[T],
        (down, right): (isize, isize),
        out: &mut [T],
    ) {
        let height = image.len() / self.width;
        for (row, out) in out.chunks_exact_mut(self.width).enumerate() {
            let from = row as isize - down;
            if from < 0 || from >= height as isize {
                continue;
            }
            let line = &image[from as usize * self.width..][..self.width];
            let hidden = right.unsigned_abs().min(self.width);
            let shown = self.width - hidden;
            let (to, from) = if right > 0 { (hidden, 0) } else { (0, hidden) };
            out[to..to + shown].copy_from_slice(&line[from..from + shown]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_moves_and_leaves_zeros_behind() {
        let augmentation = Augmentation { width: 3, shift: 1 };
        let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = [0.0; 6];
        augmentation.shift_image(&image, (1, -1), &mut out);
        assert_eq!(out, [0.0, 0.0, 0.0, 2.0, 3.0, 0.0]);
        let mut out = [0.0; 6];
        augmentation.shift_image(&image, (0, 0), &mut out);
        assert_eq!(out, image);
        let mut out = [0.0; 6];
        augmentation.shift_image(&image, (-1, 2), &mut out);
        assert_eq!(out, [0.0, 0.0, 4.0, 0.0, 0.0, 0.0]);
        let mut out = [0.0; 6];
        augmentation.shift_image(&image, (0, -5), &mut out);
        assert_eq!(out, [0.0; 6]);
    }
}
