//! The extraction worker alone, for tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    match kapok_indexer::extract::worker::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
