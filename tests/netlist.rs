//! Decks in, netlists out: what is read, what is refused and in which words, and that a flat deck
//! survives being written and read again.

use ohmgrad::netlist::{
    Analysis, Element, ElementKind, FlatNetlist, Model, ModelParameter, Name, Netlist,
    NetlistError, NetlistFault, SimulatorOption, Span, Spanned, Sweep,
};
use proptest::prelude::*;

fn parse(body: &str) -> Netlist {
    Netlist::parse("deck.cir", format!("title\n{body}")).unwrap_or_else(|e| panic!("{e}"))
}

fn flatten(body: &str) -> FlatNetlist {
    parse(body).flatten().unwrap_or_else(|e| panic!("{e}"))
}

/// The error of a deck, from reading it or from flattening it.
fn error(body: &str) -> NetlistError {
    let netlist = Netlist::parse("deck.cir", format!("title\n{body}"));
    netlist
        .and_then(|n| n.flatten())
        .expect_err("the deck is faulty")
}

fn message(body: &str) -> String {
    error(body).to_string()
}

fn names(netlist: &FlatNetlist) -> Vec<&str> {
    netlist.elements.iter().map(|e| e.name.as_str()).collect()
}

fn nodes(element: &Element) -> Vec<&str> {
    element.nodes.iter().map(|n| n.value.as_str()).collect()
}

fn value(card: &str) -> f64 {
    match &parse(card).elements[0].kind {
        ElementKind::Resistor { resistance: v }
        | ElementKind::VoltageSource { dc: v }
        | ElementKind::CurrentSource { dc: v }
        | ElementKind::Vcvs { gain: v }
        | ElementKind::Vccs {
            transconductance: v,
        }
        | ElementKind::Cccs { gain: v, .. }
        | ElementKind::Ccvs {
            transresistance: v, ..
        } => v.value,
        ElementKind::Diode { area, .. } => *area,
        other => panic!("{other:?} has no single value"),
    }
}

fn warnings(body: &str) -> Vec<String> {
    let warnings = parse(body).warnings;
    warnings.into_iter().map(|w| w.message).collect()
}

#[test]
fn each_element_has_its_spellings() {
    let cases = [
        ("R1 a b 1k", 1e3),
        ("R1 a b r=1k", 1e3),
        ("R1 a b R = 1k", 1e3),
        ("V1 a 0 5", 5.0),
        ("V1 a 0 DC 5", 5.0),
        ("V1 a 0 dc=5", 5.0),
        ("V1 a 0 DC 5 AC 1 SIN(0 1 1k)", 5.0),
        ("V1 a 0 AC 1 0 DC 5", 5.0),
        ("V1 a 0", 0.0),
        ("I1 a 0 -2m", -2e-3),
        ("D1 a k dm", 1.0),
        ("D1 a k dm 3", 3.0),
        ("D1 a k dm OFF area = 3 m=2 IC=0.5", 6.0),
        ("E1 p n cp cn 2", 2.0),
        ("E1 p n (cp,cn) 2", 2.0),
        ("G1 p n ( cp , cn ) 2m", 2e-3),
        ("F1 p n V1 4", 4.0),
        ("H1 p n V1 4k", 4e3),
        ("L1 a b 1u", 0.0),
    ];
    for (card, expected) in cases {
        assert_eq!(value(card), expected, "{card}");
    }
}

#[test]
fn a_wave_without_a_dc_value_counts_at_time_zero() {
    let cases = [
        (
            "V1 a 0 SIN(1 2 1k 0 0 30)",
            1.0 + 2.0 * 30f64.to_radians().sin(),
        ),
        ("V1 a 0 PULSE(3 5 0 1n 1n 1 2)", 3.0),
        ("V1 a 0 PWL(0 4 1 5) r=0", 4.0),
        ("V1 a 0 EXP(5 1 1 1 1 1)", 5.0),
        ("V1 a 0 SFFM(6 1 1 1 1) AC 1", 6.0),
    ];
    for (card, expected) in cases {
        assert_eq!(value(card), expected, "{card}");
        assert_eq!(warnings(card).len(), 1, "{card}");
    }
    assert!(warnings("V1 a 0 SIN(1 2 1k) DC 3").is_empty());
}

#[test]
fn names_are_lower_case_and_ground_is_zero() {
    let netlist = parse("RLoad Out GND 1K");
    assert_eq!(netlist.elements[0].name, "rload");
    assert_eq!(nodes(&netlist.elements[0]), ["out", "0"]);
}

#[test]
fn spans_point_at_the_words() {
    let netlist = parse("* note\n\n  R1 in\n* between\n+  out 4.7k $ load");
    let element = &netlist.elements[0];
    let span = |line, column, length| Span {
        line,
        column,
        length,
        ..Span::default()
    };
    assert_eq!(element.span, span(4, 3, 2));
    assert_eq!(element.nodes[0].span, span(4, 6, 2));
    assert_eq!(element.nodes[1].span, span(6, 4, 3));
    let expected = ElementKind::Resistor {
        resistance: Spanned::new(4700.0, span(6, 8, 4)),
    };
    assert_eq!(element.kind, expected);
}

#[test]
fn models_take_parentheses_commas_and_flags() {
    for card in [
        ".model dm D(IS=1e-14 N=1 ideal)",
        ".model dm d is = 1e-14, n = 1, IDEAL",
        ".MODEL DM D ( ideal IS=1e-14,N=1 )",
    ] {
        let model = &parse(card).models[0];
        let parameters: Vec<_> = model.parameters.iter().map(|p| p.value.value).collect();
        assert_eq!(
            (model.name.value.as_str(), model.kind.value.as_str()),
            ("dm", "d")
        );
        assert_eq!(parameters, [1e-14, 1.0]);
        assert_eq!(model.flags[0].value, "ideal");
    }
}

#[test]
fn cards_for_dc_are_read() {
    let netlist =
        parse(".op\n.dc V1 0 5 0.1 v2 1 0 -1\n.opt reltol=1e-6 noacct\n.temp 50\n.end\nR1");
    assert_eq!(netlist.analyses[0].value, Analysis::OperatingPoint);
    let Analysis::DcSweep { sweeps } = &netlist.analyses[1].value else {
        panic!("not a sweep");
    };
    assert_eq!(sweeps[1].source.value, "v2");
    assert_eq!(
        (sweeps[1].start, sweeps[1].stop, sweeps[1].step),
        (1.0, 0.0, -1.0)
    );
    assert_eq!(netlist.options.len(), 2);
    assert_eq!(netlist.temperature.unwrap().value, 50.0);
}

#[test]
fn cards_without_effect_warn_once_each() {
    let body =
        ".tran 1n 1u\n.print dc v(a)\n.control\nrun\nplot v(a)\n.endc\n.optoins x\nC1 a 0 1u";
    let found = warnings(body);
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found[2].contains("`.control`"));
    let rendered = parse(body).warnings[3].help.clone();
    assert_eq!(rendered.as_deref(), Some("did you mean `.options`?"));
}

#[test]
fn a_deck_that_starts_without_a_title_is_warned_of() {
    let warnings = |text: &str| Netlist::parse("deck.cir", text).unwrap().warnings.len();
    assert_eq!(warnings("R1 a 0 1k\nV1 a 0 1"), 1);
    assert_eq!(warnings(".op\nV1 a 0 1"), 1);
    assert_eq!(warnings("Diode clamp 5 V\nV1 a 0 1"), 0);
}

#[test]
fn tables_are_read_in_all_spellings() {
    for card in [
        "G1 a k TABLE {V(a,k)} = (0,0) (1,1m) (2,1m)",
        "g1 a k table {v(a, k)} (0 0) (1 1m) (2 1m)",
        "G1 a 0 TABLE {V(a)} = 0,0 1,1m 2,1m",
        "G1 a 0 TABLE { V(a,gnd) }=(0,0)\n+ (1,1m) (2,1m)",
    ] {
        let kind = &parse(card).elements[0].kind;
        let points = vec![(0.0, 0.0), (1.0, 1e-3), (2.0, 1e-3)];
        assert_eq!(*kind, ElementKind::PiecewiseLinear { points }, "{card}");
    }
}

#[test]
fn faulty_tables_name_the_point() {
    let text = message("G1 a 0 TABLE {V(a)} = (0,0) (2,1) (1,2)");
    assert!(text.contains("from (2,1) to (1,2)"), "{text}");
    assert!(text.contains("deck.cir:2:36"), "{text}");
    assert!(message("G1 a 0 TABLE {V(a)} = (0,0) (1,-1)").contains("current falls"));
    assert!(message("G1 a 0 TABLE {V(a)} = (0,0)").contains("1 of the at least 2"));
    assert!(message("G1 a 0 TABLE {V(b)} = (0,0) (1,1)").contains("one-port"));
    assert!(message("G1 a 0 TABLE {V(a)} = (0,0) (1)").contains("ends before the current"));
}

#[test]
fn subcircuits_expand_with_names_as_in_ngspice() {
    let flat = flatten(
        ".subckt outer a b\nR1 a mid 1\nX2 mid b inner\nV9 b gnd 0\nF1 a 0 V9 2\n\
         .subckt inner p q\nR1 p n 2\nR2 n q 3\n.ends inner\n.ends outer\n\
         X1 in out outer\nV1 in 0 1\n",
    );
    let expected = [
        "r.x1.r1",
        "r.x1.x2.r1",
        "r.x1.x2.r2",
        "v.x1.v9",
        "f.x1.f1",
        "v1",
    ];
    assert_eq!(names(&flat), expected);
    assert_eq!(nodes(&flat.elements[0]), ["in", "x1.mid"]);
    assert_eq!(nodes(&flat.elements[1]), ["x1.mid", "x1.x2.n"]);
    assert_eq!(nodes(&flat.elements[2]), ["x1.x2.n", "out"]);
    assert_eq!(nodes(&flat.elements[3]), ["out", "0"]);
    let ElementKind::Cccs { control, .. } = &flat.elements[4].kind else {
        panic!("not a CCCS");
    };
    assert_eq!(control.value, "v.x1.v9");
}

#[test]
fn a_local_model_hides_the_outer_one() {
    let flat = flatten(
        ".model dm D(is=1)\n.subckt s a\n.model dm D(is=2)\nD1 a 0 dm\n.ends\n\
         .subckt t a\nD1 a 0 dm\n.ends\nX1 a s\nX2 a t\nD1 a 0 dm\n",
    );
    let models: Vec<_> = flat
        .elements
        .iter()
        .map(|e| match &e.kind {
            ElementKind::Diode { model, .. } => flat.models[&model.value].parameters[0].value.value,
            _ => panic!("not a diode"),
        })
        .collect();
    assert_eq!(models, [2.0, 1.0, 1.0]);
    assert!(flat.models.contains_key("s.dm"));
}

#[test]
fn built_in_subcircuits_have_one_parameter() {
    let flat = flatten("X1 a 0 b 0 TRANSFORMER n=2\nX2 a 0 b 0 gyrator g = 1m\n");
    assert!(
        matches!(&flat.elements[0].kind, ElementKind::Transformer { ratio } if ratio.value == 2.0)
    );
    assert!(
        matches!(&flat.elements[1].kind, ElementKind::Gyrator { conductance } if conductance.value == 1e-3)
    );
    assert!(message("X1 a 0 b 0 TRANSFORMER").contains("ends before its parameter"));
    assert!(message("X1 a 0 b 0 TRANSFORMER k=2").contains("no use for `k`"));
    assert!(message("X1 a b 0 TRANSFORMER n=2").contains("connects 3 nodes"));
}

#[test]
fn a_definition_in_the_deck_wins_over_the_built_in_one() {
    let own = ".subckt transformer a b c d\nR1 a b 1\nR2 c d 1\n.ends\n";
    let flat = flatten(&format!("{own}X1 a 0 b 0 TRANSFORMER\n"));
    assert_eq!(names(&flat), ["r.x1.r1", "r.x1.r2"]);
    assert!(message(&format!("{own}X1 a 0 b 0 TRANSFORMER n=2\n")).contains("takes no parameter"));
}

#[test]
fn unknown_names_come_with_a_suggestion() {
    let text = message(".model 1n4148 D\nD1 a 0 1n4184");
    assert!(text.contains("did you mean `1n4148`?"), "{text}");
    let text = message(".subckt amp a\nR1 a 0 1\n.ends\nX1 a apm");
    assert!(text.contains("did you mean `amp`?"), "{text}");
    assert!(message("D1 a 0 dm").contains("add `.model dm D"));
}

#[test]
fn a_wrong_port_count_points_to_both_places() {
    let text = message(".subckt amp a b\nR1 a b 1\n.ends\nX1 a b c amp");
    assert!(
        text.contains("`x1` connects 3 nodes to `amp`, which has 2 ports"),
        "{text}"
    );
    assert!(
        text.contains("deck.cir:5:1") && text.contains("deck.cir:2:9"),
        "{text}"
    );
}

#[test]
fn a_circle_of_subcircuits_is_named() {
    let text = message(".subckt a p\nX1 p b\n.ends\n.subckt b p\nX1 p a\n.ends\nX1 n a");
    assert!(text.contains("a -> b -> a"), "{text}");
}

#[test]
fn hierarchies_that_explode_are_refused() {
    let mut wide = String::from(".subckt s0 p\nR1 p 0 1\n.ends\n");
    for level in 1..60 {
        let inner = level - 1;
        wide += &format!(".subckt s{level} p\nX1 p s{inner}\nX2 p s{inner}\n.ends\n");
    }
    assert!(message(&format!("{wide}X1 a s59")).contains("more than the limit"));
    let deep: String = (0..5000)
        .map(|level| format!(".subckt s{level} p\nX1 p s{}\n.ends\n", level + 1))
        .collect();
    assert!(message(&format!("{deep}X1 a s0")).contains("nested more than 100 deep"));
    let nested = ".subckt s p\n".repeat(5000);
    assert!(message(&nested).contains("nested more than 100 deep"));
}

#[test]
fn all_faults_of_a_deck_are_reported_up_to_a_limit() {
    assert_eq!(error("R1 a b 1x$\nR2 a\nQ1 a b c\n").faults.len(), 3);
    assert_eq!(
        error(&"R1 a\n".repeat(100)).faults.len(),
        NetlistError::MOST_FAULTS
    );
}

#[test]
fn faults_are_typed() {
    let fault = |body: &str| error(body).faults.remove(0);
    use NetlistFault::*;
    assert!(matches!(fault("R1 a b 4k7"), BadNumber { .. }));
    assert!(matches!(fault("R1 a b {r}"), Expression { .. }));
    assert!(matches!(fault(".param r=1"), UnsupportedCard { .. }));
    assert!(matches!(fault("R1 a b"), Missing { .. }));
    assert!(matches!(fault("R1 a b 1 2"), Unexpected { .. }));
    assert!(matches!(
        fault("E1 a b POLY(1) c d 0 1"),
        UnsupportedForm { .. }
    ));
    assert!(matches!(fault("Q1 a b c"), UnknownElement { .. }));
    assert!(matches!(fault("+ R1 a b 1"), StrayContinuation { .. }));
    assert!(matches!(fault(".subckt s a\nR1 a 0 1"), Unclosed { .. }));
    assert!(matches!(fault(".control\nrun"), Unclosed { .. }));
    assert!(matches!(fault(".ends"), StrayEnds { .. }));
    assert!(matches!(
        fault(".subckt s a\n.ends t"),
        MismatchedEnds { .. }
    ));
    assert!(matches!(fault(".model d D\n.model D D"), Duplicate { .. }));
    assert!(matches!(fault(".subckt s a a\n.ends"), Duplicate { .. }));
    assert!(matches!(fault(".subckt s a 0\n.ends"), GroundPort { .. }));
    assert!(matches!(
        fault(".subckt s a r=1\n.ends"),
        SubcircuitParameter { .. }
    ));
    assert!(matches!(fault(".dc v1 0 1 -1"), BadSweep { .. }));
    assert!(matches!(fault(".dc v1 0 1 0"), BadSweep { .. }));
}

#[test]
fn a_message_shows_the_line_and_a_way_out() {
    let expected = "\
error: `4k7` is not a number
 --> deck.cir:2:8
  |
2 | R1 a b 4k7
  |        ^^^ expected its resistance
  = help: write `4.7k`";
    assert_eq!(message("R1 a b 4k7"), expected);
}

#[test]
fn files_are_read_whatever_their_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deck.cir");
    std::fs::write(&path, b"caf\xe9\r\nR1 a 0 1k ; \xff\r\n").unwrap();
    assert_eq!(Netlist::read(&path).unwrap().elements.len(), 1);
    std::fs::write(&path, b" \n").unwrap();
    assert!(matches!(
        Netlist::read(&path).unwrap_err().faults[0],
        NetlistFault::Empty { .. }
    ));
    let missing = Netlist::read(directory.path().join("nowhere.cir")).unwrap_err();
    assert!(missing.to_string().contains("nowhere.cir"));
    assert!(missing.to_string().contains("help"));
}

#[test]
fn built_in_definitions_written_for_ngspice_are_read_as_built_in() {
    let flat =
        flatten("X1 a 0 b 0 TRANSFORMER n=2\nX2 a 0 b 0 GYRATOR g=1m\nX3 a 0 b 0 GYRATOR g=1\n");
    let text = flat.to_spice();
    assert_eq!(text.matches(".subckt").count(), 2);
    let again = Netlist::parse("again.cir", text.clone()).unwrap();
    assert!(again.subcircuits.is_empty());
    assert_eq!(again.flatten().unwrap().to_spice(), text);
}

/// The deck without places, for comparison.
fn without_places(flat: &FlatNetlist) -> FlatNetlist {
    let mut bare = flat.clone();
    bare.sources = Default::default();
    bare.warnings.clear();
    for element in &mut bare.elements {
        element.span = Span::default();
        element.nodes.iter_mut().for_each(forget_place);
        forget_places_of_kind(&mut element.kind);
    }
    for model in bare.models.values_mut() {
        forget_place(&mut model.name);
        forget_place(&mut model.kind);
        model.flags.iter_mut().for_each(forget_place);
        for parameter in &mut model.parameters {
            forget_place(&mut parameter.name);
            forget_place(&mut parameter.value);
        }
    }
    for option in &mut bare.options {
        forget_place(&mut option.name);
        option.value.iter_mut().for_each(forget_place);
    }
    bare.temperature.iter_mut().for_each(forget_place);
    for analysis in &mut bare.analyses {
        forget_place(analysis);
        if let Analysis::DcSweep { sweeps } = &mut analysis.value {
            sweeps.iter_mut().for_each(|s| forget_place(&mut s.source));
        }
    }
    bare
}

fn forget_place<T>(spanned: &mut Spanned<T>) {
    spanned.span = Span::default();
}

fn forget_places_of_kind(kind: &mut ElementKind) {
    use ElementKind::*;
    match kind {
        Resistor { resistance: v }
        | VoltageSource { dc: v }
        | CurrentSource { dc: v }
        | Vcvs { gain: v }
        | Vccs {
            transconductance: v,
        }
        | Transformer { ratio: v }
        | Gyrator { conductance: v } => forget_place(v),
        Cccs { control, gain: v }
        | Ccvs {
            control,
            transresistance: v,
        } => {
            forget_place(control);
            forget_place(v);
        }
        Diode { model, .. } => forget_place(model),
        Call { definition } => forget_place(definition),
        PiecewiseLinear { .. } => {}
    }
}

fn bare<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

fn any_number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |v| v.is_finite())
}

fn any_node() -> impl Strategy<Value = Name> {
    prop_oneof![Just("0".to_owned()), "[a-z][a-z0-9_.+#]{0,5}"]
        .prop_filter("ground has one name", |n| n != "gnd")
        .prop_map(Name::from)
}

fn any_kind() -> impl Strategy<Value = (char, usize, ElementKind)> {
    let number = || any_number().prop_map(bare);
    let control = || "v[0-9]{1,3}".prop_map(|n| bare(Name::from(n)));
    prop_oneof![
        number().prop_map(|v| ('r', 2, ElementKind::Resistor { resistance: v })),
        number().prop_map(|v| ('v', 2, ElementKind::VoltageSource { dc: v })),
        number().prop_map(|v| ('i', 2, ElementKind::CurrentSource { dc: v })),
        number().prop_map(|v| ('e', 4, ElementKind::Vcvs { gain: v })),
        number().prop_map(|v| (
            'g',
            4,
            ElementKind::Vccs {
                transconductance: v
            }
        )),
        number().prop_map(|v| ('x', 4, ElementKind::Transformer { ratio: v })),
        number().prop_map(|v| ('x', 4, ElementKind::Gyrator { conductance: v })),
        (control(), number()).prop_map(|(control, gain)| (
            'f',
            2,
            ElementKind::Cccs { control, gain }
        )),
        (control(), number()).prop_map(|(control, transresistance)| {
            (
                'h',
                2,
                ElementKind::Ccvs {
                    control,
                    transresistance,
                },
            )
        }),
        any_number().prop_map(|area| {
            (
                'd',
                2,
                ElementKind::Diode {
                    model: bare("s.dm".into()),
                    area,
                },
            )
        }),
        proptest::collection::btree_set(-1000i32..1000, 2..20).prop_map(|steps| {
            let points = steps
                .iter()
                .map(|s| (f64::from(*s) / 7.0, f64::from(*s) * 1e-9));
            (
                'g',
                2,
                ElementKind::PiecewiseLinear {
                    points: points.collect(),
                },
            )
        }),
    ]
}

fn any_element() -> impl Strategy<Value = Element> {
    let name = "[a-z0-9_.]{1,8}";
    let nodes = proptest::collection::vec(any_node(), 4);
    (any_kind(), name, nodes).prop_map(|((letter, count, kind), name, nodes)| Element {
        name: format!("{letter}{name}").into(),
        span: Span::default(),
        nodes: nodes.into_iter().take(count).map(bare).collect(),
        kind,
    })
}

fn any_deck() -> impl Strategy<Value = FlatNetlist> {
    let elements = proptest::collection::vec(any_element(), 0..30);
    (elements, any_number(), "[a-zA-Z][ -~]{0,20}").prop_map(|(elements, value, title)| {
        let model = Model {
            name: bare("s.dm".into()),
            kind: bare("d".into()),
            flags: vec![bare("ideal".into())],
            parameters: vec![ModelParameter {
                name: bare("is".into()),
                value: bare(value),
            }],
        };
        let sweep = Sweep {
            source: bare("v1".into()),
            start: 0.0,
            stop: 1.0,
            step: 0.1,
        };
        let option = SimulatorOption {
            name: bare("gmin".into()),
            value: Some(bare(value)),
        };
        FlatNetlist {
            title: title.trim().to_owned(),
            elements,
            models: [("s.dm".into(), model)].into_iter().collect(),
            analyses: vec![bare(Analysis::DcSweep {
                sweeps: vec![sweep],
            })],
            options: vec![option],
            temperature: Some(bare(value)),
            ..FlatNetlist::default()
        }
    })
}

/// Words from which decks are made, and some that break them.
fn spice_soup() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "R1",
        "V1",
        "I1",
        "D1",
        "E1",
        "F1",
        "G1",
        "H1",
        "X1",
        "C1",
        "L1",
        "Q1",
        ".subckt",
        ".ends",
        ".model",
        ".dc",
        ".op",
        ".options",
        ".temp",
        ".control",
        ".endc",
        ".param",
        "TABLE",
        "TRANSFORMER",
        "GYRATOR",
        "n=2",
        "g",
        "=",
        "(",
        ")",
        ",",
        "{",
        "}",
        "{V(a,b)}",
        "'",
        "+",
        "\n+",
        "*",
        ";",
        "$",
        "a",
        "b",
        "0",
        "gnd",
        "1k",
        "-1e999",
        "SIN",
        "PWL(0",
        "DC",
        "AC",
        "params:",
        "off",
        "area=",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\u{e9}",
        "\u{0}",
        "\"",
        "s",
        "D(",
    ]);
    proptest::collection::vec(word, 0..80).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn a_flat_deck_survives_writing_and_reading(deck in any_deck()) {
        let text = deck.to_spice();
        let netlist = Netlist::parse("deck.cir", text.clone());
        let again = netlist.and_then(|n| n.flatten()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        prop_assert_eq!(format!("{:?}", without_places(&again)), format!("{:?}", without_places(&deck)));
    }

    #[test]
    fn arbitrary_text_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        read_write_and_explain(&text);
        read_write_and_explain(&format!("title\n{text}"));
    }

    #[test]
    fn soup_of_spice_words_never_panics(text in spice_soup()) {
        read_write_and_explain(&text);
        read_write_and_explain(&format!("title\n{}", text.replace(' ', "")));
    }
}

fn read_write_and_explain(text: &str) {
    match Netlist::parse("soup.cir", text) {
        Ok(netlist) => {
            for warning in &netlist.warnings {
                let _ = warning.render(&netlist.sources).to_string();
            }
            let _ = netlist
                .flatten()
                .map(|f| f.to_spice())
                .map_err(|e| e.to_string());
        }
        Err(error) => drop(error.to_string()),
    }
}
