//! What forms offer, from the controlled vocabulary, in the order in which schools name things.

use kapok_library::vocabulary::Vocabulary;
use kapok_web_ui::facts::{Choices, Stage};

const STAGES: &[&str] = &["preschool", "primary", "junior", "senior", "vocational", "special", "continuing", "public"];
const SUBJECTS: &[&str] = &[
    "chinese",
    "math",
    "english",
    "science",
    "morality",
    "music",
    "art",
    "pe",
    "physics",
    "chemistry",
    "biology",
    "geography",
    "history",
    "politics",
    "it",
    "labor",
    "practice",
    "calligraphy",
    "psychology",
    "safety",
    "nuosu",
    "local",
    "early-years",
    "vocational",
    "teacher",
    "general",
];
const KINDS: &[&str] = &[
    "courseware",
    "lesson-plan",
    "study-plan",
    "micro-lesson",
    "exercise",
    "paper",
    "homework",
    "video",
    "audio",
    "image",
    "recording",
    "ebook",
    "material",
];
const VISIBILITIES: &[&str] = &["public", "federation", "county", "school", "private"];
const LICENCES: &[&str] = &["federation", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC0-1.0", "licensee"];

pub(super) fn choices() -> Choices {
    let vocabulary = Vocabulary::get();
    let stages = ordered(vocabulary.stages(), STAGES).into_iter().map(|slug| {
        let years = u8::try_from(vocabulary.years(&slug).len()).unwrap_or(u8::MAX);
        Stage { slug, years }
    });
    Choices {
        subjects: ordered(vocabulary.subject.keys(), SUBJECTS),
        stages: stages.collect(),
        kinds: ordered(vocabulary.kind.keys(), KINDS),
        visibilities: ordered(vocabulary.visibility.keys(), VISIBILITIES),
        licences: ordered(vocabulary.license.keys(), LICENCES),
    }
}

/// The vocabulary's keys in the order of `first`; what that does not name follows, “other” last.
fn ordered<'a>(keys: impl Iterator<Item = &'a str>, first: &[&str]) -> Vec<String> {
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_by_key(|key| (*key == "other", first.iter().position(|known| known == key).unwrap_or(first.len())));
    keys.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_vocabulary_is_offered_once() {
        let choices = choices();
        assert_eq!(choices.subjects.len(), Vocabulary::get().subject.keys().count());
        assert_eq!(choices.stages.first().map(|stage| stage.slug.as_str()), Some("preschool"));
        assert_eq!(choices.kinds.last().map(String::as_str), Some("other"));
        for known in [STAGES, SUBJECTS, KINDS, VISIBILITIES, LICENCES].concat() {
            let all = [&choices.subjects, &choices.kinds, &choices.visibilities, &choices.licences];
            let is_known = all.iter().any(|list| list.iter().any(|slug| slug == known))
                || choices.stages.iter().any(|stage| stage.slug == known);
            assert!(is_known, "{known} is not in the vocabulary");
        }
    }
}
