//! Small images in a grid: samples with what was read into them, weights of hidden nodes.

use super::svg::{Anchor, FAINT, INK, MUTED, Svg, blend};

/// How numbers become colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColourMap {
    /// 0 paper, 1 ink.
    Ink,
    /// Negative blue, positive orange, white at zero, full colour at `limit`.
    Diverging { limit: f64 },
}

/// Whether a tile stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Plain,
    Wrong,
}

#[derive(Clone, Debug)]
pub struct Tile {
    pub width: usize,
    /// Rows from the top.
    pub pixels: Vec<f64>,
    pub caption: String,
    pub mark: Mark,
}

#[derive(Clone, Debug)]
pub struct TileGrid {
    pub title: String,
    /// One line under the title.
    pub subtitle: String,
    pub columns: usize,
    pub tiles: Vec<Tile>,
    pub colours: ColourMap,
}

const TILE: f64 = 64.0;
const PITCH_X: f64 = 78.0;
const PITCH_Y: f64 = 98.0;
const LEFT: f64 = 24.0;
const TOP: f64 = 66.0;
const WRONG: &str = "#d55e00";

pub fn tile_grid(grid: &TileGrid) -> String {
    let columns = grid.columns.max(1);
    let rows = grid.tiles.len().div_ceil(columns);
    let width = (2.0 * LEFT + columns as f64 * PITCH_X - (PITCH_X - TILE)).max(420.0);
    let mut svg = Svg::new(width, TOP + rows as f64 * PITCH_Y + 8.0);
    svg.title((LEFT, 28.0), &grid.title);
    svg.text((LEFT, 48.0), Anchor::Start, 12.0, MUTED, &grid.subtitle);
    for (index, tile) in grid.tiles.iter().enumerate() {
        let x = LEFT + (index % columns) as f64 * PITCH_X;
        let y = TOP + (index / columns) as f64 * PITCH_Y;
        draw_tile(&mut svg, x, y, tile, grid.colours);
    }
    svg.finish()
}

fn draw_tile(svg: &mut Svg, x: f64, y: f64, tile: &Tile, colours: ColourMap) {
    let width = tile.width.max(1);
    let side = TILE / width as f64;
    svg.rect(x, y, TILE, TILE, "#ffffff");
    for (index, &value) in tile.pixels.iter().enumerate() {
        let colour = colour(value, colours);
        if colour != "#ffffff" {
            let left = x + (index % width) as f64 * side;
            svg.rect(left, y + (index / width) as f64 * side, side, side, &colour);
        }
    }
    let (stroke, thickness, ink) = match tile.mark {
        Mark::Plain => (FAINT, 1.0, INK),
        Mark::Wrong => (WRONG, 2.5, WRONG),
    };
    svg.frame(x, y, TILE, TILE, stroke, thickness);
    svg.text(
        (x + 0.5 * TILE, y + TILE + 17.0),
        Anchor::Middle,
        12.0,
        ink,
        &tile.caption,
    );
}

fn colour(value: f64, colours: ColourMap) -> String {
    const PAPER: [u8; 3] = [255, 255, 255];
    match colours {
        ColourMap::Ink => blend(PAPER, [30, 30, 40], value),
        ColourMap::Diverging { limit } => {
            let strength = (value / limit).abs();
            let end = if value < 0.0 {
                [0, 82, 150]
            } else {
                [200, 80, 0]
            };
            blend(PAPER, end, strength)
        }
    }
}
