//! NumPy arrays to numbers and back.

use std::borrow::Cow;

use numpy::ndarray::{Array2, ArrayView2};
use numpy::{
    AllowTypeChange, IntoPyArray, PyArray2, PyArrayLike1, PyArrayLike2, PyArrayLikeDyn,
    PyReadonlyArray2, PyUntypedArrayMethods,
};
use ohmgrad::batch::Sample;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::fault::Fault;

/// Values of sources and other variables, row by row, with the name of each column.
pub type Rows = (Vec<String>, Vec<f64>);

/// Numbers, row by row, as an array that owns them.
pub fn matrix<'py>(
    py: Python<'py>,
    [rows, columns]: [usize; 2],
    numbers: Vec<f64>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let array = Array2::from_shape_vec((rows, columns), numbers);
    let array = array.map_err(|error| Fault::argument(error.to_string()))?;
    Ok(array.into_pyarray(py))
}

/// The numbers of an array, row by row, that must have so many columns and, if told, rows.
pub fn numbers<'a>(
    what: &str,
    array: &'a PyArrayLike2<'_, f64, AllowTypeChange>,
    (rows, columns): (Option<usize>, usize),
) -> Result<Cow<'a, [f64]>, Fault> {
    check_shape(what, array.shape(), (rows, columns))?;
    Ok(row_by_row(array.as_array()))
}

fn check_shape(
    what: &str,
    found: &[usize],
    (rows, columns): (Option<usize>, usize),
) -> Result<(), Fault> {
    if found[1] == columns && rows.is_none_or(|rows| rows == found[0]) {
        return Ok(());
    }
    let [found_rows, found] = [found[0], found[1]];
    let rows = rows.map_or("rows".to_string(), |rows| rows.to_string());
    Err(Fault::argument(format!(
        "{what}: found an array of shape ({found_rows}, {found}), expected ({rows}, {columns})"
    )))
}

/// Rows of numbers of the types that need no conversion before they are used; others become float64.
pub enum AnyRows<'py> {
    Numbers(PyArrayLike2<'py, f64, AllowTypeChange>),
    Singles(PyReadonlyArray2<'py, f32>),
    Bytes(PyReadonlyArray2<'py, u8>),
}

impl<'py> AnyRows<'py> {
    pub fn of(array: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = array.extract() {
            return Ok(Self::Singles(array));
        }
        if let Ok(array) = array.extract() {
            return Ok(Self::Bytes(array));
        }
        array.extract().map(Self::Numbers)
    }

    /// What `work` makes of the number of rows and all of them as one; they must have so many columns.
    pub fn with<T>(
        &self,
        what: &str,
        columns: usize,
        work: impl FnOnce(usize, Sample<'_>) -> T,
    ) -> Result<T, Fault> {
        let shape = match self {
            Self::Numbers(array) => array.shape(),
            Self::Singles(array) => array.shape(),
            Self::Bytes(array) => array.shape(),
        };
        check_shape(what, shape, (None, columns))?;
        Ok(match self {
            Self::Numbers(array) => work(shape[0], Sample::Numbers(&row_by_row(array.as_array()))),
            Self::Singles(array) => work(shape[0], Sample::Singles(&row_by_row(array.as_array()))),
            Self::Bytes(array) => work(shape[0], Sample::Bytes(&row_by_row(array.as_array()))),
        })
    }
}

pub fn check_length(what: &str, found: usize, expected: usize) -> Result<(), Fault> {
    match found == expected {
        true => Ok(()),
        false => Err(Fault::argument(format!(
            "{what}: found {found} numbers, expected {expected}"
        ))),
    }
}

/// The numbers of an array of one dimension that must have so many.
pub fn list<'a>(
    what: &str,
    array: &'a PyArrayLike1<'_, f64, AllowTypeChange>,
    expected: usize,
) -> Result<Cow<'a, [f64]>, Fault> {
    check_length(what, array.shape()[0], expected)?;
    let array = array.as_array();
    Ok(match array.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(array.iter().copied().collect()),
    })
}

fn row_by_row<T: Copy>(array: ArrayView2<'_, T>) -> Cow<'_, [T]> {
    match array.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// Reads `{name: numbers}`, where a single number stands for all rows, or `(names, rows x names)`.
pub fn rows(inputs: &Bound<'_, PyAny>) -> PyResult<Rows> {
    let Ok(inputs) = inputs.cast::<PyDict>() else {
        type Table<'py> = (Vec<String>, PyArrayLike2<'py, f64, AllowTypeChange>);
        let (names, array): Table = inputs.extract()?;
        let numbers = numbers("inputs", &array, (None, names.len()))?;
        return Ok((names, numbers.into_owned()));
    };
    let mut names = Vec::with_capacity(inputs.len());
    let mut columns = Vec::with_capacity(inputs.len());
    for (name, values) in inputs {
        let values: PyArrayLikeDyn<'_, f64, AllowTypeChange> = values.extract()?;
        if values.ndim() > 1 {
            let found = values.ndim();
            return Err(Fault::argument(format!(
                "inputs: `{name}` has {found} dimensions, expected one, or a single number"
            ))
            .into());
        }
        let is_single = values.ndim() == 0;
        names.push(name.extract()?);
        columns.push((is_single, values.as_array().iter().copied().collect()));
    }
    Ok(interleave(names, &columns)?)
}

/// Columns to rows; a single number is repeated.
fn interleave(names: Vec<String>, columns: &[(bool, Vec<f64>)]) -> Result<Rows, Fault> {
    let many = columns
        .iter()
        .zip(&names)
        .filter(|((single, _), _)| !single);
    let mut lengths = many.map(|((_, column), name)| (name, column.len()));
    let count = match lengths.next() {
        None => 1,
        Some((first, count)) => match lengths.find(|(_, other)| *other != count) {
            None => count,
            Some((name, other)) => {
                return Err(Fault::argument(format!(
                    "inputs: `{name}` has {other} values, `{first}` has {count}\n  help: give each as \
                     many values, or a single number for all rows"
                )));
            }
        },
    };
    let mut numbers = Vec::with_capacity(count * names.len());
    for row in 0..count {
        let cell = |(single, column): &(bool, Vec<f64>)| column[if *single { 0 } else { row }];
        numbers.extend(columns.iter().map(cell));
    }
    Ok((names, numbers))
}
