//! Equations in two unknowns, and unknowns in two equations, go before all others.
//!
//! That is what branches are: a controlled source says that one potential is a multiple of another, and its
//! current enters the balance of a node here and that of another node there. Substituted, an amplifier in both
//! directions makes one node of two. An elimination that looks at the pattern of `A + A'` would tie all
//! neighbours of such a node to each other.

use crate::linear::{LinearError, Matrix};

/// Pivots that are eliminated first, and the matrix that is left.
#[derive(Debug)]
pub(super) struct Substitution {
    pivots: Vec<Pivot>,
    /// Entries in the columns of the pivots: their rows, and where their numbers are.
    lower: Vec<(u32, u32)>,
    /// Entries in the rows of the pivots: their columns, and where their numbers are.
    upper: Vec<(u32, u32)>,
    /// For each entry of a pivot's column and each of its row, what their product is subtracted from.
    targets: Vec<u32>,
    /// Numbers of the matrix and those that come up.
    count: usize,
    /// Rows and columns that are left, as pairs: where two lines of an index were eliminated with lines of others,
    /// those others belong together.
    rows: Vec<u32>,
    columns: Vec<u32>,
    /// What is left: where each of its numbers is.
    left: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Pivot {
    row: u32,
    column: u32,
    number: u32,
    /// Where its entries end.
    lower: usize,
    upper: usize,
}

impl Substitution {
    /// The pivots, and the pattern of what is left. Larger numbers of the matrix are preferred as pivots, none is
    /// zero.
    pub(super) fn analyze(matrix: &Matrix) -> (Self, Matrix) {
        let mut work = Work::new(matrix);
        work.settle_all();
        let candidates = work.candidates();
        let mut has_changed = true;
        while std::mem::take(&mut has_changed) {
            for &index in &candidates {
                has_changed |= work.substitute(index);
            }
        }
        work.finish()
    }

    /// Replaces `numbers`, those of the matrix, by those of the elimination, and gives those that are left. Returns
    /// the largest entry of a column relative to its pivot.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is zero or not finite.
    pub(super) fn factor(
        &self,
        numbers: &mut Vec<f64>,
        left: &mut Vec<f64>,
    ) -> Result<f64, LinearError> {
        let mut growth = 0.0f64;
        numbers.resize(self.count, 0.0);
        let mut targets = self.targets.iter();
        let (mut lower, mut upper) = (0, 0);
        for pivot in &self.pivots {
            let inverse = numbers[pivot.number as usize].recip();
            if !(inverse != 0.0 && inverse.is_finite()) {
                return Err(LinearError::Singular);
            }
            numbers[pivot.number as usize] = inverse;
            for &(_, below) in &self.lower[lower..pivot.lower] {
                let factor = numbers[below as usize] * inverse;
                numbers[below as usize] = factor;
                growth = growth.max(factor.abs());
                for (&(_, right), &target) in
                    self.upper[upper..pivot.upper].iter().zip(&mut targets)
                {
                    numbers[target as usize] -= factor * numbers[right as usize];
                }
            }
            (lower, upper) = (pivot.lower, pivot.upper);
        }
        left.clear();
        left.extend(self.left.iter().map(|&k| numbers[k as usize]));
        Ok(growth)
    }

    /// Solves with `inner` for what is left: `A x = b` in place.
    pub(super) fn solve(
        &self,
        numbers: &[f64],
        b: &mut [f64],
        buffers: &mut [Vec<f64>; 2],
        inner: impl FnOnce(&mut [f64]),
    ) {
        let mut first = 0;
        for pivot in &self.pivots {
            let own = b[pivot.row as usize];
            for &(row, number) in &self.lower[first..pivot.lower] {
                b[row as usize] -= numbers[number as usize] * own;
            }
            first = pivot.lower;
        }
        let x = solve_left(b, [&self.rows, &self.columns], buffers, inner);
        for (k, pivot) in self.pivots.iter().enumerate().rev() {
            let mut sum = b[pivot.row as usize];
            for &(column, number) in &self.upper[self.upper_start(k)..pivot.upper] {
                sum -= numbers[number as usize] * x[column as usize];
            }
            x[pivot.column as usize] = sum * numbers[pivot.number as usize];
        }
        b.copy_from_slice(x);
    }

    /// The same of the transpose.
    pub(super) fn solve_transpose(
        &self,
        numbers: &[f64],
        b: &mut [f64],
        buffers: &mut [Vec<f64>; 2],
        inner: impl FnOnce(&mut [f64]),
    ) {
        let mut first = 0;
        for pivot in &self.pivots {
            let own = b[pivot.column as usize] * numbers[pivot.number as usize];
            b[pivot.column as usize] = own;
            for &(column, number) in &self.upper[first..pivot.upper] {
                b[column as usize] -= numbers[number as usize] * own;
            }
            first = pivot.upper;
        }
        let x = solve_left(b, [&self.columns, &self.rows], buffers, inner);
        for (k, pivot) in self.pivots.iter().enumerate().rev() {
            let mut sum = b[pivot.column as usize];
            for &(row, number) in &self.lower[self.lower_start(k)..pivot.lower] {
                sum -= numbers[number as usize] * x[row as usize];
            }
            x[pivot.row as usize] = sum;
        }
        b.copy_from_slice(x);
    }

    fn upper_start(&self, pivot: usize) -> usize {
        pivot.checked_sub(1).map_or(0, |k| self.pivots[k].upper)
    }

    fn lower_start(&self, pivot: usize) -> usize {
        pivot.checked_sub(1).map_or(0, |k| self.pivots[k].lower)
    }
}

/// Solves what is left, of the entries of `b` at the first places; the solution at the second.
fn solve_left<'a>(
    b: &[f64],
    [from, to]: [&[u32]; 2],
    [x, left]: &'a mut [Vec<f64>; 2],
    inner: impl FnOnce(&mut [f64]),
) -> &'a mut Vec<f64> {
    left.clear();
    left.extend(from.iter().map(|&k| b[k as usize]));
    inner(left);
    x.resize(b.len(), 0.0);
    for (value, &k) in left.iter().zip(to) {
        x[k as usize] = *value;
    }
    x
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Row(usize),
    Column(usize),
}

/// Takes an entry from the open ones of a line.
fn close(open: &mut [u32], index: usize, line: fn(usize) -> Line, single: &mut Vec<Line>) {
    open[index] = open[index].saturating_sub(1);
    if open[index] == 1 {
        single.push(line(index));
    }
}

/// The matrix while equations are substituted.
struct Work {
    /// Column and number of each entry of a row, ascending.
    rows: Vec<Vec<(u32, u32)>>,
    /// Rows that have an entry in a column.
    columns: Vec<Vec<u32>>,
    is_row_gone: Vec<bool>,
    is_column_gone: Vec<bool>,
    /// The column that belongs to a row, and the row that belongs to a column.
    column_of: Vec<u32>,
    row_of: Vec<u32>,
    /// Entries of a row in columns that are not settled, and the same of a column.
    rows_open: Vec<u32>,
    columns_open: Vec<u32>,
    /// Equations that have but one unknown left, and unknowns that have but one equation left, are blocks of their
    /// own and stay.
    is_row_settled: Vec<bool>,
    is_column_settled: Vec<bool>,
    /// Rows and columns that may have but one entry left.
    single: Vec<Line>,
    /// How welcome each number is as a pivot.
    sizes: Vec<f64>,
    out: Substitution,
}

impl Work {
    fn new(matrix: &Matrix) -> Self {
        let n = matrix.rows();
        let mut rows: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n];
        let mut columns: Vec<Vec<u32>> = vec![Vec::new(); n];
        for (number, (_, (row, column))) in matrix.iter().enumerate() {
            rows[row].push((column as u32, number as u32));
            columns[column].push(row as u32);
        }
        Self {
            column_of: (0..n as u32).collect(),
            row_of: (0..n as u32).collect(),
            is_row_gone: vec![false; n],
            is_column_gone: vec![false; n],
            rows_open: rows.iter().map(|row| row.len() as u32).collect(),
            columns_open: columns.iter().map(|column| column.len() as u32).collect(),
            is_row_settled: vec![false; n],
            is_column_settled: vec![false; n],
            single: Vec::new(),
            rows,
            columns,
            sizes: matrix.data().iter().map(|x| x.abs()).collect(),
            out: Substitution {
                pivots: Vec::new(),
                lower: Vec::new(),
                upper: Vec::new(),
                targets: Vec::new(),
                count: matrix.nnz(),
                rows: Vec::new(),
                columns: Vec::new(),
                left: Vec::new(),
            },
        }
    }

    /// Those without a number on the diagonal: branches, and nodes that only branches tie.
    fn candidates(&self) -> Vec<usize> {
        let lacks = |&index: &usize| {
            let own = self.number(index, index);
            own.is_none_or(|number| self.sizes[number as usize] == 0.0)
        };
        (0..self.rows.len()).filter(lacks).collect()
    }

    fn number(&self, row: usize, column: usize) -> Option<u32> {
        let at = self.place(row, column).ok()?;
        Some(self.rows[row][at].1)
    }

    /// Where an entry is in its row, or would be.
    fn place(&self, row: usize, column: usize) -> Result<usize, usize> {
        self.rows[row].binary_search_by_key(&column, |entry| entry.0 as usize)
    }

    /// Settles all single lines, and those that are single then.
    fn settle_all(&mut self) {
        for index in 0..self.rows.len() {
            self.single.extend([Line::Row(index), Line::Column(index)]);
            self.settle();
        }
    }

    fn settle(&mut self) {
        while let Some(line) = self.single.pop() {
            let place = match line {
                Line::Row(row) if self.rows_open[row] == 1 && !self.is_row_done(row) => {
                    let entries = self.rows[row].iter();
                    let mut open = entries.filter(|entry| !self.is_column_done(entry.0 as usize));
                    open.next().map(|entry| (row, entry.0 as usize))
                }
                Line::Column(column)
                    if self.columns_open[column] == 1 && !self.is_column_done(column) =>
                {
                    let mut rows = self.columns[column].iter();
                    let row = rows.find(|&&row| !self.is_row_done(row as usize));
                    row.map(|&row| (row as usize, column))
                }
                _ => None,
            };
            let Some((row, column)) = place else {
                continue;
            };
            let number = self.number(row, column);
            if number.is_none_or(|number| self.sizes[number as usize] == 0.0) {
                continue;
            }
            self.is_row_settled[row] = true;
            self.is_column_settled[column] = true;
            for &row in &self.columns[column] {
                close(
                    &mut self.rows_open,
                    row as usize,
                    Line::Row,
                    &mut self.single,
                );
            }
            for &(column, _) in &self.rows[row] {
                let column = column as usize;
                close(
                    &mut self.columns_open,
                    column,
                    Line::Column,
                    &mut self.single,
                );
            }
        }
    }

    fn is_row_done(&self, row: usize) -> bool {
        self.is_row_gone[row] || self.is_row_settled[row]
    }

    fn is_column_done(&self, column: usize) -> bool {
        self.is_column_gone[column] || self.is_column_settled[column]
    }

    /// Eliminates the row or the column of an index if it has two entries left.
    fn substitute(&mut self, index: usize) -> bool {
        let mut has_changed = false;
        if !self.is_row_done(index) && self.rows_open[index] == 2 {
            let entries = self.rows[index].iter();
            let open = entries.filter(|entry| !self.is_column_done(entry.0 as usize));
            let choices = open.map(|&(column, number)| {
                let others = self.columns[column as usize].len();
                (index, column as usize, number, others)
            });
            if let Some(pivot) = self.best(choices) {
                self.eliminate(pivot);
                has_changed = true;
            }
        }
        if !self.is_column_done(index) && self.columns_open[index] == 2 {
            let rows = self.columns[index].iter();
            let open = rows.filter(|&&row| !self.is_row_done(row as usize));
            let choices = open.filter_map(|&row| {
                let number = self.number(row as usize, index)?;
                Some((row as usize, index, number, self.rows[row as usize].len()))
            });
            if let Some(pivot) = self.best(choices) {
                self.eliminate(pivot);
                has_changed = true;
            }
        }
        self.settle();
        has_changed
    }

    /// The largest number, and among equals that with the fewest others in its line.
    fn best(
        &self,
        choices: impl Iterator<Item = (usize, usize, u32, usize)>,
    ) -> Option<(usize, usize, u32)> {
        let size = |number: u32| self.sizes[number as usize];
        let choices = choices.filter(|c| size(c.2) > 0.0);
        let best = choices.max_by(|a, b| size(a.2).total_cmp(&size(b.2)).then(b.3.cmp(&a.3)));
        best.map(|(row, column, number, _)| (row, column, number))
    }

    fn eliminate(&mut self, (row, column, number): (usize, usize, u32)) {
        self.is_row_gone[row] = true;
        self.is_column_gone[column] = true;
        let [other_column, other_row] = [self.column_of[row], self.row_of[column]];
        self.column_of[other_row as usize] = other_column;
        self.row_of[other_column as usize] = other_row;
        let mut right = std::mem::take(&mut self.rows[row]);
        right.retain(|entry| entry.0 as usize != column);
        let below = std::mem::take(&mut self.columns[column]);
        for &(other, _) in &right {
            let other = other as usize;
            self.columns[other].retain(|&r| r as usize != row);
            close(
                &mut self.columns_open,
                other,
                Line::Column,
                &mut self.single,
            );
        }
        for &other in below.iter().filter(|&&other| other as usize != row) {
            let Ok(at) = self.place(other as usize, column) else {
                continue;
            };
            let (_, own) = self.rows[other as usize].remove(at);
            close(
                &mut self.rows_open,
                other as usize,
                Line::Row,
                &mut self.single,
            );
            self.out.lower.push((other, own));
            for &(column, factor) in &right {
                let size = self.sizes[own as usize].min(self.sizes[factor as usize]);
                let target = self.target(other as usize, column, size);
                self.out.targets.push(target);
            }
        }
        self.out.upper.extend(right);
        self.out.pivots.push(Pivot {
            row: row as u32,
            column: column as u32,
            number,
            lower: self.out.lower.len(),
            upper: self.out.upper.len(),
        });
    }

    /// The number at a place, which comes up if there is none.
    fn target(&mut self, row: usize, column: u32, size: f64) -> u32 {
        let at = match self.place(row, column as usize) {
            Ok(at) => {
                let number = self.rows[row][at].1;
                let old = &mut self.sizes[number as usize];
                *old = old.max(size);
                return number;
            }
            Err(at) => at,
        };
        let number = self.out.count as u32;
        self.out.count += 1;
        self.sizes.push(size);
        self.rows[row].insert(at, (column, number));
        self.columns[column as usize].push(row as u32);
        if !self.is_column_done(column as usize) {
            self.rows_open[row] += 1;
        }
        if !self.is_row_done(row) {
            self.columns_open[column as usize] += 1;
        }
        number
    }

    fn finish(mut self) -> (Substitution, Matrix) {
        let rows = (0..self.rows.len() as u32).filter(|&row| !self.is_row_gone[row as usize]);
        self.out.rows = rows.collect();
        let columns = self.out.rows.iter();
        let columns = columns.map(|&row| self.column_of[row as usize]);
        self.out.columns = columns.collect();
        let n = self.out.rows.len();
        let mut place = vec![0; self.rows.len()];
        for (new, &old) in self.out.columns.iter().enumerate() {
            place[old as usize] = new;
        }
        let mut starts = vec![0usize; n + 1];
        for &row in &self.out.rows {
            for &(column, _) in &self.rows[row as usize] {
                starts[place[column as usize] + 1] += 1;
            }
        }
        for column in 0..n {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let (mut indices, mut sizes) = (vec![0; starts[n]], vec![0.0; starts[n]]);
        self.out.left = vec![0; starts[n]];
        for (new, &row) in self.out.rows.iter().enumerate() {
            for &(column, number) in &self.rows[row as usize] {
                let at = &mut next[place[column as usize]];
                indices[*at] = new;
                sizes[*at] = self.sizes[number as usize];
                self.out.left[*at] = number;
                *at += 1;
            }
        }
        let left = Matrix::new_csc((n, n), starts, indices, sizes);
        (self.out, left)
    }
}
