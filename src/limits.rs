//! How much memory a deck may ask for.

/// Bytes. Beyond this a deck is taken for a slip: ten levels of ten calls each are 10^10 elements.
const DEFAULT: u64 = 4 << 30;

/// Raises or lowers the limit, in GB.
pub const VARIABLE: &str = "OHMGRAD_MEMORY";

/// About what an element takes from the deck to the solution, bytes.
pub const ELEMENT: u64 = 1000;

/// About what an element of a circuit that a generator made takes in training, bytes.
pub const TRAINED_ELEMENT: u64 = 300;

/// The same where the columns of crossbars are one element each, with Adam and a batch.
pub const TRAINED_CROSSING: u64 = 72;

/// Bytes that a circuit may need.
pub fn memory() -> u64 {
    let text = std::env::var(VARIABLE).ok();
    let gigabytes = text.and_then(|t| t.trim().parse::<f64>().ok());
    match gigabytes.filter(|g| *g > 0.0) {
        Some(gigabytes) => (gigabytes * 1e9) as u64,
        None => DEFAULT,
    }
}
