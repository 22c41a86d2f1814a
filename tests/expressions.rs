//! Agreement with ngspice: the value of every expression in `golden/expressions.json`, as a parameter and
//! in a behavioural source. `golden/record_expressions.py` says how it was made.

use std::collections::BTreeMap;

use ohmgrad::expression::{
    Dialect, Expr, LowerError, Name, Operation, Resolver, Tape, Term, lower, write_term,
};
use ohmgrad::source::{FileId, Span};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    variables: BTreeMap<String, f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    expression: String,
    parameter: Option<f64>,
    behavioural: Option<f64>,
}

/// The variables are inputs, in order.
struct Variables(Vec<String>);

impl Resolver for Variables {
    type Error = String;

    fn name(
        &mut self,
        tape: &mut Tape,
        name: &Name,
        _span: Span,
    ) -> Result<Option<Term>, LowerError<String>> {
        let index = self.0.iter().position(|known| name == known);
        Ok(index.map(|k| tape.input(k as u32)))
    }

    fn probe(
        &mut self,
        _tape: &mut Tape,
        _kind: &Name,
        _arguments: &[(Name, Span)],
        _span: Span,
    ) -> Result<Term, LowerError<String>> {
        Err(LowerError::Resolver("no probes here".into()))
    }
}

fn golden() -> (Golden, Variables, Vec<f64>) {
    let text = include_str!("golden/expressions.json");
    let golden: Golden = serde_json::from_str(text).expect("a golden file");
    let names = Variables(golden.variables.keys().cloned().collect());
    let inputs = golden.variables.values().copied().collect();
    (golden, names, inputs)
}

fn lowered(text: &str, names: &mut Variables, dialect: Dialect) -> (Tape, Term) {
    let start = Span {
        file: FileId(0),
        line: 1,
        column: 1,
        length: 1,
    };
    let expr = Expr::parse(text, 0, &start, &["v"]).unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut tape = Tape::default();
    let term = lower(&expr, &mut tape, names, dialect);
    let term = term.unwrap_or_else(|e| panic!("{text}: {e:?}"));
    (tape, term)
}

fn value(text: &str, names: &mut Variables, inputs: &[f64], dialect: Dialect) -> f64 {
    let (tape, term) = lowered(text, names, dialect);
    let mut values = Vec::new();
    tape.evaluate(inputs, &[], &mut values);
    values[term.index()]
}

#[test]
fn expressions_have_the_values_that_ngspice_gives_them() {
    let (golden, mut names, inputs) = golden();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for case in &golden.cases {
        for (dialect, expected) in [
            (Dialect::Parameter, case.parameter),
            (Dialect::Behavioural, case.behavioural),
        ] {
            let Some(expected) = expected else { continue };
            let ours = value(&case.expression, &mut names, &inputs, dialect);
            compared += 1;
            if !((ours - expected).abs() <= 1e-15 + 1e-12 * expected.abs()) {
                wrong.push(format!(
                    "{dialect:?} {}: {ours}, not {expected}",
                    case.expression
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 500, "only {compared} values");
}

#[test]
fn what_is_written_for_a_behavioural_source_has_the_same_values() {
    let (golden, mut names, inputs) = golden();
    let write_input = |k: u32| golden.variables.keys().nth(k as usize).unwrap().clone();
    for case in &golden.cases {
        for dialect in [Dialect::Parameter, Dialect::Behavioural] {
            let text = &case.expression;
            let (tape, term) = lowered(text, &mut names, dialect);
            let written = write_term(&tape, term, &write_input).expect("a short text");
            let expected = value(text, &mut names, &inputs, dialect);
            let ours = value(&written, &mut names, &inputs, Dialect::Behavioural);
            // Nothing is infinite or undefined in a behavioural source.
            let same = (ours - expected).abs() <= 1e-15 + 1e-12 * expected.abs();
            assert!(
                same || !expected.is_finite(),
                "{text} -> {written}: {ours}, not {expected}"
            );
        }
    }
}

#[test]
fn constants_leave_one_operation() {
    let (_, mut names, _) = golden();
    let (tape, term) = lowered("2*pi*sqrt(3)+max(1,2,3)", &mut names, Dialect::Parameter);
    let last = tape.operations()[term.index()];
    assert!(matches!(last, Operation::Constant(_)), "{last:?}");
}
