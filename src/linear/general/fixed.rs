//! LU with pivots that are known before there are numbers: quick, and to be checked.

use std::sync::Arc;

use super::balance::{BalancedFactor, BalancedSymbolic};
use super::blocks::BlockForm;
use super::matching::rows_of_columns;
use super::substitution::Substitution;
use crate::linear::multifrontal::{MultifrontalFactor, MultifrontalSymbolic};
use crate::linear::ordering::least_work;
use crate::linear::scheduled::{Schedule, ScheduledLu};
use crate::linear::{DENSE_FRONTS, LinearError, Matrix};

/// What is eliminated first, and the blocks of what is left.
#[derive(Debug)]
pub(super) struct FixedSymbolic {
    substitution: Substitution,
    blocks: Blocks,
}

impl FixedSymbolic {
    /// None if every choice of pivots has a zero among them, or there is no memory for the factors of this one.
    pub(super) fn analyze(matrix: &Matrix) -> Option<Self> {
        u32::try_from(matrix.nnz()).ok()?;
        let (substitution, left) = Substitution::analyze(matrix);
        let blocks = Blocks::analyze(&left)?;
        Some(Self {
            substitution,
            blocks,
        })
    }
}

/// Blocks of a matrix, and how each is eliminated.
#[derive(Debug)]
struct Blocks {
    /// The column and the row of the matrix at each place.
    columns: Vec<u32>,
    rows: Vec<u32>,
    blocks: Vec<Block>,
    /// Entries that tie later blocks to earlier ones, by the block of their columns.
    ties: Vec<Tie>,
}

#[derive(Debug)]
struct Block {
    first: usize,
    size: usize,
    kind: Kind,
    /// Places of the block's numbers among the nonzeros of the matrix.
    nonzeros: Vec<u32>,
    /// Where the ties of its columns end.
    ties: usize,
}

#[derive(Clone, Debug)]
enum Kind {
    Single,
    Schedule(Arc<Schedule>),
    Balanced(Arc<BalancedSymbolic>),
    Fronts(Arc<MultifrontalSymbolic>),
}

/// An entry outside of the blocks: places of its row and column, and where its number is.
#[derive(Clone, Copy, Debug)]
struct Tie {
    row: u32,
    column: u32,
    nonzero: u32,
}

impl Blocks {
    fn analyze(matrix: &Matrix) -> Option<Self> {
        let row_of = rows_of_columns(matrix)?;
        let form = BlockForm::new(matrix, &row_of);
        let n = form.columns.len();
        let (mut row_place, mut block_of) = (vec![0u32; n], vec![0u32; n]);
        for (place, &row) in form.rows.iter().enumerate() {
            row_place[row as usize] = place as u32;
        }
        for (block, range) in form.starts.windows(2).enumerate() {
            block_of[range[0]..range[1]].fill(block as u32);
        }
        let starts = matrix.indptr().into_raw_storage();
        let mut symbolic = Self {
            blocks: Vec::with_capacity(form.starts.len() - 1),
            ties: Vec::new(),
            columns: form.columns,
            rows: form.rows,
        };
        let mut entries: Vec<(u32, u32)> = Vec::new();
        for (block, range) in form.starts.windows(2).enumerate() {
            let (first, size) = (range[0], range[1] - range[0]);
            let mut nonzeros = Vec::new();
            let mut indices = Vec::new();
            let mut local = vec![0usize; size + 1];
            for place in first..first + size {
                let column = symbolic.columns[place] as usize;
                entries.clear();
                for nonzero in starts[column]..starts[column + 1] {
                    entries.push((row_place[matrix.indices()[nonzero]], nonzero as u32));
                }
                entries.sort_unstable();
                for &(row, nonzero) in &entries {
                    if block_of[row as usize] == block as u32 {
                        indices.push(row as usize - first);
                        nonzeros.push(nonzero);
                    } else {
                        let column = place as u32;
                        symbolic.ties.push(Tie {
                            row,
                            column,
                            nonzero,
                        });
                    }
                }
                local[place - first + 1] = indices.len();
            }
            let kind = match size {
                1 => Kind::Single,
                _ => {
                    let zeros = vec![0.0; indices.len()];
                    Kind::of(&Matrix::new_csc((size, size), local, indices, zeros)).ok()?
                }
            };
            symbolic.blocks.push(Block {
                first,
                size,
                kind,
                nonzeros,
                ties: symbolic.ties.len(),
            });
        }
        Some(symbolic)
    }

    /// The ties of later blocks to one.
    fn ties(&self, block: usize) -> &[Tie] {
        let first = block
            .checked_sub(1)
            .map_or(0, |before| self.blocks[before].ties);
        &self.ties[first..self.blocks[block].ties]
    }
}

impl Kind {
    fn of(pattern: &Matrix) -> Result<Self, LinearError> {
        let ordering = least_work(pattern, false)?;
        Ok(match ordering.products <= DENSE_FRONTS * ordering.fill {
            true => Self::Schedule(Arc::new(Schedule::general(pattern, &ordering)?)),
            false => match BalancedSymbolic::analyze(pattern, &ordering) {
                Some(symbolic) => Self::Balanced(Arc::new(symbolic)),
                None => {
                    let symbolic = MultifrontalSymbolic::analyze_general(pattern, &ordering.order)?;
                    Self::Fronts(Arc::new(symbolic))
                }
            },
        })
    }
}

/// Numeric factors.
#[derive(Debug)]
pub(super) struct FixedFactor {
    /// Numbers of the substitution, and of what it left.
    numbers: Vec<f64>,
    left: Vec<f64>,
    buffers: [Vec<f64>; 2],
    blocks: BlocksFactor,
}

impl FixedFactor {
    pub(super) fn new(symbolic: &FixedSymbolic) -> Self {
        Self {
            numbers: Vec::new(),
            left: Vec::new(),
            buffers: Default::default(),
            blocks: BlocksFactor::new(&symbolic.blocks),
        }
    }

    /// Returns the largest entry of a column relative to its pivot.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is zero or not finite, [`LinearError::OutOfMemory`].
    pub(super) fn factor(
        &mut self,
        symbolic: &FixedSymbolic,
        values: &[f64],
    ) -> Result<f64, LinearError> {
        self.numbers.clear();
        self.numbers.extend_from_slice(values);
        let substitution = &symbolic.substitution;
        let growth = substitution.factor(&mut self.numbers, &mut self.left)?;
        let blocks = self.blocks.factor(&symbolic.blocks, &self.left)?;
        Ok(growth.max(blocks))
    }

    /// `A x = b` in place.
    pub(super) fn solve(&mut self, symbolic: &FixedSymbolic, b: &mut [f64]) {
        let (substitution, blocks, values) = (&symbolic.substitution, &mut self.blocks, &self.left);
        substitution.solve(&self.numbers, b, &mut self.buffers, |left| {
            blocks.solve(&symbolic.blocks, values, left);
        });
    }

    /// `A' x = b` in place.
    pub(super) fn solve_transpose(&mut self, symbolic: &FixedSymbolic, b: &mut [f64]) {
        let (substitution, blocks, values) = (&symbolic.substitution, &mut self.blocks, &self.left);
        substitution.solve_transpose(&self.numbers, b, &mut self.buffers, |left| {
            blocks.solve_transpose(&symbolic.blocks, values, left);
        });
    }
}

/// Numeric factors of all blocks.
#[derive(Debug)]
struct BlocksFactor {
    blocks: Vec<BlockFactor>,
    /// Numbers of one block.
    numbers: Vec<f64>,
    x: Vec<f64>,
}

#[derive(Debug)]
enum BlockFactor {
    /// The inverse of the number.
    Single(f64),
    Schedule(ScheduledLu),
    Balanced(Box<BalancedFactor>),
    Fronts(Box<MultifrontalFactor>),
}

impl BlocksFactor {
    fn new(symbolic: &Blocks) -> Self {
        let factor = |block: &Block| match &block.kind {
            Kind::Single => BlockFactor::Single(0.0),
            Kind::Schedule(s) => BlockFactor::Schedule(ScheduledLu::new(s.clone())),
            Kind::Balanced(s) => BlockFactor::Balanced(Box::new(BalancedFactor::new(s.clone()))),
            Kind::Fronts(s) => BlockFactor::Fronts(Box::new(MultifrontalFactor::new(s.clone()))),
        };
        Self {
            blocks: symbolic.blocks.iter().map(factor).collect(),
            numbers: Vec::new(),
            x: vec![0.0; symbolic.columns.len()],
        }
    }

    /// # Errors
    /// [`LinearError::Singular`] if a pivot is zero or not finite, [`LinearError::OutOfMemory`].
    fn factor(&mut self, symbolic: &Blocks, values: &[f64]) -> Result<f64, LinearError> {
        let mut growth = 0.0f64;
        for (factor, block) in self.blocks.iter_mut().zip(&symbolic.blocks) {
            let mut numbers = block.nonzeros.iter().map(|&k| values[k as usize]);
            match factor {
                BlockFactor::Single(inverse) => {
                    let pivot: f64 = numbers.sum();
                    if !(pivot != 0.0 && pivot.is_finite()) {
                        return Err(LinearError::Singular);
                    }
                    *inverse = pivot.recip();
                }
                BlockFactor::Schedule(factor) => {
                    factor.factor(&mut numbers)?;
                    growth = growth.max(factor.growth());
                }
                BlockFactor::Balanced(factor) => {
                    self.numbers.clear();
                    self.numbers.extend(numbers);
                    growth = growth.max(factor.factor(&self.numbers)?);
                }
                BlockFactor::Fronts(factor) => {
                    self.numbers.clear();
                    self.numbers.extend(numbers);
                    factor.factor(&self.numbers)?;
                    growth = growth.max(factor.growth());
                }
            }
        }
        Ok(growth)
    }

    /// `A x = b` in place, of the matrix with these `values`.
    fn solve(&mut self, symbolic: &Blocks, values: &[f64], b: &mut [f64]) {
        for (x, &row) in self.x.iter_mut().zip(&symbolic.rows) {
            *x = b[row as usize];
        }
        for (index, block) in symbolic.blocks.iter().enumerate() {
            let x = &mut self.x[block.first..block.first + block.size];
            match &mut self.blocks[index] {
                BlockFactor::Single(inverse) => x[0] *= *inverse,
                BlockFactor::Schedule(factor) => factor.solve(x),
                BlockFactor::Balanced(factor) => factor.solve(x),
                BlockFactor::Fronts(factor) => factor.solve(x),
            }
            for tie in symbolic.ties(index) {
                let number = values[tie.nonzero as usize];
                self.x[tie.row as usize] -= number * self.x[tie.column as usize];
            }
        }
        for (x, &column) in self.x.iter().zip(&symbolic.columns) {
            b[column as usize] = *x;
        }
    }

    /// `A' x = b` in place, of the matrix with these `values`.
    fn solve_transpose(&mut self, symbolic: &Blocks, values: &[f64], b: &mut [f64]) {
        for (x, &column) in self.x.iter_mut().zip(&symbolic.columns) {
            *x = b[column as usize];
        }
        for (index, block) in symbolic.blocks.iter().enumerate().rev() {
            for tie in symbolic.ties(index) {
                let number = values[tie.nonzero as usize];
                self.x[tie.column as usize] -= number * self.x[tie.row as usize];
            }
            let x = &mut self.x[block.first..block.first + block.size];
            match &mut self.blocks[index] {
                BlockFactor::Single(inverse) => x[0] *= *inverse,
                BlockFactor::Schedule(factor) => factor.solve_transpose(x),
                BlockFactor::Balanced(factor) => factor.solve_transpose(x),
                BlockFactor::Fronts(factor) => factor.solve_transpose(x),
            }
        }
        for (x, &row) in self.x.iter().zip(&symbolic.rows) {
            b[row as usize] = *x;
        }
    }
}
