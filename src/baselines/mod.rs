//! What a trained circuit is set beside: networks of the same size that are no circuits.
//!
//! Kendall et al. 2020 ([arXiv 2006.01981](https://arxiv.org/abs/2006.01981)) compare their nonlinear
//! resistive network on MNIST with logistic regression on the same pixels ([`Logistic`]) and with
//! equilibrium propagation in software ([`Hopfield`], the continuous Hopfield network of Scellier and
//! Bengio 2017). A [`Trainer`] takes either through its epochs.

mod hopfield;
mod logistic;
mod relaxation;
mod runs;
mod trainer;

pub use hopfield::{Hopfield, HopfieldOptions, Weights};
pub use logistic::Logistic;
pub use runs::{Run, Spread};
pub use trainer::{Diverged, Layer, Model, Trainer, TrainerOptions};
