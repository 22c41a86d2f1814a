use proptest::prelude::*;

use super::*;
use crate::source::Span;

const PROBES: [&str; 2] = ["v", "i"];
const START: Span = Span {
    file: crate::source::FileId(0),
    line: 1,
    column: 1,
    length: 1,
};

fn parse(text: &str) -> Result<Expr, ExpressionError> {
    Expr::parse(text, 0, &START, &PROBES)
}

/// Every operator with its operands in brackets.
fn bracketed(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Unary(operator, x) => format!("[{}{}]", operator.symbol(), bracketed(x)),
        ExprKind::Binary(operator, x, y) => {
            format!("[{}{}{}]", bracketed(x), operator.symbol(), bracketed(y))
        }
        ExprKind::If(c, x, y) => {
            format!("[{}?{}:{}]", bracketed(c), bracketed(x), bracketed(y))
        }
        ExprKind::Call(name, arguments) => {
            let arguments: Vec<_> = arguments.iter().map(bracketed).collect();
            format!("{name}({})", arguments.join(","))
        }
        _ => expr.to_string(),
    }
}

#[test]
fn operators_bind_as_in_ngspice() {
    let cases = [
        ("1+2*3", "[1+[2*3]]"),
        ("8/4/2", "[[8/4]/2]"),
        ("a-b-c", "[[a-b]-c]"),
        ("2^3^2", "[[2^3]^2]"),
        ("2**3**2", "[[2^3]^2]"),
        ("-x^2", "[-[x^2]]"),
        ("2^-x", "[2^[-x]]"),
        ("2^-y^x", "[2^[-[y^x]]]"),
        ("-x*y", "[[-x]*y]"),
        ("2--x", "[2-[-x]]"),
        ("!x+1", "[[!x]+1]"),
        ("~x", "[!x]"),
        ("1-x<y", "[[1-x]<y]"),
        ("x<y==1", "[[x<y]==1]"),
        ("a <> b", "[a!=b]"),
        ("a||b&&c", "[a||[b&&c]]"),
        ("a&b|c", "[[a&&b]||c]"),
        ("c?1:d?2:3", "[c?1:[d?2:3]]"),
        ("a>1?b>5?1:2:3", "[[a>1]?[[b>5]?1:2]:3]"),
        ("a||b?1:2", "[[a||b]?1:2]"),
        ("x % 3", "[x%3]"),
        ("{a}*2+'b' - \"c\"", "[[[a*2]+b]-c]"),
        ("'a*(b + {c})'", "[a*[b+c]]"),
        ("SQRT (X)*2", "[sqrt(x)*2]"),
        ("f()+g(1, 2,3)", "[f()+g(1,2,3)]"),
        ("2*3meg", "[2*3e6]"),
        ("1e-3*x", "[0.001*x]"),
        ("1e+3-.5", "[1000-0.5]"),
        ("2kohm", "2000"),
        (
            "V(A) - v( x1.n+ , out-) + i(V.x1.vs)",
            "[[v(a)-v(x1.n+,out-)]+i(v.x1.vs)]",
        ),
        ("v+i", "[v+i]"),
    ];
    for (text, expected) in cases {
        let expr = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(bracketed(&expr), expected, "{text}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let cases = [
        (
            "",
            1,
            "the expression ends, but a number, a name or a parenthesis is expected",
            "",
        ),
        (
            "1+",
            3,
            "the expression ends, but a number, a name or a parenthesis is expected",
            "",
        ),
        (
            "(1",
            3,
            "the expression ends, but `)` is expected",
            "add `)`",
        ),
        (
            "{1)",
            3,
            "`)` stands where `}` is expected",
            "remove it, or open it further left",
        ),
        ("2*4k7", 3, "`4k7` is not a number", "write 4.7k"),
        ("4R7", 1, "`4R7` is not a number", "write 4.7"),
        ("1e999", 1, "`1e999` is not a number", ""),
        (
            "a = 1",
            3,
            "`=` stands where an operator or the end is expected",
            "write == to compare",
        ),
        (
            "x y",
            3,
            "`y` stands where an operator or the end is expected",
            "",
        ),
        (
            "c ? 1",
            6,
            "the expression ends, but `:` and the other branch is expected",
            "",
        ),
        (
            "f(1",
            4,
            "the expression ends, but `,` or `)` is expected",
            "",
        ),
        (
            "v(a",
            4,
            "the expression ends, but `)` is expected",
            "add `)`",
        ),
        (
            "v(a,)",
            5,
            "`)` stands where the name of a node or an element is expected",
            "",
        ),
        (
            "v(a b)",
            3,
            "`a b` stands where the name of a node or an element is expected",
            "",
        ),
        (
            "a \\ b",
            3,
            "`\\` stands where an operator or the end is expected",
            "write int(a/b)",
        ),
    ];
    for (text, column, message, help) in cases {
        let error = parse(text).unwrap_err();
        assert_eq!(error.message(), message, "{text}");
        assert_eq!(error.span.column, column, "{text}");
        let given = error.help().unwrap_or_default();
        assert!(given.starts_with(help), "{text}: {given}");
    }
}

#[test]
fn spans_cover_what_was_written() {
    let expr = Expr::parse("  (a + b)*v(n1, n2)", 10, &START, &PROBES).unwrap();
    let ExprKind::Binary(_, left, right) = &expr.kind else {
        panic!("{expr:?}");
    };
    assert_eq!((expr.span.column, expr.span.length), (13, 17));
    assert_eq!((left.span.column, left.span.length), (14, 5));
    let ExprKind::Probe(_, names) = &right.kind else {
        panic!("{right:?}");
    };
    assert_eq!((names[1].1.column, names[1].1.length), (27, 2));
}

#[test]
fn a_prefix_ends_where_the_expression_cannot_go_on() {
    let cases = [
        ("{v(a)*2} = (0,1)", 8),
        ("a*2 b=3", 3),
        ("1k", 2),
        ("'a'(1)", 3),
        ("x , y", 1),
        ("a;4k7", 1),
    ];
    for (text, length) in cases {
        let (_, taken) = Expr::parse_prefix(text, 0, &START, &PROBES).unwrap();
        assert_eq!(taken, length, "{text}");
    }
}

#[test]
fn hostile_texts_end_in_an_error_quickly() {
    let started = std::time::Instant::now();
    for part in [
        "(", "-", "!", "{", "'", "f(", "a?", "a?b:", "2^-", "1+", "v(a)+", "1^",
    ] {
        let repeated = part.repeat(300_000 / part.len());
        assert!(parse(&repeated).is_err(), "{part}");
        assert!(parse(&format!("{repeated}1")).is_err(), "{part}");
    }
    let long = "1".repeat(2_000_000);
    let kind = parse(&long).unwrap_err().kind;
    assert!(matches!(kind, ExpressionErrorKind::TooLong { .. }));
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn a_sum_of_many_terms_is_read_and_written() {
    let text = vec!["a"; 900].join("+");
    assert_eq!(parse(&text).unwrap().to_string(), text);
}

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0.0..1e9f64).prop_map(crate::units::format_exact),
        "[a-h_][a-z0-9_.]{0,3}",
        Just("v(n1)".to_string()),
        Just("v(a+,b-)".to_string()),
    ];
    leaf.prop_recursive(6, 60, 3, |inner| {
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "^", "**", "<", ">", "<=", ">=", "==", "!=", "&&", "||",
        ]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(x, o, y)| format!("{x} {o} {y}")),
            inner.clone().prop_map(|x| format!("({x})")),
            inner.clone().prop_map(|x| format!("-{x}")),
            inner.clone().prop_map(|x| format!("!{x}")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("max({x},{y})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(c, x, y)| format!("({c})?{x}:{y}")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(text in expressions()) {
        let expr = parse(&text).unwrap();
        let again = parse(&expr.to_string()).unwrap();
        prop_assert_eq!(bracketed(&expr), bracketed(&again));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".*", tokens in "[-+*/%^<>=!&|~?:(){}'\",.a1ev ]*") {
        let _ = (parse(&text), parse(&tokens));
        let _ = Expr::parse_prefix(&tokens, 0, &START, &PROBES);
    }
}
