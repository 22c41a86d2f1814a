//! Finished numbers to SVG text.
//!
//! Every picture draws its own light panel, so that it reads on light and dark pages and in print;
//! colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart.

mod axes;
mod confusion;
mod curves;
mod decision;
mod svg;
mod tiles;

pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use curves::{Panel, Series, curves};
pub use decision::{DecisionMap, decision_map};
pub use tiles::{ColourMap, Mark, Tile, TileGrid, tile_grid};
