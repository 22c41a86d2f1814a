//! SVG text to PNG bytes, with the fonts of the machine.

use std::sync::{Arc, OnceLock};

use resvg::{tiny_skia, usvg};

/// Why there is no PNG.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PngError {
    #[error(
        "a PNG needs a font, and this machine has none\n  help: install one (fonts-dejavu-core, for \
         instance), or write SVG"
    )]
    NoFont,
    #[error("the picture cannot be drawn as PNG: {reason}\n  help: write SVG")]
    Render { reason: String },
}

/// Pixels for each pixel of the SVG: as sharp as paper wants it.
const SHARPNESS: f32 = 2.0;

/// Longest side, pixels.
const LONGEST: f32 = 8000.0;

/// Families for text, the first that is there.
const FAMILIES: [&str; 4] = ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"];

/// The same picture as PNG, twice as large in pixels.
///
/// # Errors
/// [`PngError`]
pub fn png(svg: &str) -> Result<Vec<u8>, PngError> {
    let fault = |reason: String| PngError::Render { reason };
    let options = usvg::Options {
        fontdb: fonts()?,
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| fault(error.to_string()))?;
    let size = tree.size();
    let scale = SHARPNESS.min(LONGEST / size.width().max(size.height()));
    let pixels = |length: f32| ((length * scale).ceil() as u32).max(1);
    let (width, height) = (pixels(size.width()), pixels(size.height()));
    let mut map = tiny_skia::Pixmap::new(width, height)
        .ok_or_else(|| fault(format!("{width} x {height} pixels are too many")))?;
    let transform = tiny_skia::Transform::from_scale(scale, scale);
    resvg::render(&tree, transform, &mut map.as_mut());
    map.encode_png().map_err(|error| fault(error.to_string()))
}

/// The machine's fonts are looked for once.
fn fonts() -> Result<Arc<usvg::fontdb::Database>, PngError> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_system_fonts();
        let is_there = |family: &&str| {
            let query = usvg::fontdb::Query {
                families: &[usvg::fontdb::Family::Name(family)],
                ..Default::default()
            };
            fonts.query(&query).is_some()
        };
        if let Some(family) = FAMILIES.into_iter().find(|family| is_there(family)) {
            fonts.set_sans_serif_family(family);
        }
        Arc::new(fonts)
    });
    match fonts.is_empty() {
        true => Err(PngError::NoFont),
        false => Ok(fonts.clone()),
    }
}
