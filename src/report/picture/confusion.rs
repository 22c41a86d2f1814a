//! True class against predicted class.

use super::svg::{Anchor, INK, MUTED, Svg, blend};

#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    pub title: String,
    pub labels: Vec<String>,
    /// Samples by true class (row) and predicted class (column).
    pub counts: Vec<u64>,
}

const CELL: f64 = 40.0;
const LEFT: f64 = 92.0;
const TOP: f64 = 92.0;

pub fn confusion_matrix(matrix: &ConfusionMatrix) -> String {
    let n = matrix.labels.len();
    let side = n as f64 * CELL;
    let mut svg = Svg::new((LEFT + side + 28.0).max(360.0), TOP + side + 24.0);
    svg.title((24.0, 28.0), &matrix.title);
    svg.text(
        (LEFT + 0.5 * side, TOP - 32.0),
        Anchor::Middle,
        12.0,
        INK,
        "predicted class",
    );
    svg.vertical_text((LEFT - 42.0, TOP + 0.5 * side), 12.0, INK, "true class");
    for (k, label) in matrix.labels.iter().enumerate() {
        let middle = (k as f64 + 0.5) * CELL;
        svg.text(
            (LEFT + middle, TOP - 10.0),
            Anchor::Middle,
            12.0,
            MUTED,
            label,
        );
        svg.text(
            (LEFT - 12.0, TOP + middle + 4.0),
            Anchor::End,
            12.0,
            MUTED,
            label,
        );
    }
    for (index, &count) in matrix.counts.iter().enumerate().take(n * n) {
        draw_cell(&mut svg, matrix, index / n, index % n, count);
    }
    svg.finish()
}

fn draw_cell(svg: &mut Svg, matrix: &ConfusionMatrix, row: usize, column: usize, count: u64) {
    let n = matrix.labels.len();
    let total: u64 = matrix.counts[row * n..(row + 1) * n].iter().sum();
    let part = count as f64 / total.max(1) as f64;
    // Errors are few: their shade starts darker so that they are seen at all.
    let (end, strength) = match (row == column, count) {
        (_, 0) => ([255, 255, 255], 0.0),
        (true, _) => ([0, 114, 178], 0.15 + 0.75 * part),
        (false, _) => ([213, 94, 0], 0.25 + 2.0 * part),
    };
    let (x, y) = (LEFT + column as f64 * CELL, TOP + row as f64 * CELL);
    svg.rect(
        x + 1.0,
        y + 1.0,
        CELL - 2.0,
        CELL - 2.0,
        &blend([244, 244, 240], end, strength),
    );
    if count > 0 {
        let ink = if strength > 0.6 { "#ffffff" } else { INK };
        let at = (x + 0.5 * CELL, y + 0.5 * CELL + 4.0);
        svg.text(at, Anchor::Middle, 12.0, ink, &count.to_string());
    }
}
