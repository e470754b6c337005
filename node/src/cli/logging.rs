//! The log: on standard error, as much as was asked for.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// How much is logged unless `RUST_LOG` says it: `base`, or more with `-v`.
pub(super) fn start(base: &str, verbose: u8) {
    let base = match verbose {
        0 => base,
        1 => "info,kapok=debug",
        _ => "debug",
    };
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let filter = asked.and_then(|filter| EnvFilter::builder().parse(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::builder().parse_lossy(base));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // It fails where a log is there already; that one stays.
    let _ = log.with_ansi(io::stderr().is_terminal()).try_init();
}
