//! Digits of 8 × 8 grey pixels, drawn with a shaky hand from a font of strokes.
//!
//! A glyph is jittered, posed (slant, rotation, size, place), traced with a pen of random width and
//! counted on a grid of 4 × 4 points for each pixel.

use super::glyphs::{DIGITS, Point, Stroke};
use super::random::SampleRandom;

/// Pixels on one side of a digit.
pub const DIGIT_SIDE: usize = 8;

/// Sample points on one side of a pixel.
const FINE: usize = 4;
/// Width and height of the box of a digit, pixels.
const GLYPH_BOX: Point = [4.6, 6.2];
/// How far a point of a stroke strays, in units of the glyph.
const JITTER: f64 = 0.035;

/// One digit: ink of each pixel, row by row from the top, with Gaussian pixel noise.
pub fn draw(digit: usize, noise: f64, random: &mut SampleRandom) -> Vec<f64> {
    let glyph = DIGITS[digit][random.below(DIGITS[digit].len())];
    let pose = Pose::random(random);
    let pen = random.uniform(0.5, 0.85);
    let strokes: Vec<Vec<Point>> = glyph.iter().map(|s| trace(s, &pose, random)).collect();
    (0..DIGIT_SIDE * DIGIT_SIDE)
        .map(|pixel| ink(&strokes, pen, pixel) + random.gaussian(noise))
        .map(|value| value.clamp(0.0, 1.0))
        .collect()
}

/// The affine map from the glyph's unit square to pixels.
struct Pose {
    matrix: [[f64; 2]; 2],
    centre: Point,
}

impl Pose {
    fn random(random: &mut SampleRandom) -> Self {
        let (sin, cos) = random.uniform(-0.2, 0.2).sin_cos();
        let slant = random.uniform(-0.15, 0.3);
        let width = GLYPH_BOX[0] * random.uniform(0.8, 1.15);
        let height = GLYPH_BOX[1] * random.uniform(0.85, 1.08);
        let middle = DIGIT_SIDE as f64 / 2.0;
        Self {
            matrix: [
                [cos * width, -(slant * cos + sin) * height],
                [sin * width, (cos - slant * sin) * height],
            ],
            centre: [0, 1].map(|_| middle + random.uniform(-0.6, 0.6)),
        }
    }

    fn apply(&self, [x, y]: Point) -> Point {
        let (x, y) = (x - 0.5, y - 0.5);
        [0, 1].map(|row| self.centre[row] + self.matrix[row][0] * x + self.matrix[row][1] * y)
    }
}

/// The pen's path in pixels.
fn trace(stroke: &Stroke, pose: &Pose, random: &mut SampleRandom) -> Vec<Point> {
    let points: Vec<Point> = stroke
        .points
        .iter()
        .map(|point| pose.apply(point.map(|value| value + random.gaussian(JITTER))))
        .collect();
    match stroke.smooth {
        true => smooth(&points),
        false => points,
    }
}

/// A Catmull-Rom curve through the points, as short lines.
fn smooth(points: &[Point]) -> Vec<Point> {
    const PIECES: usize = 6;
    let last = points.len() - 1;
    let at = |index: isize| points[index.clamp(0, last as isize) as usize];
    let mut path = Vec::with_capacity(last * PIECES + 1);
    for segment in 0..last as isize {
        let nodes = [segment - 1, segment, segment + 1, segment + 2].map(at);
        path.extend((0..PIECES).map(|piece| catmull_rom(nodes, piece as f64 / PIECES as f64)));
    }
    path.push(points[last]);
    path
}

/// The point at `t` in 0..1 between the two middle nodes.
fn catmull_rom([a, b, c, d]: [Point; 4], t: f64) -> Point {
    [0, 1].map(|k| {
        let linear = c[k] - a[k];
        let square = 2.0 * a[k] - 5.0 * b[k] + 4.0 * c[k] - d[k];
        let cube = 3.0 * (b[k] - c[k]) + d[k] - a[k];
        b[k] + 0.5 * t * (linear + t * (square + t * cube))
    })
}

/// The share of a pixel's sample points that lie within half a pen's width of a stroke.
fn ink(strokes: &[Vec<Point>], pen: f64, pixel: usize) -> f64 {
    let (row, column) = (pixel / DIGIT_SIDE, pixel % DIGIT_SIDE);
    let covered = (0..FINE * FINE)
        .map(|fine| {
            let offset = |k: usize| (k as f64 + 0.5) / FINE as f64;
            [
                column as f64 + offset(fine % FINE),
                row as f64 + offset(fine / FINE),
            ]
        })
        .filter(|&point| strokes.iter().any(|path| touches(path, point, pen)))
        .count();
    covered as f64 / (FINE * FINE) as f64
}

fn touches(path: &[Point], point: Point, reach: f64) -> bool {
    path.windows(2)
        .any(|ends| square_distance(point, ends[0], ends[1]) <= reach * reach)
}

/// From a point to the line between `a` and `b`.
fn square_distance(point: Point, a: Point, b: Point) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let away = [point[0] - a[0], point[1] - a[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = (away[0] * along[0] + away[1] * along[1]) / length.max(f64::MIN_POSITIVE);
    let share = share.clamp(0.0, 1.0);
    (0..2)
        .map(|k| (away[k] - share * along[k]).powi(2))
        .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(digit: usize, sample: usize) -> Vec<f64> {
        draw(digit, 0.0, &mut SampleRandom::new(0, sample))
    }

    #[test]
    fn every_digit_has_ink_and_paper() {
        for sample in 0..200 {
            let pixels = clean(sample % 10, sample);
            let ink: f64 = pixels.iter().sum();
            assert!((5.0..40.0).contains(&ink), "sample {sample}: ink {ink}");
        }
    }

    #[test]
    fn two_samples_of_a_digit_differ() {
        assert_ne!(clean(3, 0), clean(3, 10));
    }

    #[test]
    fn a_smooth_stroke_passes_its_points() {
        let points = [[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]];
        let path = smooth(&points);
        assert_eq!(
            (path[0], path[6], path[12]),
            (points[0], points[1], points[2])
        );
    }

    #[test]
    fn the_distance_to_a_segment_knows_its_ends() {
        let (a, b) = ([0.0, 0.0], [2.0, 0.0]);
        assert_eq!(square_distance([1.0, 3.0], a, b), 9.0);
        assert_eq!(square_distance([5.0, 4.0], a, b), 25.0);
        assert_eq!(square_distance([3.0, 4.0], a, a), 25.0);
    }
}
