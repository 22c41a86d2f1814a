//! IDX files, the form that MNIST comes in: images of one byte for each pixel and their labels, each
//! gzipped or not.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::batch::Samples;
use crate::limits::memory;

use super::{DataError, Dataset, Targets};

/// Unsigned bytes in three dimensions, and in one.
const IMAGES: u32 = 0x0803;
const LABELS: u32 = 0x0801;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a file of images and one of their labels; of each the first `limit`.
///
/// # Errors
/// [`DataError::Unreadable`], [`DataError::Idx`] and [`DataError::TooLarge`].
pub fn read_idx(images: &Path, labels: &Path, limit: Option<usize>) -> Result<Dataset, DataError> {
    parse_idx(
        (images, &mut open(images)?),
        (labels, &mut open(labels)?),
        limit,
    )
}

fn open(path: &Path) -> Result<BufReader<File>, DataError> {
    let file = File::open(path).map_err(|source| DataError::Unreadable {
        file: path.to_path_buf(),
        source,
    })?;
    Ok(BufReader::new(file))
}

/// A name for messages, and the bytes.
pub type Source<'a> = (&'a Path, &'a mut dyn Read);

/// The same from bytes. Pixels become numbers from 0 to 1; labels are classes.
///
/// # Errors
/// [`DataError::Idx`] and [`DataError::TooLarge`].
pub fn parse_idx(
    images: Source<'_>,
    labels: Source<'_>,
    limit: Option<usize>,
) -> Result<Dataset, DataError> {
    let mut images = Reader::new(images)?;
    let mut labels = Reader::new(labels)?;
    let [count, rows, columns] = images.header(IMAGES, "images")?;
    let [label_count] = labels.header(LABELS, "labels")?;
    images.expect(count > 0, 4, "no images", "at least one")?;
    let features = usize::try_from(u64::from(rows) * u64::from(columns)).unwrap_or(usize::MAX);
    images.expect(features > 0, 8, "images without pixels", "at least one")?;
    if label_count != count {
        let expected = format!("{count}, one for each image");
        return Err(labels.fault(4, format!("{label_count} labels"), &expected));
    }
    let (all, kept) = (count as usize, limit.unwrap_or(usize::MAX));
    let inputs = Samples::Pixels(images.items(all, kept, features, |byte| byte)?);
    let labels = labels.items(all, kept, 1, usize::from)?;
    let count = labels.iter().max().map_or(0, |largest| largest + 1);
    Ok(Dataset {
        features,
        inputs,
        targets: Targets::Classes { count, labels },
    })
}

/// A file as it is read, unpacked if it is packed.
struct Reader<'a> {
    file: &'a Path,
    is_packed: bool,
    bytes: Box<dyn Read + 'a>,
    /// Bytes read so far, as they are unpacked.
    position: u64,
}

impl<'a> Reader<'a> {
    fn new((file, bytes): Source<'a>) -> Result<Self, DataError> {
        let mut plain = Self {
            file,
            is_packed: false,
            bytes: Box::new(bytes),
            position: 0,
        };
        let start = plain.take(GZIP.len() as u64)?;
        let is_packed = start == GZIP;
        let whole = std::io::Cursor::new(start).chain(plain.bytes);
        let bytes: Box<dyn Read + 'a> = match is_packed {
            true => Box::new(MultiGzDecoder::new(whole)),
            false => Box::new(whole),
        };
        Ok(Self {
            file,
            is_packed,
            bytes,
            position: 0,
        })
    }

    /// At most as many bytes, fewer at the end. Memory is taken for those that are there, not for those
    /// that a header promises.
    fn take(&mut self, count: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let outcome = (&mut self.bytes).take(count).read_to_end(&mut bytes);
        self.position += bytes.len() as u64;
        match outcome {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.fault(self.position, error.to_string(), "more bytes")),
        }
    }

    /// The sizes of the dimensions, after the number that says what they are of.
    fn header<const N: usize>(
        &mut self,
        magic: u32,
        what: &'static str,
    ) -> Result<[u32; N], DataError> {
        let bytes = self.take(4 * (N as u64 + 1))?;
        let mut words = bytes.chunks_exact(4).map(word);
        let found = words.next();
        if found != Some(magic) {
            let found = found.map_or("no number".to_string(), |found| format!("0x{found:08x}"));
            let expected = format!("0x{magic:08x}, which an IDX file of {what} begins with");
            return Err(self.fault(0, found, &expected));
        }
        let mut sizes = [0; N];
        for size in &mut sizes {
            let Some(word) = words.next() else {
                return Err(self.ended("the sizes of its header"));
            };
            *size = word;
        }
        Ok(sizes)
    }

    /// The first `kept` of `count` items, and nothing behind the last one.
    fn items<T>(
        &mut self,
        count: usize,
        kept: usize,
        size: usize,
        number: impl Fn(u8) -> T,
    ) -> Result<Vec<T>, DataError> {
        let promised = (count.min(kept) as u64).saturating_mul(size as u64);
        let bytes = promised.saturating_mul(size_of::<T>() as u64);
        if bytes > memory() {
            return Err(DataError::TooLarge {
                file: self.file.to_path_buf(),
                bytes,
                limit: memory(),
            });
        }
        let items = self.take(promised)?;
        if (items.len() as u64) < promised {
            return Err(self.ended(&format!("the {promised} bytes that its header promises")));
        }
        let end = self.position;
        if kept >= count && !self.take(1)?.is_empty() {
            return Err(self.fault(end, "more bytes".into(), "the end that its header promises"));
        }
        Ok(items.into_iter().map(number).collect())
    }

    fn ended(&self, expected: &str) -> DataError {
        self.fault(self.position, "the end of the file".into(), expected)
    }

    fn expect(&self, holds: bool, at: u64, found: &str, expected: &str) -> Result<(), DataError> {
        match holds {
            true => Ok(()),
            false => Err(self.fault(at, found.into(), expected)),
        }
    }

    fn fault(&self, at: u64, found: String, expected: &str) -> DataError {
        DataError::Idx {
            file: self.file.to_path_buf(),
            at,
            of: if self.is_packed {
                " of what it unpacks to"
            } else {
                ""
            },
            found,
            expected: expected.into(),
        }
    }
}

fn word(bytes: &[u8]) -> u32 {
    let push = |word: u32, &byte: &u8| word << 8 | u32::from(byte);
    bytes.iter().fold(0, push)
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
