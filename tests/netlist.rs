//! Decks in, netlists out: what is read, what is refused and in which words, and that a flat deck
//! survives being written and read again.

mod common;

use ohmgrad::circuit::{BuildError, Circuit};
use ohmgrad::device::{Device, OnePort, Parameter};
use ohmgrad::netlist::{
    Analysis, ElementKind, Netlist, NetlistError, NetlistFault, Span, SweepRange, Value,
};
use proptest::prelude::*;

use common::Family;

fn parse(body: &str) -> Netlist {
    Netlist::parse("deck.cir", format!("title\n{body}")).unwrap_or_else(|e| panic!("{e}"))
}

fn circuit(body: &str) -> Circuit {
    Circuit::from_netlist(&parse(body)).unwrap_or_else(|e| panic!("{e}"))
}

/// The error of a deck that cannot be read.
fn error(body: &str) -> NetlistError {
    Netlist::parse("deck.cir", format!("title\n{body}")).expect_err("the deck is faulty")
}

/// The message of a deck that cannot be read, or that is no circuit.
fn message(body: &str) -> String {
    match Netlist::parse("deck.cir", format!("title\n{body}")) {
        Err(error) => error.to_string(),
        Ok(netlist) => Circuit::from_netlist(&netlist)
            .expect_err("the deck is faulty")
            .to_string(),
    }
}

fn names(circuit: &Circuit) -> Vec<String> {
    let names = circuit.elements().map(|(_, e)| e.name().to_string());
    names.collect()
}

fn nodes(circuit: &Circuit, index: usize) -> [&str; 2] {
    let (_, element) = circuit.elements().nth(index).expect("an element");
    element.port.map(|node| circuit.node_name(node))
}

fn device(circuit: &Circuit, name: &str) -> Device {
    let id = circuit.find_element(name).expect("an element");
    circuit.element(id).device.clone()
}

/// The first parameter of an element of a deck.
fn value_of(circuit: &Circuit, name: &str) -> f64 {
    let device = device(circuit, name);
    let first = device.parameters()[0];
    device.value(first).expect("a value")
}

/// The value of the first element of a card on which nothing else depends.
fn value(card: &str) -> f64 {
    let support = "\nvv1 vx 0 0\nV1 vy 0 0\n.model dm D\n";
    let support = if card.starts_with(['V', 'v']) {
        support.replace("V1 vy 0 0\n", "")
    } else {
        support.to_string()
    };
    let circuit = circuit(&format!("{card}{support}"));
    let name = card
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    match device(&circuit, &name) {
        Device::OnePort(one_port) => one_port.value(Parameter::Area).expect("an area"),
        _ => value_of(&circuit, &name),
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
        ("D1 a k dm OFF area = 3 m=2 IC=0.5", 3.0),
        ("D1 a k dm 3 off", 3.0),
        ("R1 a b {2*500}", 1e3),
        ("R1 a b '1k'", 1e3),
        ("R1 a b 2*500", 1e3),
        ("R1 a b 2k m=2", 1e3),
        ("V1 a 0 {1+1}", 2.0),
        ("V1 a 0 DC={1+1} AC 1", 2.0),
        ("E1 p n cp cn gain=2", 2.0),
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
    assert_eq!(netlist.main.elements[0].name, "rload");
    let nodes: Vec<_> = netlist.main.elements[0]
        .nodes
        .iter()
        .map(|n| n.value.as_str())
        .collect();
    assert_eq!(nodes, ["out", "0"]);
}

#[test]
fn spans_point_at_the_words() {
    let netlist = parse("* note\n\n  R1 in\n* between\n+  out 4.7k $ load");
    let element = &netlist.main.elements[0];
    let span = |line, column, length| Span {
        line,
        column,
        length,
        ..Span::default()
    };
    assert_eq!(element.span, span(4, 3, 2));
    assert_eq!(element.nodes[0].span, span(4, 6, 2));
    assert_eq!(element.nodes[1].span, span(6, 4, 3));
    let ElementKind::Resistor {
        resistance: Some(resistance),
        ..
    } = &element.kind
    else {
        panic!("not a resistor");
    };
    assert_eq!(resistance.span, span(6, 8, 4));
    assert_eq!(resistance.value, Value::Number(4700.0));
}

#[test]
fn models_take_parentheses_commas_and_flags() {
    for card in [
        ".model dm D(IS=1e-14 N=1 ideal)",
        ".model dm d is = 1e-14, n = 1, IDEAL",
        ".MODEL DM D ( ideal IS=1e-14,N=1 )",
    ] {
        let model = &parse(card).main.models[0];
        let parameters: Vec<_> = model
            .parameters
            .iter()
            .map(|p| p.value.value.number().expect("a number"))
            .collect();
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
    let analyses = &netlist.commands.analyses;
    assert!(matches!(analyses[0].value, Analysis::OperatingPoint));
    let Analysis::DcSweep { sweeps } = &analyses[1].value else {
        panic!("not a sweep");
    };
    assert_eq!(sweeps[1].variable.value, "v2");
    let SweepRange::Linear { start, stop, step } = &sweeps[1].range else {
        panic!("not linear");
    };
    let numbers = [start, stop, step].map(|v| v.value.number());
    assert_eq!(numbers, [Some(1.0), Some(0.0), Some(-1.0)]);
    assert_eq!(netlist.options.len(), 2);
    assert_eq!(netlist.temperature.unwrap().value, Value::Number(50.0));
}

#[test]
fn cards_without_effect_warn_once_each() {
    let body =
        ".tran 1n 1u\n.print tran v(a)\n.control\nrun\nplot v(a)\n.endc\n.optoins x\nC1 a 0 1u";
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
        let circuit = circuit(card);
        let Device::OnePort(one_port) = device(&circuit, "g1") else {
            panic!("not a one-port");
        };
        let OnePort::PiecewiseTable(ref table) = *one_port else {
            panic!("not a table");
        };
        assert_eq!(table.points(), [(0.0, 0.0), (1.0, 1e-3), (2.0, 1e-3)]);
    }
}

#[test]
fn faulty_tables_name_the_point() {
    let text = message("G1 a 0 TABLE {V(a)} = (0,0) (2,1) (1,2)");
    assert!(text.contains("from (2,1) to (1,2)"), "{text}");
    assert!(text.contains("deck.cir:2:36"), "{text}");
    assert!(message("G1 a 0 TABLE {V(a)} = (0,0)").contains("1 of the at least 2"));
    assert!(message("G1 a 0 TABLE {V(a)} = (0,0) (1)").contains("ends before the second number"));
}

#[test]
fn subcircuits_expand_with_names_as_in_ngspice() {
    let flat = circuit(
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
    assert_eq!(nodes(&flat, 0), ["in", "x1.mid"]);
    assert_eq!(nodes(&flat, 1), ["x1.mid", "x1.x2.n"]);
    assert_eq!(nodes(&flat, 2), ["x1.x2.n", "out"]);
    assert_eq!(nodes(&flat, 3), ["out", "0"]);
    let (_, cccs) = flat.elements().nth(4).expect("an element");
    assert_eq!(cccs.control(), flat.find_element("v.x1.v9"));
}

#[test]
fn a_local_model_hides_the_outer_one() {
    let flat = circuit(
        ".model dm D(is=1)\n.subckt s a\n.model dm D(is=2)\nD1 a 0 dm\n.ends\n\
         .subckt t a\nD1 a 0 dm\n.ends\nX1 a s\nX2 a t\nD1 a 0 dm\n",
    );
    let saturation = ["d.x1.d1", "d.x2.d1", "d1"].map(|name| value_of(&flat, name));
    assert_eq!(saturation, [2.0, 1.0, 1.0]);
    assert!(flat.find_variable("s.dm:is").is_ok());
}

#[test]
fn built_in_subcircuits_have_one_parameter() {
    let flat = circuit("X1 a 0 b 0 TRANSFORMER n=2\nX2 a 0 b 0 gyrator g = 1m\n");
    assert_eq!(device(&flat, "x1"), Device::Transformer { ratio: 2.0 });
    assert_eq!(device(&flat, "x2"), Device::Gyrator { conductance: 1e-3 });
    assert!(message("X1 a 0 b 0 TRANSFORMER").contains("ends before its parameter"));
    assert!(message("X1 a 0 b 0 TRANSFORMER k=2").contains("no parameter `k`"));
    assert!(message("X1 a b 0 TRANSFORMER n=2").contains("connects 3 nodes"));
}

#[test]
fn a_definition_in_the_deck_wins_over_the_built_in_one() {
    let own = ".subckt transformer a b c d\nR1 a b 1\nR2 c d 1\n.ends\n";
    let flat = circuit(&format!("{own}X1 a 0 b 0 TRANSFORMER\n"));
    assert_eq!(names(&flat), ["r.x1.r1", "r.x1.r2"]);
    assert!(message(&format!("{own}X1 a 0 b 0 TRANSFORMER n=2\n")).contains("no parameter `n`"));
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
fn a_switch_whose_control_stands_in_the_place_of_its_model_is_refused() {
    let message = message("V1 z 0 1\nS1 z 0 CONTROL={v(z)} S3\n.model S3 SW\n");
    assert!(message.contains("s1"), "{message}");
}

#[test]
fn hierarchies_that_explode_are_refused() {
    let mut wide = String::from(".subckt s0 p\nR1 p 0 1\n.ends\n");
    for level in 1..60 {
        let inner = level - 1;
        wide += &format!(".subckt s{level} p\nX1 p s{inner}\nX2 p s{inner}\n.ends\n");
    }
    assert!(message(&format!("{wide}X1 a s59")).contains("the deck expands to"));
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
    assert!(matches!(fault("R1 a b {r+}"), Expression { .. }));
    assert!(matches!(fault(".if (x)"), UnsupportedCard { .. }));
    assert!(matches!(fault("R1 a b k=2"), UnknownParameter { .. }));
    assert!(matches!(fault("R1 a b"), Missing { .. }));
    assert!(matches!(fault("E1 a b c d 1 2"), Unexpected { .. }));
    assert!(matches!(
        fault("E1 a b LAPLACE {v(c)} {1/s}"),
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
    assert_eq!(Netlist::read(&path).unwrap().main.elements.len(), 1);
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
        circuit("X1 a 0 b 0 TRANSFORMER n=2\nX2 a 0 b 0 GYRATOR g=1m\nX3 a 0 b 0 GYRATOR g=1\n");
    let text = flat.to_spice().expect("a deck");
    assert_eq!(text.matches(".subckt").count(), 2);
    let again = Netlist::parse("again.cir", text.clone()).unwrap();
    assert!(again.main.subcircuits.is_empty());
    let again = Circuit::from_netlist(&again).unwrap();
    assert_eq!(again.to_spice().expect("a deck"), text);
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
        "if(",
        "x=1",
        "dec",
        "list",
        "tc=1,2",
        "r=",
        "{x+}",
        "V=v(a)*x",
        "VALUE=",
        "POLY(2)",
        "W1",
        "S1",
        "B1",
        ".nodeset v(a)=1",
        ".print",
        ".measure",
        ".step",
        ".global",
        ".lib",
        ".include",
        ".func f(x)",
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
    fn a_flat_deck_survives_writing_and_reading(family in 0..Family::ALL.len(), seed: u64) {
        let circuit = common::circuit_up_to(Family::ALL[family], seed, 20);
        let text = circuit.to_spice().expect("a deck");
        let netlist = Netlist::parse("deck.cir", text.clone()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let again = Circuit::from_netlist(&netlist).unwrap_or_else(|e: BuildError| panic!("{e}\n{text}"));
        prop_assert_eq!(again.to_spice().expect("a deck"), text);
        for ((_, was), (_, is)) in circuit.elements().zip(again.elements()) {
            let name = |c: &Circuit, n: [_; 2]| n.map(|n| c.node_name(n).to_string());
            prop_assert_eq!(&was.device, &is.device);
            prop_assert_eq!(name(&circuit, was.port), name(&again, is.port));
        }
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
            match Circuit::from_netlist(&netlist) {
                Ok(circuit) => drop(circuit.to_spice()),
                Err(error) => drop(error.to_string()),
            }
        }
        Err(error) => drop(error.to_string()),
    }
}
