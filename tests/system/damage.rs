//! A damaged journal costs what stood in the damaged place; the node comes up, and says what is gone.

use std::path::Path;

use kapok_tests::{Federation, Node};
use serde_json::Value;

const NAME: &str = "攀枝花市电教馆";

/// Flips a bit in the middle of these bytes, wherever they stand in the journal's files.
fn flip(journal: &Path, bytes: &[u8]) {
    let mut found = false;
    for file in std::fs::read_dir(journal).unwrap() {
        let path = file.unwrap().path();
        let mut content = std::fs::read(&path).unwrap();
        if let Some(at) = content.windows(bytes.len()).position(|window| window == bytes) {
            content[at + bytes.len() / 2] ^= 1;
            std::fs::write(&path, content).unwrap();
            found = true;
        }
    }
    assert!(found, "{} does not hold it", journal.display());
}

fn overwrite(journal: &Path) {
    for file in std::fs::read_dir(journal).unwrap() {
        let path = file.unwrap().path();
        let len = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![0; usize::try_from(len).unwrap()]).unwrap();
    }
}

fn says(status: &Value, word: &str) -> bool {
    status["notices"].as_array().unwrap().iter().any(|notice| notice.as_str().unwrap().contains(word))
}

/// With a daemon, without one, over HTTP, on the terminal, and in the log.
fn is_said_everywhere(node: &mut Node, word: &str) {
    let alone = node.try_kapok(&["status"]);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(says(&alone.json(), word), "{alone:?}");
    assert!(alone.stderr.contains("journal"), "not in the log: {alone:?}");
    node.start();
    let status = node.kapok(&["status"]);
    assert!(says(&status, word), "{status}");
    assert!(says(&node.owner().get("/api/v1/status").json(), word));
}

#[test]
fn damage_in_the_private_journal_is_said() {
    let mut node = Node::init("county", NAME);
    flip(&node.home().join("journal/private"), NAME.as_bytes());
    is_said_everywhere(&mut node, "journal/private");
}

#[test]
fn a_node_that_lost_its_accounts_says_so_and_can_be_set_up_again() {
    let mut node = Node::init("city", NAME);
    node.start();
    node.browser().set_up(&node.setup, "李老师", "a long enough passphrase");
    node.kapok(&["subscribe", "--subject", "math"]);
    assert!(node.stop().success());
    overwrite(&node.home().join("journal/private"));
    is_said_everywhere(&mut node, "journal/private");
    let status = node.kapok(&["status"]);
    assert!(says(&status, "设置码"), "{status}");
    assert_eq!(status["name"], NAME, "the membership has the name: {status}");
    let code = std::fs::read_to_string(node.home().join("run/setup")).unwrap();
    node.browser().set_up(code.trim(), "王老师", "another long passphrase");
    assert!(!says(&node.kapok(&["status"]), "设置码"));
    node.kapok(&["subscribe", "--subject", "math"]);
    assert!(node.stop().success());
    node.start();
    let session = serde_json::json!({"name": "王老师", "password": "another long passphrase"});
    assert!(node.browser().post("/api/v1/session", &session).status < 300);
}

#[test]
fn damage_in_the_shared_journal_is_said_and_the_rest_stays_usable() {
    let mut node = Node::init("city", NAME);
    node.start();
    let add = |title: &str| {
        let file = node.file(&format!("{title}.txt"), title);
        node.add(&file, &["--title", title, "--visibility", "public", "--license", "CC0-1.0"])
    };
    let (lost, kept) = (add("山坡上的木棉"), add("江边的凤凰木"));
    // Found by both words in one query, so that the damaged one is met.
    node.finds("木", lost["id"].as_str().unwrap());
    assert!(node.stop().success());
    flip(&node.home().join("journal/shared"), "山坡上的木棉".as_bytes());
    is_said_everywhere(&mut node, "journal/shared");
    node.finds("木", kept["id"].as_str().unwrap());
    let latest = node.owner().get("/api/v1/latest").json();
    assert_eq!(latest["resources"].as_array().unwrap().len(), 1, "{latest}");
    for command in [&["members"][..], &["subscribe", "--all"], &["subscriptions"], &["peers"]] {
        node.kapok(command);
    }
}

#[test]
fn damage_in_the_audit_journal_is_said() {
    let mut node = Node::init("city", NAME);
    node.start();
    for school in ["第一小学", "第二小学"] {
        node.kapok(&["invite", "--tier", "school", "--name", school]);
    }
    assert!(node.stop().success());
    flip(&node.home().join("journal/audit"), b"invite");
    is_said_everywhere(&mut node, "审计日志");
}

#[test]
fn what_is_lost_from_a_journal_comes_back_from_others_and_is_found_again() {
    let mut federation = Federation::of_four();
    let add = |title: &str| {
        let file = federation.school.file(&format!("{title}.txt"), title);
        federation.school.add(&file, &["--title", title, "--visibility", "public", "--license", "CC0-1.0"])
    };
    let all = [add("山坡上的木棉"), add("江边的凤凰木"), add("院里的黄葛树")];
    federation.county.kapok(&["sync", "--now"]);
    // Its own, and what it has of others, the newest record among it.
    for (place, title) in [(1, "江边的凤凰木"), (2, "山坡上的木棉"), (2, "院里的黄葛树")] {
        let node = federation.node_mut(place);
        assert!(node.stop().success());
        flip(&node.home().join("journal/shared"), title.as_bytes());
        node.start();
        node.kapok(&["sync", "--now"]);
        for resource in &all {
            node.finds(resource["title"].as_str().unwrap(), resource["id"].as_str().unwrap());
        }
        let latest = node.owner().get("/api/v1/latest").json();
        assert_eq!(latest["resources"].as_array().unwrap().len(), 3, "{}: {latest}", node.name);
    }
}

#[test]
fn a_journal_that_lost_its_end_goes_on_and_is_searched() {
    let mut node = Node::init("city", NAME);
    node.start();
    let add = |node: &Node, title: &str| {
        node.add(&node.file(&format!("{title}.txt"), title), &["--title", title, "--license", "CC0-1.0"])
    };
    let first = add(&node, "山坡上的木棉");
    add(&node, "江边的凤凰木");
    assert!(node.stop().success());
    for file in std::fs::read_dir(node.home().join("journal/shared")).unwrap() {
        let path = file.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        if content.windows(12).any(|window| window == "江边的凤".as_bytes()) {
            std::fs::write(&path, &content[..content.len() - 700]).unwrap();
        }
    }
    node.start();
    let third = add(&node, "院里的黄葛树");
    node.kill();
    node.start();
    node.finds("山坡上的木棉", first["id"].as_str().unwrap());
    node.finds("院里的黄葛树", third["id"].as_str().unwrap());
}
