//! What is the school's own stays with the school and its point.

use std::path::Path;

use kapok_tests::Federation;

use crate::support::{blob, get_and_check, hit, id, subscribe_to_all};

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
    let found = visitor.get("/api/v1/search?q=%E4%B8%80%E4%BB%BD").json();
    assert!(hit(&found, id(&open)).is_some() && hit(&found, id(&own)).is_none(), "{found}");
}

/// A file below `folder` that contains these bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Option<String> {
    for entry in std::fs::read_dir(folder).unwrap().map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = holding(&path, bytes) {
                return Some(found);
            }
            continue;
        }
        let content = std::fs::read(&path).unwrap_or_default();
        if content.windows(bytes.len()).any(|window| window == bytes) {
            return Some(path.display().to_string());
        }
    }
    None
}
