//! Potentials that sources hold, as functions of the features.

use crate::mna::Outline;

/// Value of an independent source (V or A): `coefficient u[feature] + constant`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drive {
    pub feature: Option<u32>,
    pub coefficient: f64,
    pub constant: f64,
}

impl Drive {
    /// A source that carries no feature.
    pub fn constant(value: f64) -> Self {
        Self {
            feature: None,
            coefficient: 0.0,
            constant: value,
        }
    }
}

/// `coefficient u[column] + constant`; no column for [`NO_COLUMN`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub column: u32,
    pub coefficient: f64,
    pub constant: f64,
}

pub(super) const NO_COLUMN: u32 = u32::MAX;

impl Affine {
    pub(super) fn at(&self, column: impl Fn(usize) -> f64) -> f64 {
        match self.column {
            NO_COLUMN => self.constant,
            c => self.coefficient * column(c as usize) + self.constant,
        }
    }
}

/// What the free part of a circuit sees of its sources.
#[derive(Debug)]
pub(super) struct Inputs {
    /// Numbers in one sample.
    pub features: usize,
    /// Columns beyond the features: sums of several of them.
    pub derived: Vec<Vec<(u32, f64)>>,
    /// Potentials that sources prescribe, against ground or against the root of a tree of tied nodes
    /// that floats; the first is zero.
    pub held: Vec<Affine>,
    /// Entry of `held` for each node of the circuit.
    pub held_of_node: Vec<u32>,
    /// Value of each independent source.
    pub sources: Vec<Affine>,
}

impl Inputs {
    pub(super) fn columns(&self) -> usize {
        self.features + self.derived.len()
    }

    pub(super) fn new(
        outline: &Outline,
        sources: &[f64],
        features: usize,
        drives: &[(usize, Drive)],
    ) -> Self {
        let constants = sources.iter().map(|&v| Drive::constant(v));
        let mut of_source: Vec<Drive> = constants.collect();
        for &(source, drive) in drives {
            of_source[source] = drive;
        }
        let mut inputs = Self {
            features,
            derived: Vec::new(),
            held: vec![Affine {
                column: NO_COLUMN,
                coefficient: 0.0,
                constant: 0.0,
            }],
            held_of_node: vec![0; outline.node_count()],
            sources: of_source.iter().map(plain).collect(),
        };
        inputs.hold(outline, &of_source);
        inputs
    }

    fn hold(&mut self, outline: &Outline, drives: &[Drive]) {
        let mut sums: Vec<Sum> = vec![Sum::default(); outline.node_count()];
        for tie in outline.tied_nodes() {
            let mut sum = sums[tie.parent.index()].clone();
            let mut index = self.held_of_node[tie.parent.index()];
            if let Some(source) = tie.source {
                sum.add(tie.sign, &drives[source.index()]);
                index = self.held.len() as u32;
                let affine = self.affine(&sum);
                self.held.push(affine);
            }
            self.held_of_node[tie.node.index()] = index;
            sums[tie.node.index()] = sum;
        }
    }

    fn affine(&mut self, sum: &Sum) -> Affine {
        let (column, coefficient) = match sum.terms[..] {
            [] => (NO_COLUMN, 0.0),
            [(feature, coefficient)] => (feature, coefficient),
            _ => {
                self.derived.push(sum.terms.clone());
                (self.columns() as u32 - 1, 1.0)
            }
        };
        Affine {
            column,
            coefficient,
            constant: sum.constant,
        }
    }
}

fn plain(drive: &Drive) -> Affine {
    Affine {
        column: drive.feature.unwrap_or(NO_COLUMN),
        coefficient: drive.coefficient,
        constant: drive.constant,
    }
}

/// A sum of sources on the way from ground to a node.
#[derive(Clone, Debug, Default)]
struct Sum {
    terms: Vec<(u32, f64)>,
    constant: f64,
}

impl Sum {
    fn add(&mut self, sign: f64, drive: &Drive) {
        self.constant += sign * drive.constant;
        let Some(feature) = drive.feature else {
            return;
        };
        let term = sign * drive.coefficient;
        match self.terms.iter_mut().find(|(f, _)| *f == feature) {
            Some((_, coefficient)) => *coefficient += term,
            None => self.terms.push((feature, term)),
        }
    }
}
