use super::*;
use crate::npz::Writer;

/// A member of an `.npz` file: name, type, shape and bytes.
type Member<'a> = (&'a str, &'a str, &'a str, Vec<u8>);

fn file(members: &[Member<'_>]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, dtype, shape, numbers) in members {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{name}.npy"), options).unwrap();
        let header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}");
        zip.write_all(b"\x93NUMPY\x01\x00").unwrap();
        let length = (header.len() as u16).to_le_bytes();
        zip.write_all(&length).unwrap();
        zip.write_all(header.as_bytes()).unwrap();
        zip.write_all(numbers).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn parse(x: Member<'_>, y: Member<'_>) -> Result<Dataset, DataError> {
    parse_npz(Path::new("d.npz"), &file(&[x, y]))
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn integers(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn images() -> Member<'static> {
    ("x", "|u1", "(2, 2, 2)", vec![0, 1, 2, 3, 4, 5, 6, 255])
}

#[test]
fn integers_are_classes() {
    let data = parse(images(), ("y", "<i8", "(2,)", integers(&[4, 0]))).unwrap();
    data.validate().unwrap();
    assert_eq!((data.len(), data.features), (2, 4));
    assert_eq!(data.input(1).to_vec(), [4.0, 5.0, 6.0, 255.0]);
    let labels = vec![4, 0];
    assert_eq!(data.targets, Targets::Classes { count: 5, labels });
    let column = parse(images(), ("y", "<i8", "(2, 1)", integers(&[4, 0]))).unwrap();
    assert_eq!(column, data);
}

#[test]
fn floats_are_values() {
    let values = vec![0.5, 1.0, -1.5, 2.0];
    let y = |shape| ("y", "<f8", shape, doubles(&[0.5, 1.0, -1.5, 2.0]));
    let data = parse(images(), y("(2, 2)")).unwrap();
    data.validate().unwrap();
    assert_eq!(data.targets, Targets::Values { width: 2, values });
    let single = parse(images(), ("y", "<f8", "(2,)", doubles(&[0.0, 1.0]))).unwrap();
    assert_eq!(single.targets.width(), 1);
    assert!(parse(images(), y("(4,)")).is_err());
}

#[test]
fn a_fault_is_named() {
    let fault = |x, y| {
        let error = parse(x, y).unwrap_err();
        assert!(!error.help().is_empty());
        error.to_string()
    };
    let y = || ("y", "<i8", "(2,)", integers(&[1, 0]));
    let x = |shape, numbers: &[f64]| ("x", "<f8", shape, doubles(numbers));
    assert!(fault(x("(2,)", &[1.0, 2.0]), y()).contains("found shape (2,), expected samples x"));
    assert!(fault(x("()", &[1.0]), y()).contains("found a single number"));
    assert!(fault(x("(0, 2)", &[]), y()).contains("found shape (0, 2)"));
    assert!(fault(x("(2, 0)", &[]), y()).contains("found shape (2, 0)"));
    let infinite = fault(x("(2, 1)", &[1.0, f64::INFINITY]), y());
    assert_eq!(
        infinite,
        "d.npz, array `x`: found inf at index 1, expected finite numbers"
    );
    let three = fault(x("(3, 1)", &[1.0, 2.0, 3.0]), y());
    assert!(three.contains("expected 3 targets"), "{three}");
    for label in [-1, 10_000] {
        let text = fault(images(), ("y", "<i8", "(2,)", integers(&[0, label])));
        assert!(text.contains(&format!("found class {label} at index 1")));
    }
    let wide = ("y", "<i8", "(2, 2)", integers(&[0, 1, 2, 3]));
    assert!(fault(images(), wide).contains("one integer for each sample"));
    let nan = ("y", "<f8", "(2,)", doubles(&[0.0, f64::NAN]));
    assert!(fault(images(), nan).contains("found NaN at index 1"));
    let deep = ("y", "<f8", "(2, 1, 1)", doubles(&[0.0, 1.0]));
    assert!(fault(images(), deep).contains("rows of values"));
    let mut writer = Writer::default();
    writer.add("x", &[1, 1], [1.0]).unwrap();
    let error = parse_npz(Path::new("d.npz"), &writer.finish().unwrap());
    assert!(error.unwrap_err().to_string().contains("no array `y`"));
}
