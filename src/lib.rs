//! Resistor-diode circuits that are solved, differentiated and trained.
pub mod learning;
pub mod netlist;
