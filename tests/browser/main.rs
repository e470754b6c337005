//! The pages in a real browser: `walk.mjs` walks through them in headless Chromium, at the sizes of a school's old
//! screen and of a phone; `follow.mjs` looks at files as they come; `teacher.mjs` is the browser of both. This file gives
//! them two nodes.

#![allow(clippy::unwrap_used)]

mod line;

use std::net::UdpSocket;
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
    run(&repository().join("tests/browser"), "walk.mjs", &plan.to_string());
}

/// A node to which files come over a slow line, and its page of what is on its way.
fn follow(test: &str, size: &str) {
    let chromium = match browser() {
        Ok(chromium) => chromium,
        Err(reason) => return skipped(test, &reason),
    };
    let mut city = Node::init("city", "攀枝花市电教馆");
    city.start();
    let mut school = Federation::child(&city, "school", "河湾小学");
    // The school goes on calling where it was admitted; there is a slow line now, and the city behind it.
    school.stop();
    city.stop();
    let behind = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    city.kapok(&["config", "set", "net.listen", &format!("/ip4/127.0.0.1/udp/{behind}/quic-v1")]);
    line::lay(city.peer_port(), behind, 200_000.0);
    city.start();
    school.start();
    let title = "梯形的面积 课堂实录";
    for (title, kind, name, kilobytes) in [
        (title, "recording", "课堂实录.mp4", 3_000),
        ("三年级 Unit 4 听力与跟读", "audio", "听力.mp3", 900),
        ("种子发芽 40 天连续拍摄", "image", "种子.jpg", 1_200),
    ] {
        let file = city.file(name, noise(kilobytes * 1_000));
        city.add(&file, &["--title", title, "--kind", kind, "--visibility", "public", "--license", "CC-BY-4.0"]);
    }
    school.kapok(&["sync", "--now"]);
    let plan = json!({
        "chromium": chromium,
        "url": school.url(),
        "setup": school.setup,
        "size": size,
        "title": title,
        "pictures": std::env::var_os("KAPOK_TEST_PICTURES").map(PathBuf::from),
    });
    run(&repository().join("tests/browser"), "follow.mjs", &plan.to_string());
}

/// Bytes that no compression makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = bytes as u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

fn run(folder: &Path, script: &str, plan: &str) {
    let output = Command::new("node")
        .arg(script)
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

#[test]
fn what_is_on_its_way_moves_on_the_page_without_a_reload() {
    follow("what_is_on_its_way_moves_on_the_page_without_a_reload", "1366x768");
}

#[test]
fn what_is_on_its_way_moves_on_a_phone() {
    follow("what_is_on_its_way_moves_on_a_phone", "390x844");
}
