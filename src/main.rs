//! `ohmgrad`: parse, run, print the error, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match ohmgrad::cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            ohmgrad::note!("{}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
