//! Columns as Xyce prints them for `.print` (its `N_IO_OutputterTimePrn.C`).
//!
//! The steps of a `.step` loop follow one another under one header, and their index starts again at
//! 0. Their values are no columns; Xyce writes them to a second file, `.res`.

use super::dataset::{Dataset, by_analysis, scientific};

/// Width of the index, and of a number.
const INDEX_WIDTH: usize = 5;
const WIDTH: usize = 25;

/// Xyce gives 8 unless told otherwise; 16 carry all bits.
const DECIMALS: usize = 16;

/// `.prn`: one block for each analysis.
pub fn datasets(datasets: &[Dataset]) -> String {
    by_analysis(datasets)
        .iter()
        .map(|steps| block(steps))
        .collect()
}

/// `.res`: the values of each step, or nothing where no variable is stepped.
pub fn steps(datasets: &[Dataset]) -> Option<String> {
    let groups = by_analysis(datasets);
    let steps = groups.iter().find(|group| !group[0].steps.is_empty())?;
    let names = steps[0].steps.iter();
    let names = names.map(|(name, _)| format!(" {}", centred(&name.to_uppercase(), WIDTH)));
    let mut text = format!("{:<INDEX_WIDTH$}{}\n", "STEP", names.collect::<String>());
    for (index, dataset) in steps.iter().enumerate() {
        let values: Vec<f64> = dataset.steps.iter().map(|step| step.1).collect();
        text += &row(index, &values);
    }
    Some(text + "End of Xyce(TM) Parameter Sweep\n")
}

fn block(steps: &[&Dataset]) -> String {
    let first = steps[0];
    let names = first.variables.iter();
    let names = names.map(|v| format!(" {}", centred(&v.name.to_uppercase(), WIDTH)));
    let mut text = format!("{:<INDEX_WIDTH$}{}\n", "Index", names.collect::<String>());
    for dataset in steps {
        for (index, numbers) in dataset.rows.iter().enumerate() {
            text += &row(index, numbers);
        }
    }
    let what = if first.steps.is_empty() {
        "Simulation"
    } else {
        "Parameter Sweep"
    };
    text + &format!("End of Xyce(TM) {what}\n")
}

fn row(index: usize, numbers: &[f64]) -> String {
    let cells = numbers.iter().map(|&x| scientific(x, DECIMALS));
    let cells: String = cells.map(|cell| format!(" {cell:>WIDTH$}")).collect();
    format!("{index:<INDEX_WIDTH$}{cells}\n")
}

/// Without blanks inside: readers split the header at them.
fn centred(name: &str, width: usize) -> String {
    let name: String = name.split_whitespace().collect();
    format!("{name:^width$}")
}
