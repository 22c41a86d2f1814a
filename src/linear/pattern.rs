//! Elimination entry by entry: what it does, known from the pattern.

use super::ordering::minimum_degree;
use super::tree::NONE;
use super::{LinearError, Matrix};

/// Order of elimination and pattern of the factor of a lower-triangular pattern.
#[derive(Debug)]
pub struct EliminationPattern {
    /// The node that is removed at each place of the order.
    pub order: Vec<usize>,
    /// Place of each node's diagonal entry among the nonzeros of the pattern, in that order.
    pub diagonal: Vec<usize>,
    /// Off-diagonal entries of each column in that order: row and place among the nonzeros.
    pub entries: Columns<(u32, u32)>,
    /// Rows of the factor below the diagonal, ascending.
    pub factor: Columns<u32>,
}

/// Lists of variable length, one behind the other.
#[derive(Debug)]
pub struct Columns<T> {
    pub start: Vec<usize>,
    pub items: Vec<T>,
}

impl<T> Columns<T> {
    pub fn range(&self, column: usize) -> std::ops::Range<usize> {
        self.start[column]..self.start[column + 1]
    }

    pub fn get(&self, column: usize) -> &[T] {
        &self.items[self.range(column)]
    }
}

impl EliminationPattern {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        Ok(Self::new(pattern, minimum_degree(pattern)?.order))
    }

    pub fn new(pattern: &Matrix, order: Vec<usize>) -> Self {
        let n = pattern.rows();
        let mut place = vec![0; n];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        let columns = pattern.indptr().into_raw_storage();
        let nonzeros = || {
            (0..n).flat_map(|column| {
                (columns[column]..columns[column + 1]).map(move |index| (column, index))
            })
        };
        let ends = |(column, index): (usize, usize)| {
            let [a, b] = [place[column], place[pattern.indices()[index]]];
            (a.min(b), a.max(b), index)
        };
        let mut diagonal = vec![usize::MAX; n];
        let mut start = vec![0; n + 1];
        for (column, row, index) in nonzeros().map(ends) {
            match column == row {
                true => diagonal[column] = index,
                false => start[column + 1] += 1,
            }
        }
        for column in 0..n {
            start[column + 1] += start[column];
        }
        let mut next = start.clone();
        let mut items = vec![(0, 0); start[n]];
        for (column, row, index) in nonzeros().map(ends).filter(|(c, r, _)| c != r) {
            items[next[column]] = (row as u32, index as u32);
            next[column] += 1;
        }
        let entries = Columns { start, items };
        let factor = fill(&entries, n);
        Self {
            order,
            diagonal,
            entries,
            factor,
        }
    }
}

/// Pattern of the factor: the neighbours of a node when it is removed are its own and those of the
/// nodes whose first remaining neighbour it is.
fn fill(entries: &Columns<(u32, u32)>, n: usize) -> Columns<u32> {
    let mut seen = vec![usize::MAX; n];
    let (mut first_child, mut sibling) = (vec![NONE; n], vec![NONE; n]);
    let mut columns = Columns {
        start: vec![0],
        items: Vec::<u32>::new(),
    };
    for column in 0..n {
        seen[column] = column;
        let first = columns.items.len();
        for &(row, _) in entries.get(column) {
            if std::mem::replace(&mut seen[row as usize], column) != column {
                columns.items.push(row);
            }
        }
        let mut child = first_child[column];
        while child != NONE {
            for index in columns.range(child as usize) {
                let row = columns.items[index];
                if std::mem::replace(&mut seen[row as usize], column) != column {
                    columns.items.push(row);
                }
            }
            child = sibling[child as usize];
        }
        columns.items[first..].sort_unstable();
        columns.start.push(columns.items.len());
        if let Some(&parent) = columns.items.get(first) {
            let first = &mut first_child[parent as usize];
            sibling[column] = std::mem::replace(first, column as u32);
        }
    }
    columns
}
