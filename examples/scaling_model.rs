//! A model of the time of an epoch on up to 1,024 ranks, one core each, of networks 1568-H-10: measured
//! compute, exact message sizes, published links. What it assumes is in docs/parallel.md.
//!
//!     cargo run --release --example scaling_model -- --plot docs/pictures/scaling.svg

use std::path::PathBuf;

use clap::Parser;
use ohmgrad::report::picture::{Panel, Series, curves};

#[derive(Parser)]
struct Arguments {
    /// Measured time of a batch of 256 of 1568-1024-10 on one rank of one thread, ms
    #[arg(long, default_value_t = 50.1)]
    batch_256: f64,
    /// The same of a batch of 1024, ms
    #[arg(long, default_value_t = 135.8)]
    batch_1024: f64,
    /// SVG file
    #[arg(long)]
    plot: Option<PathBuf>,
}

/// A link between any two ranks.
struct Link {
    name: &'static str,
    /// Of a small message, s.
    latency: f64,
    /// Into a rank, bytes/s.
    bandwidth: f64,
}

const LINKS: [Link; 3] = [
    Link {
        name: "10 GbE",
        latency: 20e-6,
        bandwidth: 1.25e9,
    },
    Link {
        name: "100 GbE",
        latency: 2e-6,
        bandwidth: 12.5e9,
    },
    Link {
        name: "InfiniBand HDR",
        latency: 1e-6,
        bandwidth: 25e9,
    },
];

/// Part of the time of a sample that is split by nodes; the rest is split by samples.
const BY_NODES: f64 = 0.6;

/// Every rank converts the features of all samples: s for each number.
const CONVERSION: f64 = 0.5e-9;

const SAMPLES: f64 = 60_000.0;
const COLUMNS: f64 = 784.0;
const OUTPUTS: f64 = 10.0;

/// Hidden nodes, a name, and the samples of a batch of so many ranks.
type Case = (f64, &'static str, fn(f64) -> f64);

struct Compute {
    /// s for each sample, and for each batch whatever its size, of 1024 hidden nodes.
    sample: f64,
    batch: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let sample = (arguments.batch_1024 - arguments.batch_256) / 768e3;
    let compute = Compute {
        sample,
        batch: arguments.batch_256 / 1e3 - 256.0 * sample,
    };
    let cases: [Case; 3] = [
        (1024.0, "1568-1024-10, batch 256", |_| 256.0),
        (1024.0, "1568-1024-10, batch 256 for each rank", |ranks| {
            256.0 * ranks
        }),
        (32768.0, "1568-32768-10, batch 16384", |_| 16384.0),
    ];
    let mut panels = Vec::new();
    for (hidden, name, batch) in cases {
        println!("{name}: seconds of an epoch (efficiency)");
        println!(
            "{:>6} {:>22} {:>22} {:>22}",
            "ranks", LINKS[0].name, LINKS[1].name, LINKS[2].name
        );
        let mut series: Vec<Series> = (LINKS.iter())
            .map(|link| Series {
                name: link.name.to_string(),
                ..Series::default()
            })
            .collect();
        for power in 0..=10 {
            let ranks = f64::from(1 << power);
            print!("{ranks:>6}");
            for (link, series) in LINKS.iter().zip(&mut series) {
                let time = epoch(&compute, hidden, ranks, batch(ranks), link);
                let one = epoch(&compute, hidden, 1.0, batch(1.0), link);
                print!(" {time:>13.2} ({:>5.2})", one / (ranks * time));
                series.points.push((f64::from(power), time.log10()));
            }
            println!();
        }
        panels.push(Panel {
            y_title: format!("log10 of s: {name}"),
            series,
            ..Panel::default()
        });
    }
    if let Some(path) = &arguments.plot {
        let title = "Time of an epoch of 60,000 samples: a model";
        std::fs::write(path, curves(title, "log2 of the number of ranks", &panels))?;
    }
    Ok(())
}

/// Time of an epoch, s.
fn epoch(compute: &Compute, hidden: f64, ranks: f64, batch: f64, link: &Link) -> f64 {
    // Tiles of 128 nodes and blocks of 16 samples are not cut.
    let tiles = (hidden / 128.0).ceil();
    let blocks = (batch / 16.0).ceil();
    let nodes = 1.0 / (tiles / (tiles / ranks).ceil());
    let samples = 1.0 / (blocks / (blocks / ranks).ceil());
    let size = hidden / 1024.0;
    let own = compute.sample * batch * size;
    let work = own * (BY_NODES * nodes + (1.0 - BY_NODES) * samples)
        + compute.batch * size * nodes
        + CONVERSION * batch * COLUMNS;
    let others = (ranks - 1.0) / ranks;
    // Received by a rank: currents, states, products of the last layer, sums of nodes, losses and outputs.
    let bytes = 8.0 * batch * samples * hidden * others
        + 16.0 * batch * (hidden * nodes + OUTPUTS) * others
        + 8.0 * OUTPUTS * hidden
        + 32.0 * (hidden + OUTPUTS)
        + 8.0 * batch * (OUTPUTS + 3.0);
    // Two exchanges of everyone with everyone, five gathers along a tree.
    let messages = 2.0 * (ranks - 1.0) + 5.0 * ranks.log2().ceil();
    let wire = match ranks > 1.0 {
        true => messages * link.latency + bytes / link.bandwidth,
        false => 0.0,
    };
    SAMPLES / batch * (work + wire)
}
