//! What several of these tests need.

use std::path::Path;
use std::time::{Duration, Instant};

use kapok_tests::{Document, Federation, Node, documents};
use serde_json::Value;

/// Ten of the samples that everybody in the federation may see, 平行四边形的面积 among them.
pub(crate) fn ten_documents() -> Vec<Document> {
    let open =
        documents().into_iter().filter(|document| document.arguments.iter().any(|argument| argument == "public"));
    let ten: Vec<Document> = open.take(10).collect();
    assert!(ten.len() == 10 && ten.iter().any(|document| document.title.contains("平行四边形")), "the samples changed");
    ten
}

/// Adds a sample; the resource is given back.
pub(crate) fn add(node: &Node, document: &Document) -> Value {
    let mut arguments = vec!["add".to_owned()];
    arguments.extend(document.files.iter().map(|path| path.to_str().unwrap().to_owned()));
    arguments.extend(document.arguments.iter().cloned());
    node.kapok(&arguments)["resources"][0].take()
}

pub(crate) fn id(resource: &Value) -> &str {
    resource["id"].as_str().or_else(|| resource["resource"].as_str()).unwrap_or_else(|| panic!("no id: {resource}"))
}

/// The hash of the first file of a resource.
pub(crate) fn blob(resource: &Value) -> &str {
    resource["files"][0]["blob"].as_str().unwrap_or_else(|| panic!("no blob: {resource}"))
}

/// `b3sum` of a file.
pub(crate) fn b3sum(path: &Path) -> String {
    blake3::hash(&std::fs::read(path).unwrap()).to_hex().to_string()
}

/// Fetches a resource and asserts that every file is what its name says.
pub(crate) fn get_and_check(node: &Node, id: &str, out: &str) {
    let folder = node.scratch(out);
    let got = node.kapok(&["get", id, "--out", folder.to_str().unwrap()]);
    let files = got["files"].as_array().unwrap();
    assert!(!files.is_empty(), "{got}");
    for file in files {
        let path = Path::new(file["path"].as_str().unwrap());
        assert!(path.starts_with(&folder), "{got}");
        assert_eq!(b3sum(path), file["blob"].as_str().unwrap(), "{got}");
    }
}

/// The city, the county and the point hold whatever they hear of.
pub(crate) fn subscribe_to_all(federation: &Federation) {
    for node in [&federation.city, &federation.county, &federation.point] {
        node.kapok(&["subscribe", "--all"]);
    }
}

/// The hit of this resource, if the search found it.
pub(crate) fn hit<'a>(found: &'a Value, id: &str) -> Option<&'a Value> {
    found["hits"].as_array().unwrap().iter().find(|hit| hit["resource"] == id)
}

/// A file below `folder` that contains these bytes.
pub(crate) fn holding(folder: &Path, bytes: &[u8]) -> Option<String> {
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

/// Whether something that a node does in the background has come true, within a minute.
pub(crate) fn eventually(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    true
}
