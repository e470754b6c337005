//! The arrows between the crates, and the walls around what others wrote, as ARCHITECTURE.md draws them.
//!
//! Read from `cargo metadata`: what the manifests say is what the build does.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use kapok_tests::repository;
use serde_json::Value;

/// What a crate may depend on among our own, outside tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("kapok-protocol", &[]),
    ("kapok-indexer", &["kapok-protocol"]),
    ("kapok-library", &["kapok-protocol"]),
    ("kapok-private", &["kapok-protocol"]),
    ("kapok-store", &["kapok-protocol"]),
    ("kapok-net", &["kapok-protocol"]),
    ("kapok-web-ui", &[]),
    ("kapok-http", &["kapok-protocol", "kapok-library", "kapok-private", "kapok-web-ui"]),
    (
        "kapok",
        &[
            "kapok-protocol",
            "kapok-indexer",
            "kapok-library",
            "kapok-private",
            "kapok-store",
            "kapok-net",
            "kapok-http",
            "kapok-web-ui",
        ],
    ),
    // From outside; it writes journals of its own for the benchmarks.
    ("kapok-tests", &["kapok-protocol", "kapok-library", "kapok-store"]),
    ("kapok-lab", &["kapok-protocol", "kapok-tests"]),
];

/// What stays inside one crate.
const WALLS: &[(&str, &str)] = &[
    ("libp2p", "kapok-net"),
    ("libp2p-tls", "kapok-net"),
    ("quinn", "kapok-net"),
    ("sled", "kapok-store"),
    ("tantivy", "kapok-indexer"),
    ("jieba-rs", "kapok-indexer"),
    ("axum", "kapok-http"),
    ("askama", "kapok-web-ui"),
];

/// Pure: no I/O, clock, randomness, threads or async.
const PURE: &[&str] = &["kapok-protocol", "kapok-library", "kapok-private"];
const IMPURE: &[&str] =
    &["tokio", "libp2p", "quinn", "sled", "axum", "rand", "getrandom", "tempfile", "rustix", "fs4", "ureq"];

/// Package to what it depends on, outside tests and build scripts.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let normal = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"].is_null()).map(|dependency| text(&dependency["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), normal(package))).collect()
}

#[test]
fn crates_depend_on_each_other_as_drawn_and_no_more() {
    let dependencies = dependencies();
    let drawn: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for (package, all) in &dependencies {
        let allowed = drawn.get(package.as_str()).unwrap_or_else(|| panic!("{package} is in no drawing"));
        for one in all.iter().filter(|name| dependencies.contains_key(*name)) {
            assert!(allowed.contains(&one.as_str()), "{package} must not depend on {one}");
        }
    }
    for (package, _) in ARROWS {
        assert!(dependencies.contains_key(*package), "{package} is drawn and does not exist");
    }
}

#[test]
fn what_others_wrote_stays_inside_the_crate_that_needs_it() {
    for (package, all) in dependencies() {
        for (foreign, home) in WALLS {
            let is_at_home = package == *home;
            assert!(is_at_home || !all.contains(*foreign), "{package} must not see {foreign}: it stays inside {home}");
        }
        let libp2p = all.iter().find(|name| name.starts_with("libp2p"));
        assert!(package == "kapok-net" || libp2p.is_none(), "{package} must not see {libp2p:?}");
    }
}

#[test]
fn logic_has_no_clock_no_chance_and_no_files() {
    let dependencies = dependencies();
    for package in PURE {
        for impure in IMPURE {
            assert!(!dependencies[*package].contains(*impure), "{package} is pure and must not see {impure}");
        }
    }
}
