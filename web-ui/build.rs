//! Refuses to build without the bundled pages, and says which command makes them.
//!
//! The bundle is made by npm, not by cargo: a build script that ran npm would need a network in every build.

use std::path::Path;
use std::process::ExitCode;

/// What `npm run build` writes; the crate embeds all of `dist/`.
const BUNDLE: [&str; 3] = ["dist/app.css", "dist/app.js", "dist/icons.svg"];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-changed=askama.toml");
    println!("cargo::rerun-if-changed=messages");
    let missing: Vec<&str> = BUNDLE.into_iter().filter(|path| !Path::new(path).is_file()).collect();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "cargo::error=the pages are not bundled yet: web-ui/{} is missing. Run `scripts/build-pages` from the root of \
         the repository (it runs `npm ci && npm run build` in web-ui/), then build again.",
        missing.join(", web-ui/")
    );
    ExitCode::FAILURE
}
