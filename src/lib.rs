//! Resistor-diode circuits that are solved, differentiated and trained.
pub mod netlist;
pub mod units;
