//! The controlled values of resource metadata, as data (`data/vocabulary.json`).
//!
//! Keys are stable slugs; people see and may type the Chinese words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/vocabulary.json")).expect("the vocabulary is checked by the tests")
});

/// One list: slug to Chinese word.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Terms(BTreeMap<String, Term>);

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Term {
    Plain(String),
    Coded { zh: String },
}

#[derive(Debug, Deserialize)]
struct Stage {
    zh: String,
    years: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Vocabulary {
    stage: BTreeMap<String, Stage>,
    pub subject: Terms,
    pub kind: Terms,
    pub license: Terms,
    pub visibility: Terms,
    pub tier: Terms,
    pub region: Terms,
    pub certification: Terms,
    pub role: Terms,
    /// Subjects that rural schools lack most.
    pub shortage: Vec<String>,
}

impl Terms {
    #[must_use]
    pub fn has(&self, slug: &str) -> bool {
        self.0.contains_key(slug)
    }

    /// The Chinese word; the slug itself where it is unknown (a later version's).
    #[must_use]
    pub fn zh<'a>(&'a self, slug: &'a str) -> &'a str {
        match self.0.get(slug) {
            Some(Term::Plain(zh) | Term::Coded { zh }) => zh,
            None => slug,
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The slug of what a person typed: a slug or a Chinese word.
    #[must_use]
    pub fn slug(&self, typed: &str) -> Option<&str> {
        self.keys().find(|slug| *slug == typed || self.zh(slug) == typed)
    }
}

impl Vocabulary {
    #[must_use]
    pub fn get() -> &'static Self {
        &VOCABULARY
    }

    #[must_use]
    pub fn has_stage(&self, slug: &str) -> bool {
        self.stage.contains_key(slug)
    }

    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.stage.keys().map(String::as_str)
    }

    #[must_use]
    pub fn stage_zh<'a>(&'a self, slug: &'a str) -> &'a str {
        self.stage.get(slug).map_or(slug, |stage| &stage.zh)
    }

    /// The slug of a stage from what a person typed.
    #[must_use]
    pub fn stage_slug(&self, typed: &str) -> Option<&str> {
        self.stage.iter().find(|(slug, stage)| *slug == typed || stage.zh == typed).map(|(slug, _)| slug.as_str())
    }

    /// The names of a stage's years, first year first.
    #[must_use]
    pub fn years(&self, stage: &str) -> &[String] {
        self.stage.get(stage).map_or(&[], |stage| &stage.years)
    }

    /// Stage and year from what a person typed as a grade: `五年级`, `八年级`, or a number together with a stage.
    #[must_use]
    pub fn grade(&self, typed: &str, stage: Option<&str>) -> Option<(&str, u8)> {
        if let Ok(year) = typed.parse::<u8>() {
            let (slug, found) = self.stage.get_key_value(stage?)?;
            return (year >= 1 && usize::from(year) <= found.years.len()).then_some((slug, year));
        }
        // 一年级 is a year of primary school unless another stage is named.
        let order = ["primary", "junior", "senior", "preschool", "vocational"];
        let candidates = order.iter().filter(|slug| stage.is_none_or(|stage| stage == **slug));
        candidates.filter_map(|slug| self.stage.get_key_value(*slug)).find_map(|(slug, found)| {
            let at = found.years.iter().position(|year| year == typed)?;
            Some((slug.as_str(), u8::try_from(at + 1).ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_people_find_their_slugs() {
        let v = Vocabulary::get();
        assert_eq!(v.subject.slug("数学"), Some("math"));
        assert_eq!(v.subject.slug("math"), Some("math"));
        assert_eq!(v.subject.slug("炼金术"), None);
        assert_eq!(v.stage_slug("小学"), Some("primary"));
        assert_eq!(v.grade("五年级", None), Some(("primary", 5)));
        assert_eq!(v.grade("八年级", None), Some(("junior", 2)));
        assert_eq!(v.grade("三年级", Some("vocational")), Some(("vocational", 3)));
        assert_eq!(v.grade("2", Some("senior")), Some(("senior", 2)));
        assert_eq!(v.grade("9", Some("primary")), None);
        assert_eq!(v.license.zh("CC0-1.0"), "公共领域");
        assert!(v.shortage.iter().all(|subject| v.subject.has(subject)));
    }
}
