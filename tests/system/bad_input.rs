//! Bad input: a clear message with a remedy, and nothing lost.

use std::net::{TcpListener, UdpSocket};

use kapok_tests::{Federation, Node, run_kapok};
use serde_json::json;

use crate::support::id;

const OPEN: [&str; 4] = ["--license", "CC0-1.0", "--visibility", "public"];

fn city() -> Node {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    node
}

#[test]
fn codes_that_are_wrong_used_or_expired_admit_nobody() {
    let city = city();
    let mut county = Node::init("county", "米易县电教馆");
    county.start();
    for wrong in ["nonsense", "", "kapok1-AAAA", &"x".repeat(10_000)] {
        let outcome = county.try_kapok(&["join", wrong]);
        assert!(matches!(outcome.code, Some(1 | 2)) && !outcome.stderr.is_empty(), "{outcome:?}");
    }
    let short = city.kapok(&["invite", "--tier", "county", "--name", "米易县电教馆", "--valid", "1s"]);
    let expires = std::time::Instant::now() + std::time::Duration::from_millis(1500);
    while std::time::Instant::now() < expires {
        // A code's life is a time; there is no event to wait for.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let late = county.try_kapok(&["join", short["code"].as_str().unwrap()]);
    late.assert_refused();
    assert!(late.stderr.contains("expired"), "{late:?}");

    let good = city.kapok(&["invite", "--tier", "county", "--name", "米易县电教馆"]);
    let code = good["code"].as_str().unwrap();
    let mut altered: Vec<char> = code.chars().collect();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == 'a' { 'b' } else { 'a' };
    county.try_kapok(&["join", &altered.into_iter().collect::<String>()]).assert_refused();
    county.kapok(&["join", code]);
    let mut second = Node::init("county", "又一个");
    second.start();
    second.try_kapok(&["join", code]).assert_refused();
    // Who has joined does not join again.
    county.try_kapok(&["join", code]).assert_refused();
    assert_eq!(city.kapok(&["members"])["members"].as_array().unwrap().len(), 2);
}

#[test]
fn a_second_daemon_on_one_folder_leaves_the_first_alone() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    let second = run_kapok(&node.home(), &["serve"]);
    second.assert_refused();
    assert!(second.stderr.contains("in use") && second.stderr.contains(&node.pid().unwrap().to_string()), "{second:?}");
    assert_eq!(node.kapok(&["status"])["node"], node.id.as_str());
}

#[test]
fn a_port_in_use_is_named() {
    let node = Node::init("city", "攀枝花市电教馆");
    let address = node.url().trim_start_matches("http://").to_owned();
    let taken = TcpListener::bind(&address).unwrap();
    let refused = run_kapok(&node.home(), &["serve"]);
    refused.assert_refused();
    assert!(refused.stderr.contains(&address), "{refused:?}");
    drop(taken);
    let taken = UdpSocket::bind(("127.0.0.1", node.peer_port())).unwrap();
    let refused = run_kapok(&node.home(), &["serve"]);
    refused.assert_refused();
    assert!(refused.stderr.contains(&node.peer_port().to_string()), "{refused:?}");
    drop(taken);
}

#[test]
fn a_folder_of_another_version_is_left_as_it_is() {
    let node = Node::init("city", "攀枝花市电教馆");
    let format = node.home().join("FORMAT");
    std::fs::remove_file(&format).unwrap();
    std::fs::write(&format, "kapok data folder 99\n").unwrap();
    for command in [&["serve"][..], &["status"]] {
        let refused = run_kapok(&node.home(), command);
        refused.assert_refused();
        assert!(refused.stderr.contains("99"), "{refused:?}");
    }
    assert_eq!(std::fs::read_to_string(&format).unwrap(), "kapok data folder 99\n");
    run_kapok(&node.scratch("empty"), &["status"]).assert_refused();
    let again = run_kapok(&node.home(), &["init", "--tier", "city", "--name", "另一个"]);
    again.assert_refused();
}

#[test]
fn files_that_are_not_what_they_seem_are_taken_or_refused_by_name() {
    let node = city();
    let add = |path: &std::path::Path| node.try_kapok(&[&["add", path.to_str().unwrap()][..], &OPEN].concat());
    // Gone, empty, cut off: refused, and said which.
    for (name, content) in [("空白.txt", ""), ("空白.pdf", "")] {
        let refused = add(&node.file(name, content));
        refused.assert_refused();
        assert!(refused.stderr.contains(name), "{refused:?}");
    }
    let gone = node.scratch("files").join("不见了.pptx");
    let refused = add(&gone);
    refused.assert_refused();
    assert!(refused.stderr.contains("不见了.pptx"), "{refused:?}");
    // Strange inside: kept as files, found by name, no text of theirs, no harm.
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice();
    let looping =
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\n\
        trailer<</Root 1 0 R>>\n";
    let deep = format!("<html>{}", "<div>".repeat(200_000));
    for (name, content) in [
        ("压缩包.docx", zip),
        ("打转.pdf", looping),
        ("乱码.pdf", b"%PDF-1.7\n\xff\xfe\x00garbage"),
        ("深.html", deep.as_bytes()),
    ] {
        let added = add(&node.file(name, content));
        assert_eq!(added.code, Some(0), "{name}: {added:?}");
        let resource = added.json()["resources"][0].take();
        node.finds(name.split('.').next().unwrap(), id(&resource));
    }
    let long = format!("{}.txt", "长".repeat(82));
    add(&node.file(&long, "名字有 250 个字节")).assert_refused();
    assert_eq!(node.kapok(&["status"])["resources"], 4);
}

#[test]
fn nothing_half_done_is_left_of_a_folder_with_one_bad_file() {
    let node = city();
    let folder = node.scratch("folder");
    std::fs::write(folder.join("好的.txt"), "好的").unwrap();
    std::fs::write(folder.join("空的.txt"), "").unwrap();
    let refused =
        node.try_kapok(&[&["add", folder.to_str().unwrap(), "--together", "--title", "一起"][..], &OPEN].concat());
    refused.assert_refused();
    assert_eq!(node.kapok(&["status"])["resources"], 0);
    assert_eq!(std::fs::read_dir(node.home().join("staging")).unwrap().count(), 0, "staging is not empty");
}

#[test]
fn queries_that_cannot_be_meant_are_refused_or_find_nothing() {
    let node = city();
    let long = node.try_kapok(&["search", &"平".repeat(10_000)]);
    long.assert_refused();
    assert!(long.stderr.contains("10000"), "{long:?}");
    for operators in ["AND OR NOT", "*", "+-\"\"", "((((", "^^^:::", "\"", "a:b:c", "？！。"] {
        let outcome = node.try_kapok(&["search", operators]);
        match outcome.code {
            Some(0) => assert_eq!(outcome.json()["total"], 0, "{operators}"),
            _ => {
                outcome.assert_refused();
            }
        }
    }
    node.try_kapok(&["search", "x", "--subject", "炼金术"]);
    assert_eq!(node.kapok(&["status"])["node"], node.id.as_str(), "it still answers");
}

#[test]
fn the_api_refuses_what_is_not_json_and_names_that_lead_elsewhere() {
    let mut node = city();
    let owner = node.owner();
    for body in ["", "not json", "{\"all\":", "[]", "{\"all\":true}}", "\u{0}"] {
        let headers = [("content-type", "application/json")];
        owner.send("POST", "/api/v1/subscriptions", &headers, body.into()).problem(400);
    }
    owner.send("POST", "/api/v1/subscriptions", &[("content-type", "text/plain")], b"{}".to_vec()).problem(415);
    for name in ["../../etc/cron.d/x", "a/b", "..", "", "a\\b", &"长".repeat(84), "a\u{0}b"] {
        let problem = owner.post("/api/v1/uploads", &json!({"name": name, "size": 1})).problem(400);
        assert!(problem["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{problem}");
    }
    // More than any disk has.
    assert!(
        [413, 507].contains(&owner.post("/api/v1/uploads", &json!({"name": "大.mp4", "size": 1_u64 << 60})).status)
    );
    assert!(owner.get("/blobs/../../../etc/passwd").status >= 400);
    owner.get(&format!("/blobs/{}", "0".repeat(64))).problem(404);
    assert!(owner.get("/api/v1/resources/../../x").status >= 400);
    owner.get(&format!("/api/v1/search?q={}", "x".repeat(10_000))).problem(400);
    assert!(std::fs::read_dir(node.home().join("staging")).unwrap().count() <= 1);
    assert!(node.stop().success());
}

#[test]
fn wrong_codes_and_passwords_are_refused_and_then_made_to_wait() {
    let node = city();
    let stranger = node.browser();
    let account = json!({"code": "WRONG-CODE-HERE-0000", "name": "李老师", "password": "a long enough passphrase"});
    assert!((400..500).contains(&stranger.post("/api/v1/setup", &account).status));
    let mut first = node.browser();
    first.set_up(&node.setup, "李老师", "a long enough passphrase");
    let again = json!({"code": node.setup, "name": "王老师", "password": "another long passphrase"});
    assert!((400..500).contains(&stranger.post("/api/v1/setup", &again).status), "a set-up code works once");

    let guess = json!({"name": "李老师", "password": "a guess at the passphrase"});
    let statuses: Vec<u16> = (0..10).map(|_| stranger.post("/api/v1/session", &guess).status).collect();
    assert_eq!(statuses[0], 401, "{statuses:?}");
    assert_eq!(statuses[9], 429, "{statuses:?}");
    stranger.post("/api/v1/session", &guess).problem(429);
    // Whoever is signed in goes on working.
    assert_eq!(first.get("/api/v1/session").json()["name"], "李老师");
}

#[test]
fn an_upload_that_does_not_end_or_is_not_ones_own_publishes_nothing() {
    let federation = Federation::of_four();
    let node = &federation.school;
    let mut teacher = node.browser();
    teacher.set_up(&node.setup, "李老师", "a long enough passphrase");
    let begun = teacher.post("/api/v1/uploads", &json!({"name": "半份.txt", "size": 100})).json();
    let upload = begun["id"].as_str().unwrap();
    let headers = [("upload-offset", "0")];
    teacher.send("PATCH", &format!("/api/v1/uploads/{upload}"), &headers, b"half".to_vec());
    let publish = json!({"uploads": [upload], "title": "半份", "license": "CC0-1.0", "visibility": "public"});
    let refused = teacher.post("/api/v1/resources", &publish);
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    node.browser().post("/api/v1/resources", &publish).problem(401);
    assert_eq!(node.titles("半份").len(), 0);
    let whole = teacher.upload("整份.txt", "整整一份".as_bytes());
    let publish = json!({"uploads": [whole], "title": "整份", "license": "CC0-1.0", "visibility": "public"});
    let published = teacher.post("/api/v1/resources", &publish);
    assert_eq!(published.status, 200, "{}", published.text());
    assert_eq!(node.finds("整份", id(&published.json()["resources"][0]))["title"], "整份");
}
