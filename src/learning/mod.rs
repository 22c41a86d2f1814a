//! What a circuit learns from and how it learns.

pub mod data;
