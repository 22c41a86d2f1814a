//! `ohmgrad report`: training runs as a page that stands alone.

use std::path::{Path, PathBuf};

use crate::circuit::Circuit;
use crate::drawing::before_and_after;
use crate::learning::data::Targets;
use crate::learning::{Checkpoint, Evaluation, LoadedConfig, Trainer};
use crate::report::html::Page;

use super::run_folder::{LogLine, RunFolder};
use super::{Failure, emit, pictures, run_pictures};

const HELP: &str = "\
The page holds everything itself: no script, nothing that a browser would fetch. It follows a dark or a
light preference and prints. The trained circuits are solved for their test samples once more.

Examples:
  ohmgrad report runs/digits
  ohmgrad report runs/seed1 runs/seed2 runs/seed3 --out seeds.html
  ohmgrad train circuits/learning/moons.toml --out runs/moons --report";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Folders of training runs
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// File of the page [default: report.html in the folder of one run, or here for several]
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// Folder of the data, instead of the runs'
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Threads, 0 for all cores [default: 0]
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let pool = super::settings::pool(arguments.threads)?;
    pool.install(|| {
        let out = arguments.out.clone();
        let out = out.unwrap_or_else(|| match &arguments.runs[..] {
            [one] => one.join(NAME),
            _ => PathBuf::from(NAME),
        });
        write(&arguments.runs, arguments.data.as_deref(), &out)
    })
}

pub(super) const NAME: &str = "report.html";

/// Test samples of the largest loss that are shown.
const SHOWN_SAMPLES: usize = 40;
/// Epochs whose lines a table has; of longer runs some between the first and the last.
const SHOWN_EPOCHS: usize = 50;
/// Elements from which crossbars and histograms take longer than they tell.
const LARGEST_DRAWN: usize = 5_000_000;

/// Writes the page of these runs.
pub(super) fn write(runs: &[PathBuf], data: Option<&Path>, out: &Path) -> Result<(), Failure> {
    let mut records = Vec::with_capacity(runs.len());
    let mut title = String::from("Training");
    if let [one] = runs {
        title = format!("Training of {}", name_of(one));
    }
    let mut page = Page::new(&title);
    let runs_in_words = match runs.len() {
        1 => "one run".to_string(),
        count => format!("{count} runs"),
    };
    page.note(&format!(
        "{runs_in_words}; page by ohmgrad {} on {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    for run in runs {
        // Any file that a run has made is worth more than this page, unless it is one.
        let is_of_run = out.parent().is_some_and(|parent| is_same(parent, run));
        if is_of_run && out.exists() && out.extension().is_none_or(|e| e != "html") {
            return Err(Failure::arguments(format!(
                "error: --out would overwrite {} of the run\n  help: name a file that ends in .html",
                out.display()
            )));
        }
        records.push(Record::read(run, data)?);
    }
    if let [_, _, ..] = runs {
        compare(&mut page, runs, &records)?;
    }
    for record in &mut records {
        record.describe(&mut page)?;
    }
    emit(page.finish(), Some(out))?;
    super::say(&format!("{}\n", out.display()))
}

/// A run as its folder has it, and what the trained circuit makes of the test samples.
struct Record {
    name: String,
    log: Vec<LogLine>,
    config: String,
    trainer: Trainer,
    before: Circuit,
    test: Evaluation,
}

impl Record {
    fn read(run: &Path, data: Option<&Path>) -> Result<Self, Failure> {
        let folder = RunFolder::open(run)?;
        let mut loaded = LoadedConfig::read(&folder.config())?;
        let config = loaded.config.to_toml()?;
        if let Some(data) = data {
            loaded.take_data_from(data);
        }
        let mut trainer = Trainer::new(&loaded)?;
        let before = trainer.circuit().clone();
        let checkpoint = Checkpoint::read(&folder.checkpoint())?;
        trainer.take_parameters(checkpoint, &folder.checkpoint())?;
        let test = trainer.test()?;
        Ok(Self {
            name: name_of(run),
            log: folder.read_log()?,
            config,
            trainer,
            before,
            test,
        })
    }

    fn describe(&mut self, page: &mut Page) -> Result<(), Failure> {
        page.heading(2, &self.name);
        self.summary(page);
        if !self.log.is_empty() {
            page.heading(3, "Loss and accuracy");
            page.picture(
                &pictures::training_curve(&self.log),
                "Loss and accuracy over epochs, training and test samples",
            );
            self.convergence(page);
        }
        self.test_samples(page)?;
        if self.before.element_count() <= LARGEST_DRAWN {
            page.heading(3, "Conductances");
            page.picture(
                &run_pictures::histogram(&self.before, self.trainer.circuit()),
                "How many resistors have which conductance, before training and after",
            );
            if let Some(svg) = before_and_after(&self.before, self.trainer.circuit()) {
                page.picture(&svg, "Heat maps of the crossbars before training and after");
            }
        }
        page.heading(3, "Configuration");
        page.folded("Training file", &self.config);
        Ok(())
    }

    fn summary(&self, page: &mut Page) {
        let (trainer, circuit) = (&self.trainer, &self.before);
        let config = &trainer.config;
        let seconds: f64 = self.log.iter().map(|line| line.seconds).sum();
        let mut rows = vec![
            ["epochs".to_string(), trainer.epoch.to_string()],
            [
                "samples, training".to_string(),
                trainer.train.len().to_string(),
            ],
            ["samples, test".to_string(), trainer.test.len().to_string()],
        ];
        if self.test.samples > 0 {
            rows.push(["test loss".to_string(), format!("{:.4}", self.test.loss)]);
        }
        if let Some(accuracy) = self.accuracy() {
            rows.push(["test accuracy".to_string(), percent(accuracy)]);
        }
        rows.extend([
            ["time".to_string(), format!("{seconds:.1} s")],
            ["elements".to_string(), circuit.element_count().to_string()],
            ["nodes".to_string(), circuit.node_count().to_string()],
            [
                "trained parameters".to_string(),
                trainer.parameters.len().to_string(),
            ],
            ["solved by".to_string(), trainer.engine.method()],
            [
                "gradient".to_string(),
                trainer
                    .gradient_source()
                    .unwrap_or("hardware linearization".to_string()),
            ],
            ["seed".to_string(), config.seed.to_string()],
            ["batch".to_string(), config.batch.to_string()],
        ]);
        let rows = rows.iter().map(|row| &row[..]);
        page.table("What was trained, and how well it does", &[], rows);
    }

    fn convergence(&self, page: &mut Page) {
        let step = self.log.len().div_ceil(SHOWN_EPOCHS).max(1);
        let last = self.log.len() - 1;
        let shown = self.log.iter().enumerate();
        let shown = shown.filter(|(k, _)| k % step == 0 || *k == last);
        let or_none = |x: Option<String>| x.unwrap_or("–".to_string());
        let rows: Vec<Vec<String>> = shown
            .map(|(_, line)| {
                vec![
                    line.epoch.to_string(),
                    format!("{:.4}", line.loss),
                    or_none(line.train_accuracy.map(percent)),
                    or_none(line.test_loss.map(|x| format!("{x:.4}"))),
                    or_none(line.test_accuracy.map(percent)),
                    format!("{:.2}", line.iterations_per_sample),
                    format!("{:.2}", line.seconds),
                ]
            })
            .collect();
        page.table(
            "Convergence; steps are linear solves of Newton for each sample",
            &[
                "epoch",
                "loss",
                "accuracy",
                "test loss",
                "test accuracy",
                "steps",
                "seconds",
            ],
            rows.iter().map(Vec::as_slice),
        );
    }

    fn test_samples(&mut self, page: &mut Page) -> Result<(), Failure> {
        if self.test.samples == 0 {
            return Ok(());
        }
        page.heading(3, "Test samples");
        if self.trainer.train.features == 2 && self.trainer.has_classes() {
            let map = pictures::map_decisions(&mut self.trainer)?;
            page.picture(&map, "What the circuit decides over its two features");
        }
        if let Targets::Classes { count, .. } = &self.trainer.test.targets {
            let counts = self.test.confusion(&self.trainer.test);
            let heads: Vec<String> = (0..*count).map(|k| k.to_string()).collect();
            let heads: Vec<&str> = [""]
                .into_iter()
                .chain(heads.iter().map(String::as_str))
                .collect();
            let rows: Vec<Vec<String>> = counts
                .iter()
                .enumerate()
                .map(|(class, row)| {
                    let numbers = row.iter().map(usize::to_string);
                    [format!("class {class}")]
                        .into_iter()
                        .chain(numbers)
                        .collect()
                })
                .collect();
            page.table(
                "Confusion matrix: classes in rows, what they are read as in columns",
                &heads,
                rows.iter().map(Vec::as_slice),
            );
        }
        let worst = self.worst();
        match pictures::worst_tiles(&self.trainer, &self.test, &worst) {
            Some(svg) => page.picture(&svg, "Test samples of the largest loss, as images"),
            None => self.worst_table(page, &worst),
        }
        Ok(())
    }

    /// Test samples and their losses, the largest first.
    fn worst(&self) -> Vec<(usize, f64)> {
        let width = self.test.outputs.len() / self.test.samples.max(1);
        let mut derivative = vec![0.0; width];
        let losses = self.test.outputs.chunks(width.max(1)).enumerate();
        let targets = &self.trainer.test.targets;
        let mut losses: Vec<(usize, f64)> = losses
            .map(|(sample, outputs)| {
                let loss = &self.trainer.engine.loss;
                (
                    sample,
                    loss.evaluate(outputs, targets, sample, &mut derivative)
                        .loss,
                )
            })
            .collect();
        losses.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        losses.truncate(SHOWN_SAMPLES);
        losses
    }

    fn worst_table(&self, page: &mut Page, worst: &[(usize, f64)]) {
        let data = &self.trainer.test;
        let rows: Vec<Vec<String>> = worst
            .iter()
            .take(10)
            .map(|&(sample, loss)| {
                let features = data.input(sample).to_vec();
                let features: Vec<String> =
                    features.iter().take(6).map(|x| format!("{x:.3}")).collect();
                let class = match &data.targets {
                    Targets::Classes { labels, .. } => labels[sample].to_string(),
                    Targets::Values { .. } => "–".to_string(),
                };
                let read = self.test.predicted.get(sample).copied().flatten();
                let read = read.map_or("–".to_string(), |k| k.to_string());
                vec![
                    sample.to_string(),
                    features.join(" "),
                    class,
                    read,
                    format!("{loss:.4}"),
                ]
            })
            .collect();
        let heads = ["sample", "features", "class", "read as", "loss"];
        page.table(
            "Test samples of the largest loss",
            &heads,
            rows.iter().map(Vec::as_slice),
        );
    }

    fn accuracy(&self) -> Option<f64> {
        let has = self.test.predicted_classes && self.test.samples > 0;
        has.then_some(self.test.accuracy)
    }
}

/// Several runs side by side.
fn compare(page: &mut Page, runs: &[PathBuf], records: &[Record]) -> Result<(), Failure> {
    page.heading(2, "Comparison");
    page.picture(
        &run_pictures::curves_of_runs(runs)?,
        "Loss and accuracy over epochs, mean of the runs between the lowest and the highest",
    );
    let mut rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| {
            let seconds: f64 = record.log.iter().map(|line| line.seconds).sum();
            vec![
                record.name.clone(),
                record.trainer.config.seed.to_string(),
                record.trainer.epoch.to_string(),
                match record.test.samples {
                    0 => "–".to_string(),
                    _ => format!("{:.4}", record.test.loss),
                },
                record.accuracy().map_or("–".to_string(), percent),
                format!("{seconds:.1}"),
            ]
        })
        .collect();
    let accuracies: Option<Vec<f64>> = records.iter().map(Record::accuracy).collect();
    if let Some(accuracies) = accuracies {
        let count = accuracies.len() as f64;
        let mean = accuracies.iter().sum::<f64>() / count;
        let squares = accuracies.iter().map(|a| (a - mean).powi(2));
        let spread = (squares.sum::<f64>() / (count - 1.0).max(1.0)).sqrt();
        let mut row = vec![String::new(); 6];
        row[0] = "mean ± standard deviation".to_string();
        row[4] = format!("{:.2} ± {:.2} %", 100.0 * mean, 100.0 * spread);
        rows.push(row);
    }
    let heads = [
        "run",
        "seed",
        "epochs",
        "test loss",
        "test accuracy",
        "seconds",
    ];
    page.table("Runs", &heads, rows.iter().map(Vec::as_slice));
    Ok(())
}

fn is_same(a: &Path, b: &Path) -> bool {
    let a = if a.as_os_str().is_empty() {
        Path::new(".")
    } else {
        a
    };
    std::fs::canonicalize(a).is_ok_and(|a| std::fs::canonicalize(b).is_ok_and(|b| a == b))
}

fn percent(part: f64) -> String {
    format!("{:.2} %", 100.0 * part)
}

fn name_of(run: &Path) -> String {
    let name = std::fs::canonicalize(run).ok();
    let name = name
        .as_deref()
        .and_then(Path::file_name)
        .map(|n| n.to_string_lossy().into_owned());
    name.unwrap_or_else(|| run.display().to_string())
}
