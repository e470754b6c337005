//! The whole road: added at the school, found and fetched at the point, also without the school.

use kapok_tests::{Federation, documents};
use serde_json::Value;

use crate::support::{add, blob, get_and_check, hit, id, subscribe_to_all, ten_documents};

#[test]
fn ten_documents_reach_the_point_and_outlive_their_school() {
    let mut federation = Federation::of_four();
    subscribe_to_all(&federation);
    let added: Vec<Value> = ten_documents().iter().map(|document| add(&federation.school, document)).collect();
    let synced = federation.county.kapok(&["sync", "--now"]);
    assert_eq!(synced["pending"]["blobs"], 0, "{synced}");
    let synced = federation.point.kapok(&["sync", "--now"]);
    assert_eq!(synced["pending"]["blobs"], 0, "{synced}");

    let found = federation.point.search("平行四边形");
    let first = &found["hits"][0];
    assert_eq!(first["title"], "平行四边形的面积（第 1 课时）", "{found}");
    assert!(first["held"] == true && first["home"] == federation.school.id.as_str(), "{found}");
    get_and_check(&federation.point, id(first), "before");

    let synced = federation.city.kapok(&["sync", "--now"]);
    assert_eq!(synced["pending"]["blobs"], 0, "{synced}");
    federation.school.kill();
    for node in [&federation.point, &federation.county, &federation.city] {
        for resource in &added {
            let title = resource["title"].as_str().unwrap();
            assert!(hit(&node.search(title), id(resource)).is_some(), "{} lost {title}", node.name);
            get_and_check(node, id(resource), "after");
            let opened = node.owner().get(&format!("/blobs/{}", blob(resource)));
            assert_eq!(opened.status, 200, "{} cannot open {title}: {}", node.name, opened.text());
            assert_eq!(blake3::hash(&opened.body).to_hex().as_str(), blob(resource));
        }
    }
}

#[test]
fn what_nobody_subscribed_to_is_found_and_comes_through_the_tree() {
    let federation = Federation::of_four();
    let local = documents().into_iter().find(|document| document.title == "木棉，英雄的树").unwrap();
    let resource = add(&federation.city, &local);
    federation.sync_all();
    federation.sync_all();

    let by_title = federation.point.search("英雄的树");
    let found = hit(&by_title, id(&resource)).unwrap_or_else(|| panic!("{by_title}"));
    assert_eq!(found["held"], false, "{by_title}");
    assert!(!federation.point.blob_path(blob(&resource)).exists());

    // The phrase stands in the document alone, and the document on another node alone.
    let by_text = federation.point.finds("讨一碗热水", id(&resource));
    assert!(by_text["snippet"].as_str().unwrap().contains("<mark>"), "{by_text}");
    let local = federation.point.kapok(&["search", "英雄的树", "--scope", "local"]);
    assert!(hit(&local, id(&resource)).is_some(), "the catalogue is on every node: {local}");

    get_and_check(&federation.point, id(&resource), "out");
    assert_eq!(hit(&federation.point.search("英雄的树"), id(&resource)).unwrap()["held"], true);
}
