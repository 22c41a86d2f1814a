use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn file(magic: u32, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let words = [magic].into_iter().chain(sizes.iter().copied());
    let head: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
    [&head, bytes].concat()
}

/// Three images of 2 x 2 pixels.
fn images() -> Vec<u8> {
    let pixels = [0, 51, 255, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    file(IMAGES, &[3, 2, 2], &pixels)
}

fn labels() -> Vec<u8> {
    file(LABELS, &[3], &[4, 0, 9])
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn parse(images: &[u8], labels: &[u8], limit: Option<usize>) -> Result<Dataset, DataError> {
    let (mut images, mut labels) = (images, labels);
    parse_idx(
        (Path::new("images"), &mut images),
        (Path::new("labels"), &mut labels),
        limit,
    )
}

fn fault(images: &[u8], labels: &[u8]) -> String {
    let error = parse(images, labels, None).unwrap_err();
    assert!(!error.help().is_empty());
    error.to_string()
}

#[test]
fn images_and_labels_are_read_packed_or_not() {
    let data = parse(&images(), &labels(), None).unwrap();
    data.validate().unwrap();
    assert_eq!((data.len(), data.features), (3, 4));
    assert_eq!(data.input(0).to_vec(), [0.0, 0.2, 1.0, 0.0]);
    let classes = |count: usize, labels: &[usize]| {
        let labels = labels.to_vec();
        Targets::Classes { count, labels }
    };
    assert_eq!(data.targets, classes(10, &[4, 0, 9]));
    assert_eq!(
        parse(&pack(&images()), &pack(&labels()), None).unwrap(),
        data
    );
    assert_eq!(parse(&pack(&images()), &labels(), Some(7)).unwrap(), data);
    let two = parse(&images(), &labels(), Some(2)).unwrap();
    assert_eq!((two.len(), two.targets), (2, classes(5, &[4, 0])));
}

#[test]
fn promises_that_are_not_kept_are_refused() {
    let promise = file(IMAGES, &[4_000_000_000, 10, 10], &[0; 10]);
    let many_labels = file(LABELS, &[4_000_000_000], &[]);
    assert!(fault(&promise, &many_labels).contains("the limit is"));
    let promise = file(IMAGES, &[1_000_000, 10, 10], &[0; 10]);
    let million = file(LABELS, &[1_000_000], &[]);
    let expected = "images: byte 26: found the end of the file, expected the 100000000 bytes that its \
                    header promises";
    assert_eq!(fault(&promise, &million), expected);
    let packed = fault(&pack(&promise), &million);
    assert!(packed.contains("byte 26 of what it unpacks to"), "{packed}");
    let huge = file(IMAGES, &[u32::MAX; 3], &[]);
    assert!(fault(&huge, &file(LABELS, &[u32::MAX], &[])).contains("the limit is"));
}

#[test]
fn bytes_beyond_the_last_item_are_refused() {
    let longer = [images(), vec![0]].concat();
    let expected = "images: byte 28: found more bytes, expected the end that its header promises";
    assert_eq!(fault(&longer, &labels()), expected);
    let bomb = pack(&[images(), vec![0; 10_000_000]].concat());
    assert!(fault(&bomb, &labels()).contains("more bytes"));
    let longer = [labels(), vec![0]].concat();
    assert!(fault(&images(), &longer).starts_with("labels: byte 11: found more bytes"));
}

#[test]
fn what_is_no_pair_of_idx_files_is_refused() {
    let exchanged = fault(&labels(), &images());
    let expected = "images: byte 0: found 0x00000801, expected 0x00000803, which an IDX file of images \
                    begins with";
    assert_eq!(exchanged, expected);
    assert!(fault(&images(), &file(LABELS, &[2], &[1, 2])).contains("found 2 labels, expected 3"));
    assert!(fault(&file(IMAGES, &[0, 2, 2], &[]), &labels()).contains("no images"));
    assert!(fault(&file(IMAGES, &[3, 0, 2], &[]), &labels()).contains("without pixels"));
    assert!(fault(b"", b"").contains("no number"));
}

#[test]
fn files_cut_anywhere_are_refused() {
    for whole in [images(), pack(&images())] {
        for cut in 0..whole.len() {
            let outcome = parse(&whole[..cut], &labels(), None);
            assert!(matches!(outcome, Err(DataError::Idx { .. })), "{cut}");
        }
    }
}

/// The folder of `OHMGRAD_MNIST`, or data/mnist beside the folder of the repository.
fn mnist() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mnist");
    let folder = std::env::var_os("OHMGRAD_MNIST").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

#[test]
fn mnist_is_read() {
    let Some(folder) = mnist() else {
        return;
    };
    for (name, count) in [("train", 60_000), ("t10k", 10_000)] {
        let path = |what: &str| folder.join(format!("{name}-{what}-ubyte.gz"));
        let data = read_idx(&path("images-idx3"), &path("labels-idx1"), None).unwrap();
        assert_eq!((data.len(), data.features), (count, 784));
        assert_eq!(data.targets.width(), 10);
        data.validate().unwrap();
    }
}
