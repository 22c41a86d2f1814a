//! Results to bytes: nothing is computed here.

pub mod picture;
