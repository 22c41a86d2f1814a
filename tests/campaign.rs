//! A sample of the campaign: random circuits over many decades, each solved and verified independently
//! of the solver. All of it is `cargo run --release --example campaign -- --count 100000`.

#[path = "common/campaign.rs"]
mod campaign;

use std::time::Duration;

use campaign::Family;
use campaign::double_double::{DoubleDouble, Real};
use campaign::exact::{self, Comparison};
use campaign::summary::Summary;
use campaign::verify::verify;
use ohmgrad::analysis::{Solver, operating_point};
use ohmgrad::netlist::Netlist;

const LIMIT: Duration = Duration::from_secs(60);

fn check(family: Family, count: u64) {
    let summary = Summary::of(&campaign::run(family, 0, count, LIMIT, |_| {}));
    for measure in &summary.measures {
        let q = measure.quantiles;
        println!(
            "{family:?}: {}: median {:.1e}, 99.9 % {:.1e}, max {:.1e} ({})",
            measure.name, q.median, q.p999, q.max, q.seed
        );
    }
    println!("{family:?}: {} of {count} verified", summary.verified);
    let failures = summary.unsolved.iter().chain(&summary.unverified);
    let messages: Vec<String> = failures
        .map(|f| format!("{}: {}", f.circuit, f.message))
        .collect();
    assert!(summary.is_clean(), "{}", messages.join("\n"));
}

#[test]
fn random_monotone_circuits_are_solved_and_verified() {
    check(Family::Monotone, 2000);
}

#[test]
fn random_circuits_with_two_ports_are_solved_and_verified() {
    check(Family::Rtgd, 400);
}

/// Currents that balance at every node do not make potentials right where little current decides them,
/// nor do they balance at ground beside larger ones. A certificate in double precision must notice.
#[test]
fn currents_alone_do_not_certify_a_weakly_held_potential() {
    for seed in [4870, 18376, 18439, 29165, 32708, 35914] {
        let summary = Summary::of(&campaign::run(Family::Monotone, seed, 1, LIMIT, |_| {}));
        assert_eq!((summary.solved, summary.verified), (1, 1), "circuit {seed}");
    }
}

/// Exact numbers pass. A current changed by a millionth does not, unless nothing but currents a
/// thousand times larger tells of it.
#[test]
fn the_verifier_takes_exact_numbers_and_hardly_others() {
    let (mut exact_ones, mut changed_ones, mut caught) = (0, 0, 0);
    for family in [Family::Monotone, Family::Rtgd] {
        for seed in 0..150 {
            let circuit = family.wild(seed).build().expect("a sound circuit");
            let Ok(op) = operating_point(&circuit) else {
                continue;
            };
            if !matches!(exact::compare(&circuit, &op, 40), Comparison::Known(_)) {
                continue;
            }
            let exact = exact::rounded(&circuit, &op).expect("an exact solution");
            let verdict = verify(&circuit, &exact);
            assert!(verdict.is_strict(), "{}: {verdict:?}", circuit.title);
            exact_ones += 1;
            for k in 0..exact.currents.len() {
                let mut changed = exact.clone();
                changed.currents[k] *= 1.0 + 1e-6;
                if changed.currents[k].abs() > 1e-15 {
                    changed_ones += 1;
                    caught += usize::from(!verify(&circuit, &changed).is_strict());
                }
            }
        }
    }
    println!("{exact_ones} exact circuits, {caught} of {changed_ones} changed currents caught");
    assert!(exact_ones >= 100 && 1000 * caught >= 998 * changed_ones);
}

#[test]
fn numbers_of_32_digits_have_them() {
    let real = DoubleDouble::from;
    let third = real(1.0) / real(3.0);
    assert!((third * real(3.0) - real(1.0)).abs().value() < 1e-31);
    for x in [-600.0, -3.3, -0.2, 1e-9, 0.4, 1.0, 7.7, 650.0] {
        let round_trip = real(x).exp().ln() - real(x);
        assert!(
            round_trip.abs().value() <= 1e-30 * f64::max(1.0, x.abs()),
            "{x}"
        );
        let product = real(x).exp() * real(-x).exp() - real(1.0);
        assert!(product.abs().value() < 1e-29, "{x}: {product:?}");
    }
    let e = real(1.0).exp();
    let digits = real(std::f64::consts::E) + real(1.445_646_891_729_250_2e-16);
    assert!((e - digits).abs().value() < 1e-31);
    let root = real(2.0).sqrt();
    assert!((root * root - real(2.0)).abs().value() < 1e-31);
}

/// The same number gives the same circuit, and its deck reads back to it.
#[test]
fn circuits_are_given_by_their_numbers() {
    for family in [Family::Monotone, Family::Rtgd] {
        for seed in 0..50 {
            let deck = || {
                let circuit = family.wild(seed).build().expect("a sound circuit");
                circuit.to_spice().expect("a deck")
            };
            let text = deck();
            assert_eq!(text, deck());
            let netlist = Netlist::parse("random", &text).expect("a readable deck");
            let solver = Solver::from_netlist(&netlist).expect("a sound deck");
            assert_eq!(text, solver.circuit.to_spice().expect("a deck"));
        }
    }
}
