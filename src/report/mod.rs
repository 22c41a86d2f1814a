//! Results to bytes, one format per file.
//!
//! **Invariant:** nothing is computed here; every function turns finished numbers into text.

pub mod activation;
pub mod baselines;
pub mod benchmark;
pub mod bill;
pub mod csv;
pub use crate::analysis::dataset;
pub mod estimators;
pub mod html;
pub mod json;
pub mod kernel;
pub mod laboratory;
pub mod landscape;
pub mod picture;
pub mod prn;
pub mod raw;
pub mod table;
