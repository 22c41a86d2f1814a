use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::source::{FileId, Span};

const START: Span = Span {
    file: FileId(0),
    line: 1,
    column: 1,
    length: 1,
};

/// Inputs `x`, `y`, `z`, and functions.
#[derive(Default)]
struct Names {
    functions: HashMap<Name, Arc<UserFunction>>,
}

impl Names {
    fn define(mut self, name: &str, parameters: &[&str], body: &str) -> Self {
        let function = UserFunction {
            parameters: parameters.iter().map(|p| Name::from(*p)).collect(),
            body: parse(body),
        };
        self.functions.insert(name.into(), function.into());
        self
    }
}

impl Resolver for Names {
    type Error = String;

    fn name(
        &mut self,
        tape: &mut Tape,
        name: &Name,
        _span: Span,
    ) -> Result<Option<Term>, LowerError<String>> {
        let index = ["x", "y", "z"].iter().position(|known| name == known);
        Ok(index.map(|k| tape.input(k as u32)))
    }

    fn probe(
        &mut self,
        _tape: &mut Tape,
        _kind: &Name,
        arguments: &[(Name, Span)],
        _span: Span,
    ) -> Result<Term, LowerError<String>> {
        Err(LowerError::Resolver(format!("no node {}", arguments[0].0)))
    }

    fn function(&self, name: &Name) -> Option<Arc<UserFunction>> {
        self.functions.get(name).cloned()
    }
}

fn parse(text: &str) -> Expr {
    Expr::parse(text, 0, &START, &["v"]).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn lowered(text: &str, names: &mut Names, dialect: Dialect) -> (Tape, Term) {
    let mut tape = Tape::default();
    let term = lower(&parse(text), &mut tape, names, dialect);
    let term = term.unwrap_or_else(|e| panic!("{text}: {e:?}"));
    (tape, term)
}

fn fault(text: &str, mut names: Names) -> (LowerFault, u32) {
    let mut tape = Tape::default();
    let outcome = lower(&parse(text), &mut tape, &mut names, Dialect::Parameter);
    match outcome {
        Err(LowerError::Fault(fault, span)) => (fault, span.column),
        other => panic!("{text}: {other:?}"),
    }
}

/// The value and its derivatives to x, y and z.
fn run(tape: &Tape, term: Term, inputs: [f64; 3]) -> (f64, [f64; 3]) {
    let mut values = Vec::new();
    tape.evaluate(&inputs, &[], &mut values);
    let mut adjoints = vec![0.0; tape.len()];
    adjoints[term.index()] = 1.0;
    tape.backward(&values, &[], &mut adjoints);
    let mut gradient = [0.0; 3];
    for (operation, adjoint) in tape.operations().iter().zip(&adjoints) {
        if let Operation::Input(k) = operation {
            gradient[*k as usize] += adjoint;
        }
    }
    (values[term.index()], gradient)
}

fn value_and_gradient(text: &str, inputs: [f64; 3]) -> (f64, [f64; 3]) {
    let (tape, term) = lowered(text, &mut Names::default(), Dialect::Behavioural);
    run(&tape, term, inputs)
}

#[test]
fn functions_that_ngspice_lacks_have_the_values_of_their_definitions() {
    let cases = [
        ("log2(8)", 3.0),
        ("atan2(-1,-1)", -0.75 * std::f64::consts::PI),
        ("hypot(3,4)", 5.0),
        ("sign(3,-2)", -3.0),
        ("sign(-3,2)", 3.0),
        ("limit(7,1,5)", 5.0),
        ("limit(0,5,1)", 1.0),
        ("limit(3,0.1)", 3.0),
        ("pwrs(-4,0.5)", -2.0),
        ("stp(0)", 0.0),
        ("stp(1)", 1.0),
        ("buf(0.7)", 1.0),
        ("inv(0.7)", 0.0),
        ("not(0)", 1.0),
        ("round(2.5)", 3.0),
        ("round(-2.5)", -3.0),
        ("trunc(-2.7)", -2.0),
        ("fmod(7,3)", 1.0),
        ("-7%3", -1.0),
        ("if(0,1,2)", 2.0),
        ("table(1.5, 0,0, 1,1, 2,3)", 2.0),
        ("table(9, 0,0, 1,1, 2,3)", 3.0),
        ("tbl(-9, 0,0, 1,1, 2,3)", 0.0),
        ("pwl(9, 0,0, 1,1, 2,3)", 17.0),
        ("table(5, 1,7)", 7.0),
        ("agauss(4,0.1,3)+gauss(1,0.1,3)+unif(1,1)+aunif(1,1)", 7.0),
        ("ddt(5)", 0.0),
        ("idt(5)", 0.0),
        ("sdt(5,2)", 2.0),
        ("min(4,3,2,5)", 2.0),
        ("max(4,3,2,5)", 5.0),
        ("arccosh(1)+arcsinh(0)+arctanh(0)", 0.0),
        ("true+yes+false+no+time+hertz", 2.0),
        ("kelvin", -273.15),
    ];
    for (text, expected) in cases {
        let (value, _) = value_and_gradient(text, [0.0; 3]);
        assert!(
            (value - expected).abs() <= 1e-15 * expected.abs(),
            "{text}: {value}"
        );
    }
}

#[test]
fn dialects_differ_in_powers_and_in_division_by_zero() {
    let value = |text, dialect| {
        let (tape, term) = lowered(text, &mut Names::default(), dialect);
        run(&tape, term, [-2.0, 0.0, 0.0]).0
    };
    let cases = [
        ("x^3", 8.0, 8.0),
        ("x^2.5", 2f64.powf(2.5), 2f64.powf(2.5)),
        ("pow(x,3)", -8.0, 8.0),
        ("pwr(x,3)", 8.0, -8.0),
        ("pwr(x,4)", 16.0, -16.0),
        ("1/y", f64::INFINITY, 1.0 / 1e-32),
    ];
    for (text, parameter, behavioural) in cases {
        assert_eq!(value(text, Dialect::Parameter), parameter, "{text}");
        assert_eq!(value(text, Dialect::Behavioural), behavioural, "{text}");
    }
}

#[test]
fn a_branch_that_is_not_taken_leaves_no_trace() {
    let (value, gradient) = value_and_gradient("x > 0 ? x*y : ln(x) + sqrt(x)/x", [2.0, 3.0, 0.0]);
    assert_eq!((value, gradient), (6.0, [3.0, 2.0, 0.0]));
    let (value, gradient) = value_and_gradient("x == 0 ? 1 + x : sin(x)/x", [0.0; 3]);
    assert_eq!((value, gradient), (1.0, [1.0, 0.0, 0.0]));
}

#[test]
fn slopes_at_edges_are_finite_where_the_function_has_one() {
    for (text, slope) in [
        ("x^2", 0.0),
        ("x^1.5", 0.0),
        ("pwr(x,1)", 1.0),
        ("pow(x,0)", 0.0),
        ("uramp(x)", 0.0),
        ("exp(800 + x)", 690f64.exp()),
        ("hypot(x,0)", 0.0),
        ("x*0 + 1*x + 0", 1.0),
    ] {
        let (value, gradient) = value_and_gradient(text, [0.0; 3]);
        assert!(value.is_finite(), "{text}: {value}");
        assert_eq!(gradient[0], slope, "{text}");
    }
    let (_, gradient) = value_and_gradient("x^y", [0.0, 2.0, 0.0]);
    assert_eq!(gradient, [0.0; 3]);
}

#[test]
fn a_table_of_variable_points_is_that_of_constant_ones() {
    for function in ["table", "pwl"] {
        let constant = format!("{function}(x, 0,1, 2,5, 3,4)");
        let variable = format!("{function}(x, 0,z/2, 2,5, 3,2*z)");
        for x in [-1.0, 0.0, 0.3, 2.0, 2.9, 3.0, 7.0] {
            let (expected, slopes) = value_and_gradient(&constant, [x, 0.0, 2.0]);
            let (value, gradient) = value_and_gradient(&variable, [x, 0.0, 2.0]);
            assert!(
                (value - expected).abs() < 1e-14,
                "{variable} at {x}: {value}"
            );
            let corner = [0.0, 2.0, 3.0].contains(&x);
            assert!(
                corner || (gradient[0] - slopes[0]).abs() < 1e-14,
                "{variable} at {x}"
            );
        }
    }
}

#[test]
fn functions_of_the_user_share_their_arguments() {
    let mut names = Names::default()
        .define("sq", &["a"], "a*a")
        .define("norm", &["a", "b"], "sqrt(sq(a) + sq(b))")
        .define("abs", &["a"], "a + 1");
    let (tape, term) = lowered("norm(3*x, 4*x) + abs(y)", &mut names, Dialect::Parameter);
    assert_eq!(run(&tape, term, [1.0, 2.0, 0.0]), (8.0, [5.0, 1.0, 0.0]));
    let (tape, _) = lowered(
        &format!("{}x{}", "sq(".repeat(60), ")".repeat(60)),
        &mut names,
        Dialect::Parameter,
    );
    assert_eq!(tape.len(), 61);
}

#[test]
fn faults_say_where_and_what() {
    let (found, column) = fault("1 + sqr2(x)", Names::default());
    assert_eq!(
        (found.message().as_str(), column),
        ("there is no function `sqr2`", 5)
    );
    assert!(found.help().unwrap().starts_with("did you mean `sqr"));
    let (found, _) = fault("boltzz", Names::default());
    assert_eq!(found.help().unwrap(), "did you mean `boltz`?");
    let (found, column) = fault("2*sin(x,y)", Names::default());
    assert_eq!(
        (found.message().as_str(), column),
        ("`sin` takes 1 argument, not 2", 3)
    );
    let (found, _) = fault("limit(x)", Names::default());
    assert_eq!(found.message(), "`limit` takes 2 to 3 arguments, not 1");
    let (found, column) = fault("table(x, 0,0, 1)", Names::default());
    assert_eq!((found.label(), column), ("unpaired", 15));
    let (found, column) = fault("table(x, 0,0, 0,1)", Names::default());
    assert_eq!((found.label(), column), ("does not rise", 15));
    let mut tape = Tape::default();
    let outcome = lower(
        &parse("v(n)"),
        &mut tape,
        &mut Names::default(),
        Dialect::Parameter,
    );
    assert_eq!(outcome, Err(LowerError::Resolver("no node n".into())));
}

#[test]
fn recursion_is_found_and_named() {
    let names = Names::default()
        .define("f", &["a"], "g(a) + 1")
        .define("g", &["a"], "f(a)*2");
    let (found, _) = fault("1 + f(x)", names);
    assert_eq!(found.message(), "functions call each other: f -> g");
    let (found, _) = fault("f(1)", Names::default().define("f", &["a"], "f(a-1)"));
    assert_eq!(found.message(), "the function `f` calls itself");
}

#[test]
fn an_expression_that_explodes_is_refused_quickly() {
    let mut names = Names::default().define("f0", &["a"], "a*a");
    for k in 1..40 {
        let inner = format!("f{}", k - 1);
        names = names.define(
            &format!("f{k}"),
            &["a"],
            &format!("{inner}(a) + {inner}(a+1)"),
        );
    }
    let started = std::time::Instant::now();
    let (found, _) = fault("f39(2)", names);
    assert!(matches!(found, LowerFault::TooLarge { .. }));
    assert!(started.elapsed().as_secs() < 5);
    let body = vec!["a"; 900].join("+");
    let mut names = Names::default().define("f0", &["a"], &body);
    for k in 1..20 {
        let call = format!("f{}(a)", k - 1);
        names = names.define(&format!("f{k}"), &["a"], &format!("{call}+{body}"));
    }
    assert!(matches!(
        fault("f19(2)", names).0,
        LowerFault::TooLarge { .. }
    ));
}

#[test]
fn two_arguments_make_limit_statistical() {
    assert!(is_statistical("agauss", 3) && is_statistical("limit", 2));
    assert!(!is_statistical("limit", 3) && !is_statistical("sin", 1));
}

/// The derivative to input `k` from two central differences, without their error of order h^2, and what
/// they differ by.
fn difference(tape: &Tape, term: Term, at: [f64; 3], k: usize) -> (f64, f64) {
    let moved = |d: f64| {
        let mut at = at;
        at[k] += d;
        run(tape, term, at).0
    };
    let slope = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
    let [wide, narrow] = [1e-3, 5e-4].map(slope);
    ((4.0 * narrow - wide) / 3.0, (wide - narrow).abs())
}

#[test]
fn every_function_has_the_slope_of_its_differences() {
    let unary = builtin::function_names().map(|name| format!("{name}(x)"));
    let binary = builtin::function_names().map(|name| format!("{name}(x,y)"));
    let more = builtin::function_names().map(|name| format!("{name}(x,y,z)"));
    let others = [
        "x^y",
        "x%y",
        "x/y",
        "table(x,-3,1,0,2,y,z)",
        "pwl(x,-1,1,0,2,0.2,7)",
        "x>y?x*x:x*y",
    ];
    let mut compared = 0;
    for text in unary
        .chain(binary)
        .chain(more)
        .chain(others.map(String::from))
    {
        for dialect in [Dialect::Parameter, Dialect::Behavioural] {
            let mut tape = Tape::default();
            let Ok(term) = lower(&parse(&text), &mut tape, &mut Names::default(), dialect) else {
                continue;
            };
            for at in [
                [0.37, 0.83, 1.9],
                [-0.61, 0.27, -1.3],
                [2.3, 0.7, -0.4],
                [-2.3, -3.2, 0.4],
            ] {
                let (value, gradient) = run(&tape, term, at);
                for (k, slope) in gradient.into_iter().enumerate() {
                    let (expected, _) = difference(&tape, term, at, k);
                    let close = (slope - expected).abs() < 1e-6 * (1.0 + expected.abs());
                    assert!(
                        close || value.is_nan() || expected.is_nan(),
                        "{text} at {at:?}: {gradient:?}, not {expected}"
                    );
                    compared += usize::from(close);
                }
            }
        }
    }
    assert!(compared > 1000, "only {compared} slopes");
}

/// Smooth expressions of x, y, z in [0.5, 1.5].
fn smooth() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => prop::sample::select(vec!["x", "y", "z"]).prop_map(String::from),
        1 => (0.1..3.0f64).prop_map(crate::units::format_exact),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let unary = prop::sample::select(vec![
            "sin({})",
            "cos({})",
            "atan({})",
            "tanh({})",
            "asinh({})",
            "sqrt(1+sqr({}))",
            "-({})",
            "ln(1+sqr({}))",
            "log10(2+sqr({}))",
            "exp(-sqr({}))",
            "sinh(tanh({}))",
            "sqr({})",
            "cosh(tanh({}))",
            "asin(0.9*tanh({}))",
            "acos(0.9*tanh({}))",
            "atanh(0.9*tanh({}))",
            "acosh(2+sqr({}))",
            "tan(tanh({}))",
            "log2(2+sqr({}))",
            "({})^3",
            "pwr({},2)",
            "table({},-1e3,0,1e3,2)",
        ]);
        let binary = prop::sample::select(vec![
            "({a})+({b})",
            "({a})-({b})",
            "({a})*({b})",
            "({a})/(1+sqr({b}))",
            "(1+sqr({a}))^tanh({b})",
            "atan2({a},1+sqr({b}))",
            "hypot({a},1+sqr({b}))",
            "pow(2+sin({a}),cos({b}))",
        ]);
        prop_oneof![
            (unary, inner.clone()).prop_map(|(f, x)| f.replace("{}", &x)),
            (binary, inner.clone(), inner)
                .prop_map(|(f, x, y)| f.replace("{a}", &x).replace("{b}", &y)),
        ]
    })
}

#[test]
fn pruning_leaves_what_a_result_depends_on() {
    let text = "table(x,0,0,1,2*3) + (1 ? y : sin(x))";
    let (tape, term) = lowered(text, &mut Names::default(), Dialect::Parameter);
    let (pruned, results) = tape.pruned(&[term]);
    let at = [0.5, 2.0, 0.0];
    assert_eq!(run(&pruned, results[0], at), run(&tape, term, at));
    assert_eq!((pruned.len(), pruned.tables().len()), (4, 1));
}

fn written(tape: &Tape, term: Term) -> Result<String, TextTooLong> {
    write_term(tape, term, &|k| ["x", "y", "z"][k as usize].into())
}

#[test]
fn written_terms_keep_every_bit_of_their_numbers() {
    for text in [
        "1.23456789012345678*x",
        "0-3.3333333333333335",
        "1e-14",
        "1.7976931348623157e308",
    ] {
        let (tape, term) = lowered(text, &mut Names::default(), Dialect::Behavioural);
        let text = written(&tape, term).unwrap();
        assert_eq!(
            value_and_gradient(&text, [1.0; 3]),
            run(&tape, term, [1.0; 3]),
            "{text}"
        );
    }
}

#[test]
fn tables_and_functions_that_ngspice_lacks_are_written_with_what_it_has() {
    let at = [
        [-1.5, 0.7, 2.0],
        [2.5, -0.2, 1.0],
        [0.5, -3.0, -1.0],
        [-0.5, 0.0, 0.1],
    ];
    for text in [
        "table(x,-1,2,0,1,2,7)",
        "table(x,0,7)",
        "pwl(x,-1,2,0,1,2,7)",
        "round(x)+trunc(x)+nint(x)",
        "fmod(x,y)",
        "atan2(x,y)+atan2(-x,y)",
        "log2(abs(x))",
        "hypot(x,y)",
        "buf(x)+2*inv(y)",
        "limit(x,y,z)",
        "if(x>y,x*y,z)",
        "!x",
        "sign(x,y)",
        "x>0 && y>0 || z<=1",
        "u(x)+u2(x)+uramp(x)+stp(x)",
    ] {
        let (tape, term) = lowered(text, &mut Names::default(), Dialect::Behavioural);
        let text = written(&tape, term).unwrap();
        for at in at {
            let (expected, ours) = (run(&tape, term, at).0, value_and_gradient(&text, at).0);
            let same = (ours - expected).abs() <= 1e-14 * (1.0 + expected.abs());
            assert!(
                same || expected.is_nan(),
                "{text} at {at:?}: {ours}, not {expected}"
            );
        }
    }
}

#[test]
fn a_text_that_explodes_is_refused() {
    let mut names = Names::default().define("sq", &["a"], "a*a");
    let text = format!("{}x{}", "sq(".repeat(60), ")".repeat(60));
    let (tape, term) = lowered(&text, &mut names, Dialect::Parameter);
    assert_eq!(written(&tape, term), Err(TextTooLong { limit: 1 << 20 }));
}

proptest! {
    #[test]
    fn a_written_term_reads_back_to_the_same_values(
        text in smooth(),
        at in prop::array::uniform3(0.5..1.5f64),
    ) {
        let (tape, term) = lowered(&text, &mut Names::default(), Dialect::Behavioural);
        let again = written(&tape, term).unwrap();
        let (tape2, term2) = lowered(&again, &mut Names::default(), Dialect::Behavioural);
        let (expected, ours) = (run(&tape, term, at).0, run(&tape2, term2, at).0);
        prop_assert!((ours - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{} -> {}", text, again);
        prop_assert_eq!(written(&tape2, term2).is_ok(), true);
    }

    #[test]
    fn derivatives_agree_with_central_differences(
        text in smooth(),
        at in prop::array::uniform3(0.5..1.5f64),
    ) {
        let (tape, term) = lowered(&text, &mut Names::default(), Dialect::Behavioural);
        let (value, gradient) = run(&tape, term, at);
        prop_assume!(value.abs() < 1e3 && gradient.iter().all(|g| g.abs() < 1e3));
        for (k, slope) in gradient.into_iter().enumerate() {
            let (expected, rough) = difference(&tape, term, at, k);
            let scale = 1.0 + value.abs() + slope.abs();
            prop_assert!(
                (slope - expected).abs() < 1e-6 * scale + rough,
                "{} at {:?}: {} against {}", text, at, slope, expected
            );
        }
    }
}
