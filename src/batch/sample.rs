//! The features of samples: numbers of several types, or the bytes of images.

use std::ops::Range;
use std::sync::LazyLock;

/// The features of one sample.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    Numbers(&'a [f64]),
    Singles(&'a [f32]),
    /// Whole numbers.
    Bytes(&'a [u8]),
    /// Grey values; 255 is one.
    Pixels(&'a [u8]),
}

/// Features of many samples, one after the other: samples x features, row major.
#[derive(Clone, Debug)]
pub enum Samples {
    Numbers(Vec<f64>),
    /// Grey values; 255 is one. An eighth of the memory of numbers, and of its traffic.
    Pixels(Vec<u8>),
}

/// `byte / 255`.
static GREY: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| byte as f64 / 255.0));

impl<'a> Sample<'a> {
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Singles(values) => values.len(),
            Self::Bytes(bytes) | Self::Pixels(bytes) => bytes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// # Panics
    /// If there is no such feature.
    pub fn get(&self, feature: usize) -> f64 {
        match self {
            Self::Numbers(values) => values[feature],
            Self::Singles(values) => f64::from(values[feature]),
            Self::Bytes(bytes) => f64::from(bytes[feature]),
            Self::Pixels(bytes) => GREY[usize::from(bytes[feature])],
        }
    }

    /// The features at `range`.
    pub fn part(&self, range: Range<usize>) -> Sample<'a> {
        match *self {
            Self::Numbers(values) => Sample::Numbers(&values[range]),
            Self::Singles(values) => Sample::Singles(&values[range]),
            Self::Bytes(bytes) => Sample::Bytes(&bytes[range]),
            Self::Pixels(bytes) => Sample::Pixels(&bytes[range]),
        }
    }

    /// No feature is infinite or no number.
    pub fn is_finite(&self) -> bool {
        // Without an end before the last number these loops are vector instructions.
        match self {
            Self::Numbers(values) => values.iter().fold(true, |all, x| all & x.is_finite()),
            Self::Singles(values) => values.iter().fold(true, |all, x| all & x.is_finite()),
            Self::Bytes(_) | Self::Pixels(_) => true,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|feature| self.get(feature))
    }

    pub fn to_vec(&self) -> Vec<f64> {
        self.iter().collect()
    }

    /// Writes what `conversion` makes of each feature.
    pub(crate) fn write<T: Copy>(
        &self,
        conversion: &Conversion<T, impl Fn(f64) -> T>,
        out: &mut [T],
    ) {
        let convert = &conversion.convert;
        match self {
            Self::Numbers(values) => {
                let pairs = out.iter_mut().zip(*values);
                pairs.for_each(|(out, &value)| *out = convert(value));
            }
            Self::Singles(values) => {
                let pairs = out.iter_mut().zip(*values);
                pairs.for_each(|(out, &value)| *out = convert(f64::from(value)));
            }
            Self::Bytes(bytes) => {
                let pairs = out.iter_mut().zip(*bytes);
                pairs.for_each(|(out, &byte)| *out = convert(f64::from(byte)));
            }
            Self::Pixels(bytes) => {
                let pairs = out.iter_mut().zip(*bytes);
                pairs.for_each(|(out, &byte)| *out = conversion.grey[usize::from(byte)]);
            }
        }
    }
}

/// A function of features, with a table of what it makes of grey values.
pub(crate) struct Conversion<T, F> {
    convert: F,
    grey: [T; 256],
}

impl<T, F: Fn(f64) -> T> Conversion<T, F> {
    pub(crate) fn new(convert: F) -> Self {
        Self {
            grey: GREY.map(&convert),
            convert,
        }
    }
}

impl Samples {
    /// Numbers of all samples.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them as one.
    pub fn all(&self) -> Sample<'_> {
        match self {
            Self::Numbers(values) => Sample::Numbers(values),
            Self::Pixels(bytes) => Sample::Pixels(bytes),
        }
    }

    /// Mean and standard deviation of all numbers; 1 in the place of a deviation of zero.
    pub(crate) fn mean_and_deviation(&self) -> (f64, f64) {
        let (all, count) = (self.all(), self.len().max(1) as f64);
        let mean = all.iter().sum::<f64>() / count;
        let squares = all.iter().map(|x| (x - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        (mean, if deviation > 0.0 { deviation } else { 1.0 })
    }

    /// The numbers at `range`.
    pub fn part(&self, range: Range<usize>) -> Sample<'_> {
        self.all().part(range)
    }

    /// The same kind of numbers, rows of `width` at `indices`; an index may come twice.
    pub fn rows(&self, width: usize, indices: &[usize]) -> Self {
        fn rows<T: Copy>(values: &[T], width: usize, indices: &[usize]) -> Vec<T> {
            let row = |&index: &usize| &values[index * width..(index + 1) * width];
            indices.iter().flat_map(row).copied().collect()
        }
        match self {
            Self::Numbers(values) => Self::Numbers(rows(values, width, indices)),
            Self::Pixels(bytes) => Self::Pixels(rows(bytes, width, indices)),
        }
    }
}

impl From<Vec<f64>> for Samples {
    fn from(values: Vec<f64>) -> Self {
        Self::Numbers(values)
    }
}

impl PartialEq for Samples {
    /// By the numbers that they stand for.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pixels(a), Self::Pixels(b)) => a == b,
            _ => self.len() == other.len() && self.all().iter().eq(other.all().iter()),
        }
    }
}
