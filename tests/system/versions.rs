//! New versions replace old ones everywhere; what is withdrawn is gone everywhere, for good.

use kapok_tests::{Federation, Node};
use serde_json::{Value, json};

use crate::support::{blob, eventually, get_and_check, hit, holding, id, subscribe_to_all};

fn exam(node: &Node, content: &str, more: &[&str]) -> Value {
    let file = node.file("期中试卷.txt", content);
    let described = ["--title", "期中试卷", "--visibility", "public", "--license", "CC-BY-4.0"];
    node.add(&file, &[&described, more].concat())
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_which_stays_listed() {
    let federation = Federation::of_four();
    subscribe_to_all(&federation);
    let first = exam(&federation.school, "第一题有错字：平形四边形。", &[]);
    federation.sync_all();
    let second = exam(&federation.school, "第一题已经改正：平行四边形。", &["--replaces", id(&first)]);
    assert_eq!((id(&second), &second["version"]), (id(&first), &Value::from(2)), "{second}");
    federation.sync_all();
    federation.sync_all();

    for node in federation.nodes() {
        let found = node.search("期中试卷");
        assert_eq!(found["total"], 1, "{}: {found}", node.name);
        assert_eq!(blob(hit(&found, id(&first)).unwrap()), blob(&second), "{}", node.name);
        assert!(hit(&node.search("平形四边形有错字"), id(&first)).is_none_or(|hit| blob(hit) == blob(&second)));
        let shown = node.kapok(&["show", id(&first)]);
        let versions: Vec<u64> =
            shown["versions"].as_array().unwrap().iter().map(|version| version["version"].as_u64().unwrap()).collect();
        assert_eq!(versions, [2, 1], "{}: {shown}", node.name);
        assert_eq!(shown["versions"][1]["files"][0]["blob"], blob(&first), "{}: {shown}", node.name);
    }
    get_and_check(&federation.point, id(&first), "out");
    let page = federation.point.owner().get(&format!("/resources/{}", id(&first)));
    assert!(page.status == 200 && page.text().contains(blob(&second)), "{}", page.text());
}

#[test]
fn a_withdrawn_resource_is_gone_everywhere_and_does_not_come_back() {
    let mut federation = Federation::of_four();
    subscribe_to_all(&federation);
    let words = ["雪后的格桑梅朵", "风里的索玛花开"];
    let first = exam(&federation.school, "第一稿。", &["--description", words[0]]);
    federation.sync_all();
    let more = ["--replaces", id(&first), "--description", words[1]];
    let resource = exam(&federation.school, "这份试卷里有一道超纲题。", &more);
    federation.sync_all();
    federation.sync_all();
    for node in federation.nodes() {
        assert!(node.blob_path(blob(&resource)).exists(), "{}", node.name);
    }
    // The point is away while it happens, and still has all of it when it comes back.
    federation.point.stop();
    let reason = "有一道超纲题";
    let withdrawn = federation.school.kapok(&["withdraw", id(&resource), "--reason", reason]);
    assert_eq!(withdrawn["state"], "withdrawn", "{withdrawn}");
    federation.county.kapok(&["sync", "--now"]);
    federation.city.kapok(&["sync", "--now"]);
    federation.point.start();
    federation.point.kapok(&["sync", "--now"]);
    federation.sync_all();

    for node in federation.nodes() {
        let found = node.search("期中试卷");
        assert_eq!(found["total"], 0, "{}: {found}", node.name);
        let refused = node.try_kapok(&["show", id(&resource)]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(reason), "the reason stays on record: {refused:?}");
        let owner = node.owner();
        assert!(!owner.get("/search?q=%E6%9C%9F%E4%B8%AD%E8%AF%95%E5%8D%B7").text().contains(id(&resource)));
        owner.get(&format!("/blobs/{}", blob(&resource))).problem(404);
        assert!(!node.blob_path(blob(&resource)).exists(), "{} still has the file", node.name);
    }
    // Nothing of what was said of it is left, in journals, catalogue or index.
    for node in federation.nodes() {
        for words in words {
            let gone = eventually(|| holding(&node.home(), words.as_bytes()).is_none());
            assert!(gone, "{}: {:?} holds {words}", node.name, holding(&node.home(), words.as_bytes()));
        }
    }
    // Nor does it come back after a restart, from the journals.
    federation.county.kill();
    std::fs::remove_dir_all(federation.county.home().join("views")).unwrap();
    federation.county.start();
    assert_eq!(federation.county.search("期中试卷")["total"], 0);
}

#[test]
fn only_who_published_a_resource_and_administrators_replace_it() {
    const PASSWORD: &str = "a long enough passphrase";
    let mut school = Node::init("school", "云山坪学校");
    school.start();
    let mut head = school.browser();
    head.set_up(&school.setup.clone(), "周馆长", PASSWORD);
    let teacher = |name: &str| {
        let account = json!({"name": name, "password": PASSWORD, "roles": ["teacher"]});
        let made = head.post("/api/v1/accounts", &account);
        assert!(made.status < 300, "{}", made.text());
        let mut browser = school.browser();
        browser.sign_in(name, PASSWORD);
        browser
    };
    let (li, wang) = (teacher("李老师"), teacher("王老师"));
    let publish = |who: &kapok_tests::Browser, content: &str, replaces: Option<&str>| {
        let uploads = [who.upload("讲义.txt", content.as_bytes())];
        let body = json!({"uploads": uploads, "title": content, "visibility": "private", "replaces": replaces});
        who.post("/api/v1/resources", &body)
    };
    let first = publish(&li, "李老师的", None).json()["resources"][0].take();
    let problem = publish(&wang, "王老师的", Some(id(&first))).problem(403);
    assert!(!problem["remedy"].as_str().unwrap().is_empty(), "{problem}");
    assert_eq!(school.kapok(&["show", id(&first)])["title"], "李老师的");
    for who in [&li, &head] {
        let answer = publish(who, "李老师改过的", Some(id(&first)));
        assert!(answer.status < 300, "{}", answer.text());
    }
    assert_eq!(school.kapok(&["show", id(&first)])["version"], 3);
}

/// Bytes that do not repeat, so that nothing but the older version can save any.
fn scan(seed: u8, len: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn of_an_edited_file_only_what_changed_crosses_the_link() {
    let city = {
        let mut node = Node::init("city", "攀枝花市电教馆");
        node.start();
        node
    };
    let school = Federation::child(&city, "county", "盐边县电教馆");
    city.kapok(&["subscribe", "--all"]);
    let described = ["--title", "识字卡片", "--visibility", "public", "--license", "CC0-1.0"];
    let content = scan(7, 3_000_000);
    let first = school.add(&school.file("卡片.bin", &content), &described);
    assert!(eventually(|| city.blob_path(blob(&first)).exists()));
    let before = bytes_in(&city);
    assert!(before >= content.len() as u64, "{before}");

    let edited = [&content[..1_000_000], b"a card more".as_slice(), &content[1_000_000..]].concat();
    let second = school.add(&school.file("卡片.bin", &edited), &[&described[..], &["--replaces", id(&first)]].concat());
    assert!(eventually(|| city.blob_path(blob(&second)).exists()));
    assert!(std::fs::read(city.blob_path(blob(&second))).unwrap() == edited);
    let crossed = bytes_in(&city) - before;
    assert!(crossed <= edited.len() as u64 * 8 / 100, "{crossed} bytes of {}", edited.len());
}

#[test]
fn an_edited_file_costs_little_on_every_link_of_the_tree() {
    let federation = Federation::of_four();
    subscribe_to_all(&federation);
    let described = ["--title", "识字卡片", "--visibility", "public", "--license", "CC0-1.0"];
    let content = scan(9, 3_000_000);
    let school = &federation.school;
    let first = school.add(&school.file("卡片.bin", &content), &described);
    let all_have = |added: &Value| federation.nodes().iter().all(|node| node.blob_path(blob(added)).exists());
    assert!(eventually(|| all_have(&first)));
    let before: Vec<u64> = federation.nodes().iter().map(|node| bytes_in(node)).collect();

    let edited = [&content[..2_000_000], b"a card more".as_slice(), &content[2_000_000..]].concat();
    let second = school.add(&school.file("卡片.bin", &edited), &[&described[..], &["--replaces", id(&first)]].concat());
    // They all hear of it at once: who is asked for it is still fetching it.
    let lacking = || -> Vec<&str> {
        let lacks = |node: &&&Node| !node.blob_path(blob(&second)).exists();
        federation.nodes().iter().filter(lacks).map(|node| node.name.as_str()).collect()
    };
    assert!(eventually(|| lacking().is_empty()), "it has not come to {:?}", lacking());
    for (node, before) in federation.nodes().iter().zip(before) {
        let crossed = bytes_in(node) - before;
        assert!(crossed <= edited.len() as u64 * 8 / 100, "{}: {crossed} bytes of {}", node.name, edited.len());
    }
}

/// What has come from all other nodes.
fn bytes_in(node: &Node) -> u64 {
    let peers = node.kapok(&["peers"]);
    let peers = peers["peers"].as_array().unwrap_or_else(|| panic!("{peers}"));
    peers.iter().map(|peer| peer["bytes_in"].as_u64().unwrap_or_else(|| panic!("{peer}"))).sum()
}
