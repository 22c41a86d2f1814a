use proptest::prelude::*;

use super::*;

/// A zip of members as they are.
fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default();
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn npy(header: &str, numbers: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [MAGIC, &[1, 0], &length, header.as_bytes(), numbers].concat()
}

fn archive(bytes: &[u8]) -> Result<Archive<Cursor<&[u8]>>, NpzError> {
    Archive::new(Path::new("a.npz"), Cursor::new(bytes))
}

/// Reads all arrays.
fn read_all(bytes: &[u8]) -> Result<Vec<Array>, NpzError> {
    let mut archive = archive(bytes)?;
    let names = archive.names().to_vec();
    names.iter().map(|name| archive.read(name)).collect()
}

/// The message for an array `x` that must not be accepted.
fn fault(member: &[u8]) -> String {
    let bytes = zipped(&[("x.npy", member)]);
    let error = archive(&bytes).unwrap().read("x").unwrap_err();
    assert!(!error.help().is_empty());
    error.to_string()
}

fn header_fault(header: &str) -> String {
    fault(&npy(header, &[]))
}

/// Two arrays, as they are written here.
fn written() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.add("v(out)", &[3], [1.0, -0.0, 1e-300]).unwrap();
    let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    writer.add("x", &[2, 3], matrix).unwrap();
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let bytes = written();
    let mut archive = archive(&bytes).unwrap();
    assert_eq!(archive.names(), ["v(out)", "x"]);
    let x = archive.read("x").unwrap();
    assert_eq!((&x.shape[..], x.is_integer), (&[2, 3][..], false));
    assert_eq!(x.numbers, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let out = archive.read("v(out)").unwrap();
    assert_eq!(out.shape_text(), "(3,)");
    assert_eq!(out.numbers[1].to_bits(), (-0.0f64).to_bits());
    assert_eq!(bytes, written());
}

#[test]
fn numpy_files_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/numpy.npz");
    let mut archive = Archive::open(&path).unwrap();
    let mut read = |name: &str| archive.read(name).unwrap();
    let large = 2f64.powi(40);
    let expected: [(&str, &[f64], bool); 7] = [
        ("f4", &[0.5, -1.25], false),
        ("f8", &[1.5, 2.5, 3.5, 4.5], false),
        ("u1", &[0.0, 255.0], true),
        ("i4", &[-7.0, 7.0], true),
        ("i8", &[-large, large], true),
        ("big", &[1.0, -2.0], true),
        ("flag", &[1.0, 0.0], true),
    ];
    for (name, numbers, is_integer) in expected {
        let array = read(name);
        assert_eq!(array.numbers, numbers, "{name}");
        assert_eq!(array.is_integer, is_integer, "{name}");
    }
    let fortran = read("fortran");
    assert_eq!(fortran.shape, [2, 3, 2]);
    let order: Vec<f64> = (0..12).map(f64::from).collect();
    assert_eq!(fortran.numbers, order);
    assert_eq!(read("scalar").shape_text(), "()");
    assert_eq!(read("empty").shape_text(), "(0, 3)");
    let text = archive.read("text").unwrap_err().to_string();
    assert!(text.contains("found type `<U1`"), "{text}");
}

#[test]
fn a_fault_is_named() {
    let shape = |text: &str| {
        header_fault(&format!(
            "{{'descr': '<f8', 'fortran_order': False, 'shape': {text}}}"
        ))
    };
    assert!(shape("(2,)").contains("found 0 numbers, expected the 2 numbers"));
    assert!(shape("(-2,)").contains("found `-2,)}`, expected a shape"));
    assert!(shape("(9999999999999, 9999999999999)").contains("GB; the limit"));
    assert!(shape("(9999999999999, 9999999999999, 0)").contains("GB; the limit"));
    assert!(shape(&format!("({})", "1,".repeat(40))).contains("at most 32 sizes"));
    let structured = header_fault("{'descr': [('a', '<f8')], 'shape': (2,)}");
    assert!(structured.contains("expected a type of plain numbers"));
    assert!(header_fault("{'descr': '<c16', ").contains("found type `<c16`"));
    assert!(header_fault("{}").contains("expected `descr`"));
    assert!(header_fault("{'a': 1}").contains("found `a`"));
    assert!(header_fault("").contains("found nothing, expected a header"));
    assert!(fault(b"").contains("the end of the array"));
    assert!(fault(b"some text that is no array").contains("begins with"));
    assert!(fault(&[MAGIC, &[9, 0]].concat()).contains("version 9"));
    assert!(fault(&[MAGIC, &[2, 0, 255, 255, 255, 255]].concat()).contains("at most 10000"));
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}";
    assert!(fault(&npy(header, &[1, 2, 3])).contains("found more bytes"));
    let none = archive(&written()).map(|mut a| a.read("y").unwrap_err().to_string());
    assert_eq!(none.unwrap(), "a.npz: no array `y`, but `v(out)`, `x`");
    assert!(archive(b"1,2,3\n").is_err());
    assert!(archive(b"").is_err());
}

#[test]
fn files_cut_anywhere_are_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inputs/numpy.npz");
    for whole in [written(), std::fs::read(path).unwrap()] {
        for cut in 0..whole.len() {
            assert!(read_all(&whole[..cut]).is_err(), "{cut}");
        }
    }
}

proptest! {
    #[test]
    fn altered_files_do_not_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = written();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = read_all(&bytes);
    }

    #[test]
    fn any_header_is_read_or_refused(text in "[{}():,'a-z<|0-9 FT]{0,60}") {
        let _ = Header::parse(&text);
    }
}
