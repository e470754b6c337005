//! What cannot run here is said aloud, and listed at the end of `scripts/test`.

use std::fs::OpenOptions;
use std::io::Write;

/// Says that a test did not run, and why. `scripts/test` collects these lines from the file in `KAPOK_TEST_SKIPS`.
pub fn skipped(test: &str, reason: &str) {
    eprintln!("skipped: {test}: {reason}");
    if let Some(path) = std::env::var_os("KAPOK_TEST_SKIPS")
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = writeln!(file, "{test}: {reason}");
    }
}
