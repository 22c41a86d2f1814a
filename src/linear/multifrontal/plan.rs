//! What a factorization does, known from the pattern: fronts, where entries go, what runs side by side.

use faer::Side;
use faer::perm::PermRef;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, SymbolicCholeskyRaw, SymmetricOrdering, factorize_symbolic_cholesky,
    supernodal::SymbolicSupernodalCholesky,
};

use crate::linear::tree::{NONE, postorder};
use crate::linear::{LinearError, Matrix, pattern_view};

/// Columns that are eliminated together: a dense trapezoid, by columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Front {
    /// The first column, and how many.
    pub column: usize,
    pub width: usize,
    /// Rows below the diagonal block.
    pub below: usize,
    /// Where its numbers begin, its rows below, and its entries of the matrix.
    pub values: usize,
    pub rows: usize,
    pub entries: usize,
    pub parent: u32,
    /// The first front of the subtree.
    pub first: u32,
}

impl Front {
    pub fn height(&self) -> usize {
        self.width + self.below
    }

    /// Where its vector of solutions begins.
    pub fn vector(&self) -> usize {
        self.column + self.rows
    }

    /// Multiplications, additions and divisions to eliminate it.
    fn flops(&self) -> f64 {
        let square = |k: usize| ((k + self.below) as f64).powi(2);
        (1..=self.width).map(square).sum()
    }
}

/// What is kept of a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sides {
    /// The lower triangle of a symmetric one.
    #[default]
    One,
    /// The lower triangle, and behind it in every front the upper one, transposed.
    Two,
}

impl Sides {
    fn count(self) -> usize {
        match self {
            Sides::One => 1,
            Sides::Two => 2,
        }
    }
}

/// Fronts that are done one after the other: a whole subtree, or one front above such.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub first: usize,
    pub last: usize,
}

/// See [`super::MultifrontalSymbolic`].
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub sides: Sides,
    /// The old index at each place of the elimination.
    pub order: Vec<usize>,
    /// Fronts, children before parents, each subtree in one piece; one more says where all ends.
    pub fronts: Vec<Front>,
    /// Of each row below a front its place in the front above.
    pub places: Vec<u32>,
    /// Places of a front's nonzeros in the matrix, and in the front.
    pub entries: Vec<[u32; 2]>,
    child_starts: Vec<usize>,
    children: Vec<u32>,
    /// In the order of their fronts.
    pub segments: Vec<Segment>,
    /// The segment that each front is the last of, if any.
    pub segment_of: Vec<u32>,
    /// Segments whose children are in earlier rounds, so that those of one round are independent.
    pub rounds: Vec<Vec<u32>>,
    pub flops: f64,
}

/// So many subtrees at most are taken apart for threads, and none that is less work.
const MOST_PARTS: f64 = 256.0;
const LEAST_FLOPS: f64 = 2e6;
/// Factorizations of less work stay on one thread.
const SEQUENTIAL_FLOPS: f64 = 3e7;

impl Plan {
    /// Of a lower-triangular pattern, or of all of a general one, whose zeros opposite to entries count as
    /// entries.
    pub fn new(pattern: &Matrix, order: &[usize], sides: Sides) -> Result<Self, LinearError> {
        let symmetrized;
        let triangle = match sides {
            Sides::One => pattern,
            Sides::Two => {
                symmetrized = lower_triangle(pattern);
                &symmetrized
            }
        };
        let n = pattern.rows();
        let lack = LinearError::OutOfMemory { order: n };
        let order = postorder(pattern, order);
        let mut place = vec![0; n];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        let parameters = CholeskySymbolicParams {
            supernodal_flop_ratio_threshold: SupernodalThreshold::FORCE_SUPERNODAL,
            ..CholeskySymbolicParams::default()
        };
        let symbolic = factorize_symbolic_cholesky(
            pattern_view(triangle),
            Side::Lower,
            SymmetricOrdering::Custom(PermRef::new_checked(&order, &place, n)),
            parameters,
        );
        let symbolic = symbolic.map_err(|_| lack)?;
        let SymbolicCholeskyRaw::Supernodal(supernodes) = symbolic.raw() else {
            return Err(lack);
        };
        let mut plan = Self {
            sides,
            order,
            ..Self::default()
        };
        plan.add_fronts(supernodes);
        plan.add_entries(pattern, &place, supernodes).ok_or(lack)?;
        plan.add_segments();
        Ok(plan)
    }

    pub fn front_count(&self) -> usize {
        self.fronts.len() - 1
    }

    /// Numbers of all fronts.
    pub fn value_count(&self) -> usize {
        self.fronts[self.front_count()].values
    }

    /// Numbers that a front leaves to the one above.
    pub fn update_size(&self, front: usize) -> usize {
        let below = self.fronts[front].below;
        self.sides.count() * below * below
    }

    pub fn children(&self, front: usize) -> &[u32] {
        &self.children[self.child_starts[front]..self.child_starts[front + 1]]
    }

    /// Segments that leave something to this one.
    pub fn segments_below(&self, segment: Segment) -> impl Iterator<Item = usize> {
        let children = self.children(segment.last).iter();
        let segments = children.map(|&child| self.segment_of[child as usize]);
        segments
            .filter(|&other| other != NONE)
            .map(|other| other as usize)
    }

    /// Of each row below a front its place in the front above.
    pub fn places(&self, front: usize) -> &[u32] {
        &self.places[self.fronts[front].rows..self.fronts[front + 1].rows]
    }

    pub fn entries(&self, front: usize) -> &[[u32; 2]] {
        &self.entries[self.fronts[front].entries..self.fronts[front + 1].entries]
    }

    fn add_fronts(&mut self, supernodes: &SymbolicSupernodalCholesky<usize>) {
        let count = supernodes.n_supernodes();
        let (begins, ends) = (supernodes.supernode_begin(), supernodes.supernode_end());
        let mut front_of = vec![0u32; self.order.len()];
        for front in 0..count {
            front_of[begins[front]..ends[front]].fill(front as u32);
        }
        let mut next = Front::default();
        for front in 0..count {
            let rows = supernodes.supernode(front).pattern();
            next.column = begins[front];
            next.width = ends[front] - begins[front];
            next.below = rows.len();
            next.parent = rows.first().map_or(NONE, |&row| front_of[row]);
            next.first = front as u32;
            let sides = self.sides.count();
            self.flops += sides as f64 * next.flops();
            self.fronts.push(next.clone());
            next.values += sides * next.width * next.height();
            next.rows += next.below;
        }
        next.column = self.order.len();
        self.fronts.push(next);
        self.child_starts = vec![0; count + 1];
        for front in 0..count {
            let (first, parent) = (self.fronts[front].first, self.fronts[front].parent);
            if parent != NONE {
                let above = &mut self.fronts[parent as usize];
                above.first = above.first.min(first);
                self.child_starts[parent as usize] += 1;
            }
            self.add_places(supernodes, front);
        }
        let mut sum = 0;
        for start in &mut self.child_starts {
            sum += std::mem::replace(start, sum);
        }
        let mut next = self.child_starts.clone();
        self.children = vec![0; sum];
        for front in 0..count {
            if self.fronts[front].parent != NONE {
                let place = &mut next[self.fronts[front].parent as usize];
                self.children[*place] = front as u32;
                *place += 1;
            }
        }
    }

    fn add_places(&mut self, supernodes: &SymbolicSupernodalCholesky<usize>, front: usize) {
        let parent = self.fronts[front].parent as usize;
        let Some(above) = self.fronts.get(parent) else {
            return;
        };
        let (column, width) = (above.column, above.width);
        let mut below = supernodes.supernode(parent).pattern().iter().zip(width..);
        for &row in supernodes.supernode(front).pattern() {
            let place = match row < column + width {
                true => row - column,
                false => below.find(|(other, _)| **other == row).map_or(0, |f| f.1),
            };
            self.places.push(place as u32);
        }
    }

    /// None if a front has more numbers than can be counted.
    fn add_entries(
        &mut self,
        pattern: &Matrix,
        place: &[usize],
        supernodes: &SymbolicSupernodalCholesky<usize>,
    ) -> Option<()> {
        let count = self.front_count();
        let fronts = &mut self.fronts;
        let mut front_of = vec![0u32; place.len()];
        for (index, front) in fronts[..count].iter().enumerate() {
            front_of[front.column..front.column + front.width].fill(index as u32);
            u32::try_from(self.sides.count() * front.width * front.height()).ok()?;
        }
        u32::try_from(pattern.nnz()).ok()?;
        let is_general = self.sides == Sides::Two;
        let starts = pattern.indptr().into_raw_storage();
        let nonzeros = || {
            (0..place.len()).flat_map(move |column| {
                (starts[column]..starts[column + 1]).map(move |index| {
                    let (a, b) = (place[column], place[pattern.indices()[index]]);
                    (index, a.min(b), a.max(b), is_general && b < a)
                })
            })
        };
        for (_, column, ..) in nonzeros() {
            fronts[front_of[column] as usize + 1].entries += 1;
        }
        for front in 0..count {
            fronts[front + 1].entries += fronts[front].entries;
        }
        let mut next: Vec<usize> = fronts.iter().map(|front| front.entries).collect();
        let mut columns = vec![[0u32; 2]; pattern.nnz()];
        self.entries = vec![[0; 2]; pattern.nnz()];
        for (index, column, row, is_upper) in nonzeros() {
            let entry = &mut next[front_of[column] as usize];
            columns[*entry] = [column as u32, u32::from(is_upper)];
            self.entries[*entry] = [index as u32, row as u32];
            *entry += 1;
        }
        let mut row_at = vec![0usize; place.len()];
        for index in 0..count {
            let front = &fronts[index];
            let below = supernodes.supernode(index).pattern().iter().copied();
            let rows = (front.column..front.column + front.width).chain(below);
            for (at, row) in rows.enumerate() {
                row_at[row] = at;
            }
            let own = front.entries..fronts[index + 1].entries;
            let entries = self.entries[own.clone()].iter_mut();
            for ([_, row], &[column, side]) in entries.zip(&columns[own]) {
                let column = column as usize - front.column + side as usize * front.width;
                *row = (column * front.height() + row_at[*row as usize]) as u32;
            }
        }
        Some(())
    }

    /// Subtrees of little work are one segment, and so is each front above them. Where all is little
    /// work, there is one segment for each tree.
    fn add_segments(&mut self) {
        let count = self.front_count();
        let mut work: Vec<f64> = self.fronts[..count].iter().map(Front::flops).collect();
        for front in 0..count {
            if let Some(parent) = self.parent(front) {
                work[parent] += work[front];
            }
        }
        let limit = match self.flops < SEQUENTIAL_FLOPS {
            true => f64::INFINITY,
            false => LEAST_FLOPS.max(self.flops / MOST_PARTS),
        };
        self.segment_of = vec![NONE; count];
        let mut round_of: Vec<usize> = Vec::new();
        for last in 0..count {
            let is_whole = work[last] <= limit;
            if is_whole
                && self
                    .parent(last)
                    .is_some_and(|parent| work[parent] <= limit)
            {
                continue;
            }
            let first = match is_whole {
                true => self.fronts[last].first as usize,
                false => last,
            };
            let children = self.children(last).iter();
            let after = children.filter_map(|&child| {
                let segment = self.segment_of[child as usize];
                round_of.get(segment as usize).map(|round| round + 1)
            });
            let round = if is_whole {
                0
            } else {
                after.max().unwrap_or(0)
            };
            self.segment_of[last] = self.segments.len() as u32;
            if round == self.rounds.len() {
                self.rounds.push(Vec::new());
            }
            self.rounds[round].push(self.segments.len() as u32);
            round_of.push(round);
            self.segments.push(Segment { first, last });
        }
    }

    pub fn parent(&self, front: usize) -> Option<usize> {
        let parent = self.fronts[front].parent;
        (parent != NONE).then_some(parent as usize)
    }
}

/// The lower triangle of what has an entry wherever the pattern or its transpose has one.
fn lower_triangle(pattern: &Matrix) -> Matrix {
    let n = pattern.rows();
    let mut starts = vec![0usize; n + 1];
    let ends = |(_, (row, column)): (&f64, (usize, usize))| (row.min(column), row.max(column));
    for (column, _) in pattern.iter().map(ends) {
        starts[column + 1] += 1;
    }
    for column in 0..n {
        starts[column + 1] += starts[column];
    }
    let mut next = starts.clone();
    let mut rows = vec![0usize; pattern.nnz()];
    for (column, row) in pattern.iter().map(ends) {
        rows[next[column]] = row;
        next[column] += 1;
    }
    let (mut kept, mut last_start) = (0, 0);
    for column in 0..n {
        let range = last_start..starts[column + 1];
        last_start = starts[column + 1];
        rows[range.clone()].sort_unstable();
        starts[column] = kept;
        let mut previous = None;
        for index in range {
            if previous != Some(rows[index]) {
                previous = Some(rows[index]);
                rows[kept] = rows[index];
                kept += 1;
            }
        }
    }
    starts[n] = kept;
    rows.truncate(kept);
    Matrix::new_csc((n, n), starts, rows, vec![0.0; kept])
}
