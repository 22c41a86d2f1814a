//! Swept results as curves: what is read over the inner sweep, a curve for each value of the outer ones.

use std::path::Path;

use glob_match::glob_match;

use crate::analysis::dataset::{Dataset, Unit, Variable, by_analysis};
use crate::report::picture::{
    ColourScale, Curves, Family, Panel, Series, YScale, largest, prefix_of, pretty, quantity,
};

use super::PlotError;

/// What of the results is shown, and how.
#[derive(Clone, Debug, Default)]
pub struct SweepOptions {
    /// Names or patterns such as `v(out*)`; everything without any.
    pub only: Vec<String>,
    /// Logarithmic scales.
    pub log_x: bool,
    pub log_y: bool,
}

/// Panels beyond which a picture is too long.
const MOST_PANELS: usize = 6;

/// Lines in a panel that are told apart by their names.
const MOST_NAMED: usize = 7;

/// The curves of the first swept analysis of `datasets`, which `path` holds.
///
/// # Errors
/// [`PlotError::NoCurve`] where nothing is swept, [`PlotError::NoVariable`] for a pattern that fits nothing.
pub fn sweep_curves(
    path: &Path,
    datasets: &[Dataset],
    options: &SweepOptions,
) -> Result<Curves, PlotError> {
    let groups = by_analysis(datasets);
    let has_curve = |group: &&Vec<&Dataset>| group.iter().any(|d| d.rows.len() > 1);
    let Some(group) = groups.iter().find(has_curve) else {
        return Err(PlotError::NoCurve {
            path: path.to_path_buf(),
            reason: "it holds single points only".to_string(),
        });
    };
    let table = Table::new(group);
    let read = table.selected(&options.only)?;
    Ok(table.curves(path, &read, options))
}

/// Values of the outer sweeps, and the rows of the curve there.
type Piece<'a> = (Vec<f64>, Vec<&'a [f64]>);

/// A title with a unit, and the factor that its prefix stands for.
struct Axis {
    title: String,
    factor: f64,
}

impl Axis {
    /// Logarithmic axes have prefixes at their ticks.
    fn new(name: &str, unit: &Unit, numbers: impl Iterator<Item = f64>, is_log: bool) -> Self {
        let has_prefix = !is_log && !matches!(unit, Unit::None | Unit::Temperature);
        let (prefix, factor) = match has_prefix {
            true => prefix_of(largest(numbers)),
            false => ("", 1.0),
        };
        let title = match unit.symbol() {
            "" => name.to_string(),
            symbol => format!("{name}, {prefix}{}", pretty(symbol)),
        };
        Self { title, factor }
    }
}

/// All steps of an analysis as one table.
struct Table {
    title: String,
    variables: Vec<Variable>,
    rows: Vec<Vec<f64>>,
    /// Column along x; rows are counted without one.
    x: Option<usize>,
    /// Columns that tell curves apart.
    outer: Vec<usize>,
}

impl Table {
    fn new(steps: &[&Dataset]) -> Self {
        let first = steps[0];
        let stepped = first.steps.iter().map(|(name, _)| Variable {
            name: name.clone(),
            unit: Unit::None,
            is_sweep: true,
        });
        let variables: Vec<Variable> = stepped.chain(first.variables.iter().cloned()).collect();
        let rows = steps.iter().flat_map(|dataset| {
            let values: Vec<f64> = dataset.steps.iter().map(|step| step.1).collect();
            let rows = dataset.rows.iter();
            rows.map(move |row| [&values[..], row].concat())
        });
        let rows: Vec<Vec<f64>> = rows.collect();
        // The inner sweep is the one that moves from row to row.
        let moves = |k: usize| {
            rows.windows(2)
                .filter(|pair| pair[0][k] != pair[1][k])
                .count()
        };
        let swept = variables.iter().enumerate().filter(|(_, v)| v.is_sweep);
        let swept: Vec<usize> = swept.map(|(k, _)| k).filter(|&k| moves(k) > 0).collect();
        let x = swept.iter().copied().rev().max_by_key(|&k| moves(k));
        Self {
            title: first.title.clone(),
            x,
            outer: swept.into_iter().filter(|&k| Some(k) != x).collect(),
            variables,
            rows,
        }
    }

    /// Columns that are shown.
    fn selected(&self, only: &[String]) -> Result<Vec<usize>, PlotError> {
        let all: Vec<usize> = (0..self.variables.len())
            .filter(|&k| !self.variables[k].is_sweep)
            .collect();
        if only.is_empty() {
            return Ok(all);
        }
        let mut chosen = Vec::new();
        for pattern in only {
            let wanted = pattern.to_ascii_lowercase();
            let fits = |&&k: &&usize| {
                let name = self.variables[k].name.to_ascii_lowercase();
                name == wanted || glob_match(&wanted, &name)
            };
            let found: Vec<usize> = all.iter().filter(fits).copied().collect();
            if found.is_empty() {
                let names = all.iter().map(|&k| self.variables[k].name.clone());
                return Err(PlotError::NoVariable {
                    pattern: pattern.clone(),
                    names: names.take(20).collect(),
                });
            }
            chosen.extend(found);
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }

    /// The curves.
    fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces: Vec<Piece> = Vec::new();
        for row in &self.rows {
            let values: Vec<f64> = self.outer.iter().map(|&k| row[k]).collect();
            match pieces.last_mut() {
                Some((known, rows)) if *known == values => rows.push(row),
                _ => pieces.push((values, vec![row])),
            }
        }
        pieces
    }

    fn curves(&self, path: &Path, read: &[usize], options: &SweepOptions) -> Curves {
        let pieces = self.pieces();
        let is_family = pieces.len() > 1 && (pieces.len() > MOST_NAMED || read.len() > 1);
        let mut groups = self.groups(read, pieces.len() == 1);
        let left_out: usize = groups.iter().skip(MOST_PANELS).map(Vec::len).sum();
        groups.truncate(MOST_PANELS);
        let x = self.x.map(|k| {
            let variable = &self.variables[k];
            (
                k,
                Axis::new(&variable.name, &variable.unit, self.sizes(k), options.log_x),
            )
        });
        let panel = |columns: &Vec<usize>| {
            let mut panel = self.panel(columns, &pieces, x.as_ref(), options.log_y);
            for series in &mut panel.series {
                series.value = series.value.filter(|_| is_family);
            }
            panel
        };
        let panels = groups.iter().map(panel).collect();
        let file = path.file_name().unwrap_or(path.as_os_str());
        let name = self.title.trim_start_matches(['*', ' ']);
        Curves {
            title: match name.is_empty() {
                true => file.to_string_lossy().into_owned(),
                false => name.to_string(),
            },
            subtitle: self.subtitle(pieces.len(), left_out),
            counts: self.x.is_none(),
            log_x: options.log_x,
            panels,
            family: self.outer.first().filter(|_| is_family).map(|&k| Family {
                title: self.variables[k].name.clone(),
                unit: self.variables[k].unit.symbol().to_string(),
                colours: ColourScale::potentials(self.sizes(k)),
            }),
            x_title: x.map_or("row".to_string(), |(_, axis)| axis.title),
        }
    }

    fn sizes(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        self.rows.iter().map(move |row| row[column])
    }

    /// Columns of one unit share a panel, unless each is many curves.
    fn groups(&self, read: &[usize], may_share: bool) -> Vec<Vec<usize>> {
        let unit = |k: usize| &self.variables[k].unit;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for &k in read {
            let fits = |g: &&mut Vec<usize>| g.len() < MOST_NAMED && unit(g[0]) == unit(k);
            match groups.iter_mut().find(fits).filter(|_| may_share) {
                Some(group) => group.push(k),
                None => groups.push(vec![k]),
            }
        }
        groups
    }

    fn panel(
        &self,
        columns: &[usize],
        pieces: &[Piece],
        x: Option<&(usize, Axis)>,
        is_log: bool,
    ) -> Panel {
        let unit = &self.variables[columns[0]].unit;
        let name = match columns[..] {
            [one] => self.variables[one].name.as_str(),
            _ => what(unit),
        };
        // A logarithmic axis shows magnitudes: diodes conduct either way round.
        let name = if is_log {
            format!("|{name}|")
        } else {
            name.to_string()
        };
        let numbers = columns.iter().flat_map(|&k| self.sizes(k));
        let axis = Axis::new(&name, unit, numbers, is_log);
        let place = |row: &[f64], at: usize| match x {
            Some((k, axis)) => row[*k] * axis.factor,
            None => at as f64 + 1.0,
        };
        let height = |y: f64| if is_log { y.abs() } else { y * axis.factor };
        let series = |&k: &usize| {
            let curve = move |(values, rows): &Piece| Series {
                name: self.series_name(k, columns.len(), values),
                points: (rows.iter().enumerate())
                    .map(|(at, row)| (place(row, at), height(row[k])))
                    .collect(),
                value: values.first().copied(),
                ..Series::default()
            };
            pieces.iter().map(curve).collect::<Vec<_>>()
        };
        Panel {
            series: columns.iter().flat_map(series).collect(),
            y_title: axis.title,
            scale: match is_log {
                true => YScale::Logarithmic,
                false => YScale::Linear,
            },
        }
    }

    /// The variable, if the panel has several, and where the outer sweeps stand.
    fn series_name(&self, column: usize, columns: usize, values: &[f64]) -> String {
        let settings = self.outer.iter().zip(values).map(|(&k, value)| {
            let variable = &self.variables[k];
            format!(
                "{} = {}",
                variable.name,
                quantity(*value, 3, variable.unit.symbol())
            )
        });
        let own =
            (columns > 1 || self.outer.is_empty()).then(|| self.variables[column].name.clone());
        own.into_iter()
            .chain(settings)
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn subtitle(&self, curves: usize, left_out: usize) -> String {
        let mut parts = Vec::new();
        if curves > 1 && self.outer.len() > 1 {
            let names = self.outer[1..]
                .iter()
                .map(|&k| self.variables[k].name.as_str());
            let names: Vec<_> = names.collect();
            parts.push(format!(
                "a curve for each value of {} as well",
                names.join(" and ")
            ));
        }
        if left_out > 0 {
            parts.push(format!(
                "{left_out} more columns are not shown: choose some with --only"
            ));
        }
        parts.join("; ")
    }
}

fn what(unit: &Unit) -> &'static str {
    match unit {
        Unit::Voltage => "voltage",
        Unit::Current => "current",
        Unit::Power => "power",
        Unit::Resistance => "resistance",
        Unit::Conductance => "conductance",
        Unit::Temperature => "temperature",
        Unit::None | Unit::Other(_) => "value",
    }
}
