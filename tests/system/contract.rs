//! Documents on stdout, exactly as DESIGN §11 writes them.

use std::collections::BTreeSet;

use kapok_tests::{Federation, Node};
use serde_json::Value;

use crate::support::{add, blob, id, ten_documents};

/// Asserts that these are the fields, no more and no fewer.
#[track_caller]
fn exactly(value: &Value, fields: &[&str]) {
    let there: BTreeSet<&str> =
        value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect();
    assert_eq!(there, fields.iter().copied().collect(), "{value}");
}

/// Asserts that these fields are there, perhaps among others.
#[track_caller]
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no {field}: {value}");
    }
}

fn is_hex(value: &Value) -> bool {
    let digits = |text: &str| text.len() == 64 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    value.as_str().is_some_and(digits)
}

fn is_rfc3339(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() >= 20 && text.as_bytes()[10] == b'T')
}

#[test]
fn nodes_are_made_served_invited_and_joined_by_the_contract() {
    let mut city = Node::init("city", "攀枝花市电教馆");
    let ready = city.start();
    exactly(&ready, &["event", "node", "http", "listen"]);
    assert_eq!(ready["http"].as_str().unwrap().trim_end_matches('/'), city.url());
    assert!(!ready["listen"].as_array().unwrap().is_empty(), "{ready}");
    let mut county = Node::init("county", "米易县电教馆");
    county.start();

    let invitation = city.kapok(&["invite", "--tier", "county", "--name", "米易县电教馆", "--valid", "2d"]);
    exactly(&invitation, &["code", "expires"]);
    assert!(is_rfc3339(&invitation["expires"]), "{invitation}");
    let joined = county.kapok(&["join", invitation["code"].as_str().unwrap()]);
    exactly(&joined, &["federation", "parent", "tier", "name"]);
    assert_eq!((&joined["tier"], &joined["name"]), (&"county".into(), &"米易县电教馆".into()));
    assert_eq!(joined["parent"], city.id.as_str());

    let status = county.kapok(&["status"]);
    has(&status, &["node", "name", "tier", "federation", "entries", "resources", "blobs", "bytes", "pending"]);
    exactly(&status["pending"], &["blobs", "bytes"]);
    assert_eq!((&status["name"], &status["federation"]), (&joined["name"], &joined["federation"]));
    let peers = county.kapok(&["peers"]);
    let peers = peers["peers"].as_array().unwrap();
    let parent = peers.iter().find(|peer| peer["node"] == city.id.as_str()).unwrap();
    has(parent, &["node", "name", "address", "rtt_ms", "rate_bps", "last_contact"]);
}

#[test]
fn resources_are_added_found_shown_and_got_by_the_contract() {
    let federation = Federation::of_four();
    let school = &federation.school;
    let added: Vec<Value> = ten_documents().iter().map(|document| add(school, document)).collect();
    exactly(&added[0], &["id", "title", "version", "files"]);
    assert_eq!(added[0]["version"], 1);
    exactly(&added[0]["files"][0], &["name", "size", "blob"]);
    assert!(is_hex(&added[0]["files"][0]["blob"]), "{}", added[0]);
    let resource_id = id(&added[0]);
    assert!(resource_id.len() == 26 && resource_id.chars().all(|c| "abcdefghijklmnopqrstuvwxyz234567".contains(c)));

    // A folder becomes a resource a file, unless they belong together.
    let folder = school.scratch("folder");
    for name in ["一.txt", "二.txt"] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    let license = ["--license", "CC0-1.0", "--visibility", "public"];
    let path = folder.to_str().unwrap();
    assert_eq!(school.kapok(&[&["add", path], &license[..]].concat())["resources"].as_array().unwrap().len(), 2);
    let together = school.kapok(&[&["add", path, "--together", "--title", "一起"], &license[..]].concat());
    assert_eq!(together["resources"][0]["files"].as_array().unwrap().len(), 2, "{together}");
    let new = school.file("新.txt", "改过的");
    let replaced = school.add(&new, &["--replaces", id(&together["resources"][0])]);
    assert_eq!((id(&replaced), &replaced["version"]), (id(&together["resources"][0]), &Value::from(2)));

    let found = school.kapok(&["search", "平行四边形", "--limit", "3", "--subject", "math", "--stage", "primary"]);
    exactly(&found, &["total", "complete", "answered", "missing", "hits", "facets", "ms"]);
    exactly(&found["hits"][0], &["resource", "title", "score", "home", "held", "snippet", "files"]);
    assert!(found["hits"].as_array().unwrap().len() <= 3 && found["total"].as_u64().unwrap() >= 1, "{found}");
    assert!(found["facets"].is_object() && found["ms"].is_number() && found["complete"].is_boolean(), "{found}");
    let second = school.kapok(&["search", "", "--offset", "1", "--limit", "1", "--scope", "local"]);
    assert_eq!(second["hits"].as_array().unwrap().len(), 1, "{second}");

    let shown = school.kapok(&["show", resource_id]);
    has(&shown, &["id", "title", "versions", "certification", "reviews", "ratings", "holders"]);
    assert!(shown["holders"].as_array().unwrap().contains(&school.id.as_str().into()), "{shown}");
    let out = school.scratch("out");
    let got = school.kapok(&["get", resource_id, "--out", out.to_str().unwrap()]);
    exactly(&got, &["files"]);
    exactly(&got["files"][0], &["name", "size", "blob", "path"]);
    assert_eq!(got["files"][0]["blob"], blob(&added[0]));
}

#[test]
fn holding_and_synchronising_go_by_the_contract() {
    let federation = Federation::of_four();
    let document = &ten_documents()[0];
    add(&federation.school, document);
    let point = &federation.point;
    let first = point.kapok(&["subscribe", "--subject", "math", "--stage", "primary", "--max-size", "50MB"]);
    exactly(&first, &["subscriptions"]);
    let second = point.kapok(&["subscribe", "--all"]);
    assert_eq!(second["subscriptions"].as_array().unwrap().len(), 2);
    // All but what is held already, which may grow in between.
    let wishes = |listed: &Value| -> Vec<Vec<Value>> {
        let fields = ["number", "all", "subject", "stage", "kind", "max_size"];
        let all = listed["subscriptions"].as_array().unwrap();
        all.iter().map(|one| fields.map(|field| one[field].clone()).to_vec()).collect()
    };
    assert_eq!(wishes(&point.kapok(&["subscriptions"])), wishes(&second));
    let number = second["subscriptions"][1]["number"].as_u64().unwrap().to_string();
    assert_eq!(point.kapok(&["unsubscribe", &number])["subscriptions"].as_array().unwrap().len(), 1);

    let report = point.kapok(&["sync", "--now"]);
    exactly(&report, &["peers", "pending"]);
    exactly(&report["pending"], &["blobs", "bytes"]);
    let peer = &report["peers"][0];
    exactly(peer, &["node", "entries_in", "entries_out", "blobs_in", "bytes_in", "bytes_out", "seconds"]);
    assert_eq!(peer["node"], federation.school.id.as_str(), "{report}");
    // The point may have begun by itself in the meantime; either way nothing is missing now.
    assert!(peer["blobs_in"].is_u64(), "{report}");
    assert_eq!(report["pending"]["blobs"], 0, "{report}");
    assert_eq!(point.kapok(&["status"])["pending"]["blobs"], 0);
    let again = point.kapok(&["sync", "--now"]);
    assert_eq!(again["peers"][0]["blobs_in"], 0, "nothing is sent twice: {again}");
}

#[test]
fn settings_have_a_meaning_and_are_set_and_kept() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    let list = node.kapok(&["config", "list"]);
    let settings = list["settings"].as_array().unwrap();
    assert!(!settings.is_empty());
    for setting in settings {
        has(setting, &["key", "value", "default", "meaning"]);
        assert!(!setting["meaning"].as_str().unwrap().is_empty(), "{setting}");
    }
    let set = node.kapok(&["config", "set", "sync.window", "22:00-06:00"]);
    assert_eq!(set["value"], "22:00-06:00", "{set}");
    node.stop();
    node.start();
    assert_eq!(node.kapok(&["config", "get", "sync.window"])["value"], "22:00-06:00");
    node.try_kapok(&["config", "set", "sync.window", "soon"]).assert_refused();
    node.try_kapok(&["config", "get", "no.such"]).assert_refused();
}

#[test]
fn commands_of_later_versions_say_so_and_exit_1() {
    let node = Node::init("city", "攀枝花市电教馆");
    let commands: &[&[&str]] = &[
        &["renew"],
        &["succeed", "OLD", "NEW"],
        &["root", "export"],
        &["doctor"],
        &["submit", "ID"],
        &["review", "ID", "--approve"],
        &["pack", "export", "/tmp/x"],
        &["verify", "--repair"],
        &["rebuild"],
        &["gc"],
        &["backup", "/tmp/x"],
        &["restore", "/tmp/x"],
        &["user", "add", "NAME", "--role", "teacher"],
        &["audit", "--verify"],
    ];
    for command in commands {
        let outcome = node.try_kapok(command);
        outcome.assert_refused();
        assert!(outcome.stdout.is_empty() && outcome.stderr.contains(command[0]), "{outcome:?}");
    }
}

#[test]
fn wrong_usage_exits_2_and_help_has_an_example() {
    let node = Node::init("city", "攀枝花市电教馆");
    for wrong in
        [&["nonsense"][..], &["search"], &["add"], &["search", "x", "--limit", "many"], &["invite", "--tier", "moon"]]
    {
        assert_eq!(node.try_kapok(wrong).code, Some(2), "{wrong:?}");
    }
    for command in
        ["init", "serve", "invite", "join", "add", "search", "get", "show", "subscribe", "sync", "status", "config"]
    {
        let help = node.try_kapok(&[command, "--help"]);
        assert!(help.code == Some(0) && help.stdout.contains("kapok "), "{help:?}");
        assert!(help.stdout.contains("Example"), "{command} has no example: {help:?}");
    }
}

#[test]
fn the_api_describes_itself_and_answers_watchers() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    let description = node.owner().get("/api/v1/openapi.json").json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"), "{description}");
    assert_eq!(node.browser().get("/healthz").status, 200);
    let metrics = node.owner().get("/metrics").text();
    assert!(metrics.contains("# TYPE kapok_resources gauge"), "{metrics}");
    // Until the first account is made, others get the set-up page and nothing else.
    let page = node.browser().get("/");
    assert!(page.status == 303, "{}", page.text());
    node.browser().get("/api/v1/status").problem(403);
}
