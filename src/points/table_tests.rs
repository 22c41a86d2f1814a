use super::*;
use crate::npz::Writer;

fn csv(text: &str) -> Result<PointTable, TableError> {
    parse_csv(Path::new("t.csv"), text.as_bytes())
}

fn fault(text: &str) -> String {
    csv(text).unwrap_err().to_string()
}

fn npz(arrays: &[(&str, &[usize], &[f64])]) -> Result<PointTable, TableError> {
    let mut writer = Writer::default();
    for (name, shape, numbers) in arrays {
        writer.add(name, shape, numbers.iter().copied()).unwrap();
    }
    parse_npz(Path::new("t.npz"), &writer.finish().unwrap())
}

fn resolve(table: &PointTable) -> Result<Vec<Column>, TableError> {
    let deck = "t\n.param load=1k\nV1 a 0 1\nI2 0 b 1\nR1 a b {load}\nR2 b 0 1k\n";
    let netlist = crate::netlist::Netlist::parse("t", deck).unwrap();
    let solver = crate::analysis::Solver::from_netlist(&netlist).unwrap();
    table.resolve(&solver.circuit, &solver.system)
}

#[test]
fn csv_has_a_header_and_rows() {
    let table = csv("\u{feff}v1,\"load\"\r\n\r\n 1,2e3\r\n-3,4").unwrap();
    assert_eq!((table.len(), table.is_empty()), (2, false));
    assert_eq!(table.row(1), [-3.0, 4.0]);
    let columns = resolve(&table).unwrap();
    assert_eq!(columns[1].name, "load");
}

#[test]
fn a_fault_has_its_place() {
    assert!(fault("").starts_with("t.csv: no rows"));
    assert!(fault("v1,v2\n").starts_with("t.csv: no rows"));
    assert!(fault("1,v2\n1,2").starts_with("t.csv:1, column 1: found the number `1`"));
    assert!(fault("v1,\n1,2").starts_with("t.csv:1, column 2: found nothing"));
    assert!(fault("v1,v2\n\n1,2\n3").starts_with("t.csv:4: found 1 columns, expected 2"));
    for cell in ["x", "nan", "inf", "1e999", "", "1k"] {
        let text = fault(&format!("v1,v2\n1,2\n3,{cell}\n"));
        assert!(text.starts_with("t.csv:3, column 2: found "), "{text}");
        assert!(text.contains("expected a finite number"), "{text}");
    }
}

#[test]
fn columns_are_variables_of_the_circuit() {
    let fault = |text: &str| resolve(&csv(text).unwrap()).unwrap_err().to_string();
    let unknown = fault("v1,laod\n1,2");
    assert!(unknown.starts_with("t.csv:1, column 2: "), "{unknown}");
    assert!(unknown.contains("did you mean `load`?"), "{unknown}");
    for pair in ["v1,V1", "v1,v1:dc", "load,param:load"] {
        let text = fault(&format!("{pair}\n1,2"));
        assert!(text.contains("is set by"), "{text}");
    }
}

#[test]
fn npz_has_an_array_for_each_variable_or_one_for_all_sources() {
    let named = npz(&[("i2", &[2], &[1.0, 2.0]), ("v1", &[2], &[3.0, 4.0])]).unwrap();
    assert_eq!(named.row(1), [2.0, 4.0]);
    assert_eq!(resolve(&named).unwrap()[0].name, "i2");
    let all = npz(&[("inputs", &[1, 2], &[1.0, 2.0])]).unwrap();
    assert_eq!(resolve(&all).unwrap()[0].name, "v1");
    let three = npz(&[("inputs", &[1, 3], &[1.0, 2.0, 3.0])]).unwrap();
    let text = resolve(&three).unwrap_err().to_string();
    assert!(text.contains("found 3 columns, expected 2"), "{text}");
    assert!(text.contains("the deck has v1, i2"), "{text}");
}

#[test]
fn a_bad_npz_is_refused() {
    let fault = |arrays: &[(&str, &[usize], &[f64])]| npz(arrays).unwrap_err().to_string();
    let lengths = fault(&[("v1", &[2], &[1.0, 2.0]), ("i2", &[1], &[1.0])]);
    assert!(
        lengths.contains("array `i2`: found shape (1,), expected (2,)"),
        "{lengths}"
    );
    assert!(fault(&[("v1", &[1, 2], &[1.0, 2.0])]).contains("found shape (1, 2)"));
    assert!(fault(&[("v1", &[], &[1.0])]).contains("found shape ()"));
    assert!(fault(&[("v1", &[2], &[1.0, f64::NAN])]).contains("found NaN at index 1"));
    assert!(fault(&[("inputs", &[0, 2], &[])]).contains("no rows"));
    assert!(fault(&[]).contains("no rows"));
    let unknown = npz(&[("vx", &[1], &[1.0])]).unwrap();
    let text = resolve(&unknown).unwrap_err().to_string();
    assert!(text.starts_with("t.npz, array `vx`: "), "{text}");
}

#[test]
fn rows_in_memory_are_a_table() {
    let rows = |values: &[f64]| {
        let names = vec!["v1".to_string(), "load".to_string()];
        PointTable::from_rows(Path::new("inputs"), names, values.to_vec())
    };
    let table = rows(&[1.0, 2e3, -3.0, 4.0]).unwrap();
    assert_eq!((table.len(), table.row(1)), (2, &[-3.0, 4.0][..]));
    assert_eq!(resolve(&table).unwrap()[1].name, "load");
    let fault = |values: &[f64]| rows(values).unwrap_err().to_string();
    assert!(fault(&[]).starts_with("inputs: no rows"));
    assert!(fault(&[1.0, 2.0, 3.0]).contains("found 3 numbers, expected rows of 2"));
    assert!(fault(&[1.0, 2.0, 3.0, f64::NAN]).starts_with("inputs, row 2: `load` cannot be NaN"));
}
