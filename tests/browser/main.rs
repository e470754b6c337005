//! The pages in a real browser: `walk.mjs` walks through them in headless Chromium, at the sizes of a school's old
//! screen and of a phone. This file gives it two nodes to walk on.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kapok_tests::{Federation, Node, documents, repository, skipped};
use serde_json::json;

/// Where a walk can take place, or why not.
fn browser() -> Result<PathBuf, String> {
    let walk = repository().join("tests/browser");
    if !walk.join("node_modules/playwright-core").is_dir() {
        return Err("tests/browser/node_modules is missing: run npm ci in tests/browser".into());
    }
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let installed = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = named.into_iter().chain(installed).find(|path| path.is_file());
    found.ok_or_else(|| "no Chromium: install the package chromium, or name one in CHROMIUM".to_owned())
}

fn walk(test: &str, size: &str) {
    let chromium = match browser() {
        Ok(chromium) => chromium,
        Err(reason) => return skipped(test, &reason),
    };
    let mut city = Node::init("city", "攀枝花市电教馆");
    city.start();
    let school = Federation::child(&city, "school", "河湾小学");
    let all = documents();
    for document in all.iter().filter(|document| document.files.len() > 1 || document.title.contains("木棉")).take(5)
    {
        let mut arguments = vec!["add".to_owned()];
        arguments.extend(document.files.iter().map(|path| path.to_str().unwrap().to_owned()));
        arguments.extend(document.arguments.iter().cloned());
        city.kapok(&arguments);
    }
    school.kapok(&["sync", "--now"]);
    let story = kapok_tests::samples().join("story/《木棉花开的时候》教学设计.docx");
    let pictures = std::env::var_os("KAPOK_TEST_PICTURES").map(PathBuf::from);
    let plan = json!({
        "chromium": chromium,
        "url": school.url(),
        "setup": school.setup,
        "size": size,
        "file": story,
        "city": city.name,
        "pictures": pictures,
    });
    run(&repository().join("tests/browser"), &plan.to_string());
}

fn run(folder: &Path, plan: &str) {
    let output = Command::new("node")
        .arg("walk.mjs")
        .arg(plan)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("node could not be started");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    print!("{said}");
}

#[test]
fn a_teacher_walks_through_all_pages_on_an_old_screen() {
    walk("a_teacher_walks_through_all_pages_on_an_old_screen", "1366x768");
}

#[test]
fn a_teacher_walks_through_all_pages_on_a_phone() {
    walk("a_teacher_walks_through_all_pages_on_a_phone", "390x844");
}
