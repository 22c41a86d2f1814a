//! Numbers as colours, the bars that explain them, and numbers with units on pictures.
//!
//! The sequential scales are those of matplotlib (viridis, plasma; Smith and van der Walt 2015), which
//! grow evenly to the eye and in grey; plasma ends before its yellow, which lines on paper would lose.

use crate::units::format_engineering;

use super::axes::Scale;
use super::svg::{Anchor, INK, MUTED, Svg, blend};

const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];
const PLASMA: [[u8; 3]; 6] = [
    [13, 8, 135],
    [91, 2, 163],
    [154, 23, 155],
    [203, 70, 121],
    [235, 120, 82],
    [246, 149, 59],
];
const GREENS: [[u8; 3]; 3] = [[150, 184, 172], [60, 132, 112], [0, 68, 52]];
/// Blue and orange, which colour-blind readers tell apart, about white or, for lines, a grey.
const ABOUT_WHITE: [[u8; 3]; 5] = [
    [0, 60, 120],
    [74, 144, 200],
    [250, 250, 248],
    [236, 146, 66],
    [164, 62, 0],
];
const ABOUT_GREY: [[u8; 3]; 5] = [
    [0, 60, 130],
    [50, 124, 190],
    [186, 186, 180],
    [226, 122, 34],
    [164, 58, 0],
];

/// Which colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stops {
    Viridis,
    Plasma,
    Greens,
    AboutWhite,
    AboutGrey,
}

/// A scale of numbers with a colour for each.
#[derive(Clone, Copy, Debug)]
pub struct ColourScale {
    pub scale: Scale,
    stops: Stops,
}

impl ColourScale {
    /// Areas of positive numbers: logarithmic if they span more than a decade.
    pub fn areas(values: impl Iterator<Item = f64>) -> Self {
        let scale = tight(values, true);
        Self {
            scale,
            stops: Stops::Viridis,
        }
    }

    /// Lines by potential.
    pub fn potentials(values: impl Iterator<Item = f64>) -> Self {
        let scale = tight(values, false);
        Self {
            scale,
            stops: Stops::Plasma,
        }
    }

    /// Lines by a size, from nothing up.
    pub fn sizes(values: impl Iterator<Item = f64>) -> Self {
        let sizes = values.map(f64::abs).chain([0.0]);
        Self {
            scale: tight(sizes, false),
            stops: Stops::Greens,
        }
    }

    /// Areas of either sign about white.
    pub fn signed_areas(values: impl Iterator<Item = f64>) -> Self {
        Self {
            stops: Stops::AboutWhite,
            ..Self::signed_lines(values)
        }
    }

    /// The same, without the hundredth of the areas with the largest numbers if those are much larger;
    /// says if so.
    pub fn signed_areas_of_most(values: impl Iterator<Item = f64>) -> (Self, bool) {
        let mut sizes: Vec<f64> = values.filter(|v| v.is_finite()).map(f64::abs).collect();
        sizes.sort_by(f64::total_cmp);
        let most = sizes.get(sizes.len() * 99 / 100).copied().unwrap_or(0.0);
        let largest = sizes.last().copied().unwrap_or(0.0);
        let is_cut = most > 0.0 && largest > 3.0 * most;
        let limit = if is_cut { most } else { largest };
        (Self::signed_areas([limit].into_iter()), is_cut)
    }

    /// Lines of either sign about grey.
    pub fn signed_lines(values: impl Iterator<Item = f64>) -> Self {
        let limit = largest(values);
        let limit = if limit > 0.0 { limit } else { 1.0 };
        Self {
            scale: Scale::linear(-limit, limit),
            stops: Stops::AboutGrey,
        }
    }

    /// Place on the scale, 0 to 1.
    pub fn position(&self, value: f64) -> f64 {
        self.scale.position(value).clamp(0.0, 1.0)
    }

    pub fn colour(&self, value: f64) -> String {
        self.colour_at(self.position(value))
    }

    /// The colour at a place on the scale, 0 to 1.
    pub fn colour_at(&self, position: f64) -> String {
        let stops: &[[u8; 3]] = match self.stops {
            Stops::Viridis => &VIRIDIS,
            Stops::Plasma => &PLASMA,
            Stops::Greens => &GREENS,
            Stops::AboutWhite => &ABOUT_WHITE,
            Stops::AboutGrey => &ABOUT_GREY,
        };
        let last = stops.len() - 1;
        let place = if position.is_finite() {
            position.clamp(0.0, 1.0) * last as f64
        } else {
            0.0
        };
        let from = (place as usize).min(last - 1);
        blend(stops[from], stops[from + 1], place - from as f64)
    }

    /// A bar of all colours, `width` long, with ticks in a readable unit below and a title above.
    pub fn draw_bar(&self, svg: &mut Svg, at: (f64, f64), width: f64, title: &str, unit: &str) {
        const HEIGHT: f64 = 12.0;
        const STEPS: usize = 48;
        let (x, y) = at;
        let (prefix, factor) = prefix_of(self.scale.low.abs().max(self.scale.high.abs()));
        let unit = pretty(unit);
        let title = match (self.scale.log, unit.as_str()) {
            (_, "") => title.to_string(),
            (true, unit) => format!("{title}, {unit}"),
            (false, unit) => format!("{title}, {prefix}{unit}"),
        };
        svg.text((x, y), Anchor::Start, 12.0, INK, &title);
        let step = width / STEPS as f64;
        for k in 0..STEPS {
            let colour = self.colour_at((k as f64 + 0.5) / STEPS as f64);
            // A little too wide, against seams; the next one covers it.
            let wide = if k + 1 < STEPS { step + 0.6 } else { step };
            svg.rect(x + k as f64 * step, y + 8.0, wide, HEIGHT, &colour);
        }
        let factor = if self.scale.log { 1.0 } else { factor };
        let scaled = Scale {
            low: self.scale.low * factor,
            high: self.scale.high * factor,
            ..self.scale
        };
        let mut last = f64::NEG_INFINITY;
        for tick in scaled.ticks() {
            let place = x + width * scaled.position(tick);
            let text = scaled.label(tick);
            let half = 0.5 * super::svg::text_width(&text, 11.0);
            if place - half < last {
                continue;
            }
            last = place + half + 4.0;
            let bottom = y + 8.0 + HEIGHT;
            svg.line((place, bottom), (place, bottom + 4.0), MUTED, 1.0);
            svg.text((place, bottom + 16.0), Anchor::Middle, 11.0, MUTED, &text);
        }
    }
}

/// The scale of all finite values and no more.
fn tight(values: impl Iterator<Item = f64>, may_be_log: bool) -> Scale {
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    if may_be_log && low > 0.0 && high > 10.0 * low {
        return Scale {
            low,
            high,
            log: true,
            whole: false,
            prefixed: true,
        };
    }
    Scale::linear(low, high)
}

/// The largest finite magnitude, 0 without one.
pub fn largest(values: impl Iterator<Item = f64>) -> f64 {
    let finite = values.filter(|v| v.is_finite());
    finite.fold(0.0, |m, v| m.max(v.abs()))
}

/// The SI prefix that makes a readable number of `largest`, and its factor.
pub fn prefix_of(largest: f64) -> (&'static str, f64) {
    const PREFIXES: [(&str, f64); 10] = [
        ("T", 1e-12),
        ("G", 1e-9),
        ("M", 1e-6),
        ("k", 1e-3),
        ("", 1.0),
        ("m", 1e3),
        ("µ", 1e6),
        ("n", 1e9),
        ("p", 1e12),
        ("f", 1e15),
    ];
    let mut prefixes = PREFIXES.into_iter();
    let readable = prefixes.find(|(_, factor)| largest * factor >= 0.9999);
    readable.unwrap_or(("", 1.0))
}

/// A unit as it is printed on paper.
pub fn pretty(unit: &str) -> String {
    unit.replace("ohm", "Ω").replace("degC", "°C")
}

/// A number with its unit in engineering notation, as on paper: `4.7 kΩ`, `20 µA`.
pub fn quantity(value: f64, digits: usize, unit: &str) -> String {
    let text = format_engineering(value, digits, "");
    let unit = pretty(unit);
    match text.split_once(' ') {
        Some((number, prefix)) => format!("{} {}{unit}", minus(number), prefix.replace('u', "µ")),
        None if unit.is_empty() => minus(&text),
        None => format!("{} {unit}", minus(&text)),
    }
}

/// A minus sign is longer than a hyphen.
fn minus(number: &str) -> String {
    number.replace('-', "\u{2212}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_paper() {
        assert_eq!(quantity(4700.0, 3, "ohm"), "4.7 kΩ");
        assert_eq!(quantity(2e-5, 3, "A"), "20 µA");
        assert_eq!(quantity(-1.5e-3, 3, "V/ohm"), "\u{2212}1.5 mV/Ω");
        assert_eq!(quantity(2.0, 3, ""), "2");
        assert_eq!(quantity(7.5, 3, "V"), "7.5 V");
        assert_eq!(prefix_of(0.02), ("m", 1e3));
        assert_eq!(prefix_of(0.0), ("", 1.0));
    }

    #[test]
    fn scales_begin_and_end_with_their_colours() {
        let scale = ColourScale::signed_areas([-2.0, 1.0].into_iter());
        assert_eq!(scale.colour(-2.0), "#003c78");
        assert_eq!(scale.colour(0.0), "#fafaf8");
        assert_eq!(scale.colour(2.0), "#a43e00");
        let scale = ColourScale::areas([1e-6, 1e-3].into_iter());
        assert!(scale.scale.log);
        assert_eq!(scale.colour(1e-6), "#440154");
        assert_eq!(scale.colour(1.0), "#fde725");
        assert_eq!(scale.colour(f64::NAN), scale.colour(1e-6));
    }
}
