#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// The sources whose failures pages may show.
fn sources() -> Vec<(PathBuf, String)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("src"), here.join("../src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("said/tests.rs") {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// Each `.said("key")` of a source with the names in its `.with("name", …)`.
fn used(source: &str) -> Vec<(String, BTreeSet<String>)> {
    source
        .split(".said(\"")
        .skip(1)
        .map(|rest| {
            let (key, rest) = rest.split_once("\")").unwrap();
            let mut names = BTreeSet::new();
            let mut rest = rest.trim_start();
            while let Some(call) = rest.strip_prefix(".with(\"") {
                let (name, tail) = call.split_once('"').unwrap();
                names.insert(name.to_owned());
                rest = after_call(tail).trim_start();
            }
            (key.to_owned(), names)
        })
        .collect()
}

/// What follows the bracket that closes a call.
fn after_call(text: &str) -> &str {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

fn placeholders(text: &str) -> BTreeSet<String> {
    text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
}

fn owned(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The parts of calls that end with a sentence of several places (`let said = …; said.with(…)`).
const FILLED_LATER: &[&str] = &["src/port/said/mod.rs"];

#[test]
fn every_sentence_is_in_the_message_file_with_just_its_arguments() {
    let messages = Messages::zh();
    let known: BTreeSet<&str> = messages.keys().filter_map(|key| key.strip_prefix("said.")).collect();
    assert_eq!(known, SENTENCES.iter().map(|(key, _)| *key).collect());
    for (key, arguments) in SENTENCES {
        let text = messages.below("said", key).to_string();
        assert_eq!(placeholders(&text), owned(arguments), "{key}: {text}");
        assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{key}: {text}");
    }
}

#[test]
fn every_sentence_that_a_failure_names_is_known_and_filled() {
    let known: BTreeMap<&str, BTreeSet<String>> = SENTENCES.iter().map(|(key, names)| (*key, owned(names))).collect();
    let mut uses = 0;
    for (path, source) in sources() {
        let filled_later = FILLED_LATER.iter().any(|known| path.ends_with(known));
        for (key, names) in used(source.split("#[cfg(test)]").next().unwrap()) {
            let all = known.get(key.as_str()).unwrap_or_else(|| panic!("{} says {key}", path.display()));
            uses += 1;
            assert!(*all == names || filled_later, "{} fills {names:?} of {key}, not {all:?}", path.display());
        }
    }
    assert!(uses > 40, "{uses} uses were found");
}

/// Every rule once.
fn rules() -> Vec<Rule> {
    let too_long = |field| Rule::TooLong { field, chars: 9, limit: 8 };
    let too_many = |field| Rule::TooMany { field, count: 9, limit: 8 };
    let unknown = |field, value: &str| Rule::Unknown { field, value: value.into(), known: "a, b".into() };
    let name = |name: &str| kapok_library::resource::rules::check_file_name(name).unwrap_err();
    let fields = ["the title", "the description", "the note", "a keyword", "the maker"];
    let mut rules: Vec<Rule> = fields.map(too_long).into();
    rules.extend(["keywords", "files", "years"].map(too_many));
    rules.extend(["subject", "stage", "kind", "licence"].map(|field| unknown(field, "moon")));
    rules.extend(["", ".", "a/b", "a\nb", &"长".repeat(80)].map(name));
    rules.extend([
        Rule::NoTitle,
        Rule::NoFile,
        Rule::SameName("卷.pdf".into()),
        unknown("licence", ""),
        Rule::Year { stage: "primary".into(), year: 9 },
        Rule::EmptyFile("空.txt".into()),
    ]);
    rules
}

#[test]
fn a_rule_of_the_library_is_said_with_its_values() {
    for rule in rules() {
        let failure = Failure::rule("cannot add", &rule);
        let said = failure.said.as_deref().unwrap_or_else(|| panic!("{rule} is said in general words"));
        let (_, names) = SENTENCES.iter().find(|(key, _)| *key == said.key).unwrap();
        let filled: BTreeSet<String> = said.arguments.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(filled, owned(names), "{rule}");
        let sentence = failure.sentence(Messages::zh()).to_string();
        assert!(!sentence.contains('{'), "{sentence}");
    }
    let long =
        Failure::rule("cannot add", &kapok_library::resource::rules::check_file_name(&"长".repeat(100)).unwrap_err());
    assert!(long.sentence(Messages::zh()).to_string().contains("约 79 个汉字"));
}

#[test]
fn each_kind_has_a_general_sentence() {
    use FailureKind as K;
    for kind in [
        K::Invalid,
        K::Unauthorized,
        K::Forbidden,
        K::NotFound,
        K::Withdrawn,
        K::Conflict,
        K::TooLarge,
        K::UnsupportedMedia,
        K::TooMany { retry_after_s: 61 },
        K::Unavailable,
        K::NoSpace,
        K::Internal,
    ] {
        let sentence = Failure::new(kind, "title", "detail").sentence(Messages::zh()).to_string();
        assert!(sentence.ends_with('。') && !sentence.contains(['{', 'd']), "{kind:?}: {sentence}");
    }
}
