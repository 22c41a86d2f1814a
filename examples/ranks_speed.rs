//! Training speed on ranks of MPI: samples/s, and what goes over the wire.
//!
//!     cargo build --release --features mpi --example ranks_speed
//!     mpirun -n 4 target/release/examples/ranks_speed circuits/mnist/drn-1h.toml --batch 256 --data DIR

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use ohmgrad::batch::Timing;
use ohmgrad::learning::{LoadedConfig, ParallelConfig, Trainer};
use ohmgrad::parallel::{Channel, Parts, Poll, Ranks, World, gather_words};

#[derive(Parser)]
struct Arguments {
    config: PathBuf,
    /// How long to measure
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Samples of a batch of all ranks, instead of the file's
    #[arg(long)]
    batch: Option<usize>,
    /// Blocks of a batch, instead of the file's
    #[arg(long)]
    blocks: Option<usize>,
    /// Folder of the data
    #[arg(long)]
    data: Option<PathBuf>,
    /// Threads of each rank
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Where the time of a batch goes on each rank, and how long each exchange takes
    #[arg(long)]
    phases: bool,
}

/// Counts what the ranks below send, and how long they take.
#[derive(Debug)]
struct Counted {
    ranks: World,
    messages: AtomicU64,
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
    /// Each exchange since the last look, s.
    exchanges: Mutex<Vec<f64>>,
}

impl Counted {
    fn count(&self, bytes: usize, began: Instant) {
        let exchanges = self.exchanges.lock();
        let mut exchanges = exchanges.unwrap_or_else(PoisonError::into_inner);
        exchanges.push(began.elapsed().as_secs_f64());
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let spent = began.elapsed().as_nanos() as u64;
        self.nanoseconds.fetch_add(spent, Ordering::Relaxed);
    }

    fn take(&self) -> [f64; 3] {
        [&self.messages, &self.bytes, &self.nanoseconds]
            .map(|n| n.swap(0, Ordering::Relaxed) as f64)
    }
}

impl Ranks for Counted {
    fn rank(&self) -> usize {
        self.ranks.rank()
    }

    fn size(&self) -> usize {
        self.ranks.size()
    }

    fn all_to_all(&self, sent: Parts<'_, &[u8]>, received: Parts<'_, &mut [u8]>) {
        let (began, bytes) = (Instant::now(), received.bytes.len());
        self.ranks.all_to_all(sent, received);
        self.count(bytes, began);
    }

    fn all_gather(&self, own: &[u8], received: Parts<'_, &mut [u8]>) {
        let (began, bytes) = (Instant::now(), received.bytes.len());
        self.ranks.all_gather(own, received);
        self.count(bytes, began);
    }

    fn post(&self, channel: Channel, own: &[u8]) {
        self.ranks.post(channel, own);
    }

    fn take(&self, channel: Channel, own: &[u8], received: Parts<'_, &mut [u8]>) {
        let (began, bytes) = (Instant::now(), received.bytes.len());
        self.ranks.take(channel, own, received);
        self.count(bytes, began);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let (_session, world) = World::begin().ok_or("MPI does not start")?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(arguments.threads);
    let pool = pool.build()?;
    let counted = Arc::new(Counted {
        ranks: world,
        messages: AtomicU64::default(),
        bytes: AtomicU64::default(),
        nanoseconds: AtomicU64::default(),
        exchanges: Mutex::default(),
    });
    Ok(pool.install(|| measure(&arguments, counted).map_err(|e| e.to_string()))?)
}

fn measure(arguments: &Arguments, counted: Arc<Counted>) -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = LoadedConfig::read(&arguments.config)?;
    if let Some(folder) = &arguments.data {
        loaded.take_data_from(folder);
    }
    let config = &mut loaded.config;
    config.batch = arguments.batch.unwrap_or(config.batch);
    let blocks = arguments.blocks.map(|blocks| ParallelConfig { blocks });
    config.parallel = blocks.or(config.parallel);
    let batch = config.batch;
    let mut trainer = Trainer::new(&loaded)?;
    trainer.spread(Some(counted.clone()));
    for _ in 0..3 {
        trainer.train_batch()?;
    }
    counted.take();
    let (began, mut times) = (Instant::now(), Vec::new());
    let mut phases: Vec<Vec<f64>> = Vec::new();
    let mut poll = Poll::default();
    loop {
        counted.exchanges.lock().map(|mut e| e.clear()).ok();
        let before = timing(&mut trainer);
        let start = Instant::now();
        // The evaluation at the end of an epoch is not measured.
        if trainer.train_batch()?.is_none() {
            times.push(start.elapsed());
            let spent = timing(&mut trainer).since(&before);
            let mut row = vec![start.elapsed().as_secs_f64()];
            let parts = [
                spent.inputs,
                spent.operating_points,
                spent.adjoint,
                spent.outer_products,
                spent.optimizer,
                spent.assembly,
            ];
            row.extend(parts.map(|part| part.as_secs_f64()));
            let exchanges = counted.exchanges.lock();
            row.extend(exchanges.unwrap_or_else(PoisonError::into_inner).iter());
            phases.push(row);
        }
        let is_over = began.elapsed() >= Duration::from_secs_f64(arguments.seconds);
        // As training asks for signals: nobody waits for the answers.
        if poll.hear(&*counted).is_some_and(|heard| heard[0] > 0.0) {
            break;
        }
        poll.say(&*counted, &[f64::from(u8::from(is_over))]);
    }
    if arguments.phases {
        print_phases(&counted, &phases);
    }
    times.sort_unstable();
    let seconds = |at: usize| times[at].as_secs_f64();
    let [messages, bytes, nanoseconds] = counted.take();
    if counted.rank() == 0 {
        let rate = |seconds: f64| batch as f64 / seconds;
        let count = times.len() as f64;
        println!(
            "{} ranks x {} threads, batch {batch}: {:.0} samples/s (median of {count}), {:.0} at best; per \
             batch of the first rank {:.1} messages, {:.3} MB received, {:.2} ms in MPI (waiting too)",
            counted.size(),
            arguments.threads,
            rate(seconds(times.len() / 2)),
            rate(seconds(times.len() / 20)),
            messages / count,
            bytes / count / 1e6,
            nanoseconds / count / 1e6,
        );
    }
    Ok(())
}

fn timing(trainer: &mut Trainer) -> Timing {
    let batches = trainer.engine.batches();
    batches.map_or(Timing::default(), |batches| batches.timing())
}

/// Medians over the batches, ms.
fn print_phases(counted: &Counted, phases: &[Vec<f64>]) {
    let count = phases.iter().map(Vec::len).min().unwrap_or(0);
    let median = |column: usize| {
        let mut values: Vec<f64> = phases.iter().map(|row| 1e3 * row[column]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let own: Vec<f64> = (0..count).map(median).collect();
    let all = gather_words(counted, &own);
    if counted.rank() == 0 {
        println!(
            "ms of a batch: all, inputs, operating points, adjoint, products, optimizer, assembly; exchanges"
        );
        for own in all.chunks(count.max(1)) {
            let text: Vec<String> = own.iter().map(|ms| format!("{ms:.2}")).collect();
            println!("  {}", text.join(" "));
        }
    }
}
