//! Resistor-diode circuits that are solved, differentiated and trained.
pub mod adjoint;
pub mod analysis;
pub mod circuit;
pub mod cli;
pub mod device;
mod error;
pub mod learning;
pub mod linear;
pub mod mna;
pub mod netlist;
pub mod newton;
pub mod report;
pub mod units;

pub use error::Error;
