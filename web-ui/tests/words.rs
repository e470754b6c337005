//! Every word of the pages comes from the message files: no key is missing, none is left over, and no template or script
//! holds Chinese of its own.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kapok_web_ui::messages::Messages;

/// Lists of the vocabulary that are looked up by slug (`m.term`), so that no key of them stands in a template.
const TERMS: [&str; 24] = [
    "certification",
    "done",
    "facet",
    "failure",
    "grade",
    "held",
    "here",
    "kind",
    "license",
    "link",
    "problem",
    "problem-kept",
    "problem-what",
    "role",
    "said",
    "stage",
    "state",
    "subject",
    "taken-in",
    "tier",
    "visibility",
    "visible-to",
    "wait",
    "wait-about",
];

fn files(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.extension().is_some_and(|known| known == *ending)) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Whatever stands between quotes and looks like a key.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').filter(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    })
}

/// The keys that a text asks for: `get("…")`, `rich("…")`.
fn asked(text: &str) -> impl Iterator<Item = &str> {
    ["get(\"", "rich(\"", "self.text(\""].into_iter().flat_map(move |call| {
        text.split(call).skip(1).filter_map(|rest| rest.split('"').next()).filter(|key| !key.contains('{'))
    })
}

#[test]
fn every_key_that_a_page_asks_for_exists_and_none_is_left_over() {
    let m = Messages::zh();
    let mut used = BTreeSet::new();
    for (path, text) in files("src", &["html", "rs"]) {
        // Tests inside the sources ask for made-up keys.
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        let is_template = path.extension().is_some_and(|ending| ending == "html");
        for key in asked(&text).filter(|_| is_template) {
            assert!(m.has(key), "{} asks for {key}", path.display());
        }
        used.extend(quoted(&text).map(str::to_owned));
    }
    for (_, text) in files("ts", &["ts"]) {
        used.extend(quoted(&text).map(|key| format!("upload.js.{key}")));
    }
    for key in m.keys() {
        let list = key.split('.').next().unwrap();
        assert!(TERMS.contains(&list) || used.contains(key), "nobody asks for {key}");
    }
}

#[test]
fn the_script_asks_only_for_words_that_exist() {
    let m = Messages::zh();
    for (path, text) in files("ts", &["ts"]) {
        for call in ["words(\"", "say(\""] {
            for key in text.split(call).skip(1).filter_map(|rest| rest.split('"').next()).filter(|key| !key.is_empty())
            {
                assert!(m.has(&format!("upload.js.{key}")), "{} asks for {key}", path.display());
            }
        }
    }
}

#[test]
fn no_template_and_no_script_holds_chinese_of_its_own() {
    let templates = files("src", &["html"]);
    let scripts = files("ts", &["ts"]);
    let styles = files("styles", &["css"]);
    for (path, text) in templates.iter().chain(&scripts).chain(&styles) {
        let found = text.chars().find(|c| matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{ffef}'));
        assert_eq!(found, None, "{}", path.display());
    }
}

#[test]
fn the_words_are_teachers_words() {
    let m = Messages::zh();
    for key in m.keys() {
        let text = m.get(key).to_string();
        for bad in ["您", "！", "!", "哈希", "404", "peer", "chunk", "hash"] {
            assert!(!text.contains(bad), "{key}: {text}");
        }
    }
}
