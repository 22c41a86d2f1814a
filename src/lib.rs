//! Resistor-diode circuits that are solved, differentiated and trained.
//!
//! ohmgrad takes a SPICE netlist, solves its DC operating point by modified nodal analysis, re-stamps
//! the Jacobian there as a linear circuit (*hardware linearization*, Chaffey 2025), reads the
//! gradient of a loss for every parameter of every element out of that circuit at the cost of one
//! linear solve, and trains on it.
//!
//! Data moves one way, and so do these modules:
//!
//! ```text
//! text -> Netlist -> Circuit -> System -> OperatingPoint -> Adjoint(Network) -> Gradient -> training -> report
//!        [netlist]  [circuit]    [mna]      [analysis]          [adjoint]                  [learning]  [report]
//!                   [device]    [linear]     [newton]
//! ```
//!
//! [`execution`] carries out what a deck itself asks for: `.op .dc .tf .sens .step .measure`; [`points`]
//! solves a deck for each row of a table; [`activation`] draws what a one-port behind a resistor makes of
//! its input, [`landscape`] the co-content around an operating point. [`kernel`] sees a circuit from its
//! ports, as an equilibrium network; [`cascade`] puts circuits in a row with buffers between them;
//! [`synthesis`] makes circuits of trained networks, [`parts`] gives them values that can be bought; [`estimators`] sets gradients that a circuit measures
//! by itself beside the exact one; [`laboratory`] trains circuits as a bench does, from voltage drops;
//! [`baselines`] trains what circuits are set beside; [`drawing`] makes pictures of
//! circuits, [`plots`] of what was written about them.
//!
//! # Equations
//!
//! The unknowns `z` are node potentials (V) and the branch currents (A) of elements that prescribe a
//! voltage. `F(z, theta) = 0` holds Kirchhoff's current law at each node, currents leaving counted
//! positive, and one equation for each such branch. At the operating point, with a loss `L`:
//!
//! ```text
//! J' lambda = dL/dz        J = dF/dz: the adjoint network (Director and Rohrer 1969)
//! dL/dtheta = (direct part) - lambda' dF/dtheta
//! ```
//!
//! A current is positive when it flows from the first terminal to the second inside the element.
//!
//! # Example
//!
//! ```
//! use ohmgrad::analysis::{Output, Solver};
//! use ohmgrad::netlist::Netlist;
//!
//! let deck = "diode clamp\nV1 in 0 5\nR1 in out 1k\nD1 out 0 DX\n.model DX D(IS=1e-14)\n";
//! let mut solver = Solver::from_netlist(&Netlist::parse("clamp", deck)?)?;
//! let op = solver.operating_point()?;
//! let output = Output::parse(&solver.circuit, "v(out)")?;
//! assert!((output.value(&solver.circuit, &op) - 0.6928875985993175).abs() < 1e-15);
//!
//! let gradient = solver.gradient(&[(output, 1.0)])?;
//! for entry in &gradient.entries {
//!     let element = solver.circuit.element(entry.parameter.element).name();
//!     println!("d v(out) / d {element}.{} = {}", entry.parameter.parameter, entry.gradient);
//! }
//! # Ok::<(), ohmgrad::Error>(())
//! ```
//!
//! # Invariants
//!
//! - A result is returned only if Kirchhoff's current law holds at every node; otherwise there is an
//!   error that names the worst node and what was tried.
//! - The same input gives the same bits, whatever the number of threads.
//! - No input panics; every error says what was expected and what to do.

/// A line on standard error. A closed pipe there is no failure.
#[doc(hidden)]
#[macro_export]
macro_rules! note {
    ($($argument:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($argument)*);
    }};
}

pub mod units;

pub mod source;

pub mod expression;

pub mod netlist;

pub mod device;

pub mod circuit;

pub mod elaboration;

pub mod linear;

pub mod mna;

pub mod newton;

pub mod analysis;

pub mod adjoint;

pub mod activation;
pub mod kernel;

pub mod landscape;

pub mod cascade;

pub mod parts;

pub mod synthesis;

pub mod parallel;

pub mod batch;

pub mod execution;

pub mod points;

pub mod npz;

pub mod safetensors;

pub mod learning;

pub mod estimators;

pub mod equilibrium;

pub mod baselines;

pub mod laboratory;

pub mod study;

pub mod benchmark;

pub mod report;

pub mod drawing;

pub mod plots;

pub mod cli;

mod cells;
mod error;
mod files;
mod limits;
mod suggest;
mod threads;

pub use error::Error;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
