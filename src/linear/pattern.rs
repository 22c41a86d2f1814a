//! Elimination entry by entry: what it does, known from the pattern.

use super::ordering::minimum_degree;
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
        let mut lists: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n];
        let mut diagonal = vec![usize::MAX; n];
        let starts = pattern.indptr().into_raw_storage();
        for column in 0..n {
            for index in starts[column]..starts[column + 1] {
                let [a, b] = [place[column], place[pattern.indices()[index]]];
                if a == b {
                    diagonal[a] = index;
                } else {
                    lists[a.min(b)].push((a.max(b) as u32, index as u32));
                }
            }
        }
        let entries = concatenate(lists);
        let factor = fill(&entries, n);
        Self {
            order,
            diagonal,
            entries,
            factor,
        }
    }
}

fn concatenate<T>(lists: Vec<Vec<T>>) -> Columns<T> {
    let mut columns = Columns {
        start: Vec::with_capacity(lists.len() + 1),
        items: Vec::with_capacity(lists.iter().map(Vec::len).sum()),
    };
    columns.start.push(0);
    for mut list in lists {
        columns.items.append(&mut list);
        columns.start.push(columns.items.len());
    }
    columns
}

/// Pattern of the factor: the neighbours of a node when it is removed are its own and those of the
/// nodes whose first remaining neighbour it is.
fn fill(entries: &Columns<(u32, u32)>, n: usize) -> Columns<u32> {
    let mut seen = vec![usize::MAX; n];
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); n];
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
        for child in std::mem::take(&mut children[column]) {
            for index in columns.range(child) {
                let row = columns.items[index];
                if std::mem::replace(&mut seen[row as usize], column) != column {
                    columns.items.push(row);
                }
            }
        }
        columns.items[first..].sort_unstable();
        columns.start.push(columns.items.len());
        if let Some(&parent) = columns.items.get(first) {
            children[parent as usize].push(column);
        }
    }
    columns
}
