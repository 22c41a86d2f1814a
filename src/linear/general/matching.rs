//! An entry for the diagonal of every column.

use crate::linear::Matrix;

const NONE: u32 = u32::MAX;

/// A row for each column, each row once, where the matrix has a number that is not zero (maximum transversal,
/// Duff 1981). Diagonal entries are taken where there are such. None if there is no choice without zeros.
pub(super) fn rows_of_columns(matrix: &Matrix) -> Option<Vec<u32>> {
    let n = matrix.rows();
    let mut matching = Matching {
        matrix,
        row_of: vec![NONE; n],
        column_of: vec![NONE; n],
        seen: vec![NONE; n],
        path: Vec::new(),
    };
    for (&value, (row, column)) in matrix {
        if row == column && value != 0.0 {
            matching.pair(row, column);
        }
    }
    for column in 0..n {
        if matching.row_of[column] == NONE && !matching.augment(column) {
            return None;
        }
    }
    Some(matching.row_of)
}

struct Matching<'a> {
    matrix: &'a Matrix,
    row_of: Vec<u32>,
    column_of: Vec<u32>,
    /// The column whose search came by a row last.
    seen: Vec<u32>,
    /// Columns on the way, each with the next of its entries to look at.
    path: Vec<(usize, usize)>,
}

impl Matching<'_> {
    fn pair(&mut self, row: usize, column: usize) {
        self.row_of[column] = row as u32;
        self.column_of[row] = column as u32;
    }

    fn range(&self, column: usize) -> std::ops::Range<usize> {
        let starts = self.matrix.indptr().into_raw_storage();
        starts[column]..starts[column + 1]
    }

    /// Finds a row for one more column: another column gives its own and takes a new one, and so on.
    fn augment(&mut self, start: usize) -> bool {
        self.path.clear();
        self.path.push((start, self.range(start).start));
        while let Some(&(column, next)) = self.path.last() {
            let range = self.range(column);
            if next == range.start
                && let Some(row) = self.free_row(column)
            {
                self.take(row);
                return true;
            }
            let onward = (next..range.end).find(|&index| {
                let row = self.matrix.indices()[index];
                self.matrix.data()[index] != 0.0 && self.seen[row] != start as u32
            });
            match onward {
                Some(index) => {
                    let row = self.matrix.indices()[index];
                    self.seen[row] = start as u32;
                    if let Some(last) = self.path.last_mut() {
                        last.1 = index + 1;
                    }
                    let other = self.column_of[row] as usize;
                    self.path.push((other, self.range(other).start));
                }
                None => {
                    self.path.pop();
                }
            }
        }
        false
    }

    fn free_row(&self, column: usize) -> Option<usize> {
        let entries = self.range(column);
        let is_free = |&index: &usize| {
            let row = self.matrix.indices()[index];
            self.matrix.data()[index] != 0.0 && self.column_of[row] == NONE
        };
        entries
            .into_iter()
            .find(is_free)
            .map(|index| self.matrix.indices()[index])
    }

    /// Gives the row to the last column on the way, what that had to the one before it, and so on.
    fn take(&mut self, row: usize) {
        let mut row = row;
        while let Some((column, _)) = self.path.pop() {
            let own = self.row_of[column];
            self.pair(row, column);
            row = own as usize;
        }
    }
}
