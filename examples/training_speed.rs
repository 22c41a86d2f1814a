//! Training speed of a training file: samples/s (median over repetitions) and where the time goes.
//!
//!     cargo run --release --example training_speed -- circuits/mnist/drn-xs.toml --seconds 5

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use ohmgrad::batch::Accuracy;
use ohmgrad::learning::{LoadedConfig, Trainer};

#[derive(Parser)]
struct Arguments {
    config: PathBuf,
    /// How long to measure
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Samples of a batch, instead of the file's
    #[arg(long)]
    batch: Option<usize>,
    /// sgd, momentum or adam, instead of the file's
    #[arg(long)]
    optimizer: Option<String>,
    /// f64 or f32, instead of the file's
    #[arg(long)]
    precision: Option<String>,
    /// What the last sweep of relaxation may change, in parts of the largest potential
    #[arg(long)]
    tolerance: Option<f64>,
    /// Measure operating points of the test samples, without gradients
    #[arg(long)]
    points: bool,
    /// Compare the gradient of the first batch with the exact one
    #[arg(long)]
    cosine: bool,
    /// Folder of the data
    #[arg(long)]
    data: Option<PathBuf>,
    /// Samples of training data to read, of MNIST-like files
    #[arg(long)]
    limit: Option<usize>,
    /// Threads, 0 for all cores
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(arguments.threads);
    pool.build()?
        .install(|| measure(&arguments).map_err(|e| e.to_string()))?;
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = LoadedConfig::read(&arguments.config)?;
    if let Some(folder) = &arguments.data {
        loaded.take_data_from(folder);
    }
    let config = &mut loaded.config;
    config.batch = arguments.batch.unwrap_or(config.batch);
    if let Some(optimizer) = &arguments.optimizer {
        config.optimizer.kind = serde_json::from_value(optimizer.as_str().into())?;
    }
    if let Some(precision) = &arguments.precision {
        config.precision = serde_json::from_value(precision.as_str().into())?;
    }
    config.tolerance = arguments.tolerance.or(config.tolerance);
    if let ohmgrad::learning::DataConfig::Idx { limit, .. } = &mut config.data {
        *limit = arguments.limit.or(*limit);
    }
    if arguments.cosine {
        println!("cosine with the exact gradient: {:.9}", cosine(&loaded)?);
        return Ok(());
    }
    let began = Instant::now();
    let mut trainer = Trainer::new(&loaded)?;
    let batch = trainer.config.batch;
    println!(
        "{} parameters, batch {batch}, {:?}, {}; {:.1} s to compile",
        trainer.parameters.len(),
        trainer.config.precision,
        trainer.engine.method(),
        began.elapsed().as_secs_f64(),
    );
    if arguments.points {
        return points(&mut trainer, arguments.seconds);
    }
    for _ in 0..3 {
        trainer.train_batch()?;
    }
    let before = trainer.engine.batches().map(|b| b.timing());
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < Duration::from_secs_f64(arguments.seconds) || times.len() < 3 {
        let one = Instant::now();
        let ended_epoch = trainer.train_batch()?.is_some();
        if !ended_epoch {
            times.push(one.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    let rate = |time: f64| batch as f64 / time;
    let (median, best) = (times[times.len() / 2], times[0]);
    println!(
        "{:.0} samples/s (median of {} batches), {:.0} at best",
        rate(median),
        times.len(),
        rate(best)
    );
    if let (Some(before), Some(after)) = (before, trainer.engine.batches().map(|b| b.timing())) {
        let spent = after.since(&before);
        let share = |time: Duration| time.as_secs_f64() / times.len() as f64 * 1e6;
        println!(
            "per batch, us (summed over threads where marked *): assembly {:.0}, inputs {:.0}, \
             operating points* {:.0}, adjoint* {:.0}, outer products {:.0}, optimizer {:.0}; \
             {:.2} steps",
            share(spent.assembly),
            share(spent.inputs),
            share(spent.operating_points),
            share(spent.adjoint),
            share(spent.outer_products),
            share(spent.optimizer),
            spent.steps as f64 / spent.blocks.max(1) as f64,
        );
    }
    Ok(())
}

/// Operating points of the test samples again and again.
fn points(trainer: &mut Trainer, seconds: f64) -> Result<(), Box<dyn std::error::Error>> {
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < Duration::from_secs_f64(seconds) || times.len() < 3 {
        let one = Instant::now();
        trainer.test()?;
        times.push(one.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let rate = |time: f64| trainer.test.len() as f64 / time;
    println!(
        "{:.0} operating points/s (median of {} times {}), {:.0} at best",
        rate(times[times.len() / 2]),
        times.len(),
        trainer.test.len(),
        rate(times[0])
    );
    Ok(())
}

/// Cosine of the angle between the gradients, to the conductances, of the first batch as the file has
/// it computed and in double precision to the last digit.
fn cosine(loaded: &LoadedConfig) -> Result<f64, Box<dyn std::error::Error>> {
    let gradient = |accuracy: Accuracy| -> Result<Vec<f64>, Box<dyn std::error::Error>> {
        let mut loaded = loaded.clone();
        loaded.config.precision = accuracy.precision;
        loaded.config.tolerance = accuracy.tolerance;
        let mut trainer = Trainer::new(&loaded)?;
        let indices: Vec<usize> = (0..loaded.config.batch.min(trainer.train.len())).collect();
        let mut gradient = vec![0.0; trainer.parameters.len()];
        let (engine, parameters) = (&mut trainer.engine, &mut trainer.parameters);
        engine.gradient(&trainer.train, &indices, parameters, &mut gradient)?;
        let slopes = (0..gradient.len()).map(|k| parameters.slope_of_quantity(k));
        Ok(gradient
            .iter()
            .zip(slopes)
            .map(|(g, slope)| g / slope)
            .collect())
    };
    let (a, b) = (
        gradient(loaded.config.accuracy())?,
        gradient(Accuracy::default())?,
    );
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    Ok(dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt())
}
