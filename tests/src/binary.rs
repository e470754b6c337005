//! Which `kapok` is tested: `KAPOK_BIN`, or the one of this checkout, built where it has to be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The program under test.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn kapok() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("KAPOK_BIN") {
        Some(path) => PathBuf::from(path).canonicalize().expect("KAPOK_BIN is not there"),
        None => built(),
    })
}

/// Plain `cargo test` builds no program of another package. Cargo's own lock lets one of many tests do it.
fn built() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "kapok", "--bin", "kapok", "--locked", "--message-format", "json"])
        .current_dir(repository())
        .output()
        .expect("cargo could not be started");
    assert!(output.status.success(), "kapok does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = artifacts.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.expect("cargo did not say where the program is")
}
