//! A rectangle with scales: data to pixels, ticks, labels.

use super::colours::quantity;
use super::svg::{Anchor, FAINT, INK, MUTED, Svg};

/// One scale.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub log: bool,
    /// Label whole numbers only.
    pub whole: bool,
    /// Label with SI prefixes: `10 n`.
    pub prefixed: bool,
}

/// A plotting rectangle in pixels with its two scales.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Scale,
    pub y: Scale,
}

impl Scale {
    /// A linear scale over `[low, high]`, widened if that is a point.
    pub fn linear(low: f64, high: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() {
            (low, high)
        } else {
            (0.0, 1.0)
        };
        let pad = if high > low {
            0.0
        } else {
            0.5 * low.abs().max(1.0)
        };
        Self {
            low: low - pad,
            high: high + pad,
            log: false,
            whole: false,
            prefixed: false,
        }
    }

    /// A linear scale of things that are counted.
    pub fn counting(low: f64, high: f64) -> Self {
        Self {
            whole: true,
            ..Self::linear(low, high)
        }
    }

    /// A scale that holds all values: logarithmic if they are positive and span more than a decade.
    pub fn holding(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|v| v.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
            (l.min(v), h.max(v))
        });
        if low > 0.0 && high > 10.0 * low {
            let down = 10f64.powf(low.log10() - 0.05);
            return Self {
                low: down,
                high: 10f64.powf(high.log10() + 0.05),
                log: true,
                ..Self::linear(low, high)
            };
        }
        let margin = 0.05 * (high - low);
        Self::linear(low - margin, high + margin)
    }

    /// Position of a value between 0 (low) and 1 (high).
    pub fn position(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Round values to label, some five of them.
    pub fn ticks(&self) -> Vec<f64> {
        if self.log {
            self.log_ticks()
        } else {
            self.linear_ticks()
        }
    }

    /// What stands at a tick.
    pub fn label(&self, tick: f64) -> String {
        match self.prefixed {
            true => quantity(tick, 3, ""),
            false => label(tick),
        }
    }

    fn linear_ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 5.0;
        let unit = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|k| k * unit)
            .find(|s| *s >= rough)
            .unwrap_or(rough);
        let step = if self.whole { step.max(1.0) } else { step };
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last.min(first + 20))
            .map(|k| k as f64 * step)
            .collect()
    }

    fn log_ticks(&self) -> Vec<f64> {
        let (first, last) = (
            self.low.log10().floor() as i32,
            self.high.log10().ceil() as i32,
        );
        let multiples: &[f64] = if (self.high / self.low).log10() <= 2.2 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        (first..=last)
            .flat_map(|e| multiples.iter().map(move |m| m * 10f64.powi(e)))
            .filter(|t| (self.low..=self.high).contains(t))
            .collect()
    }
}

impl Axes {
    pub fn point(&self, x: f64, y: f64) -> (f64, f64) {
        let px = self.left + self.width * self.x.position(x);
        let py = self.top + self.height * (1.0 - self.y.position(y));
        (px, py)
    }

    /// Grid lines, frame, tick labels and axis titles.
    pub fn draw(&self, svg: &mut Svg, x_title: &str, y_title: &str) {
        for tick in self.y.ticks() {
            let (_, y) = self.point(self.x.low, tick);
            svg.line((self.left, y), (self.left + self.width, y), FAINT, 1.0);
            svg.text(
                (self.left - 8.0, y + 4.0),
                Anchor::End,
                11.0,
                MUTED,
                &self.y.label(tick),
            );
        }
        let bottom = self.top + self.height;
        for tick in self.x.ticks() {
            let (x, _) = self.point(tick, self.y.low);
            svg.line((x, bottom), (x, bottom + 4.0), MUTED, 1.0);
            svg.text(
                (x, bottom + 17.0),
                Anchor::Middle,
                11.0,
                MUTED,
                &self.x.label(tick),
            );
        }
        svg.line(
            (self.left, bottom),
            (self.left + self.width, bottom),
            MUTED,
            1.0,
        );
        let middle = self.left + 0.5 * self.width;
        svg.text((middle, bottom + 36.0), Anchor::Middle, 12.0, INK, x_title);
        let side = (self.left - 46.0, self.top + 0.5 * self.height);
        svg.vertical_text(side, 12.0, INK, y_title);
    }
}

/// A tick's number without noise digits.
pub fn label(value: f64) -> String {
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    if rounded != 0.0 && !(1e-4..1e5).contains(&rounded.abs()) {
        format!("{rounded:e}")
    } else {
        format!("{rounded}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::linear(0.13, 9.7);
        assert_eq!(scale.ticks(), [2.0, 4.0, 6.0, 8.0]);
        let scale = Scale::holding([0.01, 3.0].into_iter());
        assert!(scale.log);
        assert_eq!(scale.ticks(), [0.01, 0.1, 1.0]);
    }

    #[test]
    fn a_single_value_and_none_give_a_scale_too() {
        for values in [vec![2.0], vec![], vec![f64::NAN]] {
            let scale = Scale::holding(values.into_iter());
            assert!(scale.high > scale.low);
            assert!(!scale.ticks().is_empty());
        }
    }
}
