//! A neuron of a resistive network: a one-port behind a resistor, as a function of the voltage that
//! drives it.
//!
//! ```text
//!   x ---[ R ]---+--- p        v + R i(v) = x      v: voltage across the element, V
//!                |                                 i: current into it at p, A
//!             element                              x: driving voltage, V
//!                |
//!   0 -----------+--- n
//! ```
//!
//! `v(x) = (I + R i)^-1 (x)` is the *resolvent* of the element's law, and `R i(v(x)) = x - v(x)` what it
//! leaves of `x`. A law that does not decrease (every passive element here) has a resolvent that does not
//! decrease either and is nonexpansive: `0 <= dv/dx = 1/(1 + R di/dv) <= 1`. Ideal diode: `v = min(0, x)`
//! and `R i = max(0, x)`, the ReLU; ideal diodes to two biases: a clip. The *diode ReLU* of a Shockley
//! diode can be written down by Lambert's W ([`ClosedForm`]; T. C. Banwell, A. Jayakumar: Exact analytical
//! solution for current flow through diode with series resistance, Electronics Letters 36, 2000), and so
//! can piecewise-linear laws.
//!
//! [`Element::parse`] reads what an element is, [`Element::curve`] solves its circuit at each `x` with the
//! solver that solves every deck, and takes the slope from the adjoint network there.
//!
//! ```
//! use ohmgrad::activation::{Conditions, Drive, Element};
//!
//! let element = Element::parse("shockley:is=1e-12")?;
//! let drive = Drive::over(-1.0, 2.0, 7, 1e3)?;
//! let curve = element.curve(Conditions::default(), &drive)?;
//! for point in &curve.points {
//!     let closed = point.closed.ok_or("Lambert W is there for every x")?;
//!     assert!((point.voltage - closed.voltage).abs() < 1e-12);
//!     assert!((0.0..=1.0).contains(&point.slope));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Invariant:** a curve comes from circuits that were solved; closed forms stand beside it and take no
//! part in it.

mod closed_form;
mod curve;
mod deck;
mod diode;
mod element;
mod error;
mod knee;
mod omega;
#[cfg(test)]
mod omega_tests;
mod syntax;

pub use closed_form::{ClosedForm, Response};
pub use curve::{Curve, Drive, Point};
pub use element::{Conditions, Element};
pub use error::{ActivationError, ElementError};
pub use knee::Knee;
pub use omega::{lambert_w, wright_omega};
