//! Studies: the same measurement at many points, each of which stands alone.
//!
//! A [`Study`] is a base (a training file, which every point trains, or a trained run, which every point
//! fabricates) and axes. A point depends on its number alone, never on who computes it or when.

mod config;
mod measure;
mod results;
mod summary;

pub use config::{Axis, Corner, MonteCarlo, Point, Study, StudyConfig, StudyError};
pub use measure::{Base, Outcome};
pub use results::{Line, Results, read_lines};
pub use summary::{Group, summarize, to_csv, to_table};
