//! `.measure dc`: numbers read off a sweep as ngspice does.

use crate::analysis::{Curve, Formula, Probe, SweepPoint, Window, number};
use crate::circuit::Circuit;
use crate::netlist::{Condition, FindWhen, Measure, MeasureKind, Name, Statistic, Value};
use crate::source::Spanned;

/// One `.measure` at one point of the `.step` loops.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    pub name: String,
    /// The number, or why there is none.
    pub value: Result<f64, String>,
    pub steps: Vec<(String, f64)>,
}

impl Measurement {
    pub(super) fn none_without_sweep<'a>(
        measures: &'a [Measure],
        steps: &'a [(String, f64)],
    ) -> impl Iterator<Item = Self> + 'a {
        measures.iter().map(|measure| Self {
            name: measure.name.value.to_string(),
            value: Err("the deck has no .dc sweep to measure".to_string()),
            steps: steps.to_vec(),
        })
    }
}

/// The measurements of one sweep while it runs.
pub(super) struct Measurements<'a> {
    measures: &'a [Measure],
    /// Values of the inner sweep variable.
    x: Vec<f64>,
    outputs: Vec<Recorded>,
}

/// An output that a measurement reads, and its values so far.
struct Recorded {
    word: Spanned<Name>,
    probe: Result<Probe, String>,
    values: Vec<f64>,
}

type Measured<T> = Result<T, String>;

impl<'a> Measurements<'a> {
    pub fn new(circuit: &Circuit, measures: &'a [Measure]) -> Self {
        let mut outputs: Vec<Recorded> = Vec::new();
        for word in measures.iter().flat_map(words) {
            if outputs.iter().all(|known| known.word.value != word.value) {
                let probe = Probe::read(circuit, word).map_err(|fault| fault.message);
                outputs.push(Recorded {
                    word: word.clone(),
                    probe,
                    values: Vec::new(),
                });
            }
        }
        Self {
            measures,
            x: Vec::new(),
            outputs,
        }
    }

    pub fn sample(&mut self, circuit: &Circuit, point: &SweepPoint) {
        if self.measures.is_empty() {
            return;
        }
        self.x.push(point.values[0]);
        for output in &mut self.outputs {
            if let Ok(probe) = &output.probe {
                output.values.push(probe.value(circuit, &point.op));
            }
        }
    }

    /// All measurements; `length` is the number of points of the inner sweep.
    pub fn evaluate(
        &self,
        circuit: &Circuit,
        length: usize,
        steps: &[(String, f64)],
    ) -> Vec<Measurement> {
        let mut done: Vec<Measurement> = Vec::new();
        for measure in self.measures {
            let value = self.measure(circuit, length, measure, &done);
            let value = value.and_then(|x| match x.is_finite() {
                true => Ok(x),
                false => Err(format!("the result is {x}")),
            });
            done.push(Measurement {
                name: measure.name.value.to_string(),
                value,
                steps: steps.to_vec(),
            });
        }
        done
    }

    fn measure(
        &self,
        circuit: &Circuit,
        length: usize,
        measure: &Measure,
        done: &[Measurement],
    ) -> Measured<f64> {
        match &measure.kind {
            MeasureKind::Statistic {
                statistic,
                output,
                from,
                to,
            } => {
                let curve = self.curve(output, length)?;
                let window = window(circuit, from, to)?;
                statistic_of(*statistic, curve, window)
                    .ok_or_else(|| "the window holds too few points of the sweep".to_string())
            }
            MeasureKind::Find(find) => self.find(circuit, length, find),
            MeasureKind::Parameter(expr) => {
                let known = |name: &str| {
                    let found = done.iter().rev().find(|m| m.name == name)?;
                    found.value.as_ref().ok().copied()
                };
                let formula =
                    Formula::compile(circuit, expr, &known).map_err(|fault| fault.message)?;
                match formula.reads_outputs() {
                    true => Err("`param=` takes measurements and parameters only".to_string()),
                    false => Ok(formula.value(circuit, None)),
                }
            }
        }
    }

    fn recorded(&self, word: &Spanned<Name>) -> Measured<&[f64]> {
        let found = self.outputs.iter().find(|o| o.word.value == word.value);
        match found {
            Some(Recorded {
                probe: Err(fault), ..
            }) => Err(fault.clone()),
            Some(recorded) => Ok(&recorded.values),
            None => Err(format!("`{}` was not recorded", word.value)),
        }
    }

    fn curve(&self, word: &Spanned<Name>, length: usize) -> Measured<Curve<'_>> {
        let y = self.recorded(word)?;
        Ok(Curve {
            x: &self.x,
            y,
            length,
        })
    }

    fn find(&self, circuit: &Circuit, length: usize, find: &FindWhen) -> Measured<f64> {
        let at = match &find.condition {
            Condition::At(value) => number(circuit, value).map_err(|fault| fault.message)?,
            Condition::Equal {
                left,
                right,
                crossing,
                count,
            } => {
                let window = window(circuit, &find.from, &find.to)?;
                let difference = self.difference(left, right)?;
                let curve = Curve {
                    x: &self.x,
                    y: &difference,
                    length,
                };
                let found = curve.crossing(window, *crossing, *count);
                found.ok_or_else(|| {
                    format!("`{}` does not meet `{}` there", left.value, right.value)
                })?
            }
        };
        let Some(output) = &find.output else {
            return Ok(at);
        };
        let curve = self.curve(output, length)?;
        let found = match find.is_derivative {
            true => curve.slope(at),
            false => curve.value(at),
        };
        found.ok_or_else(|| format!("the sweep does not pass {at}"))
    }

    /// `left - right`, point by point; the right side may be a number.
    fn difference(&self, left: &Spanned<Name>, right: &Spanned<Name>) -> Measured<Vec<f64>> {
        let left = self.recorded(left)?;
        if let Some(number) = crate::units::parse_number(&right.value) {
            return Ok(left.iter().map(|y| y - number).collect());
        }
        let right = self.recorded(right)?;
        Ok(left.iter().zip(right).map(|(a, b)| a - b).collect())
    }
}

/// The outputs that a measurement reads.
fn words(measure: &Measure) -> Vec<&Spanned<Name>> {
    match &measure.kind {
        MeasureKind::Statistic { output, .. } => vec![output],
        MeasureKind::Find(find) => {
            let mut words: Vec<_> = find.output.iter().collect();
            if let Condition::Equal { left, right, .. } = &find.condition {
                words.push(left);
                if crate::units::parse_number(&right.value).is_none() {
                    words.push(right);
                }
            }
            words
        }
        MeasureKind::Parameter(_) => Vec::new(),
    }
}

fn window(
    circuit: &Circuit,
    from: &Option<Spanned<Value>>,
    to: &Option<Spanned<Value>>,
) -> Measured<Window> {
    let end = |value: &Option<Spanned<Value>>, default: f64| match value {
        Some(value) => number(circuit, value).map_err(|fault| fault.message),
        None => Ok(default),
    };
    let all = Window::ALL;
    Ok(Window::new(end(from, all.from)?, end(to, all.to)?))
}

fn statistic_of(statistic: Statistic, curve: Curve, window: Window) -> Option<f64> {
    let largest = || curve.extremum(window, 1.0);
    let smallest = || curve.extremum(window, -1.0);
    Some(match statistic {
        Statistic::Maximum => largest()?.1,
        Statistic::MaximumAt => largest()?.0,
        Statistic::Minimum => smallest()?.1,
        Statistic::MinimumAt => smallest()?.0,
        Statistic::PeakToPeak => largest()?.1 - smallest()?.1,
        Statistic::Average => curve.average(window)?,
        Statistic::Integral => curve.integral(window, |y| y)?.0,
        Statistic::RootMeanSquare => {
            let (area, width) = curve.integral(window, |y| y * y)?;
            (area / width).sqrt()
        }
    })
}
