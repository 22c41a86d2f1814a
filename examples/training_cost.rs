//! How the cost of training grows with the number of conductances: deep resistive networks with one
//! hidden layer of ideal diodes, random images, batches of 256. A table, and a plot if asked for.
//!
//!     cargo run --release --example training_cost -- --largest 1e7 --plot training-cost.svg

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use ohmgrad::learning::data::{Dataset, Targets};
use ohmgrad::learning::{LoadedConfig, Trainer, TrainingConfig};
use ohmgrad::report::picture::{Panel, Series, curves};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Parser)]
struct Arguments {
    /// Conductances of the largest network
    #[arg(long, default_value_t = 1e6)]
    largest: f64,
    /// Batches to measure for each size, after two to warm up
    #[arg(long, default_value_t = 15)]
    batches: usize,
    /// SVG file
    #[arg(long)]
    plot: Option<PathBuf>,
}

const FEATURES: usize = 784;
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut points = Vec::new();
    println!(
        "{:>12} {:>10} {:>14} {:>22}",
        "conductances", "hidden", "samples/s", "ns/(sample g)"
    );
    let steps = (0..).map(|k| 1e4 * 10f64.powf(k as f64 / 2.0));
    let below = steps.take_while(|&wanted| wanted < 0.999 * arguments.largest);
    for wanted in below.chain([arguments.largest]) {
        let hidden = (wanted / (2 * FEATURES + 10) as f64).round() as usize;
        let count = hidden * (2 * FEATURES + 10);
        let rate = samples_per_second(hidden, arguments.batches)?;
        let each = 1e9 / (rate * count as f64);
        println!("{count:>12} {hidden:>10} {rate:>14.0} {each:>22.4}");
        points.push((count as f64, 1e6 / rate));
    }
    if let Some(path) = &arguments.plot {
        std::fs::write(path, plot(&points))?;
    }
    Ok(())
}

/// The median over batches.
fn samples_per_second(hidden: usize, batches: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let text = format!(
        "epochs = 1000\nbatch = {BATCH}\n[circuit.drn]\nlayers = [{FEATURES}, {hidden}, 10]\n\
         [features]\nsources = [\"vp*\"]\ncomplements = [\"vn*\"]\nscale = 300.0\n[outputs]\nread = \
         [\"v(out*)\"]\n[[parameters]]\nelements = \"r*\"\nmin = 1e-7\n[data.generator]\nname = \
         \"digits\"\nsamples = 20\ntest = 10\n"
    );
    let mut config = TrainingConfig::parse(Path::new("training_cost"), &text)?;
    let data = images(BATCH);
    let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    write_csv(&data, file.path())?;
    config.data = toml::from_str(&format!(
        "[csv]\ntrain = {:?}\ntest_fraction = 0.0",
        file.path()
    ))?;
    let folder = PathBuf::from(".");
    let mut trainer = Trainer::new(&LoadedConfig { config, folder })?;
    let mut times: Vec<f64> = (0..batches + 2)
        .map(|_| {
            let began = Instant::now();
            trainer.train_batch().map(|_| began.elapsed().as_secs_f64())
        })
        .collect::<Result<_, _>>()?;
    times.drain(..2);
    times.sort_by(f64::total_cmp);
    Ok(BATCH as f64 / times[times.len() / 2])
}

/// As sparse as those of MNIST.
fn images(samples: usize) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut pixel = || match rng.random_range(0.0..1.0) {
        p if p < 0.2 => rng.random_range(0.0..1.0),
        _ => 0.0,
    };
    Dataset {
        features: FEATURES,
        inputs: Vec::from_iter((0..samples * FEATURES).map(|_| pixel())).into(),
        targets: Targets::Classes {
            count: 10,
            labels: (0..samples).map(|k| k % 10).collect(),
        },
    }
}

fn write_csv(data: &Dataset, path: &Path) -> std::io::Result<()> {
    let Targets::Classes { labels, .. } = &data.targets else {
        return Ok(());
    };
    let row = |k: usize| {
        let numbers = data.input(k).to_vec();
        let numbers = numbers.iter().map(f64::to_string);
        numbers
            .chain([labels[k].to_string()])
            .collect::<Vec<_>>()
            .join(",")
    };
    let rows: Vec<String> = (0..data.len()).map(row).collect();
    std::fs::write(path, rows.join("\n") + "\n")
}

fn plot(points: &[(f64, f64)]) -> String {
    let logs = |f: &dyn Fn(f64, f64) -> f64| {
        points
            .iter()
            .map(|&(n, t)| (n.log10(), f(n, t).log10()))
            .collect()
    };
    let last = points.last().copied().unwrap_or((1.0, 1.0));
    let measured = Series {
        name: "measured".to_string(),
        points: logs(&|_, t| t),
        ..Series::default()
    };
    let linear = Series {
        name: "linear".to_string(),
        points: logs(&|n, _| last.1 * n / last.0),
        ..Series::default()
    };
    let panel = Panel {
        y_title: "log10 of us per sample".to_string(),
        series: vec![measured, linear],
        ..Panel::default()
    };
    curves(
        "Cost of training",
        "log10 of the number of conductances",
        &[panel],
    )
}
