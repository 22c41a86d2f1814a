//! NumPy's `.npz`: a zip of arrays, each with a header that says its type and shape.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::cells::quoted;
use crate::limits::memory;

/// What every array begins with, before its version.
const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy itself reads no longer header, bytes.
const LONGEST_HEADER: u64 = 10_000;

const MOST_DIMENSIONS: usize = 32;

/// Real numbers in row-major order, whatever they are stored as.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub numbers: Vec<f64>,
    /// They are stored as integers or booleans.
    pub is_integer: bool,
}

/// What is wrong with an `.npz` file.
#[derive(Debug, thiserror::Error)]
pub enum NpzError {
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: no NPZ file: {reason}", file.display())]
    Archive { file: PathBuf, reason: String },
    #[error("{}: no array `{array}`, but {found}", file.display())]
    NoArray {
        file: PathBuf,
        array: String,
        found: String,
    },
    #[error("{}, array {}: found {found}, expected {expected}", file.display(), quoted(array))]
    Array {
        file: PathBuf,
        array: String,
        found: String,
        expected: String,
    },
    #[error(
        "{}: its numbers need {:.1} GB; the limit is {:.1} GB",
        file.display(),
        *bytes as f64 * 1e-9,
        *limit as f64 * 1e-9
    )]
    TooLarge {
        file: PathBuf,
        bytes: u64,
        limit: u64,
    },
}

impl NpzError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            NpzError::Unreadable { .. } => "check the path and its permissions",
            NpzError::Archive { .. } => "write the file with numpy.savez or numpy.savez_compressed",
            NpzError::NoArray { .. } => "name each array: numpy.savez(file, name=array, …)",
            NpzError::Array { .. } => {
                "arrays hold finite numbers: float32, float64, bool or integers of 8 to 64 bits"
            }
            NpzError::TooLarge { .. } => "split the file, or raise OHMGRAD_MEMORY (GB)",
        }
    }
}

/// An `.npz` file that is read array by array.
#[derive(Debug)]
pub struct Archive<R> {
    file: PathBuf,
    zip: ZipArchive<R>,
    names: Vec<String>,
    /// Bytes that numbers may still take.
    left: u64,
}

impl Archive<BufReader<File>> {
    /// # Errors
    /// [`NpzError::Unreadable`] and [`NpzError::Archive`].
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        let file = File::open(path).map_err(|source| NpzError::Unreadable {
            file: path.to_path_buf(),
            source,
        })?;
        Self::new(path, BufReader::new(file))
    }
}

impl<R: Read + Seek> Archive<R> {
    /// `file` is the name in messages.
    ///
    /// # Errors
    /// [`NpzError::Archive`]
    pub fn new(file: &Path, reader: R) -> Result<Self, NpzError> {
        let fault = |error: zip::result::ZipError| NpzError::Archive {
            file: file.to_path_buf(),
            reason: error.to_string(),
        };
        let zip = ZipArchive::new(reader).map_err(fault)?;
        let mut names = Vec::new();
        for member in zip.file_names() {
            let member = member.map_err(fault)?;
            names.extend(member.strip_suffix(".npy").map(str::to_string));
        }
        Ok(Self {
            file: file.to_path_buf(),
            zip,
            names,
            left: memory(),
        })
    }

    /// Names of the arrays, in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// # Errors
    /// [`NpzError`], if there is no such array, if it holds anything but numbers or is cut short.
    pub fn read(&mut self, name: &str) -> Result<Array, NpzError> {
        let fault = |found: String, expected: &str| NpzError::Array {
            file: self.file.clone(),
            array: name.to_string(),
            found,
            expected: expected.to_string(),
        };
        let Some(index) = self.zip.index_for_name(&format!("{name}.npy")) else {
            return Err(NpzError::NoArray {
                file: self.file.clone(),
                array: name.to_string(),
                found: listing(&self.names),
            });
        };
        let member = self.zip.by_index(index);
        let mut member =
            member.map_err(|error| fault(error.to_string(), "bytes that can be unpacked"))?;
        let header = Header::read(&mut member).map_err(|(found, expected)| {
            let expected = format!("{expected}, as NumPy writes them");
            fault(found, &expected)
        })?;
        // While the order is changed there are two of each number.
        let copies = if header.is_fortran { 16 } else { 8 };
        let needed = header.count().and_then(|count| {
            let bytes = (count as u64).checked_mul(copies)?;
            (bytes <= self.left).then_some((count, bytes))
        });
        let Some((count, bytes)) = needed else {
            return Err(NpzError::TooLarge {
                file: self.file.clone(),
                bytes: header.bytes(copies),
                limit: memory(),
            });
        };
        self.left -= bytes;
        let mut numbers = Vec::new();
        let promised = format!("the {count} numbers that its header promises");
        header
            .dtype
            .read(&mut member, count, &mut numbers)
            .map_err(|error| fault(error.to_string(), &promised))?;
        if numbers.len() < count {
            return Err(fault(format!("{} numbers", numbers.len()), &promised));
        }
        // The checksum is compared at the end.
        match member.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(fault("more bytes".into(), &promised)),
            Err(error) => return Err(fault(error.to_string(), &promised)),
        }
        if header.is_fortran {
            numbers = row_major(&numbers, &header.shape);
        }
        Ok(Array {
            shape: header.shape,
            numbers,
            is_integer: header.dtype.kind != Kind::Float,
        })
    }
}

impl Array {
    /// The shape as NumPy prints it.
    pub fn shape_text(&self) -> String {
        match self.shape[..] {
            [length] => format!("({length},)"),
            _ => {
                let sizes: Vec<_> = self.shape.iter().map(usize::to_string).collect();
                format!("({})", sizes.join(", "))
            }
        }
    }
}

fn listing(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| quoted(name)).collect();
    match names.len() {
        0 => "no arrays at all".to_string(),
        n if n > SHOWN => format!("{}, … ({n} arrays)", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// The first bytes of an array.
#[derive(Debug)]
struct Header {
    dtype: Dtype,
    /// The first index runs fastest.
    is_fortran: bool,
    shape: Vec<usize>,
}

/// What was found, and what was expected.
type Mismatch = (String, &'static str);

impl Header {
    fn read(bytes: &mut impl Read) -> Result<Self, Mismatch> {
        let mut take = |count: u64| {
            let mut taken = Vec::new();
            let outcome = (&mut *bytes).take(count).read_to_end(&mut taken);
            match outcome {
                Ok(_) if taken.len() as u64 == count => Ok(taken),
                Ok(_) => Err(("the end of the array".into(), "a header")),
                Err(error) => Err((error.to_string(), "a header")),
            }
        };
        let start = take(MAGIC.len() as u64 + 2)?;
        let (magic, version) = start.split_at(MAGIC.len());
        if magic != MAGIC {
            let start = String::from_utf8_lossy(magic);
            return Err((quoted(&start), "an array that begins with `\\x93NUMPY`"));
        }
        let width = match version[0] {
            1 => 2,
            2 | 3 => 4,
            other => return Err((format!("version {other}"), "version 1, 2 or 3")),
        };
        let length = take(width)?;
        let length = length.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
        if length > LONGEST_HEADER {
            let found = format!("a header of {length} bytes");
            return Err((found, "at most 10000 bytes"));
        }
        let text = take(length)?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`
    fn parse(text: &str) -> Result<Self, Mismatch> {
        let mut literal = Literal { rest: text };
        let (mut dtype, mut is_fortran, mut shape) = (None, None, None);
        literal.expect('{')?;
        while !literal.eat('}') {
            let key = literal.string()?;
            literal.expect(':')?;
            match key {
                "descr" => dtype = Some(Dtype::parse(literal.string()?)?),
                "fortran_order" => is_fortran = Some(literal.boolean()?),
                "shape" => shape = Some(literal.tuple()?),
                other => return Err((quoted(other), "`descr`, `fortran_order` and `shape`")),
            }
            if !literal.eat(',') {
                literal.expect('}')?;
                break;
            }
        }
        match (dtype, is_fortran, shape) {
            (Some(dtype), Some(is_fortran), Some(shape)) => Ok(Self {
                dtype,
                is_fortran: is_fortran && shape.len() > 1,
                shape,
            }),
            _ => Err((quoted(text.trim()), "`descr`, `fortran_order` and `shape`")),
        }
    }

    /// None beyond what can be counted, of an empty array too: no product of its sizes overflows.
    fn count(&self) -> Option<usize> {
        let mut sizes = self.shape.iter();
        sizes.try_fold(1usize, |count, &size| count.checked_mul(size.max(1)))?;
        Some(self.shape.iter().product())
    }

    fn bytes(&self, each: u64) -> u64 {
        let sizes = self.shape.iter().map(|&size| size as u64);
        sizes.fold(each, u64::saturating_mul)
    }
}

/// A Python literal from left to right.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn eat(&mut self, what: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, what: char) -> Result<(), Mismatch> {
        match self.eat(what) {
            true => Ok(()),
            false => Err(self.fault("a header that is a dictionary")),
        }
    }

    fn string(&mut self) -> Result<&'a str, Mismatch> {
        let quote = ['\'', '"'].into_iter().find(|&quote| self.eat(quote));
        let split = quote.and_then(|quote| self.rest.split_once(quote));
        // A structured type is a list.
        let (string, rest) = split.ok_or_else(|| self.fault("a type of plain numbers"))?;
        self.rest = rest;
        Ok(string)
    }

    fn boolean(&mut self) -> Result<bool, Mismatch> {
        let words = [("True", true), ("False", false)];
        self.rest = self.rest.trim_start();
        for (word, value) in words {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.fault("True or False"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Mismatch> {
        const SHAPE: &str = "a shape of at most 32 sizes";
        self.expect('(')?;
        let mut sizes = Vec::new();
        while !self.eat(')') {
            self.rest = self.rest.trim_start();
            let end = self.rest.find(|c: char| !c.is_ascii_digit());
            let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            let size = digits.parse().map_err(|_| self.fault(SHAPE))?;
            self.rest = rest;
            sizes.push(size);
            if sizes.len() > MOST_DIMENSIONS {
                return Err(self.fault(SHAPE));
            }
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(sizes)
    }

    fn fault(&self, expected: &'static str) -> Mismatch {
        (quoted(self.rest.trim()), expected)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float,
    Signed,
    /// Integers and booleans.
    Unsigned,
}

/// How a number is stored.
#[derive(Clone, Copy, Debug)]
struct Dtype {
    kind: Kind,
    /// Bytes, at most 8.
    size: usize,
    is_big_endian: bool,
}

impl Dtype {
    /// `<f8`, `|u1`, `>i4`
    fn parse(text: &str) -> Result<Self, Mismatch> {
        let (order, rest) = match text.strip_prefix(['<', '>', '|', '=']) {
            Some(rest) => (&text[..1], rest),
            None => ("=", text),
        };
        let kind = match rest {
            "f4" | "f8" => Some(Kind::Float),
            "i1" | "i2" | "i4" | "i8" => Some(Kind::Signed),
            "u1" | "u2" | "u4" | "u8" | "b1" => Some(Kind::Unsigned),
            _ => None,
        };
        let size = rest.get(1..).and_then(|digits| digits.parse().ok());
        match (kind, size) {
            (Some(kind), Some(size)) => Ok(Self {
                kind,
                size,
                is_big_endian: order == ">",
            }),
            _ => Err((
                format!("type {}", quoted(text)),
                "float32, float64, bool or integers of 8 to 64 bits",
            )),
        }
    }

    /// At most as many numbers, fewer at the end. Memory is taken for those that are there, not for
    /// those that a header promises.
    fn read(
        self,
        bytes: &mut impl Read,
        count: usize,
        numbers: &mut Vec<f64>,
    ) -> std::io::Result<()> {
        const AT_ONCE: usize = 8192;
        let mut buffer = Vec::with_capacity(AT_ONCE * self.size);
        while numbers.len() < count {
            let wanted = (count - numbers.len()).min(AT_ONCE) * self.size;
            buffer.clear();
            (&mut *bytes).take(wanted as u64).read_to_end(&mut buffer)?;
            let stored = buffer.chunks_exact(self.size);
            numbers.extend(stored.map(|stored| self.number(stored)));
            if buffer.len() < wanted {
                break;
            }
        }
        Ok(())
    }

    fn number(self, stored: &[u8]) -> f64 {
        let mut word = [0; 8];
        let bytes = &mut word[..self.size];
        bytes.copy_from_slice(stored);
        if self.is_big_endian {
            bytes.reverse();
        }
        let word = u64::from_le_bytes(word);
        match (self.kind, self.size) {
            (Kind::Float, 4) => f64::from(f32::from_bits(word as u32)),
            (Kind::Float, _) => f64::from_bits(word),
            (Kind::Signed, size) => {
                let unused = 64 - 8 * size;
                ((word << unused) as i64 >> unused) as f64
            }
            (Kind::Unsigned, _) => word as f64,
        }
    }
}

/// Numbers whose first index runs fastest, in the order in which the last one does.
fn row_major(numbers: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let place = |index: usize| {
        let (mut rest, mut place) = (index, 0);
        for (size, stride) in shape.iter().zip(&strides).rev() {
            place += rest % size * stride;
            rest /= size;
        }
        place
    };
    (0..numbers.len()).map(|k| numbers[place(k)]).collect()
}

/// Writes arrays of doubles as `numpy.savez` does: the same arrays give the same bytes.
#[derive(Debug)]
pub struct Writer {
    zip: ZipWriter<Cursor<Vec<u8>>>,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            zip: ZipWriter::new(Cursor::default()),
        }
    }
}

impl Writer {
    /// Adds an array; `numbers` fill `shape` row by row.
    ///
    /// # Errors
    /// A name that is there already.
    pub fn add(
        &mut self,
        name: &str,
        shape: &[usize],
        numbers: impl IntoIterator<Item = f64>,
    ) -> std::io::Result<()> {
        let bytes = shape.iter().fold(8u64, |n, &k| n.saturating_mul(k as u64));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes > u64::from(u32::MAX) / 2);
        self.zip.start_file(format!("{name}.npy"), options)?;
        self.zip.write_all(&header(shape))?;
        let mut buffer = Vec::new();
        let mut numbers = numbers.into_iter().peekable();
        while numbers.peek().is_some() {
            buffer.clear();
            buffer.extend(numbers.by_ref().take(8192).flat_map(f64::to_le_bytes));
            self.zip.write_all(&buffer)?;
        }
        Ok(())
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// What the zip cannot express.
    pub fn finish(self) -> std::io::Result<Vec<u8>> {
        Ok(self.zip.finish()?.into_inner())
    }
}

/// Padded with spaces to whole 64 bytes, so that the numbers lie aligned.
fn header(shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = match shape.len() {
        1 => sizes.trim_end(),
        _ => sizes.trim_end_matches(", "),
    };
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({sizes}), }}");
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    let padding = unpadded.next_multiple_of(64) - unpadded;
    let length = (text.len() + padding + 1) as u16;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.bytes());
    bytes.extend(std::iter::repeat_n(b' ', padding));
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
