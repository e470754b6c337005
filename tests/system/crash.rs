//! Power cuts: whatever was acknowledged is there after the next start, and views are expendable.

use std::thread;
use std::time::Duration;

use kapok_tests::{Federation, Node, run_kapok};
use serde_json::Value;

use crate::support::{blob, get_and_check, hit, id, subscribe_to_all};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Lets so much time go by: the instant of a power cut is nobody's event.
fn some_time(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// Adds a small file from the command line; the resource, if that was acknowledged.
fn try_add(home: &std::path::Path, file: &std::path::Path) -> Option<Value> {
    let arguments = ["add", file.to_str().unwrap(), "--visibility", "public", "--license", "CC0-1.0"];
    let outcome = run_kapok(home, &arguments);
    (outcome.code == Some(0)).then(|| outcome.json()["resources"][0].take())
}

#[test]
fn twenty_kills_at_any_moment_lose_nothing_that_was_acknowledged() {
    let mut federation = Federation::of_four();
    subscribe_to_all(&federation);
    let mut dice = Dice(20_131_028);
    let mut acknowledged: Vec<Value> = Vec::new();
    for round in 0..20_u64 {
        let file = federation.school.file(&format!("第{round}份.txt"), format!("第 {round} 份，杜鹃花开了 {round} 朵"));
        let home = federation.school.home();
        let adding = thread::spawn(move || try_add(&home, &file));
        let point = federation.point.home();
        let syncing = thread::spawn(move || run_kapok(&point, &["sync", "--now"]));
        let place = usize::try_from(dice.below(4)).unwrap();
        some_time(dice.below(600));
        federation.node_mut(place).kill();
        acknowledged.extend(adding.join().unwrap());
        syncing.join().unwrap();
        if round % 4 == 3 {
            // Once more while it starts.
            let mut starting = federation.node_mut(place).spawn();
            some_time(dice.below(400));
            starting.kill().unwrap();
            starting.wait().unwrap();
        }
        federation.node_mut(place).start();
    }
    assert!(acknowledged.len() >= 5, "too little was acknowledged for this to mean much: {}", acknowledged.len());
    federation.sync_all();
    federation.sync_all();
    for node in federation.nodes() {
        for resource in &acknowledged {
            node.kapok(&["show", id(resource)]);
            get_and_check(node, id(resource), "out");
        }
    }
}

#[test]
fn a_kill_during_a_move_leaves_the_file_or_has_published_it() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    let mut dice = Dice(20_260_901);
    let (mut kept, mut published) = (0, 0);
    for round in 0..12_u64 {
        let title = format!("录像{round}");
        let content = format!("第 {round} 段：木棉开花").repeat(40_000);
        let file = node.file(&format!("{title}.txt"), &content);
        let (home, moved) = (node.home(), file.clone());
        let arguments = ["--move", "--visibility", "public", "--license", "CC0-1.0"];
        let adding = thread::spawn(move || {
            run_kapok(&home, &[&["add", moved.to_str().unwrap()][..], &arguments].concat());
        });
        // Sooner or later, so that there is some of both on any machine.
        some_time(dice.below(1 + 20 * round * round));
        node.kill();
        adding.join().unwrap();
        node.start();
        if file.exists() {
            assert_eq!(std::fs::read_to_string(&file).unwrap(), content, "round {round}");
            kept += 1;
        } else {
            let found = node.search(&title);
            let first = found["hits"].as_array().unwrap().iter().find(|hit| hit["title"] == title.as_str());
            get_and_check(&node, id(first.unwrap_or_else(|| panic!("round {round}: {found}"))), &title);
            published += 1;
        }
    }
    assert!(kept > 0 && published > 0, "{kept} were kept and {published} published: this means little");
}

/// What the test asks a node before and after.
fn known(node: &Node, resource: &Value) -> (Value, Value) {
    let status = node.kapok(&["status"]);
    let found = node.search(resource["title"].as_str().unwrap());
    assert!(hit(&found, id(resource)).is_some(), "{found}");
    (status["entries"].clone(), status["resources"].clone())
}

#[test]
fn deleting_the_views_loses_nothing() {
    let mut federation = Federation::of_four();
    subscribe_to_all(&federation);
    let file = federation.school.file("观察记录.txt", "三月十二日，菜豆的胚根露出来了");
    let resource =
        federation.school.add(&file, &["--title", "观察记录", "--visibility", "public", "--license", "CC0-1.0"]);
    federation.sync_all();
    for place in 0..4 {
        let node = federation.node_mut(place);
        let before = known(node, &resource);
        node.stop();
        std::fs::remove_dir_all(node.home().join("views")).unwrap();
        node.start();
        assert_eq!(known(node, &resource), before, "{}", node.name);
        assert!(hit(&node.search("胚根露出来了"), id(&resource)).is_some(), "{}: the text is gone", node.name);
    }
}

#[test]
fn a_node_that_is_asked_to_stop_stops_in_order_and_says_nothing_is_lost() {
    let mut node = Node::init("city", "攀枝花市电教馆");
    let ready = node.start();
    assert_eq!(ready["node"], node.id.as_str());
    let file = node.file("一份.txt", "江水向东");
    let resource = node.add(&file, &["--visibility", "public", "--license", "CC0-1.0"]);
    assert!(node.stop().success());
    // Where no daemon runs, a command runs the node meanwhile.
    assert!(hit(&node.search("一份"), id(&resource)).is_some());
    node.start();
    assert_eq!(b3(&node, &resource), blob(&resource));
}

fn b3(node: &Node, resource: &Value) -> String {
    let opened = node.owner().get(&format!("/blobs/{}", blob(resource)));
    blake3::hash(&opened.body).to_hex().to_string()
}
