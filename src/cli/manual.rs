//! `ohmgrad completions` and `ohmgrad man`: what the command line says of itself, for shells and for `man`.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Failure, emit};

const NAME: &str = "ohmgrad";

#[derive(Debug, clap::Args)]
pub struct Completions {
    #[arg(value_enum)]
    shell: Shell,
    /// Write them to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Pages {
    /// Folder of the pages; it is made if it is not there
    folder: PathBuf,
}

pub fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), NAME, &mut script);
    emit(script, arguments.out.as_deref())
}

pub fn pages(arguments: &Pages) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let failed = |error: &std::io::Error| Failure::write(Some(folder), error);
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| failed(&error))
}
