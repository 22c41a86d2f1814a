//! The constants of a diode whose current is a single exponential: what a closed form needs.

use super::Shockley;
use super::parameters::DiodeLevel;

/// `i = IS (exp(u/(N Vt)) - 1) + GMIN u`, behind RS: at the diode's temperature and with its area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialDiode {
    /// IS, A.
    pub scale: f64,
    /// N Vt, V.
    pub thermal: f64,
    /// S.
    pub gmin: f64,
    /// RS, ohm.
    pub series: f64,
    /// The law holds for junction voltages `u` between these, V: ngspice's diode has another one below
    /// -3 N Vt, and far beyond any current the exponential is continued linearly.
    pub range: (f64, f64),
}

impl Shockley {
    /// The constants of the law, if it is a single exponential on a range of voltages.
    pub fn exponential(&self) -> Option<ExponentialDiode> {
        let junction = &self.junction;
        let forward = &junction.area.forward;
        let lowest = match junction.extras.as_deref() {
            None => -3.0 * forward.thermal,
            Some(extras) => {
                let is_plain = extras.level == DiodeLevel::Two
                    && extras.forward_knee.is_none()
                    && extras.recombination.is_none()
                    && extras.breakdown_voltage.is_none();
                is_plain.then_some(f64::NEG_INFINITY)?
            }
        };
        Some(ExponentialDiode {
            scale: forward.scale,
            thermal: forward.thermal,
            gmin: junction.gmin,
            series: junction.series,
            range: (lowest, forward.largest * forward.thermal),
        })
    }
}
