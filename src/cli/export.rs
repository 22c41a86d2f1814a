//! `ohmgrad export`: a circuit, or what training made of it, for other programs and for building it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::circuit::{Circuit, Simulator};
use crate::learning::{Checkpoint, Evaluation, LoadedConfig, Trainer};
use crate::parts::{Bill, Series, Snapped, kicad_netlist, snap};
use crate::report;

use super::run_folder::RunFolder;
use super::{DeckArguments, Failure, emit, load};

#[derive(Debug, clap::Args)]
#[command(mut_arg("deck", |deck| deck
    .help("Folder of a training run, or a SPICE deck; `-` reads standard input")
    .value_name("RUN|DECK")))]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    /// What is written, and for whom
    #[arg(long = "for", value_enum, default_value = "ngspice")]
    reader: Reader,
    /// Give every resistor the nearest preferred value; for a training run, say what that costs in
    /// accuracy
    #[arg(long, value_enum, ignore_case = true)]
    series: Option<Series>,
    /// Folder of a training run's data, instead of the run's
    #[arg(long, value_name = "DIR", requires = "series")]
    data: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reader {
    /// Plain SPICE; elements that ngspice lacks are approximated, and a comment says how
    Ngspice,
    /// Every element as itself
    Ohmgrad,
    /// Netlist for a board of up to 2000 parts, KiCad 6 and newer
    Kicad,
    /// Bill of materials as CSV
    Bom,
    /// Bill of materials as JSON, with the accuracy before and after --series
    BomJson,
}

/// How a trained circuit does on its test samples.
struct Scores {
    before: Evaluation,
    after: Evaluation,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let source = &arguments.deck.deck;
    let (circuit, snapped, scores) = match source.is_dir() {
        true => from_run(arguments, source)?,
        false => from_deck(arguments)?,
    };
    if let (Some(series), Some(snapped)) = (arguments.series, &snapped) {
        crate::note!("{}", text(series, snapped, scores.as_ref()));
    }
    let bytes = match arguments.reader {
        Reader::Ngspice => deck(circuit, Simulator::Ngspice)?,
        Reader::Ohmgrad => deck(circuit, Simulator::Ohmgrad)?,
        Reader::Kicad => kicad_netlist(&circuit)?,
        Reader::Bom => report::bill::csv(&Bill::of(&circuit, arguments.series)),
        Reader::BomJson => bill_json(&circuit, arguments.series, snapped, scores.as_ref()),
    };
    emit(bytes, arguments.deck.out.as_deref())
}

fn from_deck(arguments: &Arguments) -> Result<(Circuit, Option<Snapped>, Option<Scores>), Failure> {
    if arguments.data.is_some() {
        return Err(Failure::arguments(format!(
            "error: --data is for the folder of a training run, and {} is a deck\n  help: leave it out, or \
             name the folder that `ohmgrad train` printed",
            arguments.deck.deck.display()
        )));
    }
    let mut circuit = load(&arguments.deck.deck)?.circuit;
    let snapped = arguments.series.map(|series| snap(&mut circuit, series));
    Ok((circuit, snapped, None))
}

/// The circuit with the values of the run's checkpoint.
fn from_run(
    arguments: &Arguments,
    run: &Path,
) -> Result<(Circuit, Option<Snapped>, Option<Scores>), Failure> {
    let folder = RunFolder::open(run)?;
    let mut loaded = LoadedConfig::read(&folder.config())?;
    let checkpoint = Checkpoint::read(&folder.checkpoint())?;
    if let Some(data) = &arguments.data {
        loaded.take_data_from(data);
    }
    let mut trainer = Trainer::new(&loaded)?;
    trainer.take_parameters(checkpoint, &folder.checkpoint())?;
    let mut circuit = trainer.circuit().clone();
    let Some(series) = arguments.series else {
        return Ok((circuit, None, None));
    };
    let snapped = snap(&mut circuit, series);
    if trainer.test.is_empty() {
        return Ok((circuit, Some(snapped), None));
    }
    let scores = Scores {
        before: trainer.test()?,
        after: trainer.evaluate_circuit(circuit.clone(), &trainer.test)?,
    };
    Ok((circuit, Some(snapped), Some(scores)))
}

fn deck(mut circuit: Circuit, simulator: Simulator) -> Result<String, Failure> {
    if circuit.commands.analyses.is_empty() {
        circuit.ask_for_operating_point();
    }
    Ok(circuit.to_spice_for(simulator)?)
}

fn text(series: Series, snapped: &Snapped, scores: Option<&Scores>) -> String {
    let percent = |x: f64| 100.0 * x;
    let mut text = format!(
        "values of {} for {} resistors: changes of {:.2} % on average, of {:.2} % at most",
        series.name(),
        snapped.resistors,
        percent(snapped.mean_change),
        percent(snapped.largest_change),
    );
    if snapped.kept > 0 {
        text += &format!("\nresistances of zero or below stay: {}", snapped.kept);
    }
    if let Some(Scores { before, after }) = scores {
        text += &format!(
            "\n{} test samples: loss {:.4} before, {:.4} after",
            before.samples, before.loss, after.loss
        );
        if before.predicted_classes {
            text += &format!(
                "; accuracy {:.2} % before, {:.2} % after",
                percent(before.accuracy),
                percent(after.accuracy)
            );
        }
    }
    text
}

/// `schema, series, snapped{}, before{}, after{}, parts[]`; what there is not is null.
fn bill_json(
    circuit: &Circuit,
    series: Option<Series>,
    snapped: Option<Snapped>,
    scores: Option<&Scores>,
) -> String {
    let score = |of: fn(&Scores) -> &Evaluation| {
        let evaluation = scores.map(of)?;
        let accuracy = evaluation.predicted_classes.then_some(evaluation.accuracy);
        let mut score = Map::new();
        score.insert("samples".into(), json!(evaluation.samples));
        score.insert("loss".into(), json!(evaluation.loss));
        score.insert("accuracy".into(), json!(accuracy));
        Some(Value::Object(score))
    };
    let snapped = snapped.map(|s| {
        json!({
            "resistors": s.resistors,
            "kept": s.kept,
            "mean_change": s.mean_change,
            "largest_change": s.largest_change,
        })
    });
    report::json::text(&json!({
        "schema": 1,
        "series": series.map(Series::name),
        "snapped": snapped,
        "before": score(|s| &s.before),
        "after": score(|s| &s.after),
        "parts": report::bill::json(&Bill::of(circuit, series)),
    }))
}
