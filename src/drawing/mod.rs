//! A circuit as a picture: symbols and wires, heat maps of its crossbars, or an overview.
//!
//! Data moves one way here too: a circuit, an operating point and effects of parameters come in, SVG text
//! goes out ([`draw`]). Nothing is solved.

mod crossbar;
mod effect;
mod heat;
mod key;
pub mod layout;
mod overview;
mod schematic;
mod symbol;
mod text;
mod wiring;

use crate::analysis::OperatingPoint;
use crate::circuit::Circuit;

pub use crossbar::{Crossbar, crossbars};
pub use effect::{Effect, Effects};
pub use heat::before_and_after;

/// What a circuit is drawn as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Symbols where they can be read, else crossbars where there are any, else an overview.
    #[default]
    Automatic,
    /// Symbols and wires.
    Symbols,
    /// A heat map of each crossbar of resistors.
    Crossbars,
    /// Its conductance matrix, with counts of elements.
    Overview,
}

/// What is drawn beside the circuit itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Annotations<'a> {
    pub operating_point: Option<&'a OperatingPoint>,
    pub effects: Option<&'a Effects>,
}

/// Branches beyond which symbols are too small to be read.
pub const MOST_BRANCHES: usize = 150;

/// A view that a circuit does not have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DrawingError {
    #[error(
        "{branches} branches are too many to be drawn with their symbols: {most} at most\n  help: leave \
         --view away for heat maps of its crossbars or an overview"
    )]
    TooLarge { branches: usize, most: usize },
    #[error(
        "the circuit has no crossbar: no {least} resistors lead from each node of one group to each of \
         another\n  help: take --view symbols or --view overview"
    )]
    NoCrossbar { least: usize },
    #[error("the circuit has no element\n  help: name a deck with at least one")]
    Empty,
}

/// The circuit as SVG.
///
/// # Errors
/// [`DrawingError`], if the circuit cannot be drawn as `view` wants.
pub fn draw(
    circuit: &Circuit,
    annotations: Annotations,
    view: View,
) -> Result<String, DrawingError> {
    let branches = circuit.branch_count();
    if branches == 0 {
        return Err(DrawingError::Empty);
    }
    let fits = branches <= MOST_BRANCHES;
    match view {
        View::Symbols if !fits => Err(DrawingError::TooLarge {
            branches,
            most: MOST_BRANCHES,
        }),
        View::Symbols => Ok(schematic::draw(circuit, annotations)),
        View::Automatic if fits => Ok(schematic::draw(circuit, annotations)),
        View::Crossbars | View::Automatic => match crossbars(circuit) {
            found if !found.is_empty() => Ok(heat::draw(circuit, &found, annotations)),
            _ if view == View::Automatic => Ok(overview::draw(circuit, annotations)),
            _ => Err(DrawingError::NoCrossbar {
                least: crossbar::LEAST,
            }),
        },
        View::Overview => Ok(overview::draw(circuit, annotations)),
    }
}
