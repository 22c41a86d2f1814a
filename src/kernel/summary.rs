//! What is told of a kernel equation besides its matrices.

use super::{CircuitKernel, KernelError, Method, Spectrum, Step};

/// Eigenvalues and steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Of `H` as it is.
    pub spectrum: Spectrum,
    /// Of the equilibrated `H`; its definiteness is the one to believe.
    pub equilibrated: Spectrum,
    /// The step of each method on the equilibrated equation; none for very large ones.
    pub steps: Vec<(Method, Step)>,
}

/// The search for steps costs some fifty decompositions.
const MOST_UNKNOWNS: usize = 250;

impl CircuitKernel {
    /// # Errors
    /// [`KernelError::Range`] if numbers overflow.
    pub fn summary(&self) -> Result<Summary, KernelError> {
        let (scaled, _) = self.kernel.equilibrated();
        let equilibrated = Spectrum::of(&scaled)?;
        let n = self.kernel.order();
        let steps = match n {
            1..=MOST_UNKNOWNS => Method::ALL
                .iter()
                .map(|&method| (method, Step::choose(&scaled, &equilibrated, method)))
                .collect(),
            _ => Vec::new(),
        };
        Ok(Summary {
            spectrum: Spectrum::of(&self.kernel)?,
            equilibrated,
            steps,
        })
    }
}
