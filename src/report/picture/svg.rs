//! SVG text, element by element.

use std::fmt::Write;

/// Colours by role; the palette tells series and classes apart.
pub const PANEL: &str = "#fcfcfa";
pub const INK: &str = "#2b2b2b";
pub const FAINT: &str = "#dcdcd6";
pub const MUTED: &str = "#6a6a66";
pub const PALETTE: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a",
];

/// Where a text is anchored to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing of a given size (CSS pixels) under construction.
#[derive(Debug)]
pub struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Self {
        let mut svg = Self {
            body: String::new(),
            width,
            height,
        };
        svg.rect(0.0, 0.0, width, height, PANEL);
        svg
    }

    pub fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, fill: &str) {
        let (x, y, w, h) = (short(x), short(y), short(w), short(h));
        let _ = writeln!(
            self.body,
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"/>"#
        );
    }

    pub fn frame(&mut self, x: f64, y: f64, w: f64, h: f64, stroke: &str, width: f64) {
        let (x, y, w, h) = (short(x), short(y), short(w), short(h));
        let _ = writeln!(
            self.body,
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="none" stroke="{stroke}" stroke-width="{width}"/>"#
        );
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        let (x1, y1, x2, y2) = (short(from.0), short(from.1), short(to.0), short(to.1));
        let _ = writeln!(
            self.body,
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{stroke}" stroke-width="{width}"/>"#
        );
    }

    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: &str, width: f64) {
        let list: Vec<_> = points
            .iter()
            .map(|p| format!("{},{}", short(p.0), short(p.1)))
            .collect();
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round" stroke-linecap="round"/>"#,
            list.join(" ")
        );
    }

    /// A line of dashes and gaps, lengths in pixels as SVG writes them: `7 4`; none for a solid line.
    pub fn dashed_polyline(&mut self, points: &[(f64, f64)], stroke: &str, width: f64, dash: &str) {
        if dash.is_empty() {
            return self.polyline(points, stroke, width);
        }
        let list: Vec<_> = points
            .iter()
            .map(|p| format!("{},{}", short(p.0), short(p.1)))
            .collect();
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-dasharray="{dash}" stroke-linejoin="round"/>"#,
            list.join(" ")
        );
    }

    /// A closed area with an outline; `fill` may be `none`.
    pub fn polygon(&mut self, points: &[(f64, f64)], fill: &str, stroke: &str, width: f64) {
        let list: Vec<_> = points
            .iter()
            .map(|p| format!("{},{}", short(p.0), short(p.1)))
            .collect();
        let _ = writeln!(
            self.body,
            r#"<polygon points="{}" fill="{fill}" stroke="{stroke}" stroke-width="{}" stroke-linejoin="round"/>"#,
            list.join(" "),
            short(width)
        );
    }

    /// A pale area behind lines.
    pub fn band(&mut self, points: &[(f64, f64)], fill: &str) {
        let list: Vec<_> = points
            .iter()
            .map(|p| format!("{},{}", short(p.0), short(p.1)))
            .collect();
        let _ = writeln!(
            self.body,
            r#"<polygon points="{}" fill="{fill}" fill-opacity="0.2"/>"#,
            list.join(" ")
        );
    }

    pub fn circle(&mut self, at: (f64, f64), radius: f64, fill: &str, stroke: &str, width: f64) {
        let (x, y, width) = (short(at.0), short(at.1), short(width));
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="{width}"/>"#
        );
    }

    /// A stroke along a path in SVG's own letters.
    pub fn path(&mut self, data: &str, stroke: &str, width: f64) {
        let width = short(width);
        let _ = writeln!(
            self.body,
            r#"<path d="{data}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-linecap="round"/>"#
        );
    }

    /// Areas of one colour on a raster whose cells are `cell` wide and high, from `origin`. Edges are
    /// not smoothed, so that neighbours meet without a seam.
    pub fn cells(&mut self, origin: (f64, f64), cell: (f64, f64), data: &str, fill: &str) {
        let (x, y) = (short(origin.0), short(origin.1));
        let (w, h) = (cell.0, cell.1);
        let _ = writeln!(
            self.body,
            r#"<path transform="translate({x} {y}) scale({w:.5} {h:.5})" d="{data}" fill="{fill}" shape-rendering="crispEdges"/>"#
        );
    }

    /// A filled dot with a thin outline.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, fill: &str, stroke: &str) {
        let (x, y) = (short(at.0), short(at.1));
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="0.8"/>"#
        );
    }

    /// A filled square with a thin outline, the second marker shape.
    pub fn square(&mut self, at: (f64, f64), radius: f64, fill: &str, stroke: &str) {
        let (x, y, side) = (
            short(at.0 - radius),
            short(at.1 - radius),
            short(2.0 * radius),
        );
        let _ = writeln!(
            self.body,
            r#"<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="{fill}" stroke="{stroke}" stroke-width="0.8"/>"#
        );
    }

    pub fn text(&mut self, at: (f64, f64), anchor: Anchor, size: f64, fill: &str, text: &str) {
        self.styled_text(at, anchor, size, fill, text, "");
    }

    pub fn title(&mut self, at: (f64, f64), text: &str) {
        self.styled_text(at, Anchor::Start, 15.0, INK, text, r#" font-weight="600""#);
    }

    pub fn bold_text(&mut self, at: (f64, f64), anchor: Anchor, size: f64, fill: &str, text: &str) {
        self.styled_text(at, anchor, size, fill, text, r#" font-weight="600""#);
    }

    /// A text with a rim in the panel's colour, for where lines pass behind it; bold if it is a name.
    pub fn text_on_lines(&mut self, at: (f64, f64), size: f64, fill: &str, text: &str, bold: bool) {
        let rim = format!(
            r#" paint-order="stroke" stroke="{PANEL}" stroke-width="3.5" stroke-linejoin="round"{}"#,
            if bold { r#" font-weight="600""# } else { "" }
        );
        self.styled_text(at, Anchor::Start, size, fill, text, &rim);
    }

    /// A text that reads upwards.
    pub fn vertical_text(&mut self, at: (f64, f64), size: f64, fill: &str, text: &str) {
        let turn = format!(
            r#" transform="rotate(-90 {} {})""#,
            short(at.0),
            short(at.1)
        );
        self.styled_text(at, Anchor::Middle, size, fill, text, &turn);
    }

    fn styled_text(
        &mut self,
        at: (f64, f64),
        anchor: Anchor,
        size: f64,
        fill: &str,
        text: &str,
        style: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = (short(at.0), short(at.1));
        let _ = writeln!(
            self.body,
            r#"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{style}>{}</text>"#,
            escape(text)
        );
    }

    pub fn finish(self) -> String {
        let (w, h) = (short(self.width), short(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"Helvetica, Arial, DejaVu Sans, sans-serif\">\n<style>rect{{shape-rendering:crispEdges}}</style>\n{}</svg>\n",
            self.body
        )
    }
}

/// A coordinate with two decimals at most.
pub fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_string()
    } else {
        text.to_string()
    }
}

/// Names may hold anything, but XML has no control characters.
fn escape(text: &str) -> String {
    text.replace(
        |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'),
        " ",
    )
    .replace('&', "&amp;")
    .replace('<', "&lt;")
    .replace('>', "&gt;")
}

/// About how wide a text is in the widest of the fonts, px.
pub fn text_width(text: &str, size: f64) -> f64 {
    0.62 * size * text.chars().count() as f64
}

/// A text of at most so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    let start: String = text.chars().take(most.saturating_sub(1)).collect();
    start + "…"
}

/// Lines of at most so many characters, broken between words; longer words are cut.
pub fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(shortened(word, most)),
        }
    }
    lines
}

/// A colour between two, `t` from 0 to 1.
pub fn blend(from: [u8; 3], to: [u8; 3], t: f64) -> String {
    let t = if t.is_finite() {
        t.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let channel =
        |k: usize| (f64::from(from[k]) + t * (f64::from(to[k]) - f64::from(from[k]))).round();
    format!(
        "#{:02x}{:02x}{:02x}",
        channel(0) as u8,
        channel(1) as u8,
        channel(2) as u8
    )
}

/// A palette colour as its channels.
pub fn channels(colour: &str) -> [u8; 3] {
    let part = |k: usize| {
        colour
            .get(1 + 2 * k..3 + 2 * k)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .unwrap_or(0)
    };
    [part(0), part(1), part(2)]
}
