//! What an address asks, parameter by parameter, with problem documents that say what each can be.

use std::ops::RangeInclusive;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::forms;
use crate::port::{Failure, Result};

/// Of a value that is shown back.
const SHOWN_CHARS: usize = 40;

/// The parameters of an address.
pub(crate) struct Asked {
    /// What could not be done where one of them is wrong.
    title: &'static str,
    pairs: Vec<(String, String)>,
}

impl Asked {
    /// Reads them; a name that is not `known` is refused, so that a misspelt filter does not pass for none.
    pub(crate) fn read(title: &'static str, query: Option<&str>, known: &[&str]) -> Result<Self> {
        let pairs = forms::pairs(query.unwrap_or_default().as_bytes());
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(Self { title, pairs }),
            Some((name, _)) => {
                let remedy = if known.is_empty() {
                    "leave it out: this address takes no parameters".to_owned()
                } else {
                    format!("this address takes: {}", known.join(", "))
                };
                Err(Failure::invalid(title, format!("“{}” is not a parameter here", shown(name))).remedy(remedy))
            }
        }
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that is given at most once.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.all(name);
        let first = values.next();
        match values.count() {
            0 => Ok(first),
            more => Err(Failure::invalid(self.title, format!("{name} is given {} times", more + 1))
                .remedy(format!("give {name} once"))),
        }
    }

    /// A whole number within a range.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<usize>) -> Result<Option<usize>> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        // `parse` would take a sign as well.
        let number = value.parse().ok().filter(|number| range.contains(number) && !value.starts_with('+'));
        let may_be = format!("a whole number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| self.wrong(name, value, &may_be))
    }

    /// Yes or no; no where nothing is said.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.one(name)? {
            Some("1" | "true") => Ok(true),
            Some("0" | "false") | None => Ok(false),
            Some(value) => Err(self.wrong(name, value, "1, true, 0 or false")),
        }
    }

    /// One of few words.
    pub(crate) fn choice<T: Copy>(&self, name: &str, value: &str, choices: &[(&str, T)]) -> Result<T> {
        let found = choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice);
        found.ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(name, value, &format!("one of {}", words.join(", ")))
        })
    }

    /// The failure for a value that its parameter cannot have.
    pub(crate) fn wrong(&self, name: &str, value: &str, may_be: &str) -> Failure {
        Failure::invalid(self.title, format!("{name} is “{}”; it must be {may_be}", shown(value)))
            .remedy(format!("give {name} as {may_be}, or leave it out"))
    }
}

fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(SHOWN_CHARS).collect()
}

/// Refuses parameters on routes of the API that take none.
pub(crate) async fn refuse_unknown(takes: &'static [&'static str], request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if !takes.contains(&path)
        && let Err(failure) = Asked::read("cannot answer", request.uri().query(), &[])
    {
        return failure.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(query: &str) -> Asked {
        Asked::read("cannot list", Some(query), &["limit", "held"]).unwrap()
    }

    #[test]
    fn a_number_out_of_its_range_is_refused_with_the_range() {
        assert_eq!(asked("limit=7").number("limit", 1..=200).unwrap(), Some(7));
        assert_eq!(asked("").number("limit", 1..=200).unwrap(), None);
        for value in ["0", "201", "-1", "%2B5", "1.5", "1e2", "", "x", "７", "99999999999999999999999", "0x10", " 1"] {
            let failure = asked(&format!("limit={value}")).number("limit", 1..=200).unwrap_err();
            assert!(failure.detail.contains("limit is") && failure.detail.contains("1 to 200"), "{value}: {failure}");
            assert!(failure.remedy.contains("200"), "{value}: {}", failure.remedy);
        }
    }

    #[test]
    fn what_is_given_twice_is_not_guessed_at() {
        let failure = asked("limit=1&limit=2").number("limit", 1..=200).unwrap_err();
        assert!(failure.detail.contains("2 times"), "{failure}");
    }

    #[test]
    fn a_control_character_is_not_shown_back() {
        assert!(!asked("held=%1b%5b31m").flag("held").unwrap_err().detail.contains('\u{1b}'));
    }
}
