//! Finished numbers to SVG text.
//!
//! Every picture draws its own light panel, so that it reads on light and dark pages and in print;
//! colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart.

pub(crate) mod axes;
pub(crate) mod colours;
mod confusion;
mod curves;
mod decision;
mod errors;
pub(crate) mod heat;
mod png;
mod responses;
pub(crate) mod svg;
mod tiles;

pub use colours::{ColourScale, largest, prefix_of, pretty, quantity};
pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use curves::{Curves, Family, Panel, Series, YScale, curves, draw_curves};
pub use decision::{DecisionMap, decision_map};
pub use errors::{ErrorCurve, error_curves};
pub use heat::{HeatMap, HeatMaps, heat_maps};
pub use png::{PngError, png};
pub use responses::{COLOURS, LINES, ResponseCurve, Responses, prefix, responses};
pub use tiles::{ColourMap, Mark, Tile, TileGrid, tile_grid};

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses the text and counts the elements of one name.
    fn count(svg: &str, name: &str) -> usize {
        let document = roxmltree::Document::parse(svg).expect("well-formed XML");
        let elements = document.descendants();
        elements.filter(|n| n.tag_name().name() == name).count()
    }

    fn series(name: &str, points: Vec<(f64, f64)>) -> Panel {
        let name = name.to_string();
        Panel {
            y_title: "a < b & c".to_string(),
            series: vec![Series {
                name,
                points,
                ..Series::default()
            }],
            ..Panel::default()
        }
    }

    #[test]
    fn curves_draw_one_line_for_each_series_and_escape_text() {
        let panels = [series(
            "train",
            vec![(1.0, 2.0), (2.0, 1.0), (3.0, f64::NAN)],
        )];
        let svg = curves("loss & accuracy", "epoch", &panels);
        assert_eq!(count(&svg, "polyline"), 1);
        assert_eq!(svg, curves("loss & accuracy", "epoch", &panels));
    }

    #[test]
    fn empty_and_degenerate_data_give_a_picture_too() {
        let panels = [
            series("none", vec![]),
            series("one", vec![(1.0, 1.0)]),
            series("flat", vec![(0.0, 0.0), (1.0, 0.0)]),
            series("nan", vec![(f64::NAN, f64::INFINITY)]),
        ];
        count(&curves("", "", &panels), "svg");
        count(&curves("", "", &[]), "svg");
        count(&decision_map(&DecisionMap::default()), "svg");
        let grid = TileGrid {
            title: String::new(),
            subtitle: String::new(),
            columns: 0,
            tiles: Vec::new(),
            colours: ColourMap::Ink,
        };
        count(&tile_grid(&grid), "svg");
        let matrix = ConfusionMatrix {
            title: String::new(),
            labels: Vec::new(),
            counts: Vec::new(),
        };
        count(&confusion_matrix(&matrix), "svg");
    }

    #[test]
    fn a_decision_map_marks_every_sample() {
        let map = DecisionMap {
            x: (0.0, 1.0),
            y: (0.0, 1.0),
            columns: 2,
            rows: 2,
            cells: vec![(0, 0.9), (1, 0.8), (1, 0.6), (0, 0.5)],
            samples: vec![(0.2, 0.2, 0), (0.4, 0.1, 0), (0.8, 0.2, 1)],
            ..DecisionMap::default()
        };
        // Two samples and one key of class 0.
        assert_eq!(count(&decision_map(&map), "circle"), 3);
    }

    #[test]
    fn a_wrong_tile_is_framed_in_colour() {
        let tile = |mark| Tile {
            width: 2,
            pixels: vec![0.0, 1.0, 0.5, f64::NAN],
            caption: "4 read as 9".to_string(),
            mark,
        };
        let grid = |mark| TileGrid {
            title: "tiles".to_string(),
            subtitle: String::new(),
            columns: 1,
            tiles: vec![tile(mark)],
            colours: ColourMap::Ink,
        };
        assert_ne!(tile_grid(&grid(Mark::Plain)), tile_grid(&grid(Mark::Wrong)));
    }
}
