//! What is the school's own stays with the school and its point.

use kapok_tests::Federation;

use crate::support::{blob, get_and_check, hit, holding, id, subscribe_to_all};

const TITLE: &str = "期末寄语草稿甲戌";
const PHRASE: &str = "柚子树下第三块青石板";

#[test]
fn a_resource_of_the_school_reaches_its_point_and_nobody_else() {
    let federation = Federation::of_four();
    subscribe_to_all(&federation);
    let file = federation.school.file("寄语.txt", format!("{PHRASE}，是我们约好的地方。\n"));
    let more = ["--title", TITLE, "--visibility", "school", "--license", "CC-BY-4.0"];
    let resource = federation.school.add(&file, &more);
    federation.sync_all();
    federation.sync_all();

    for query in [TITLE, PHRASE] {
        assert!(hit(&federation.point.search(query), id(&resource)).is_some(), "the point does not find {query}");
    }
    get_and_check(&federation.point, id(&resource), "out");

    for stranger in [&federation.county, &federation.city] {
        for query in [TITLE, PHRASE] {
            let found = stranger.search(query);
            assert!(hit(&found, id(&resource)).is_none(), "{}: {found}", stranger.name);
        }
        stranger.try_kapok(&["show", id(&resource)]).assert_refused();
        stranger
            .try_kapok(&["get", id(&resource), "--out", stranger.scratch("out").to_str().unwrap()])
            .assert_refused();
        stranger.owner().get(&format!("/blobs/{}", blob(&resource))).problem(404);
        assert!(!stranger.blob_path(blob(&resource)).exists());
        assert_eq!(holding(&stranger.home(), TITLE.as_bytes()), None, "{} knows of it", stranger.name);
    }
}

#[test]
fn a_visitor_on_the_lan_sees_what_is_public_and_nothing_else() {
    let mut federation = Federation::of_four();
    let school = &mut federation.school;
    school.browser().set_up(&school.setup.clone(), "李老师", "a long enough passphrase");
    let add = |name: &str, visibility: &str| {
        let file = school.file(name, format!("{name} 的内容"));
        school.add(&file, &["--title", name, "--visibility", visibility, "--license", "CC-BY-4.0"])
    };
    let (open, own) = (add("公开的一份.txt", "public"), add("本校的一份.txt", "school"));
    let visitor = school.browser();
    school.finds("一份", id(&open));
    school.finds("一份", id(&own));
    assert_eq!(visitor.get(&format!("/blobs/{}", blob(&open))).status, 200);
    visitor.get(&format!("/blobs/{}", blob(&own))).problem(404);
    visitor.get(&format!("/api/v1/resources/{}", id(&own))).problem(404);
    school.kapok(&["withdraw", id(&own), "--reason", "校内的事"]);
    visitor.get(&format!("/api/v1/resources/{}", id(&own))).problem(404);
    let found = visitor.get("/api/v1/search?q=%E4%B8%80%E4%BB%BD").json();
    assert!(hit(&found, id(&open)).is_some() && hit(&found, id(&own)).is_none(), "{found}");
}

#[test]
fn a_wider_version_does_not_give_away_what_was_the_schools_own() {
    let federation = Federation::of_four();
    subscribe_to_all(&federation);
    let add = |name: &str, content: &str, more: &[&str]| {
        let file = federation.school.file(name, content);
        federation.school.add(&file, &[&["--title", "家长会讲稿", "--license", "CC-BY-4.0"], more].concat())
    };
    let own = add("内部稿.txt", "只给本校的一稿", &["--visibility", "school", "--note", "校内讨论"]);
    let open = add("公开稿.txt", "给大家的一稿", &["--replaces", id(&own), "--visibility", "public"]);
    federation.sync_all();
    federation.sync_all();
    for node in federation.nodes() {
        let shown = node.kapok(&["show", id(&open)]);
        assert_eq!(shown["versions"].as_array().unwrap().len(), 1, "{}: {shown}", node.name);
        assert!(!shown.to_string().contains("校内讨论"), "{}: {shown}", node.name);
        node.owner().get(&format!("/blobs/{}", blob(&own))).problem(404);
    }
    for stranger in [&federation.county, &federation.city] {
        assert!(!stranger.blob_path(blob(&own)).exists(), "{}", stranger.name);
        assert_eq!(holding(&stranger.home(), "内部稿".as_bytes()), None, "{} knows of it", stranger.name);
    }
}
