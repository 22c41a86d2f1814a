use proptest::prelude::*;

use super::*;
use crate::learning::data::Targets;

fn parse_with(text: impl AsRef<[u8]>, options: CsvOptions) -> Result<Dataset, DataError> {
    parse_csv(Path::new("a.csv"), text.as_ref(), &options)
}

fn parse(text: &str) -> Dataset {
    parse_with(text, CsvOptions::default()).unwrap()
}

/// The message and its help for a text that must not be accepted.
fn fault(text: impl AsRef<[u8]>) -> String {
    let error = parse_with(text, CsvOptions::default()).unwrap_err();
    assert!(!error.help().is_empty());
    error.to_string()
}

fn classes(count: usize, labels: &[usize]) -> Targets {
    let labels = labels.to_vec();
    Targets::Classes { count, labels }
}

fn values(values: &[f64]) -> Targets {
    let values = values.to_vec();
    Targets::Values { width: 1, values }
}

fn target(column: &str) -> CsvOptions {
    CsvOptions {
        target: column.parse().unwrap(),
        ..CsvOptions::default()
    }
}

fn kind(classes: bool) -> CsvOptions {
    CsvOptions {
        classes: Some(classes),
        ..CsvOptions::default()
    }
}

#[test]
fn a_header_is_skipped_and_a_plain_file_is_not() {
    let plain = parse("1,2,0\n3,4,1\n");
    assert_eq!(plain.inputs.all().to_vec(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(plain.targets, classes(2, &[0, 1]));
    assert_eq!(parse("x,y,class\n1,2,0\n3,4,1\n"), plain);
    assert_eq!(
        parse("\u{feff}x,y,class\r\n\r\n 1, 2,0\r\n3,4 ,\"1\""),
        plain
    );
}

#[test]
fn labels_in_text_are_numbered_in_sorted_order() {
    let data = parse("1,setosa\n2,\"iris, blue\"\n3,setosa\n");
    assert_eq!(data.targets, classes(2, &[1, 0, 1]));
}

#[test]
fn other_numbers_are_values() {
    assert_eq!(parse("1,0.5\n2,-1e-3\n").targets, values(&[0.5, -1e-3]));
    assert_eq!(parse("1,1\n2,2\n").targets, values(&[1.0, 2.0]));
}

#[test]
fn the_kind_can_be_forced() {
    let data = parse_with("1,0\n2,1\n", kind(false)).unwrap();
    assert_eq!(data.targets, values(&[0.0, 1.0]));
    let data = parse_with("1,1\n2,3\n", kind(true)).unwrap();
    assert_eq!(data.targets, classes(4, &[1, 3]));
    let data = parse_with("1,-1\n2,1\n", kind(true)).unwrap();
    assert_eq!(data.targets, classes(2, &[0, 1]));
}

#[test]
fn the_target_can_be_any_column() {
    let text = "price,x,y\n0.5,1,2\n1.5,3,4\n";
    for column in ["price", "1"] {
        let data = parse_with(text, target(column)).unwrap();
        assert_eq!(data.inputs.all().to_vec(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(data.targets, values(&[0.5, 1.5]));
    }
}

#[test]
fn another_delimiter_is_used() {
    let options = CsvOptions {
        delimiter: ';',
        ..CsvOptions::default()
    };
    assert_eq!(parse_with("1;2;0\n3;4;1", options).unwrap().features, 2);
}

#[test]
fn a_bad_cell_is_named_with_its_place() {
    assert_eq!(
        fault("x,y,t\n1,2,0\n\n1,2z,1\n"),
        "a.csv:4, column 2: found `2z`, expected a finite number"
    );
    assert_eq!(
        fault("1,2z,0\n"),
        "a.csv:1, column 2: found `2z`, expected a finite number"
    );
    assert_eq!(
        fault("1,2,0\r\n\r\n,2,0\r\n"),
        "a.csv:3, column 1: found nothing, expected a finite number"
    );
    assert_eq!(
        fault("1,0.5\n2,half\n"),
        "a.csv:2, column 2: found `half`, expected a finite number"
    );
    assert_eq!(
        fault("1,a\n2,\n"),
        "a.csv:2, column 2: found nothing, expected a label"
    );
}

#[test]
fn numbers_that_are_not_finite_are_rejected() {
    for text in [
        "nan,2,0\n",
        "1,2,0\ninf,2,1\n",
        "1,0.5\n1,-inf\n",
        "1e999,2,0\n",
    ] {
        assert!(fault(text).ends_with("expected a finite number"), "{text}");
    }
}

#[test]
fn ragged_lines_are_rejected_with_their_place() {
    assert_eq!(
        fault("1,2,0\n1,2\n"),
        "a.csv:2: found 2 columns, expected 3 as in the first line"
    );
    assert!(fault("1,2,0\n1,2,3,4\n").contains("found 4 columns"));
}

#[test]
fn files_without_samples_or_features_are_rejected() {
    assert_eq!(fault(""), "a.csv: no samples");
    assert_eq!(fault("\n\n"), "a.csv: no samples");
    assert_eq!(fault("x,y,t\n"), "a.csv: no samples");
    assert!(fault("1\n2\n").contains("found a single column"));
}

#[test]
fn bytes_that_are_no_text_are_rejected() {
    assert!(fault(b"1,2,0\n\xff\xfe,2,1\n").ends_with("expected text in UTF-8"));
    assert!(fault(b"1,\xff\n").contains("column 2"));
}

#[test]
fn a_missing_target_lists_the_columns() {
    let error = |column| {
        parse_with("x,y,t\n1,2,0\n", target(column))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("z"),
        "a.csv:1: found no target column `z`, expected one of `x`, `y`, `t`"
    );
    assert_eq!(
        error("4"),
        "a.csv:1: found no target column 4, expected 1 to 3"
    );
    assert_eq!(
        error("0"),
        "a.csv:1: found no target column 0, expected 1 to 3"
    );
}

#[test]
fn classes_have_a_limit() {
    let error = parse_with("1,0\n2,99999999999\n", kind(true)).unwrap_err();
    assert!(error.to_string().contains("below 10000"), "{error}");
}

#[test]
fn a_delimiter_is_one_ascii_character() {
    for delimiter in ['"', '\n', 'é', '→'] {
        let options = CsvOptions {
            delimiter,
            ..CsvOptions::default()
        };
        let error = parse_with("1,2\n", options).unwrap_err();
        assert!(matches!(error, DataError::Delimiter { found } if found == delimiter));
    }
}

#[test]
fn long_cells_are_shortened() {
    let message = fault(format!("1,2,0\n{},2,0\n", "x".repeat(5000)));
    assert!(message.len() < 200, "{message}");
}

#[test]
fn a_missing_file_is_unreadable() {
    let error = read_csv(Path::new("no/such.csv"), &CsvOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read no/such.csv"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for classes in [None, Some(true), Some(false)] {
            let options = CsvOptions { classes, ..CsvOptions::default() };
            if let Ok(data) = parse_with(&bytes, options) {
                data.validate().unwrap();
            }
        }
    }

    #[test]
    fn almost_csv_never_panics(text in "[0-9a,.\"\r\n e-]{0,80}", column in 0usize..5) {
        if let Ok(data) = parse_with(&text, target(&column.to_string())) {
            data.validate().unwrap();
        }
    }

    #[test]
    fn written_samples_are_read_back(samples in prop::collection::vec((-1e9..1e9, -1e9..1e9), 1..20)) {
        let text: String = samples.iter().map(|(x, t)| format!("{x:e},{t:e}\n")).collect();
        let data = parse_with(&text, kind(false)).unwrap();
        prop_assert_eq!(data.inputs.all().to_vec(), samples.iter().map(|s| s.0).collect::<Vec<_>>());
        prop_assert_eq!(data.targets, values(&samples.iter().map(|s| s.1).collect::<Vec<_>>()));
    }
}
