//! Symbols and wires.

use crate::circuit::{Circuit, NodeId};
use crate::report::picture::quantity;
use crate::report::picture::svg::{INK, MUTED, PANEL, Svg, shortened, text_width, wrapped};

use super::Annotations;
use super::key::{self, Key};
use super::layout::{self, Bar, Plan};
use super::symbol::{self, HALF, HALF_WIDTH, Stand, Style};
use super::text;
use super::wiring::{Wired, graph, nets};

/// Distance of rows, and of the middle of symbols below a row.
const ROW: f64 = 112.0;
const MIDDLE: f64 = 48.0;
/// Ground symbols end before the next row.
const GROUND: f64 = 85.0;
const MARGIN: f64 = 34.0;
const NARROWEST_COLUMN: f64 = 66.0;
const NARROWEST: f64 = 520.0;
const TEXT: f64 = 11.0;
const LONGEST_TEXT: usize = 22;

/// Everything that is known before the first stroke.
struct Sheet<'a> {
    circuit: &'a Circuit,
    key: Key<'a>,
    plan: Plan,
    wired: Vec<Wired>,
    /// Net of each node.
    net: Vec<usize>,
    /// Middle of each column.
    x: Vec<f64>,
    top: f64,
}

pub(super) fn draw(circuit: &Circuit, annotations: Annotations) -> String {
    let net = nets(circuit);
    let (graph, mut wired) = graph(circuit, &net);
    let plan = layout::plan(&graph);
    for (wired, branch) in wired.iter_mut().zip(&graph.branches) {
        let [a, b] = branch.ends.map(|net| plan.nets[net].row);
        if a > b {
            wired.nodes.swap(0, 1);
            wired.flipped = !wired.flipped;
        }
    }
    let mut sheet = Sheet {
        circuit,
        key: Key::new(annotations),
        plan,
        wired,
        net,
        x: Vec::new(),
        top: 0.0,
    };
    sheet.x = columns(&sheet);
    let right = sheet.x.last().copied().unwrap_or(0.0) + last_width(&sheet) + MARGIN;
    let width = right.max(NARROWEST).max(sheet.key.width() + 2.0 * MARGIN);
    // A narrow circuit stands in the middle.
    let shift = 0.5 * (width - right);
    sheet.x.iter_mut().for_each(|x| *x += shift);
    let title = wrapped(&circuit.title, ((width - 2.0 * MARGIN) / 8.6) as usize);
    let title = &title[..title.len().min(3)];
    sheet.top = 56.0 + 20.0 * title.len() as f64;
    let bottom = sheet.bottom();
    let key = if sheet.key.is_empty() {
        0.0
    } else {
        key::HEIGHT
    };
    let mut svg = Svg::new(width, bottom + key + 12.0);
    for (k, line) in title.iter().enumerate() {
        svg.title((MARGIN - 10.0, 28.0 + 20.0 * k as f64), line);
    }
    sheet.draw(&mut svg);
    sheet.key.draw(&mut svg, (MARGIN, bottom + 12.0));
    svg.finish()
}

/// Width of what stands right of the middle of each column.
fn widths(sheet: &Sheet) -> Vec<f64> {
    let mut widths = vec![0.0f64; sheet.plan.columns];
    for (wired, place) in sheet.wired.iter().zip(&sheet.plan.branches) {
        let lines = sheet.lines(wired);
        let text = lines.iter().map(|line| text_width(line, TEXT));
        let width = text.fold(0.0, f64::max) + HALF_WIDTH + 8.0;
        widths[place.column] = widths[place.column].max(width);
    }
    for (id, _) in sheet.circuit.nodes() {
        if let Some(bar) = sheet.bar(id) {
            let width = text_width(&sheet.node_text(id), TEXT) + 10.0;
            widths[bar.left] = widths[bar.left].max(width);
        }
    }
    widths
}

/// Middles of columns: what stands right of one ends before the next.
fn columns(sheet: &Sheet) -> Vec<f64> {
    let mut x = MARGIN + HALF_WIDTH;
    let middle = |width: f64| {
        let here = x;
        x += (width + HALF_WIDTH + 14.0).max(NARROWEST_COLUMN);
        here
    };
    widths(sheet).into_iter().map(middle).collect()
}

fn last_width(sheet: &Sheet) -> f64 {
    widths(sheet).last().copied().unwrap_or(0.0)
}

impl Sheet<'_> {
    /// The wire of a node, if it has one.
    fn bar(&self, node: NodeId) -> Option<Bar> {
        let net = self.net[node.index()];
        let is_used = self.wired.iter().any(|w| w.nodes.contains(&node));
        (is_used && net != usize::MAX).then(|| self.plan.nets[net])
    }

    fn y(&self, row: usize) -> f64 {
        self.top + ROW * row as f64
    }

    /// Below the last symbol, or below the last wire where nothing hangs from it.
    fn bottom(&self) -> f64 {
        let gaps = self.plan.branches.iter().map(|place| place.gap + 1);
        let symbols = self.y(gaps.max().unwrap_or(0));
        let last = self.plan.rows.saturating_sub(1);
        symbols.max(self.y(last) + 24.0)
    }

    fn node_text(&self, node: NodeId) -> String {
        let name = shortened(self.circuit.node_name(node), 14);
        match &self.key.potentials {
            Some((op, _)) => {
                let volts = op.potentials[node.index()];
                format!("{name}  {}", quantity(volts, text::DIGITS, "V"))
            }
            None => name,
        }
    }

    /// Name, value, and what the operating point or the gradient say.
    fn lines(&self, wired: &Wired) -> Vec<String> {
        let element = self.circuit.element(wired.element);
        let name = element.name();
        let mut lines = match wired.port {
            0 => vec![name.to_string(), text::value(self.circuit, &element)],
            port => vec![format!("{name}, port {}", port + 1)],
        };
        if let Some((effects, _)) = &self.key.effects {
            if let (Some(effect), 0) = (effects.of(wired.element), wired.port) {
                lines.push(text::gradient(&element, &effect, &effects.unit));
            }
        } else if let Some((op, _)) = &self.key.currents {
            let amperes = op.currents[wired.branch.index()].abs();
            lines.push(quantity(amperes, text::DIGITS, "A"));
        }
        lines.retain(|line| !line.is_empty());
        lines
            .iter()
            .map(|line| shortened(line, LONGEST_TEXT))
            .collect()
    }

    fn wire_colour(&self, node: NodeId) -> String {
        match &self.key.potentials {
            Some((op, scale)) => scale.colour(op.potentials[node.index()]),
            None => INK.to_string(),
        }
    }

    fn style(&self, wired: &Wired) -> Style {
        let fill = self.key.inside(wired.element).to_string();
        let (stroke, width) = if let Some((effects, scale)) = &self.key.effects {
            let strength = effects.of(wired.element).map_or(0.0, |e| e.of_a_percent());
            let place = 2.0 * (scale.position(strength) - 0.5).abs();
            (scale.colour(strength), 1.8 + 2.4 * place)
        } else if let Some((op, scale)) = &self.key.currents {
            let current = op.currents[wired.branch.index()].abs();
            (scale.colour(current), 1.6 + 2.6 * scale.position(current))
        } else {
            (INK.to_string(), 1.8)
        };
        Style {
            stroke,
            width,
            fill,
        }
    }

    fn draw(&self, svg: &mut Svg) {
        for &(a, b) in &self.links() {
            // Above the texts.
            let ends = [a, b].map(|branch| self.middle(branch));
            let ends = ends.map(|(x, y)| (x, y - HALF + 2.0));
            svg.dashed_polyline(&ends, MUTED, 1.0, "3 4");
        }
        for (id, _) in self.circuit.nodes() {
            if let Some(bar) = self.bar(id) {
                let y = self.y(bar.row);
                let (from, to) = ((self.x[bar.left], y), (self.x[bar.right], y));
                svg.line(from, to, &self.wire_colour(id), self.wire_width());
            }
        }
        for (k, wired) in self.wired.iter().enumerate() {
            self.draw_branch(svg, k, wired);
        }
        for (id, _) in self.circuit.nodes() {
            if let Some(bar) = self.bar(id) {
                let at = (self.x[bar.left] + 6.0, self.y(bar.row) - 7.0);
                svg.text_on_lines(at, TEXT, INK, &self.node_text(id), true);
            }
        }
    }

    fn wire_width(&self) -> f64 {
        if self.key.potentials.is_some() {
            2.8
        } else {
            1.6
        }
    }

    /// Branches of each two-port.
    fn links(&self) -> Vec<(usize, usize)> {
        let second = self.wired.iter().enumerate().filter(|(_, w)| w.port == 1);
        second.map(|(k, _)| (k - 1, k)).collect()
    }

    fn middle(&self, branch: usize) -> (f64, f64) {
        let place = self.plan.branches[branch];
        (self.x[place.column], self.y(place.gap) + MIDDLE)
    }

    fn draw_branch(&self, svg: &mut Svg, k: usize, wired: &Wired) {
        let (x, y) = self.middle(k);
        let [top, bottom] = wired.nodes;
        let from = self.bar(top).map_or(y, |bar| self.y(bar.row));
        let (width, element) = (self.wire_width(), self.circuit.element(wired.element));
        let upper = self.wire_colour(top);
        svg.line((x, from), (x, y - HALF), &upper, width);
        svg.circle((x, from), 2.6, &upper, &upper, 1.0);
        let lower = self.wire_colour(bottom);
        if top == bottom {
            // Back to where it comes from, on the side without text.
            let (low, side) = (y + HALF + 6.0, x - HALF_WIDTH - 5.0);
            let back = [
                (x, y + HALF),
                (x, low),
                (side, low),
                (side, from),
                (x, from),
            ];
            svg.polyline(&back, &lower, width);
        } else if bottom == NodeId::GROUND {
            let end = self.y(self.plan.branches[k].gap) + GROUND;
            svg.line((x, y + HALF), (x, end), &lower, width);
            symbol::ground(svg, (x, end), &lower);
        } else {
            let end = self.bar(bottom).map_or(y, |bar| self.y(bar.row));
            svg.line((x, y + HALF), (x, end), &lower, width);
            svg.circle((x, end), 2.6, &lower, &lower, 1.0);
        }
        let stand = Stand {
            x,
            y,
            flipped: wired.flipped,
        };
        let style = self.style(wired);
        symbol::draw(svg, stand, &element.device, wired.port, &style);
        self.draw_direction(svg, wired, (x, y));
        self.write_lines(svg, wired, (x, y));
    }

    /// An arrowhead where the current leaves the symbol.
    fn draw_direction(&self, svg: &mut Svg, wired: &Wired, (x, y): (f64, f64)) {
        let Some((op, scale)) = &self.key.currents else {
            return;
        };
        let current = op.currents[wired.branch.index()];
        if scale.position(current.abs()) < 1e-6 {
            return;
        }
        let is_down = (current > 0.0) != wired.flipped;
        let (tip, base) = if is_down {
            (33.0, 25.0)
        } else {
            (-33.0, -25.0)
        };
        let head = [(x, y + tip), (x - 4.5, y + base), (x + 4.5, y + base)];
        svg.polygon(&head, INK, PANEL, 0.8);
    }

    fn write_lines(&self, svg: &mut Svg, wired: &Wired, (x, y): (f64, f64)) {
        let lines = self.lines(wired);
        let first = y + 4.0 - 7.0 * (lines.len() as f64 - 1.0);
        for (k, line) in lines.iter().enumerate() {
            let at = (x + HALF_WIDTH + 5.0, first + 14.0 * k as f64);
            let ink = if k == 0 { INK } else { MUTED };
            svg.text_on_lines(at, TEXT, ink, line, k == 0);
        }
    }
}
