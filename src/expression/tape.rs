//! Straight-line programs and their reverse-mode derivatives.

use super::function::{Function1, Function2};

/// The result of one operation of a [`Tape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Term(u32);

impl Term {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One step of a tape; operands are earlier terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    Constant(f64),
    /// A number that the caller gives.
    Input(u32),
    /// The term, unless the caller overrides the parameter of this index.
    Parameter(u32, Term),
    Unary(Function1, Term),
    Binary(Function2, Term, Term),
    /// The second term where the first is not zero, else the third.
    Select(Term, Term, Term),
    /// Linear interpolation in the table of this index.
    Table(u32, Term),
}

impl Operation {
    /// The terms that it is computed from.
    pub fn operands(self) -> impl Iterator<Item = Term> {
        let [x, y, z] = match self {
            Self::Constant(_) | Self::Input(_) => [None; 3],
            Self::Parameter(_, x) | Self::Unary(_, x) | Self::Table(_, x) => [Some(x), None, None],
            Self::Binary(_, x, y) => [Some(x), Some(y), None],
            Self::Select(c, x, y) => [Some(c), Some(x), Some(y)],
        };
        [x, y, z].into_iter().flatten()
    }
}

/// Points of a piecewise-linear function, sorted by `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    pub points: Vec<(f64, f64)>,
    /// Beyond the ends: true continues the outer segments, false stays at the outer values.
    pub extrapolates: bool,
}

/// A straight-line program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {
    operations: Vec<Operation>,
    tables: Vec<Lookup>,
}

impl Tape {
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    pub fn tables(&self) -> &[Lookup] {
        &self.tables
    }

    pub fn len(&self) -> usize {
        self.operations.len()
    }

    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    fn push(&mut self, operation: Operation) -> Term {
        self.operations.push(operation);
        Term(self.operations.len() as u32 - 1)
    }

    /// The value of a term that is a constant.
    pub fn constant_value(&self, term: Term) -> Option<f64> {
        match self.operations[term.index()] {
            Operation::Constant(value) => Some(value),
            _ => None,
        }
    }

    pub fn constant(&mut self, value: f64) -> Term {
        self.push(Operation::Constant(value))
    }

    pub fn input(&mut self, index: u32) -> Term {
        self.push(Operation::Input(index))
    }

    pub fn parameter(&mut self, index: u32, default: Term) -> Term {
        self.push(Operation::Parameter(index, default))
    }

    /// Folds constants.
    pub fn unary(&mut self, function: Function1, x: Term) -> Term {
        match self.constant_value(x) {
            Some(x) => self.constant(function.value(x)),
            None => self.push(Operation::Unary(function, x)),
        }
    }

    /// Folds constants.
    pub fn binary(&mut self, function: Function2, x: Term, y: Term) -> Term {
        match (self.constant_value(x), self.constant_value(y)) {
            (Some(x), Some(y)) => self.constant(function.value(x, y)),
            _ => self.push(Operation::Binary(function, x, y)),
        }
    }

    /// `then` where `condition` is not zero, else `otherwise`.
    pub fn select(&mut self, condition: Term, then: Term, otherwise: Term) -> Term {
        match self.constant_value(condition) {
            Some(0.0) => otherwise,
            Some(_) => then,
            None => self.push(Operation::Select(condition, then, otherwise)),
        }
    }

    /// Interpolation at `x`; the table must not be empty.
    pub fn table(&mut self, lookup: Lookup, x: Term) -> Term {
        if let Some(x) = self.constant_value(x) {
            return self.constant(lookup.value(x));
        }
        self.tables.push(lookup);
        self.push(Operation::Table(self.tables.len() as u32 - 1, x))
    }

    /// Which terms the values of `results` depend on, up to the last of these.
    pub fn needed(&self, results: &[Term]) -> Vec<bool> {
        let count = results.iter().map(|term| term.index() + 1).max();
        let mut needed = vec![false; count.unwrap_or(0)];
        for term in results {
            needed[term.index()] = true;
        }
        for index in (0..needed.len()).rev() {
            if needed[index] {
                for operand in self.operations[index].operands() {
                    needed[operand.index()] = true;
                }
            }
        }
        needed
    }

    /// A tape of what the values of `results` depend on, and the `results` there.
    pub fn pruned(&self, results: &[Term]) -> (Self, Vec<Term>) {
        let mut pruned = Self::default();
        let mut places = vec![Term(0); self.len()];
        for (index, needed) in self.needed(results).into_iter().enumerate() {
            if needed {
                let at = |term: Term| places[term.index()];
                let operation = match self.operations[index] {
                    Operation::Parameter(parameter, x) => Operation::Parameter(parameter, at(x)),
                    Operation::Unary(f, x) => Operation::Unary(f, at(x)),
                    Operation::Binary(f, x, y) => Operation::Binary(f, at(x), at(y)),
                    Operation::Select(c, x, y) => Operation::Select(at(c), at(x), at(y)),
                    Operation::Table(table, x) => {
                        pruned.tables.push(self.tables[table as usize].clone());
                        Operation::Table(pruned.tables.len() as u32 - 1, at(x))
                    }
                    leaf => leaf,
                };
                places[index] = pruned.push(operation);
            }
        }
        let results = results.iter().map(|term| places[term.index()]).collect();
        (pruned, results)
    }

    /// Numbers the inputs anew.
    pub fn map_inputs(&mut self, new: impl Fn(u32) -> u32) {
        for operation in &mut self.operations {
            if let Operation::Input(index) = operation {
                *index = new(*index);
            }
        }
    }

    /// Evaluates every term into `values`, which is made as long as the tape.
    pub fn evaluate(&self, inputs: &[f64], overrides: &[Option<f64>], values: &mut Vec<f64>) {
        values.clear();
        self.extend(inputs, overrides, values);
    }

    /// Evaluates the terms that `values` does not hold yet.
    pub fn extend(&self, inputs: &[f64], overrides: &[Option<f64>], values: &mut Vec<f64>) {
        for operation in &self.operations[values.len()..] {
            let at = |term: Term| values[term.index()];
            let value = match *operation {
                Operation::Constant(value) => value,
                Operation::Input(index) => inputs[index as usize],
                Operation::Parameter(index, default) => overrides
                    .get(index as usize)
                    .copied()
                    .flatten()
                    .unwrap_or(at(default)),
                Operation::Unary(f, x) => f.value(at(x)),
                Operation::Binary(f, x, y) => f.value(at(x), at(y)),
                Operation::Select(c, x, y) => at(if at(c) != 0.0 { x } else { y }),
                Operation::Table(table, x) => self.tables[table as usize].value(at(x)),
            };
            values.push(value);
        }
    }

    /// Propagates `adjoints` (one for each term, seeded by the caller) to the operands of every term,
    /// last to first, at the `values` of an evaluation. Afterwards `adjoints` of an input, and of a
    /// parameter, is the derivative to it. An overridden parameter passes nothing on.
    pub fn backward(&self, values: &[f64], overrides: &[Option<f64>], adjoints: &mut [f64]) {
        for (index, operation) in self.operations.iter().enumerate().rev() {
            let seed = adjoints[index];
            // Zero times an infinite slope is no derivative.
            if seed == 0.0 {
                continue;
            }
            let at = |term: Term| values[term.index()];
            match *operation {
                Operation::Constant(_) | Operation::Input(_) => {}
                Operation::Parameter(parameter, default) => {
                    if !matches!(overrides.get(parameter as usize), Some(Some(_))) {
                        adjoints[default.index()] += seed;
                    }
                }
                Operation::Unary(f, x) => adjoints[x.index()] += seed * f.slope(at(x)),
                Operation::Binary(f, x, y) => {
                    let [dx, dy] = f.slopes(at(x), at(y));
                    adjoints[x.index()] += seed * dx;
                    adjoints[y.index()] += seed * dy;
                }
                Operation::Select(c, x, y) => {
                    let chosen = if at(c) != 0.0 { x } else { y };
                    adjoints[chosen.index()] += seed;
                }
                Operation::Table(table, x) => {
                    adjoints[x.index()] += seed * self.tables[table as usize].slope(at(x));
                }
            }
        }
    }
}

impl Lookup {
    fn segment(&self, x: f64) -> Option<[(f64, f64); 2]> {
        let points = &self.points;
        let above = points.partition_point(|(px, _)| *px <= x);
        let last = points.len().checked_sub(2)?;
        if !self.extrapolates && (above == 0 || above == points.len()) {
            return None;
        }
        let start = above.saturating_sub(1).min(last);
        Some([points[start], points[start + 1]])
    }

    pub fn value(&self, x: f64) -> f64 {
        match self.segment(x) {
            Some([(x0, y0), (x1, y1)]) => {
                // From the nearer end: at a corner where nothing flows, no digit is lost to the far one.
                let slope = (y1 - y0) / (x1 - x0);
                match x - x0 <= x1 - x {
                    true => y0 + (x - x0) * slope,
                    false => y1 + (x - x1) * slope,
                }
            }
            None => {
                let end = match self.points.first() {
                    Some(first) if x < first.0 => Some(first),
                    _ => self.points.last(),
                };
                end.map_or(0.0, |point| point.1)
            }
        }
    }

    /// Slope at `x`; at a corner, that of the segment above it.
    pub fn slope(&self, x: f64) -> f64 {
        self.segment(x)
            .map_or(0.0, |[(x0, y0), (x1, y1)]| (y1 - y0) / (x1 - x0))
    }
}
