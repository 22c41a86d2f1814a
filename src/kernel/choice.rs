//! Which number of each diode goes into `z`, so that the matrices exist.

use faer::Mat;

use super::Dense;

/// A voltage or a current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    Voltage,
    Current,
}

/// How the diodes of a circuit are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All by their currents: `H` is an impedance matrix, ohm.
    Currents,
    /// All by their voltages: `H` is an admittance matrix, S.
    Voltages,
    /// Some by their currents, some by their voltages.
    Hybrid,
}

/// Below this a pivot is taken for zero. Pivots are those of a matrix of norm two at most, whose
/// rounding is of the order of 1e-15.
const SINGULAR: f64 = 1e-12;

/// In a hybrid choice a diode is taken by its current only where this leaves no pivot near zero.
const SMALL: f64 = 1e-6;

/// Chooses from the scattering matrix S (n x n) of the linear part seen from the diodes, for one
/// resistance at all of them. With `a` the incident waves, currents are `(I - S) a` and voltages
/// `(I + S) a` but for a factor, and a choice exists where the rows picked are regular.
///
/// All currents come first, then all voltages. A mixture always exists (Anderson, Newcomb and Zuidweg
/// 1966 on hybrid matrices): eliminating `s - S` with signs s, a pivot is `s_k - r_k`, and one of the
/// two signs makes it at least one in size.
pub fn choose(scattering: &Dense) -> (Choice, Vec<Variable>) {
    let n = scattering.rows();
    if is_regular(scattering, 1.0) {
        return (Choice::Currents, vec![Variable::Current; n]);
    }
    if is_regular(scattering, -1.0) {
        return (Choice::Voltages, vec![Variable::Voltage; n]);
    }
    (Choice::Hybrid, mixture(scattering))
}

/// Whether `sign - S` is regular, by elimination with complete pivoting.
fn is_regular(scattering: &Dense, sign: f64) -> bool {
    let n = scattering.rows();
    if n == 0 {
        return true;
    }
    let matrix = Mat::from_fn(n, n, |i, j| {
        let diagonal = if i == j { sign } else { 0.0 };
        diagonal - scattering[(i, j)]
    });
    let lu = matrix.full_piv_lu();
    let u = lu.U();
    (0..n).all(|k| u[(k, k)].abs() > SINGULAR)
}

fn mixture(scattering: &Dense) -> Vec<Variable> {
    let n = scattering.rows();
    let mut rest = Dense::from_fn(n, n, |i, j| -scattering[(i, j)]);
    let mut variables = Vec::with_capacity(n);
    for k in 0..n {
        let current = rest[(k, k)] + 1.0;
        let voltage = rest[(k, k)] - 1.0;
        let (variable, pivot) = if current.abs() >= SMALL {
            (Variable::Current, current)
        } else {
            (Variable::Voltage, voltage)
        };
        variables.push(variable);
        rest[(k, k)] = pivot;
        for i in k + 1..n {
            let factor = rest[(i, k)] / pivot;
            for j in k + 1..n {
                let product = factor * rest[(k, j)];
                rest[(i, j)] -= product;
            }
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_port_is_taken_by_its_voltage_and_a_short_by_its_current() {
        let one = |s: f64| choose(&Dense::from_fn(1, 1, |_, _| s));
        assert_eq!(one(0.5).0, Choice::Currents);
        assert_eq!(one(-1.0).0, Choice::Currents);
        assert_eq!(one(1.0).0, Choice::Voltages);
    }

    #[test]
    fn an_open_port_beside_a_shorted_one_makes_a_mixture() {
        let signs = [1.0, -1.0, 0.0];
        let s = Dense::from_fn(3, 3, |i, j| if i == j { signs[i] } else { 0.0 });
        let (choice, variables) = choose(&s);
        assert_eq!(choice, Choice::Hybrid);
        use Variable::{Current, Voltage};
        assert_eq!(variables, [Voltage, Current, Current]);
    }

    #[test]
    fn a_transformer_between_two_diodes_takes_one_of_each() {
        // v1 = v2, i2 = -i1: the waves change places.
        let s = Dense::from_fn(2, 2, |i, j| if i == j { 0.0 } else { 1.0 });
        let (choice, variables) = choose(&s);
        assert_eq!(choice, Choice::Hybrid);
        assert_ne!(variables[0], variables[1]);
    }
}
