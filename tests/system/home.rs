//! The data folder: what is wrong with it is said with a remedy, and whoever passes through it is waited for.

use std::io::{BufRead, BufReader};
use std::sync::Arc;

use kapok_store::fs::{RealFs, SharedFs};
use kapok_store::home::{Home, Purpose};
use kapok_tests::{Federation, Node, run_kapok};
use serde_json::Value;

use crate::support::id;

fn held_by_a_command(node: &Node) -> Home {
    let fs: SharedFs = Arc::new(RealFs);
    Home::open_to(Purpose::Command, fs, &node.home()).unwrap()
}

#[test]
fn a_key_that_is_missing_or_damaged_is_named_with_a_remedy_and_left_as_it_is() {
    let node = Node::init("city", "攀枝花市电教馆");
    let key = node.home().join("keys/node.key");
    let good = std::fs::read(&key).unwrap();
    for damaged in [Some(&b""[..]), Some(&good[..31]), Some(&[good.as_slice(), b"x"].concat()), None] {
        std::fs::remove_file(&key).unwrap_or_default();
        if let Some(bytes) = damaged {
            std::fs::write(&key, bytes).unwrap();
        }
        for command in [&["serve"][..], &["status"], &["search", "x"]] {
            let refused = run_kapok(&node.home(), command);
            refused.assert_refused();
            assert!(refused.stderr.contains("node.key") && refused.stderr.contains("backup"), "{refused:?}");
            assert!(refused.stderr.contains("kapok init"), "{refused:?}");
        }
        assert_eq!(std::fs::read(&key).ok().as_deref(), damaged);
    }
    std::fs::write(&key, &good).unwrap();
    assert_eq!(node.kapok(&["status"])["node"], node.id.as_str());
}

#[test]
fn a_key_in_which_a_byte_has_changed_makes_no_other_node() {
    let node = Node::init("school", "红格小学");
    let key = node.home().join("keys/node.key");
    let good = std::fs::read(&key).unwrap();
    let mut bad = good.clone();
    bad[7] ^= 1;
    std::fs::write(&key, &bad).unwrap();
    for command in [&["serve"][..], &["status"]] {
        let refused = run_kapok(&node.home(), command);
        refused.assert_refused();
        assert!(refused.stderr.contains("another's") && refused.stderr.contains("backup"), "{refused:?}");
        assert!(refused.stderr.contains(&node.id), "{refused:?}");
    }
    std::fs::write(&key, &good).unwrap();
    assert_eq!(node.kapok(&["status"])["node"], node.id.as_str());
}

#[cfg(unix)]
#[test]
fn a_key_that_others_could_read_is_closed_and_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut node = Node::init("city", "攀枝花市电教馆");
    let key = node.home().join("keys/node.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    node.start();
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let status = node.kapok(&["status"]);
    let notices = status["notices"].as_array().unwrap();
    assert!(notices.iter().any(|notice| notice.as_str().unwrap().contains("node.key")), "{status}");
}

#[test]
fn a_folder_whose_format_is_empty_is_left_as_it_is() {
    let node = Node::init("city", "攀枝花市电教馆");
    let format = node.home().join("FORMAT");
    std::fs::write(&format, "").unwrap();
    for command in [&["serve"][..], &["status"], &["config", "set", "log", "debug"]] {
        let refused = run_kapok(&node.home(), command);
        refused.assert_refused();
        assert!(refused.stderr.contains("FORMAT is empty"), "{refused:?}");
    }
    assert_eq!(std::fs::read(&format).unwrap(), b"");
}

#[test]
fn a_folder_whose_format_is_missing_is_neither_opened_nor_made_anew() {
    let node = Node::init("city", "攀枝花市电教馆");
    let format = node.home().join("FORMAT");
    let line = std::fs::read_to_string(&format).unwrap();
    std::fs::remove_file(&format).unwrap();
    let init = ["init", "--tier", "city", "--name", "另一个"];
    for command in [&["serve"][..], &["status"], &["config", "get", "log"], &init] {
        let refused = run_kapok(&node.home(), command);
        refused.assert_refused();
        assert!(refused.stderr.contains("FORMAT is missing") && refused.stderr.contains(line.trim()), "{refused:?}");
    }
    std::fs::write(&format, &line).unwrap();
    assert_eq!(node.kapok(&["status"])["node"], node.id.as_str());
}

#[test]
fn damaged_files_by_which_commands_find_a_daemon_are_said_and_not_waited_for() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    let run = node.home().join("run");
    let good = ["http", "token"].map(|name| std::fs::read(run.join(name)).unwrap());
    let flipped = |bytes: &[u8]| bytes.iter().rev().map(|byte| byte ^ 1).collect::<Vec<_>>();
    for (http, token) in [
        (&good[0], Some(&flipped(&good[1]))),
        (&good[0], Some(&b"\0\xff".to_vec())),
        (&good[0], Some(&Vec::new())),
        (&good[0], None),
        (&flipped(&good[0]), Some(&good[1])),
    ] {
        std::fs::write(run.join("http"), http).unwrap();
        match token {
            Some(token) => std::fs::write(run.join("token"), token).unwrap(),
            None => std::fs::remove_file(run.join("token")).unwrap(),
        }
        let refused = run_kapok(&node.home(), &["status"]);
        refused.assert_refused();
        assert!(refused.stderr.contains("is damaged") && refused.stderr.contains("start it again"), "{refused:?}");
        assert!(!refused.stderr.contains("did not answer within"), "it waited: {refused:?}");
    }
    std::fs::write(run.join("http"), &good[0]).unwrap();
    std::fs::write(run.join("token"), &good[1]).unwrap();
    assert_eq!(node.kapok(&["status"])["node"], node.id.as_str());
}

#[test]
fn a_setting_that_there_is_not_is_said_so() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    let ask = |node: &Node| {
        let refused = run_kapok(&node.home(), &["config", "get", "nope"]);
        refused.assert_refused();
        assert!(refused.stderr.contains("nope") && refused.stderr.contains("is not a setting"), "{refused:?}");
        assert!(!refused.stderr.contains("change"), "{refused:?}");
    };
    ask(&node);
    node.start();
    ask(&node);
}

#[test]
fn no_node_is_made_where_a_file_stands() {
    let node = Node::init("city", "攀枝花市电教馆");
    let file = node.file("论文.docx", "我的");
    for home in [file.clone(), file.join("home")] {
        let refused = run_kapok(&home, &["init", "--tier", "school", "--name", "红格小学"]);
        refused.assert_refused();
        assert!(refused.stderr.contains("论文.docx is not a folder"), "{refused:?}");
        run_kapok(&home, &["serve"]).assert_refused();
        run_kapok(&home, &["status"]).assert_refused();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "我的");
}

#[test]
fn a_daemon_waits_for_a_command_that_has_the_folder() {
    let node = Node::init("city", "攀枝花市电教馆");
    let command = held_by_a_command(&node);
    let mut daemon = node.spawn();
    let mut log = BufReader::new(daemon.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("waiting until it is done")), "it did not wait");
    drop(command);
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next().expect("it ended").unwrap()).unwrap();
    assert_eq!(ready["node"], node.id.as_str());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_daemon_that_waits_in_vain_says_for_whom() {
    let node = Node::init("city", "攀枝花市电教馆");
    let _command = held_by_a_command(&node);
    let refused = run_kapok(&node.home(), &["serve"]);
    refused.assert_refused();
    let pid = std::process::id().to_string();
    assert!(refused.stderr.contains("still at work") && refused.stderr.contains(&pid), "{refused:?}");
}

#[test]
fn commands_without_a_daemon_go_one_after_the_other() {
    let node = Node::init("city", "攀枝花市电教馆");
    let (command, home) = (held_by_a_command(&node), node.home());
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| run_kapok(&home, &["status"]))).collect();
        drop(command);
        for done in waiting {
            let done = done.join().unwrap();
            assert_eq!(done.code, Some(0), "{done:?}");
        }
    });
}

#[test]
fn a_node_that_has_not_joined_works_for_itself_and_shares_it_when_it_has() {
    let mut city = Node::init("city", "攀枝花市电教馆");
    let mut school = Node::init("school", "云山坪学校");
    city.start();
    school.start();
    let found = school.search("平行四边形");
    assert_eq!((&found["total"], &found["complete"]), (&0.into(), &true.into()), "{found}");
    let lesson = school.add(&school.file("平行四边形.txt", "第一份"), &["--license", "CC0-1.0"]);
    school.finds("平行四边形", id(&lesson));
    Federation::join(&city, &school, "school");
    school.kapok(&["sync", "--now"]);
    school.finds("平行四边形", id(&lesson));
    city.finds("平行四边形", id(&lesson));
}
