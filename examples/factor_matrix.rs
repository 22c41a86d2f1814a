//! Time of one factorization and one solution of a matrix that `ohmgrad op DECK --jacobian FILE.mtx` wrote,
//! medians in milliseconds. `benches/peers/suitesparse.c` does the same with CHOLMOD and KLU.
//!
//!     RAYON_NUM_THREADS=1 cargo run --release --example factor_matrix -- FILE.mtx

use std::path::PathBuf;
use std::time::Instant;

use ohmgrad::linear::{Method, Symbolic, Way};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("usage: factor_matrix FILE.mtx")?,
    );
    let text = std::io::BufRead::lines(std::io::BufReader::new(std::fs::File::open(&path)?)).next();
    let is_symmetric = text
        .transpose()?
        .is_some_and(|head| head.contains("symmetric"));
    let whole = sprs::io::read_matrix_market::<f64, usize, _>(&path)?;
    let method = if is_symmetric {
        Method::Cholesky
    } else {
        Method::Lu
    };
    let mut entries = sprs::TriMat::new(whole.shape());
    for (value, (row, column)) in whole.triplet_iter() {
        if !is_symmetric || row >= column {
            entries.add_triplet(row, column, *value);
        }
    }
    let matrix = entries.to_csc();
    let began = Instant::now();
    let symbolic = Symbolic::analyze(&matrix, method, Way::Best)?;
    let analysis = 1e3 * began.elapsed().as_secs_f64();
    let mut factor = symbolic.factor();
    let mut values = matrix.data().to_vec();
    let (mut factors, mut solutions) = (Vec::new(), Vec::new());
    while factors.len() < 25 && factors.iter().sum::<f64>() < 5e3 {
        // Numbers that are those of the last factorization would not be factored again.
        values.iter_mut().for_each(|value| *value *= 1.0 + 1e-9);
        let began = Instant::now();
        factor.factor(&values)?;
        factors.push(1e3 * began.elapsed().as_secs_f64());
        let mut b = vec![1.0; matrix.rows()];
        let began = Instant::now();
        factor.solve(&mut b);
        solutions.push(1e3 * began.elapsed().as_secs_f64());
    }
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (unknowns, threads) = (matrix.rows(), rayon::current_num_threads());
    let [factor, solution] = [median(&mut factors), median(&mut solutions)];
    println!(
        "ohmgrad {method:?}, {unknowns} unknowns, {threads} threads: analysis {analysis:.4}  factor {factor:.4}  solve {solution:.4}"
    );
    Ok(())
}
