//! Benchmarks of the whole system: `scripts/bench smoke` builds a release `kapok` and runs this on it.
//!
//! What depends on the machine is given as a ratio to a reference measured in the same run. A figure that misses its
//! promise is marked, and the exit is 1.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops where it is")]

mod figures;
mod process;
mod smoke;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("smoke") => smoke::run(),
        Some("counts") => smoke::run_counts(),
        _ => {
            eprintln!("usage: kapok-bench smoke|counts");
            ExitCode::from(2)
        }
    }
}
