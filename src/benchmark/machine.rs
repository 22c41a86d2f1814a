//! What one core of this machine can do: bandwidth and arithmetic.

use std::hint::black_box;
use std::time::Instant;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use serde::Serialize;

/// The roof over every kernel (Williams, Waterman and Patterson 2009), on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// Bytes/s of `a = b + s c` over vectors that no cache holds (McCalpin's triad: 24 bytes each).
    pub bandwidth: f64,
    /// Flops/s of a product of two dense matrices.
    pub rate: f64,
}

/// Numbers of each vector: 192 MB in all.
const TRIAD: usize = 8 << 20;
const ORDER: usize = 1024;
const REPETITIONS: usize = 5;

impl Machine {
    /// The best of five runs of each; a second or so.
    pub fn measure() -> Self {
        Self {
            bandwidth: (24 * TRIAD) as f64 / triad(),
            rate: 2.0 * (ORDER as f64).powi(3) / product(),
        }
    }

    /// Seconds that the machine needs at least for so much arithmetic and traffic.
    pub fn least(&self, flops: f64, bytes: f64) -> f64 {
        (flops / self.rate).max(bytes / self.bandwidth)
    }
}

fn best(mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let began = Instant::now();
        run();
        began.elapsed().as_secs_f64()
    };
    (0..REPETITIONS).map(time).fold(f64::INFINITY, f64::min)
}

fn triad() -> f64 {
    let (mut a, b, c) = (vec![0.0; TRIAD], vec![1.0; TRIAD], vec![2.0; TRIAD]);
    best(|| {
        let s = black_box(3.0);
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = b + s * c;
        }
        black_box(&mut a);
    })
}

fn product() -> f64 {
    let a = Mat::from_fn(ORDER, ORDER, |i, j| 1.0 / (1 + i + j) as f64);
    let mut c = Mat::<f64>::zeros(ORDER, ORDER);
    best(|| {
        matmul(c.as_mut(), Accum::Replace, &a, &a, 1.0, Par::Seq);
        black_box(&mut c);
    })
}
