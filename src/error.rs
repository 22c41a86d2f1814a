//! Every error of the library in one enum, lifted from the layers below.

/// What can go wrong between a text and a gradient.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Netlist(#[from] crate::netlist::NetlistError),
    #[error(transparent)]
    Compile(#[from] crate::analysis::CompileError),
    #[error(transparent)]
    Solve(#[from] crate::analysis::SolveError),
    #[error(transparent)]
    Sweep(#[from] crate::analysis::SweepError),
    #[error(transparent)]
    Output(#[from] crate::analysis::OutputError),
    #[error(transparent)]
    Adjoint(#[from] crate::adjoint::AdjointError),
    #[error(transparent)]
    Variable(#[from] crate::circuit::VariableError),
    #[error(transparent)]
    Write(#[from] crate::expression::TextTooLong),
    #[error(transparent)]
    Topology(#[from] crate::circuit::TopologyError),
    #[error(transparent)]
    Kernel(#[from] crate::kernel::KernelError),
    #[error(transparent)]
    Splitting(#[from] crate::kernel::SplittingError),
    #[error(transparent)]
    Cascade(#[from] crate::cascade::CascadeError),
}
