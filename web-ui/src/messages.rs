//! Every word of the pages, by key, from `messages/*.json`.
//!
//! A template writes `{{ m.get("search.title") }}`, with parameters `{{ m.get("search.count").with("n", total) }}`; the
//! file says `"{n} 份"`. [`Messages::rich`] is for sentences with a bold word: the file's own tags stay, every
//! parameter is escaped. A language that lacks a key falls back to Chinese, and a key that exists nowhere shows itself,
//! so that a forgotten word is seen and nothing breaks. A test reads the templates and the script and fails on both.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::OnceLock;

use askama::filters::HtmlSafe;

const ZH: &str = include_str!("../messages/zh.json");

/// The words of one language.
#[derive(Debug)]
pub struct Messages {
    lang: &'static str,
    texts: BTreeMap<String, String>,
}

impl Messages {
    /// Chinese: complete, and the fall-back of every other language.
    #[must_use]
    pub fn zh() -> &'static Self {
        static MESSAGES: OnceLock<Messages> = OnceLock::new();
        MESSAGES.get_or_init(|| Self {
            lang: "zh-CN",
            texts: serde_json::from_str(ZH).expect("messages/zh.json is compiled in and read by every test"),
        })
    }

    /// The value of `<html lang>`.
    #[must_use]
    pub fn lang(&self) -> &str {
        self.lang
    }

    fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).or_else(|| Self::zh().texts.get(key)).map_or(key, String::as_str)
    }

    /// Whether this language has the key itself.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.texts.contains_key(key)
    }

    /// Every key of this language.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// A message as plain text; templates escape it whole.
    #[must_use]
    pub fn get<'a>(&'a self, key: &'a str) -> Message<'a> {
        Message { text: self.text(key), parameters: Vec::new() }
    }

    /// A message by its list and its key in it; where there is none, the key shows itself.
    #[must_use]
    pub fn below<'a>(&'a self, list: &str, key: &'a str) -> Message<'a> {
        let whole = format!("{list}.{key}");
        let text = self.texts.get(&whole).or_else(|| Self::zh().texts.get(&whole)).map_or(key, String::as_str);
        Message { text, parameters: Vec::new() }
    }

    /// A message whose own markup stays and whose parameters are escaped.
    #[must_use]
    pub fn rich<'a>(&'a self, key: &'a str) -> Rich<'a> {
        Rich(self.get(key))
    }

    /// The name of a value of the controlled vocabulary, for instance `term("subject", "math")`. An unknown value,
    /// from a newer node perhaps, is shown as it is.
    #[must_use]
    pub fn term<'a>(&'a self, list: &str, slug: &'a str) -> &'a str {
        let key = format!("{list}.{slug}");
        self.texts.get(&key).or_else(|| Self::zh().texts.get(&key)).map_or(slug, String::as_str)
    }

    /// The name of a year of a stage, for instance 五年级.
    #[must_use]
    pub fn grade(&self, stage: &str, year: impl Display) -> String {
        let slug = format!("{stage}.{year}");
        self.term("grade", &slug).to_owned()
    }

    /// Names in a row: "东区、仁和区".
    #[must_use]
    pub fn list(&self, names: &[String]) -> String {
        names.join(self.comma())
    }

    /// What parts the names of a list.
    pub(crate) fn comma(&self) -> &str {
        self.text("list")
    }

    /// What parts the facts of a row.
    pub(crate) fn dot(&self) -> &str {
        self.text("dot")
    }

    /// The messages below a prefix as a JSON object without the prefix, for the script of a page.
    #[must_use]
    pub fn json_below(&self, prefix: &str) -> String {
        let below: BTreeMap<&str, &str> =
            Self::zh().texts.keys().filter_map(|key| Some((key.strip_prefix(prefix)?, self.text(key)))).collect();
        serde_json::to_string(&below).expect("a map of strings is always JSON")
    }
}

/// A message with its parameters.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    text: &'a str,
    parameters: Vec<(&'static str, String)>,
}

impl Message<'_> {
    /// Fills `{name}`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.parameters.push((name, value.to_string()));
        self
    }

    /// Walks the text once, so that a `{` inside a parameter is never taken for a placeholder.
    fn write(&self, f: &mut fmt::Formatter<'_>, escape: bool) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let Some((name, tail)) = after.split_once('}') else {
                f.write_str("{")?;
                rest = after;
                continue;
            };
            match self.parameters.iter().find(|(known, _)| *known == name) {
                Some((_, value)) if escape => escape_html(f, value)?,
                Some((_, value)) => f.write_str(value)?,
                None => write!(f, "{{{name}}}")?,
            }
            rest = tail;
        }
        f.write_str(rest)
    }
}

fn escape_html(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    for c in value.chars() {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            _ => fmt::Write::write_char(f, c)?,
        }
    }
    Ok(())
}

impl Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, false)
    }
}

/// A message that is HTML: made by [`Messages::rich`].
#[derive(Clone, Debug)]
pub struct Rich<'a>(Message<'a>);

impl Rich<'_> {
    /// Fills `{name}` with the escaped value.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Display) -> Self {
        Self(self.0.with(name, value))
    }
}

impl Display for Rich<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, true)
    }
}

impl HtmlSafe for Rich<'_> {}

#[cfg(test)]
mod tests {
    use super::{Message, Messages, Rich};

    #[test]
    fn a_parameter_is_never_read_as_a_placeholder_or_as_markup() {
        let message = Message { text: "<b>{a}</b>{b}", parameters: Vec::new() };
        let filled = Rich(message).with("a", "{b}<i>").with("b", "&");
        assert_eq!(filled.to_string(), "<b>{b}&lt;i&gt;</b>&amp;");
    }

    #[test]
    fn an_unknown_value_of_the_vocabulary_is_shown_as_it_is() {
        assert_eq!(Messages::zh().term("subject", "math"), "数学");
        assert_eq!(Messages::zh().term("subject", "astronomy"), "astronomy");
    }
}
