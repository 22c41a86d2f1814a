//! Trained networks to circuits.
//!
//! [`Equilibrium`] holds the parameters of a ReLU equilibrium network and builds the circuit of
//! resistors, transformers, gyrators, ideal diodes and sources that settles to the same numbers. [`Mlp`]
//! holds those of a ReLU network and builds a cascade of resistors, ideal diodes and buffers.

use crate::limits::{ELEMENT, memory};

mod equilibrium;
mod error;
mod mlp;
mod mlp_stages;
mod netlist;
mod standardization;

pub use equilibrium::Equilibrium;
pub use error::SynthesisError;
pub use mlp::{Layer, Mlp};
pub use netlist::SymmetricPart;
pub(crate) use standardization::Standardization;

/// Checks that a circuit of so many elements, held `times` times, fits into memory.
fn check_elements(elements: u64, times: u64) -> Result<(), SynthesisError> {
    let (bytes, limit) = (elements.saturating_mul(times * ELEMENT), memory());
    match bytes > limit {
        true => Err(SynthesisError::TooLarge {
            elements,
            bytes,
            limit,
        }),
        false => Ok(()),
    }
}
