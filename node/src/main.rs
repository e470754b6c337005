//! The binary `kapok`: the command line (`cli`), the configuration (`settings`), the catalogue
//! (`catalogue`) and the wiring of a node (`node`).
//!
//! Everything else is in the crates beside it. Start reading at [`cli`].

mod catalogue;
mod cli;
mod node;
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
