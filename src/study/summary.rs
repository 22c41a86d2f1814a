//! What came out of a study: mean and spread over the boards of each combination.

use super::results::Line;

/// Mean and spread of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub mean: f64,
    /// Standard deviation of a single one.
    pub deviation: f64,
    pub least: f64,
    pub largest: f64,
}

/// The points of one combination of the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The values of the axes in words.
    pub name: String,
    pub points: usize,
    pub failed: usize,
    pub loss: Option<Spread>,
    pub accuracy: Option<Spread>,
}

impl Spread {
    fn of(numbers: &[f64]) -> Option<Self> {
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
        (!numbers.is_empty()).then(|| Self {
            mean,
            deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
            least: numbers.iter().copied().fold(f64::INFINITY, f64::min),
            largest: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// Groups of lines with the same values; lines come in the order of their points.
pub fn summarize(lines: &[Line]) -> Vec<Group> {
    let groups = lines.chunk_by(|a, b| a.values == b.values);
    let group = |lines: &[Line]| {
        let pairs = lines[0]
            .values
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let numbers =
            |of: fn(&Line) -> Option<f64>| lines.iter().filter_map(of).collect::<Vec<_>>();
        Group {
            name: pairs.collect::<Vec<_>>().join(" "),
            points: lines.len(),
            failed: lines
                .iter()
                .filter(|line| line.outcome.error.is_some())
                .count(),
            loss: Spread::of(&numbers(|line| line.outcome.test_loss)),
            accuracy: Spread::of(&numbers(|line| line.outcome.test_accuracy)),
        }
    };
    groups.map(group).collect()
}

/// One line for each group.
pub fn to_table(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        let name = if group.name.is_empty() {
            "all"
        } else {
            &group.name
        };
        text += &format!("{name}: {} points", group.points);
        if group.failed > 0 {
            text += &format!(", {} failed", group.failed);
        }
        if let Some(loss) = group.loss {
            text += &format!(", test loss {:.4} ± {:.4}", loss.mean, loss.deviation);
        }
        if let Some(own) = group.accuracy {
            let [mean, deviation, least, largest] =
                [own.mean, own.deviation, own.least, own.largest].map(|x| 100.0 * x);
            text += &format!(
                ", test accuracy {mean:.3} ± {deviation:.3} % ({least:.2} to {largest:.2})"
            );
        }
        text += "\n";
    }
    text
}

/// One row for each point.
pub fn to_csv(lines: &[Line]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let keys: Vec<&String> = lines
        .first()
        .map_or(Vec::new(), |line| line.values.keys().collect());
    let head = ["point"]
        .into_iter()
        .chain(keys.iter().map(|key| key.as_str()));
    // Writing to memory does not fail.
    let _ = writer.write_record(head.chain(["board", "test_loss", "test_accuracy", "error"]));
    for line in lines {
        let own = &line.outcome;
        let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
        let values = keys.iter().map(|key| match line.values.get(*key) {
            Some(serde_json::Value::String(text)) => text.clone(),
            value => value.map_or(String::new(), ToString::to_string),
        });
        let board = line.board.map_or(String::new(), |board| board.to_string());
        let error = own.error.clone().unwrap_or_default();
        let rest = [
            board,
            number(own.test_loss),
            number(own.test_accuracy),
            error,
        ];
        let _ = writer.write_record(
            [line.point.to_string()]
                .into_iter()
                .chain(values)
                .chain(rest),
        );
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
