//! What pages say of a failure, beside the English of the API and the command line.
//!
//! A failure names a sentence of the pages' message files (`web-ui/messages`, below `said.`) and its arguments:
//!
//! ```text
//! Failure::invalid("cannot add", "two files are called “卷.pdf”").said("file.same-name").with("name", name)
//! ```
//!
//! Where it names none, pages have a general sentence for each kind (below `failure.`). English is never shown to a
//! teacher as what went wrong; a test reads the sources and holds keys, arguments and message files together.

use std::fmt::Display;

use kapok_library::resource::rules::{MAX_FILE_NAME_BYTES, MAX_TITLE_CHARS, Problem as Rule};
use kapok_library::vocabulary::Vocabulary;
use kapok_web_ui::messages::{Message, Messages};

use super::{Failure, FailureKind};

/// A sentence of the message files and what is filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Below `said.`.
    pub key: &'static str,
    pub arguments: Vec<(&'static str, String)>,
}

/// Every sentence and its arguments.
pub const SENTENCES: &[(&str, &[&str])] = &[
    ("account.already-set-up", &[]),
    ("account.last-administrator", &[]),
    ("account.name-missing", &[]),
    ("account.name-odd", &[]),
    ("account.name-taken", &["name"]),
    ("account.name-too-long", &["chars", "limit"]),
    ("account.role-unknown", &["role"]),
    ("account.roles-apart", &[]),
    ("account.too-many", &[]),
    ("account.unknown", &[]),
    ("address.foreign", &[]),
    ("address.unreadable", &[]),
    ("catalogue.rebuilding", &["percent"]),
    ("description.too-long", &["chars", "limit"]),
    ("disk.read-only", &[]),
    ("fetch.no-holder", &["name"]),
    ("fetch.not-ready", &[]),
    ("file.empty", &["name"]),
    ("file.late", &["name", "seconds"]),
    ("file.name-control", &["name"]),
    ("file.name-missing", &["name"]),
    ("file.name-path", &["name"]),
    ("file.name-too-long", &["name", "bytes", "limit", "chars"]),
    ("file.not-fetched", &["name"]),
    ("file.same-name", &["name"]),
    ("file.unknown", &[]),
    ("files.missing", &[]),
    ("files.too-many", &["count", "limit"]),
    ("form.broken", &[]),
    ("form.late", &["seconds"]),
    ("form.stale", &[]),
    ("form.too-large", &["limit"]),
    ("form.too-many-files", &["limit"]),
    ("keyword.too-long", &["chars", "limit"]),
    ("keywords.too-many", &["count", "limit"]),
    ("kind.unknown", &["value"]),
    ("licence.missing", &[]),
    ("licence.unknown", &["value"]),
    ("member.not-joined", &[]),
    ("node.busy", &[]),
    ("node.slow", &["seconds"]),
    ("note.too-long", &["chars", "limit"]),
    ("password.contains-name", &[]),
    ("password.too-long", &["chars", "limit"]),
    ("password.too-short", &["chars", "limit"]),
    ("password.too-simple", &[]),
    ("password.wait", &["minutes"]),
    ("password.wrong", &[]),
    ("query.no-words", &[]),
    ("query.too-deep", &["limit"]),
    ("query.too-long", &["chars", "limit"]),
    ("query.too-odd", &[]),
    ("resource.not-yours", &["name"]),
    ("resource.unknown", &[]),
    ("search.index-busy", &[]),
    ("search.rebuilding", &[]),
    ("setup.needed", &[]),
    ("setup.wrong-code", &[]),
    ("sign-in.busy", &[]),
    ("stage.unknown", &["value"]),
    ("subject.unknown", &["value"]),
    ("subscription.all-and-some", &[]),
    ("subscription.nothing", &[]),
    ("subscription.too-many", &["limit"]),
    ("subscription.unknown", &["number"]),
    ("sync.no-node", &[]),
    ("sync.not-ready", &[]),
    ("text.too-long", &["chars", "limit"]),
    ("text.too-many", &["count", "limit"]),
    ("title.missing", &["limit"]),
    ("title.too-long", &["chars", "limit"]),
    ("upload.broke-off", &[]),
    ("upload.more-than-said", &["limit"]),
    ("upload.no-space", &[]),
    ("upload.offset", &["offset"]),
    ("upload.too-large", &["limit"]),
    ("upload.too-many-open", &["limit"]),
    ("upload.unfinished", &["name"]),
    ("upload.unknown", &[]),
    ("version.not-yours", &[]),
    ("version.unknown", &[]),
    ("withdraw.reason", &["limit"]),
    ("year.unknown", &["stage", "year"]),
];

impl Failure {
    /// The same, with the sentence that pages say; its arguments follow by [`Failure::with`].
    #[must_use]
    pub fn said(mut self, key: &'static str) -> Self {
        self.said = Some(Box::new(Said { key, arguments: Vec::new() }));
        self
    }

    /// Fills `{name}` of the sentence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        if let Some(said) = &mut self.said {
            said.arguments.push((name, value.to_string()));
        }
        self
    }

    /// A rule of [`kapok_library`] that a resource breaks.
    pub fn rule(title: impl Into<String>, rule: &Rule) -> Self {
        let failure = Self::invalid(title, rule.to_string());
        match rule {
            Rule::NoTitle => failure.said("title.missing").with("limit", MAX_TITLE_CHARS),
            Rule::TooLong { field, chars, limit } => failure.too_long(field, *chars, *limit),
            Rule::TooMany { field: "files", count, limit } => {
                failure.said("files.too-many").with("count", count).with("limit", limit)
            }
            Rule::TooMany { field: "keywords", count, limit } => {
                failure.said("keywords.too-many").with("count", count).with("limit", limit)
            }
            Rule::TooMany { count, limit, .. } => {
                failure.said("text.too-many").with("count", count).with("limit", limit)
            }
            Rule::NoFile => failure.said("files.missing"),
            Rule::FileName { name, .. } => failure.file_name(name),
            Rule::SameName(name) => failure.said("file.same-name").with("name", name),
            Rule::Unknown { field: "licence", value, .. } if value.is_empty() => failure.said("licence.missing"),
            Rule::Unknown { field, value, .. } => failure.unknown_word(field, value),
            Rule::Year { stage, year } => {
                let stage = Vocabulary::get().stage_zh(stage);
                failure.said("year.unknown").with("stage", stage).with("year", year)
            }
            Rule::EmptyFile(name) => failure.said("file.empty").with("name", name),
        }
    }

    /// The sentence for a text that is too long; `field` may have its article.
    #[must_use]
    pub fn too_long(self, field: &str, chars: usize, limit: usize) -> Self {
        let said = match field.trim_start_matches("the ").trim_start_matches("a ") {
            "title" => self.said("title.too-long"),
            "description" => self.said("description.too-long"),
            "note" => self.said("note.too-long"),
            "keyword" => self.said("keyword.too-long"),
            _ => self.said("text.too-long"),
        };
        said.with("chars", chars).with("limit", limit)
    }

    /// The sentence for a word that the list of a field does not have.
    #[must_use]
    pub fn unknown_word(self, field: &str, value: &str) -> Self {
        let said = match field {
            "subject" => self.said("subject.unknown"),
            "stage" => self.said("stage.unknown"),
            "kind" => self.said("kind.unknown"),
            "licence" | "license" => self.said("licence.unknown"),
            _ => return self,
        };
        said.with("value", value)
    }

    /// The sentence for a name that cannot be a file's. `name` may have been cut short: a name without another fault is
    /// too long.
    #[must_use]
    pub fn file_name(self, name: &str) -> Self {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(20).collect();
        let said = if name.is_empty() || name == "." || name == ".." {
            self.said("file.name-missing")
        } else if name.contains(['/', '\\']) {
            self.said("file.name-path")
        } else if name.chars().any(char::is_control) {
            self.said("file.name-control")
        } else {
            return self.file_name_too_long(&shown, name.len());
        };
        said.with("name", shown)
    }

    fn file_name_too_long(self, shown: &str, bytes: usize) -> Self {
        // Where the name was cut short before, the limit is what can be said.
        let bytes = bytes.max(MAX_FILE_NAME_BYTES + 1);
        self.said("file.name-too-long")
            .with("name", shown)
            .with("bytes", bytes)
            .with("limit", MAX_FILE_NAME_BYTES)
            .with("chars", MAX_FILE_NAME_BYTES / 3)
    }

    /// What to tell a person: the failure's own sentence, else the general one of its kind.
    #[must_use]
    pub fn sentence(&self, messages: &'static Messages) -> Message<'static> {
        match &self.said {
            Some(said) => {
                let key = messages.below("said", said.key);
                said.arguments.iter().fold(key, |message, (name, value)| message.with(name, value))
            }
            None => {
                let general = messages.below("failure", self.kind.slug());
                match self.kind {
                    FailureKind::TooMany { retry_after_s } => general.with("minutes", retry_after_s.div_ceil(60)),
                    _ => general,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
