//! Which pictures a training run deserves, and the numbers for them.

use crate::circuit::NodeId;
use crate::device::Device;
use crate::learning::data::{Dataset, Targets};
use crate::learning::{Evaluation, SampleError, Trainer};
use crate::report::picture::{
    ColourMap, ConfusionMatrix, DecisionMap, Mark, Panel, Series, Tile, TileGrid, confusion_matrix,
    curves, decision_map, tile_grid,
};

use super::run_folder::LogLine;

/// Cells of a decision map along each axis.
const RASTER: usize = 90;
const SHOWN_SAMPLES: usize = 40;
const SHOWN_NODES: usize = 40;

/// File names and SVG texts.
/// `test` is how the trained circuit does on the test samples.
pub fn draw(
    trainer: &mut Trainer,
    log: &[LogLine],
    test: &Evaluation,
) -> Result<Vec<(String, String)>, SampleError> {
    let mut pictures = vec![("loss.svg".to_string(), training_curve(log))];
    if trainer.train.features == 2 && trainer.has_classes() {
        pictures.push(("decision.svg".to_string(), map_decisions(trainer)?));
    }
    if let Some(side) = image_side(trainer.train.features) {
        pictures
            .extend(sample_tiles(trainer, test, side).map(|svg| ("samples.svg".to_string(), svg)));
        pictures.extend(weight_tiles(trainer, side).map(|svg| ("weights.svg".to_string(), svg)));
    }
    if let (Targets::Classes { count: 3.., .. }, false) =
        (&trainer.test.targets, trainer.test.is_empty())
    {
        pictures.push(("confusion.svg".to_string(), confusion(trainer, test)));
    }
    Ok(pictures)
}

pub fn training_curve(log: &[LogLine]) -> String {
    let series = |name: &str, value: &dyn Fn(&LogLine) -> Option<f64>| Series {
        name: name.to_string(),
        points: log
            .iter()
            .filter_map(|l| Some((l.epoch as f64, value(l)?)))
            .collect(),
        ..Series::default()
    };
    let loss = Panel {
        y_title: "loss".to_string(),
        series: vec![
            series("train", &|l| Some(l.loss)),
            series("test", &|l| l.test_loss),
        ],
        ..Panel::default()
    };
    let percent = |x: Option<f64>| x.map(|a| 100.0 * a);
    let accuracy = Panel {
        y_title: "accuracy, %".to_string(),
        series: vec![
            series("train", &|l| percent(l.train_accuracy)),
            series("test", &|l| percent(l.test_accuracy)),
        ],
        ..Panel::default()
    };
    let mut panels = vec![loss];
    if accuracy.series.iter().any(|s| !s.points.is_empty()) {
        panels.push(accuracy);
    }
    for panel in &mut panels {
        panel.series.retain(|s| !s.points.is_empty());
    }
    curves("Training", "epoch", &panels)
}

/// Solves the circuit on a raster of the two features.
pub fn map_decisions(trainer: &mut Trainer) -> Result<String, SampleError> {
    let shown = if trainer.test.is_empty() {
        &trainer.train
    } else {
        &trainer.test
    };
    let (x, y) = (range(shown, 0), range(shown, 1));
    let at =
        |(low, high): (f64, f64), k: usize| low + (high - low) * (k as f64 + 0.5) / RASTER as f64;
    let cells = (0..RASTER * RASTER).flat_map(|k| [at(x, k % RASTER), at(y, k / RASTER)]);
    let raster = Dataset {
        features: 2,
        inputs: cells.collect::<Vec<f64>>().into(),
        targets: Targets::Classes {
            count: trainer.train.targets.width(),
            labels: vec![0; RASTER * RASTER],
        },
    };
    let samples = labelled(shown);
    let evaluation = trainer.evaluate(&raster)?;
    let width = trainer.engine.ports.outputs.len().max(1);
    let decide = |outputs: &[f64]| {
        let probabilities = trainer.engine.loss.probabilities(outputs);
        let best = probabilities
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or((0, 0.0), |(k, p)| (k, *p))
    };
    Ok(decision_map(&DecisionMap {
        title: "What the circuit decides".to_string(),
        x_title: "feature 0".to_string(),
        y_title: "feature 1".to_string(),
        x,
        y,
        columns: RASTER,
        rows: RASTER,
        cells: evaluation.outputs.chunks(width).map(decide).collect(),
        samples,
    }))
}

fn labelled(data: &Dataset) -> Vec<(f64, f64, usize)> {
    let Targets::Classes { labels, .. } = &data.targets else {
        return Vec::new();
    };
    let point = |(k, label): (usize, &usize)| (data.input(k).get(0), data.input(k).get(1), *label);
    labels.iter().enumerate().map(point).collect()
}

/// Range of a feature with a margin.
fn range(data: &Dataset, feature: usize) -> (f64, f64) {
    let values = (0..data.len()).map(|k| data.input(k).get(feature));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    if !(high > low) {
        return (low - 1.0, low + 1.0);
    }
    let margin = 0.1 * (high - low);
    (low - margin, high + margin)
}

/// Side of a square image, if features make one.
fn image_side(features: usize) -> Option<usize> {
    let side = (features as f64).sqrt().round() as usize;
    (side >= 4 && side * side == features).then_some(side)
}

/// The first test samples, the misread ones among them framed.
fn sample_tiles(trainer: &Trainer, test: &Evaluation, side: usize) -> Option<String> {
    let Targets::Classes { labels, .. } = &trainer.test.targets else {
        return None;
    };
    let right = |k: usize| test.predicted[k] == Some(labels[k]);
    let wrong = (0..labels.len())
        .filter(|k| !right(*k))
        .take(SHOWN_SAMPLES / 4);
    let wrong: Vec<usize> = wrong.collect();
    let plain = (0..labels.len())
        .filter(|k| right(*k))
        .take(SHOWN_SAMPLES - wrong.len());
    let tiles: Vec<Tile> = plain
        .chain(wrong)
        .map(|k| Tile {
            width: side,
            pixels: trainer.test.input(k).to_vec(),
            caption: match test.predicted[k] {
                Some(read) if right(k) => format!("{read}"),
                Some(read) => format!("{} read as {read}", labels[k]),
                None => String::new(),
            },
            mark: if right(k) { Mark::Plain } else { Mark::Wrong },
        })
        .collect();
    (!tiles.is_empty()).then(|| {
        tile_grid(&TileGrid {
            title: "Test samples and what the circuit reads".to_string(),
            subtitle: format!(
                "{} samples, {:.1} % read right; some of the others are framed",
                labels.len(),
                100.0 * test.accuracy
            ),
            columns: 10,
            tiles,
            colours: ColourMap::Ink,
        })
    })
}

/// Test samples with their losses, as images where features make such.
pub fn worst_tiles(trainer: &Trainer, test: &Evaluation, worst: &[(usize, f64)]) -> Option<String> {
    let side = image_side(trainer.train.features)?;
    let Targets::Classes { labels, .. } = &trainer.test.targets else {
        return None;
    };
    let tile = |&(k, loss): &(usize, f64)| {
        let read = test.predicted[k];
        let (right, label) = (read == Some(labels[k]), labels[k]);
        Tile {
            width: side,
            pixels: trainer.test.input(k).to_vec(),
            caption: match read.filter(|_| !right) {
                Some(read) => format!("{label} as {read}: {loss:.1}"),
                None => format!("{label}: {loss:.1}"),
            },
            mark: if right { Mark::Plain } else { Mark::Wrong },
        }
    };
    Some(tile_grid(&TileGrid {
        title: "Test samples of the largest loss".to_string(),
        subtitle: "class, what it is read as where that is wrong (framed), loss".to_string(),
        columns: 8,
        tiles: worst.iter().map(tile).collect(),
        colours: ColourMap::Ink,
    }))
}

/// Conductance that leads each feature to a node: that of its source less that of its complement.
fn weight_tiles(trainer: &Trainer, side: usize) -> Option<String> {
    let weights = node_weights(trainer);
    let limit = weights
        .iter()
        .flat_map(|(_, w)| w)
        .fold(0.0f64, |m, w| m.max(w.abs()));
    if weights.is_empty() || limit == 0.0 {
        return None;
    }
    let circuit = &trainer.engine.circuit;
    let tiles = weights
        .into_iter()
        .take(SHOWN_NODES)
        .map(|(node, pixels)| Tile {
            width: side,
            pixels,
            caption: circuit.node_name(node).to_string(),
            mark: Mark::Plain,
        });
    Some(tile_grid(&TileGrid {
        title: "What each node listens to".to_string(),
        subtitle: format!(
            "conductance from x less conductance from -x, orange positive, full colour at {}",
            crate::units::format_engineering(0.6 * limit, 2, "S")
        ),
        columns: 8,
        tiles: tiles.collect(),
        colours: ColourMap::Diverging { limit: 0.6 * limit },
    }))
}

fn node_weights(trainer: &Trainer) -> Vec<(NodeId, Vec<f64>)> {
    let circuit = &trainer.engine.circuit;
    let mut feature_of = vec![None; circuit.node_count()];
    for (source, feature, sign) in trainer.engine.ports.drives() {
        let [p, n] = circuit
            .element(trainer.engine.outline.source_elements()[source])
            .port;
        if n == NodeId::GROUND {
            feature_of[p.index()] = Some((feature, sign));
        }
    }
    let mut weights: Vec<Option<Vec<f64>>> = vec![None; circuit.node_count()];
    for (_, element) in circuit.elements() {
        let Device::Resistor { resistance } = element.device else {
            continue;
        };
        let [p, n] = element.port;
        for (from, to) in [(p, n), (n, p)] {
            if let (Some((feature, sign)), None) =
                (feature_of[from.index()], feature_of[to.index()])
            {
                let row =
                    weights[to.index()].get_or_insert_with(|| vec![0.0; trainer.train.features]);
                row[feature] += sign / resistance;
            }
        }
    }
    let found = circuit.nodes().zip(weights).skip(1);
    found
        .filter_map(|((id, _), weights)| Some((id, weights?)))
        .collect()
}

fn confusion(trainer: &Trainer, test: &Evaluation) -> String {
    let Targets::Classes { count, .. } = &trainer.test.targets else {
        return String::new();
    };
    confusion_matrix(&ConfusionMatrix {
        title: "Which class is read as which".to_string(),
        labels: (0..*count).map(|k| k.to_string()).collect(),
        counts: (test.confusion(&trainer.test).concat().into_iter())
            .map(|n| n as u64)
            .collect(),
    })
}
