//! Groups of neighbours that become one unknown of the next level.

use rayon::prelude::*;

use super::level::{Level, NONE};
use crate::linear::LinearError;

/// A row whose diagonal is so many times the rest is left to sweeps.
const DOMINANT: f64 = 1.25;
/// Ties that are weaker than this part of the strongest of a row are no reason to go together.
const STRONG: f64 = 0.25;

/// Pairs unknowns, then the pairs (Notay 2010). Fills [`Level::group`]; the matrix between groups.
pub(super) fn coarsen(level: &mut Level) -> Result<Level, LinearError> {
    let (pairs, count) = pair(level, true);
    let between = sum(level, &pairs, count)?;
    let (fours, count) = pair(&between, false);
    let next = sum(&between, &fours, count)?;
    let four = |&pair: &u32| fours.get(pair as usize).copied().unwrap_or(NONE);
    level.group = pairs.iter().map(four).collect();
    Ok(next)
}

/// The group of each unknown, and how many groups there are. Each unknown goes with the one that it is tied to
/// most strongly of those that are alone, if that is one of its strong ties.
fn pair(level: &Level, leaves_dominant: bool) -> (Vec<u32>, usize) {
    let n = level.order();
    let mut group = vec![NONE; n];
    let mut is_done = vec![false; n];
    let mut count = 0;
    for row in 0..n {
        if is_done[row] {
            continue;
        }
        let (mut strongest, mut sum, mut diagonal) = (0.0f64, 0.0, 0.0);
        let mut partner = (0.0f64, row);
        for (column, value) in level.row(row) {
            if column == row {
                diagonal = value;
                continue;
            }
            sum += value.abs();
            strongest = strongest.max(-value);
            if -value > partner.0 && !is_done[column] {
                partner = (-value, column);
            }
        }
        is_done[row] = true;
        if leaves_dominant && diagonal > DOMINANT * sum {
            continue;
        }
        group[row] = count;
        if partner.0 > STRONG * strongest {
            is_done[partner.1] = true;
            group[partner.1] = count;
        }
        count += 1;
    }
    (group, count as usize)
}

/// The sum of the rows and columns of each group.
fn sum(level: &Level, group: &[u32], count: usize) -> Result<Level, LinearError> {
    let mut members = vec![[NONE; 2]; count];
    for (row, &group) in group.iter().enumerate() {
        if let Some(members) = members.get_mut(group as usize) {
            let place = usize::from(members[0] != NONE);
            members[place] = row as u32;
        }
    }
    const ROWS_OF_A_THREAD: usize = 8192;
    let parts: Vec<(Vec<u32>, Vec<u32>, Vec<f64>)> = members
        .par_chunks(ROWS_OF_A_THREAD)
        .map(|members| {
            let (mut lengths, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
            // Where each column was put last.
            let mut place = vec![usize::MAX; count];
            for rows in members {
                let first = columns.len();
                for &row in rows.iter().filter(|row| **row != NONE) {
                    for (column, value) in level.row(row as usize) {
                        let column = group[column];
                        if column == NONE {
                            continue;
                        }
                        let at = place[column as usize];
                        if at >= first && columns.get(at) == Some(&column) {
                            values[at] += value;
                        } else {
                            place[column as usize] = columns.len();
                            columns.push(column);
                            values.push(value);
                        }
                    }
                }
                lengths.push((columns.len() - first) as u32);
            }
            (lengths, columns, values)
        })
        .collect();
    let mut starts = vec![0];
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    let mut end = 0;
    for (lengths, own_columns, own_values) in parts {
        for length in lengths {
            end += length;
            starts.push(end);
        }
        columns.extend(own_columns);
        values.extend(own_values);
    }
    Level::new(starts, columns, values)
}
