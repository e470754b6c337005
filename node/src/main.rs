//! The binary `kapok`: the command line (`cli`), the configuration (`settings`), the catalogue
//! (`catalogue`) and the wiring of a node (`node`).
//!
//! Everything else is in the crates beside it. Start reading at [`cli`].

mod catalogue;
mod cli;
mod node;
mod settings;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

// glibc keeps what many threads have freed: after indexing 100,000 resources a node held twice the memory it used.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
