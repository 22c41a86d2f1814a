//! Symbols of elements, standing upright: the first terminal at the top, or at the bottom if `flipped`.

use crate::device::{Device, OnePort, Quantity};
use crate::report::picture::svg::{PANEL, Svg, short};

/// Half the height of a symbol, and of its widest part, px.
pub(super) const HALF: f64 = 24.0;
pub(super) const HALF_WIDTH: f64 = 15.0;

/// How a symbol is drawn.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub stroke: String,
    pub width: f64,
    /// Inside of diodes.
    pub fill: String,
}

/// Where a symbol stands and which way round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    pub x: f64,
    pub y: f64,
    pub flipped: bool,
}

impl Stand {
    /// A place relative to the middle, y from the first terminal (-) to the second (+).
    fn at(&self, dx: f64, dy: f64) -> (f64, f64) {
        let dy = if self.flipped { -dy } else { dy };
        (self.x + dx, self.y + dy)
    }

    fn points<const N: usize>(&self, places: [(f64, f64); N]) -> [(f64, f64); N] {
        places.map(|(dx, dy)| self.at(dx, dy))
    }
}

pub(super) fn draw(svg: &mut Svg, stand: Stand, device: &Device, port: usize, style: &Style) {
    match device {
        Device::Resistor { .. } => resistor(svg, stand, style),
        Device::VoltageSource { .. } => {
            round(svg, stand, style);
            polarity(svg, stand, style, 8.0);
        }
        Device::CurrentSource { .. } => {
            round(svg, stand, style);
            arrow(svg, stand, style);
        }
        Device::IdealDiode => diode(svg, stand, style),
        Device::OnePort(one_port) => match **one_port {
            OnePort::PiecewiseTable(_) => table(svg, stand, style),
            OnePort::Shockley(_) | OnePort::PiecewiseDiode(_) => diode(svg, stand, style),
        },
        Device::Vcvs { .. } | Device::Ccvs { .. } => {
            diamond(svg, stand, style);
            polarity(svg, stand, style, 9.0);
        }
        Device::Vccs { .. } | Device::Cccs { .. } => {
            diamond(svg, stand, style);
            arrow(svg, stand, style);
        }
        Device::Behavioural(source) => {
            diamond(svg, stand, style);
            match source.quantity {
                Quantity::Voltage => polarity(svg, stand, style, 9.0),
                Quantity::Current => arrow(svg, stand, style),
            }
        }
        Device::Transformer { .. } => winding(svg, stand, style, port),
        Device::Gyrator { .. } => half_moon(svg, stand, style, port),
    }
}

fn resistor(svg: &mut Svg, stand: Stand, style: &Style) {
    let mut points = vec![stand.at(0.0, -HALF), stand.at(0.0, -18.0)];
    for k in 0..6 {
        let dx = if k % 2 == 0 { 8.5 } else { -8.5 };
        points.push(stand.at(dx, -15.0 + 6.0 * f64::from(k)));
    }
    points.extend([stand.at(0.0, 18.0), stand.at(0.0, HALF)]);
    svg.polyline(&points, &style.stroke, style.width);
}

/// The wires that lead through the height of a symbol to its outline.
fn leads(svg: &mut Svg, stand: Stand, style: &Style, outline: f64) {
    for sign in [-1.0, 1.0] {
        let (from, to) = (stand.at(0.0, sign * HALF), stand.at(0.0, sign * outline));
        svg.line(from, to, &style.stroke, style.width);
    }
}

fn round(svg: &mut Svg, stand: Stand, style: &Style) {
    leads(svg, stand, style, HALF_WIDTH);
    let middle = (stand.x, stand.y);
    svg.circle(middle, HALF_WIDTH, PANEL, &style.stroke, style.width);
}

fn diamond(svg: &mut Svg, stand: Stand, style: &Style) {
    leads(svg, stand, style, 20.0);
    let corners = stand.points([(0.0, -20.0), (15.0, 0.0), (0.0, 20.0), (-15.0, 0.0)]);
    svg.polygon(&corners, PANEL, &style.stroke, style.width);
}

/// A plus at the first terminal and a minus at the second.
fn polarity(svg: &mut Svg, stand: Stand, style: &Style, apart: f64) {
    let bar = |svg: &mut Svg, dy: f64| {
        let (y, from) = (stand.at(0.0, dy).1, stand.x);
        svg.line((from - 3.6, y), (from + 3.6, y), &style.stroke, 1.7);
    };
    bar(svg, -apart);
    bar(svg, apart);
    let (x, y) = stand.at(0.0, -apart);
    svg.line((x, y - 3.6), (x, y + 3.6), &style.stroke, 1.7);
}

/// From the first terminal to the second, as the current flows.
fn arrow(svg: &mut Svg, stand: Stand, style: &Style) {
    svg.line(stand.at(0.0, -9.0), stand.at(0.0, 5.0), &style.stroke, 1.8);
    let head = stand.points([(0.0, 10.0), (-4.2, 2.5), (4.2, 2.5)]);
    svg.polygon(&head, &style.stroke, &style.stroke, 0.5);
}

fn diode(svg: &mut Svg, stand: Stand, style: &Style) {
    leads(svg, stand, style, 10.0);
    let triangle = stand.points([(-11.0, -10.0), (11.0, -10.0), (0.0, 9.0)]);
    svg.polygon(&triangle, &style.fill, &style.stroke, style.width);
    let width = style.width.max(2.2);
    let [from, to] = stand.points([(-11.0, 10.0), (11.0, 10.0)]);
    svg.line(from, to, &style.stroke, width);
}

/// A box with a kinked curve.
fn table(svg: &mut Svg, stand: Stand, style: &Style) {
    leads(svg, stand, style, 17.0);
    let corners = stand.points([(-11.0, -17.0), (11.0, -17.0), (11.0, 17.0), (-11.0, 17.0)]);
    svg.polygon(&corners, PANEL, &style.stroke, style.width);
    let (x, y) = (stand.x, stand.y);
    let curve = [
        (x - 7.0, y + 9.0),
        (x - 1.0, y + 6.0),
        (x + 3.0, y - 3.0),
        (x + 7.0, y - 10.0),
    ];
    svg.polyline(&curve, &style.stroke, 1.7);
}

/// Four turns, open to the other winding.
fn winding(svg: &mut Svg, stand: Stand, style: &Style, port: usize) {
    let sweep = u8::from(port == 0);
    let (x, top) = (short(stand.x), stand.y - HALF);
    let mut data = format!("M{x} {}v4", short(top));
    for _ in 0..4 {
        data += &format!("a5 5 0 0 {sweep} 0 10");
    }
    data += "v4";
    svg.path(&data, &style.stroke, style.width);
    // The dot marks the first terminal of each winding.
    let side = if port == 0 { -7.0 } else { 7.0 };
    let at = stand.at(side, -HALF + 5.0);
    svg.circle(at, 2.0, &style.stroke, &style.stroke, 0.5);
}

/// One of the two halves of a gyrator, which turn their backs to each other.
fn half_moon(svg: &mut Svg, stand: Stand, style: &Style, port: usize) {
    let sweep = u8::from(port == 0);
    let (x, top) = (short(stand.x), stand.y - HALF);
    let data = format!("M{x} {}v8a16 16 0 0 {sweep} 0 32v8", short(top));
    svg.path(&data, &style.stroke, style.width);
    let at = stand.at(if port == 0 { -6.0 } else { 6.0 }, -HALF + 6.0);
    svg.circle(at, 2.0, &style.stroke, &style.stroke, 0.5);
}

/// A ground symbol whose wire ends at `at`.
pub(super) fn ground(svg: &mut Svg, at: (f64, f64), stroke: &str) {
    for (half, dy) in [(10.0, 0.0), (6.4, 4.5), (2.8, 9.0)] {
        let y = at.1 + dy;
        svg.line((at.0 - half, y), (at.0 + half, y), stroke, 2.0);
    }
}
