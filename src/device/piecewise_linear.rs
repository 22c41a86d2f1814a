//! Monotone piecewise-linear one-ports: the LTspice diode and the PSpice table.

use super::{Companion, Parameter};

/// A continuous non-decreasing piecewise-linear law: breakpoints and the slopes outside them.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseLinear {
    /// Breakpoints (V, A), voltages strictly increasing; at least one.
    points: Vec<(f64, f64)>,
    /// Slope below the first breakpoint, S.
    left: f64,
    /// Slope above the last breakpoint, S.
    right: f64,
    /// A piece on the line `i = slope v`, and that slope, S: nothing cancels there.
    proportional: Option<(usize, f64)>,
}

/// One straight piece, `i = current + slope (v - voltage)`, valid from `from` to `to`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: f64,
    to: f64,
    voltage: f64,
    current: f64,
    slope: f64,
}

impl Piece {
    fn current(&self, v: f64) -> f64 {
        self.current + self.slope * (v - self.voltage)
    }

    /// `integral_a^b i(v) dv` on this piece: the trapezoid is exact.
    fn integral(&self, a: f64, b: f64) -> f64 {
        0.5 * (self.current(a) + self.current(b)) * (b - a)
    }
}

impl PiecewiseLinear {
    fn pieces(&self) -> usize {
        self.points.len() + 1
    }

    /// Index of the piece that holds `voltage`; a breakpoint belongs to the piece above it.
    fn piece_index(&self, voltage: f64) -> usize {
        self.points.partition_point(|(v, _)| *v <= voltage)
    }

    fn piece(&self, index: usize) -> Piece {
        let last = self.points.len() - 1;
        let from = if index == 0 {
            f64::NEG_INFINITY
        } else {
            self.points[index - 1].0
        };
        let to = if index > last {
            f64::INFINITY
        } else {
            self.points[index].0
        };
        let (mut voltage, mut current) = self.points[index.saturating_sub(1)];
        let slope = match self.proportional {
            Some((piece, slope)) if piece == index => {
                (voltage, current) = (0.0, 0.0);
                slope
            }
            _ if index == 0 => self.left,
            _ if index > last => self.right,
            _ => {
                let (v1, i1) = self.points[index];
                let slope = (i1 - current) / (v1 - voltage);
                if i1.abs() < current.abs() {
                    (voltage, current) = (v1, i1);
                }
                slope
            }
        };
        Piece {
            from,
            to,
            voltage,
            current,
            slope,
        }
    }

    /// The breakpoints and a point beyond each end: joined by straight lines that are continued, they
    /// are the law.
    pub fn points_beyond(&self) -> Vec<(f64, f64)> {
        let (first, last) = (self.points[0], self.points[self.points.len() - 1]);
        let before = (first.0 - 1.0, first.1 - self.left);
        let after = (last.0 + 1.0, last.1 + self.right);
        let inner = self.points.iter().copied();
        std::iter::once(before)
            .chain(inner)
            .chain([after])
            .collect()
    }

    pub fn evaluate(&self, voltage: f64) -> Companion {
        let piece = self.piece(self.piece_index(voltage));
        Companion {
            current: piece.current(voltage),
            conductance: piece.slope,
        }
    }

    /// Size of the terms of `i = current + slope (v - breakpoint)` that do not vanish with `v`.
    pub fn offset(&self, voltage: f64) -> f64 {
        let piece = self.piece(self.piece_index(voltage));
        (piece.slope * piece.voltage).abs() + piece.current.abs()
    }

    /// `integral_0^v i(u) du` in W, piece by piece.
    pub fn cocontent(&self, voltage: f64) -> f64 {
        let (low, high) = if voltage < 0.0 {
            (voltage, 0.0)
        } else {
            (0.0, voltage)
        };
        let integral: f64 = (0..self.pieces())
            .map(|k| self.piece(k))
            .filter(|p| p.to > low && p.from < high)
            .map(|p| p.integral(p.from.max(low), p.to.min(high)))
            .sum();
        if voltage < 0.0 { -integral } else { integral }
    }
}

/// `Gx a k TABLE {V(a,k)} = (v1,i1) …`: constant outside the table, as in PSpice.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseTable {
    law: PiecewiseLinear,
}

/// Why a table is no monotone one-port. `index` counts the offending point from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    #[error("a table needs at least two points")]
    TooFewPoints,
    #[error("the voltages of a table must increase; point {} does not", .index + 1)]
    VoltageNotIncreasing { index: usize },
    #[error("the currents of a monotone table must not decrease; point {} does", .index + 1)]
    CurrentDecreasing { index: usize },
}

impl PiecewiseTable {
    /// A table from its points (V, A).
    pub fn new(points: Vec<(f64, f64)>) -> Result<Self, TableError> {
        if points.len() < 2 {
            return Err(TableError::TooFewPoints);
        }
        for (index, pair) in points.windows(2).enumerate() {
            if pair[1].0.partial_cmp(&pair[0].0) != Some(std::cmp::Ordering::Greater) {
                return Err(TableError::VoltageNotIncreasing { index: index + 1 });
            }
            if !(pair[1].1 >= pair[0].1) {
                return Err(TableError::CurrentDecreasing { index: index + 1 });
            }
        }
        Ok(Self {
            law: PiecewiseLinear {
                points,
                left: 0.0,
                right: 0.0,
                proportional: None,
            },
        })
    }

    pub fn law(&self) -> &PiecewiseLinear {
        &self.law
    }

    /// Breakpoints (V, A).
    pub fn points(&self) -> &[(f64, f64)] {
        &self.law.points
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        (0..self.points().len() as u32)
            .flat_map(|k| {
                [
                    Parameter::BreakpointVoltage(k),
                    Parameter::BreakpointCurrent(k),
                ]
            })
            .collect()
    }

    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        match parameter {
            Parameter::BreakpointVoltage(k) => self.points().get(k as usize).map(|p| p.0),
            Parameter::BreakpointCurrent(k) => self.points().get(k as usize).map(|p| p.1),
            _ => None,
        }
    }

    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        let mut points = self.law.points.clone();
        let slot = match parameter {
            Parameter::BreakpointVoltage(k) => points.get_mut(k as usize).map(|p| &mut p.0),
            Parameter::BreakpointCurrent(k) => points.get_mut(k as usize).map(|p| &mut p.1),
            _ => None,
        };
        let Some(slot) = slot else { return false };
        *slot = value;
        match Self::new(points) {
            Ok(table) => {
                *self = table;
                true
            }
            Err(_) => false,
        }
    }

    /// Between two points `i = (1-t) i_a + t i_b` with `t = (v - v_a)/(v_b - v_a)`; outside, the end
    /// point's current.
    pub fn current_derivative(&self, parameter: Parameter, voltage: f64) -> f64 {
        let index = self.law.piece_index(voltage);
        let points = self.points();
        if index == 0 || index == points.len() {
            let end = index.saturating_sub(1) as u32;
            return f64::from(parameter == Parameter::BreakpointCurrent(end));
        }
        let (a, b) = (index as u32 - 1, index as u32);
        let piece = self.law.piece(index);
        let t = (voltage - piece.from) / (piece.to - piece.from);
        match parameter {
            Parameter::BreakpointCurrent(k) if k == a => 1.0 - t,
            Parameter::BreakpointCurrent(k) if k == b => t,
            Parameter::BreakpointVoltage(k) if k == a => -piece.slope * (1.0 - t),
            Parameter::BreakpointVoltage(k) if k == b => -piece.slope * t,
            _ => 0.0,
        }
    }
}

/// The LTspice idealised diode, `.model name D(RON= ROFF= VFWD= [VREV= RREV=])`.
///
/// `i = v/ROFF` up to VFWD, then slope 1/RON; beyond -VREV, slope 1/RREV.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseDiode {
    parameters: PiecewiseDiodeParameters,
    area: f64,
    law: PiecewiseLinear,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct PiecewiseDiodeParameters {
    on_resistance: f64,
    off_resistance: f64,
    forward_voltage: f64,
    /// Reverse breakdown voltage (V, positive) and resistance (ohm).
    reverse: Option<(f64, f64)>,
}

impl PiecewiseDiode {
    /// None unless the resistances are positive and `-VREV < VFWD`.
    pub fn new(
        on_resistance: f64,
        off_resistance: f64,
        forward_voltage: f64,
        reverse: Option<(f64, f64)>,
        area: f64,
    ) -> Option<Self> {
        let parameters = PiecewiseDiodeParameters {
            on_resistance,
            off_resistance,
            forward_voltage,
            reverse,
        };
        let law = Self::build(&parameters, area)?;
        Some(Self {
            parameters,
            area,
            law,
        })
    }

    fn build(p: &PiecewiseDiodeParameters, area: f64) -> Option<PiecewiseLinear> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let off = area / p.off_resistance;
        if !(positive(p.on_resistance) && positive(p.off_resistance) && positive(area)) {
            return None;
        }
        let knee = (p.forward_voltage, off * p.forward_voltage);
        let right = area / p.on_resistance;
        match p.reverse {
            None => Some(PiecewiseLinear {
                points: vec![knee],
                left: off,
                right,
                proportional: Some((0, off)),
            }),
            Some((vrev, rrev)) => (positive(rrev) && -vrev < p.forward_voltage).then(|| {
                let points = vec![(-vrev, -off * vrev), knee];
                PiecewiseLinear {
                    points,
                    left: area / rrev,
                    right,
                    proportional: Some((1, off)),
                }
            }),
        }
    }

    pub fn law(&self) -> &PiecewiseLinear {
        &self.law
    }

    pub fn state(&self, voltage: f64) -> &'static str {
        let p = &self.parameters;
        match p.reverse {
            Some((vrev, _)) if voltage < -vrev => "breakdown",
            _ if voltage >= p.forward_voltage => "on",
            _ => "off",
        }
    }

    pub fn parameters(&self) -> Vec<Parameter> {
        let mut list = vec![
            Parameter::OnResistance,
            Parameter::OffResistance,
            Parameter::ForwardVoltage,
        ];
        if self.parameters.reverse.is_some() {
            list.extend([Parameter::ReverseVoltage, Parameter::ReverseResistance]);
        }
        list.push(Parameter::Area);
        list
    }

    pub fn value(&self, parameter: Parameter) -> Option<f64> {
        let p = &self.parameters;
        match parameter {
            Parameter::OnResistance => Some(p.on_resistance),
            Parameter::OffResistance => Some(p.off_resistance),
            Parameter::ForwardVoltage => Some(p.forward_voltage),
            Parameter::ReverseVoltage => p.reverse.map(|r| r.0),
            Parameter::ReverseResistance => p.reverse.map(|r| r.1),
            Parameter::Area => Some(self.area),
            _ => None,
        }
    }

    pub fn set(&mut self, parameter: Parameter, value: f64) -> bool {
        let mut p = self.parameters;
        let mut area = self.area;
        match (parameter, &mut p.reverse) {
            (Parameter::OnResistance, _) => p.on_resistance = value,
            (Parameter::OffResistance, _) => p.off_resistance = value,
            (Parameter::ForwardVoltage, _) => p.forward_voltage = value,
            (Parameter::ReverseVoltage, Some(reverse)) => reverse.0 = value,
            (Parameter::ReverseResistance, Some(reverse)) => reverse.1 = value,
            (Parameter::Area, _) => area = value,
            _ => return false,
        }
        let Some(law) = Self::build(&p, area) else {
            return false;
        };
        *self = Self {
            parameters: p,
            area,
            law,
        };
        true
    }

    /// On: `i = (VFWD/ROFF + (v-VFWD)/RON) area`; off: `v area/ROFF`;
    /// breakdown: `(-VREV/ROFF + (v+VREV)/RREV) area`.
    pub fn current_derivative(&self, parameter: Parameter, voltage: f64) -> f64 {
        let p = &self.parameters;
        let square = |r: f64| self.area / (r * r);
        if parameter == Parameter::Area {
            return self.law.evaluate(voltage).current / self.area;
        }
        match (self.state(voltage), parameter, p.reverse) {
            ("on", Parameter::OnResistance, _) => {
                -(voltage - p.forward_voltage) * square(p.on_resistance)
            }
            ("on", Parameter::OffResistance, _) => -p.forward_voltage * square(p.off_resistance),
            ("on", Parameter::ForwardVoltage, _) => {
                self.area / p.off_resistance - self.area / p.on_resistance
            }
            ("off", Parameter::OffResistance, _) => -voltage * square(p.off_resistance),
            ("breakdown", Parameter::OffResistance, Some((vrev, _))) => {
                vrev * square(p.off_resistance)
            }
            ("breakdown", Parameter::ReverseVoltage, Some((_, rrev))) => {
                self.area / rrev - self.area / p.off_resistance
            }
            ("breakdown", Parameter::ReverseResistance, Some((vrev, rrev))) => {
                -(voltage + vrev) * square(rrev)
            }
            _ => 0.0,
        }
    }
}
