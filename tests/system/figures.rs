//! Figures: right after anything arrives or goes, and never more than everybody may know.

use kapok_tests::{Federation, Node};
use serde_json::Value;

use crate::support::{blob, get_and_check, id};

const OPEN: [&str; 4] = ["--license", "CC0-1.0", "--visibility", "public"];

fn held(node: &Node) -> u64 {
    node.kapok(&["status"])["held"].as_u64().unwrap()
}

fn resources_of<'a>(members: &'a Value, node: &Node) -> &'a Value {
    let all = members["members"].as_array().unwrap();
    &all.iter().find(|member| member["node"] == node.id.as_str()).unwrap()["resources"]
}

#[test]
fn what_is_held_is_counted_as_soon_as_it_comes_and_goes() {
    let federation = Federation::of_four();
    let (county, school) = (&federation.county, &federation.school);
    let one = school.add(&school.file("一.txt", "第一份"), &OPEN);
    school.add(&school.file("二.txt", "第二份"), &OPEN);
    assert_eq!(held(school), 2, "what was added is here");
    federation.sync_all();
    county.kapok(&["subscribe", "--subject", "music"]);
    let music = school.add(&school.file("三.txt", "第三份"), &[&OPEN[..], &["--subject", "music"]].concat());
    county.kapok(&["sync", "--now"]);
    assert_eq!(held(county), 1);
    let subscription = county.kapok(&["subscriptions"])["subscriptions"][0].take();
    assert_eq!((&subscription["resources"], &subscription["held"]), (&1.into(), &1.into()), "{subscription}");

    // One by one, with no round in between.
    get_and_check(county, id(&one), "out");
    let status = county.kapok(&["status"]);
    assert_eq!((&status["held"], &status["resources"], &status["arrived_last_day"]), (&2.into(), &3.into(), &2.into()));
    // The same file once more is another resource that is here, and so is what somebody else published with it.
    county.add(&county.file("抄本.txt", "第二份"), &OPEN);
    assert_eq!(held(county), 4);
    county.kapok(&["withdraw", id(&one), "--reason", "版权到期"]);
    let status = county.kapok(&["status"]);
    assert_eq!((&status["held"], &status["resources"]), (&3.into(), &3.into()), "{status}");
    county.kapok(&["withdraw", id(&music), "--reason", "版权到期"]);
    let subscription = county.kapok(&["subscriptions"])["subscriptions"][0].take();
    assert_eq!((&subscription["resources"], &subscription["held"]), (&0.into(), &0.into()), "{subscription}");
    assert_eq!(*resources_of(&county.kapok(&["members"]), school), 1);
}

#[test]
fn what_is_wanted_otherwise_is_counted_anew() {
    let federation = Federation::of_four();
    let (county, school) = (&federation.county, &federation.school);
    school.add(&school.file("一.txt", "第一份"), &[&OPEN[..], &["--subject", "math"]].concat());
    county.kapok(&["sync", "--now"]);
    assert_eq!(county.kapok(&["status"])["pending"]["blobs"], 0);
    county.kapok(&["subscribe", "--subject", "math"]);
    county.kapok(&["sync", "--now"]);
    assert_eq!(held(county), 1);
    county.kapok(&["unsubscribe", "1"]);
    assert_eq!(held(county), 1, "what is here stays");
    assert_eq!(county.kapok(&["status"])["pending"]["blobs"], 0);
}

#[test]
fn a_file_that_was_put_here_by_hand_is_not_waited_for() {
    let mut federation = Federation::of_four();
    let resource = federation.school.add(&federation.school.file("一.txt", "第一份"), &OPEN);
    federation.county.kapok(&["sync", "--now"]);
    assert!(federation.school.stop().success());
    let (county, school) = (&federation.county, &federation.school);
    county.kapok(&["subscribe", "--all"]);
    assert_eq!(county.kapok(&["status"])["pending"]["blobs"], 1);
    // From a backup, say.
    let path = county.blob_path(blob(&resource));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::copy(school.blob_path(blob(&resource)), path).unwrap();
    county.kapok(&["sync", "--now"]);
    let status = county.kapok(&["status"]);
    assert_eq!((&status["held"], &status["pending"]["blobs"]), (&1.into(), &0.into()), "{status}");
}

#[test]
fn nobody_learns_from_a_count_what_a_school_keeps_to_itself() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    node.browser().set_up(&node.setup.clone(), "李老师", "a long enough passphrase");
    node.add(&node.file("公开.txt", "公开的一份"), &OPEN);
    for (name, visibility) in [("本校.txt", "school"), ("草稿.txt", "private"), ("本县.txt", "county")] {
        node.add(&node.file(name, name), &["--license", "CC0-1.0", "--visibility", visibility]);
    }
    let visitor = node.browser();
    for closed in ["/api/v1/status", "/api/v1/members", "/api/v1/peers"] {
        visitor.get(closed).problem(401);
    }
    let latest = visitor.get("/api/v1/latest").json();
    assert_eq!(latest["resources"].as_array().unwrap().len(), 1, "{latest}");
    // Nor the rest of the federation: what it counts of a node is what it may see.
    let members = node.kapok(&["members"]);
    assert_eq!(*resources_of(&members, &node), 1, "{members}");
}
