//! Resources: adding, showing, withdrawing, bringing here.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{Failure, Result, Visibility};

/// A file of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileFacts {
    pub name: String,
    pub size: u64,
    /// BLAKE3 in hexadecimal digits.
    pub blob: String,
}

/// How files of this machine are taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IngestMode {
    #[default]
    Copy,
    Move,
    Reflink,
}

/// Where the files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddSource {
    /// Files and folders of this machine, absolute; the owner only.
    Paths(Vec<String>),
    /// Ids of complete uploads, the asker's own.
    Uploads(Vec<String>),
}

/// What to publish: either `paths` or `uploads`, never both. Controlled values (subject, stage, kind, …) are the vocabulary's keys or its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddRequest {
    /// Files and folders of this machine, absolute; the owner only.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Ids of complete uploads, the asker's own.
    #[serde(default)]
    pub uploads: Vec<String>,
    /// One resource of all files, where otherwise each file becomes one. Uploads sent to the API always are one.
    #[serde(default)]
    pub together: bool,
    /// The file's name without its ending where nothing is said.
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub subject: Option<String>,
    #[serde(default)]
    pub stage: Option<String>,
    /// The year in the stage, as a number or in words (`5`, `五年级`).
    #[serde(default, deserialize_with = "number_or_text")]
    #[schema(value_type = Option<String>)]
    pub grade: Option<String>,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub license: Option<String>,
    #[serde(default)]
    pub visibility: Option<Visibility>,
    /// The resource of which this is a new version.
    #[serde(default)]
    pub replaces: Option<String>,
    /// What changed; kept with the version.
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub mode: IngestMode,
}

impl AddRequest {
    /// Where the files come from.
    #[must_use]
    pub fn source(&self) -> AddSource {
        if self.paths.is_empty() {
            AddSource::Uploads(self.uploads.clone())
        } else {
            AddSource::Paths(self.paths.clone())
        }
    }

    /// The request if its texts are within limits.
    pub fn checked(self) -> Result<Self> {
        // The entry travels to every node of the federation: texts are for people to read, not a store of data.
        check_text("title", self.title.as_deref(), 200)?;
        check_text("description", self.description.as_deref(), 2_000)?;
        check_text("note", self.note.as_deref(), 500)?;
        for (field, value) in [
            ("subject", &self.subject),
            ("stage", &self.stage),
            ("grade", &self.grade),
            ("kind", &self.kind),
            ("license", &self.license),
            ("replaces", &self.replaces),
        ] {
            check_text(field, value.as_deref(), 80)?;
        }
        if self.keywords.len() > 32 {
            return Err(Failure::invalid(
                "cannot add",
                format!("{} keywords are given; at most 32 are taken", self.keywords.len()),
            )
            .remedy("leave some out")
            .said("keywords.too-many")
            .with("count", self.keywords.len())
            .with("limit", 32));
        }
        for keyword in &self.keywords {
            check_text("keyword", Some(keyword), 40)?;
        }
        match (self.paths.len(), self.uploads.len()) {
            (0, 0) => {
                return Err(Failure::invalid("cannot add", "no file is given")
                    .remedy("choose at least one file")
                    .said("files.missing"));
            }
            (1.., 1..) => {
                return Err(
                    Failure::invalid("cannot add", "both paths and uploads are given").remedy("give one of them")
                );
            }
            _ => {}
        }
        Ok(self)
    }
}

fn check_text(field: &str, text: Option<&str>, max_chars: usize) -> Result<()> {
    let chars = text.map_or(0, |text| text.chars().count());
    if chars > max_chars {
        return Err(Failure::invalid(
            "cannot add",
            format!("{field} has {chars} characters; at most {max_chars} are taken"),
        )
        .remedy(format!("shorten {field}"))
        .too_long(field, chars, max_chars));
    }
    Ok(())
}

/// Forms of scripts send the year as a number, people as they say it.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "the year must be a number from 1 to 12, or in words")]
    enum NumberOrText {
        Number(u8),
        Text(String),
    }
    Ok(Option::<NumberOrText>::deserialize(deserializer)?.map(|value| match value {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    }))
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddedResource {
    pub id: String,
    pub title: String,
    pub version: u64,
    pub files: Vec<FileFacts>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddReply {
    pub resources: Vec<AddedResource>,
}

/// The highest tier that stands behind a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certification {
    #[default]
    None,
    School,
    County,
    City,
}

/// A resource in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceSummary {
    pub id: String,
    pub title: String,
    /// PeerId and name of the node whose resource it is.
    pub home: String,
    pub home_name: String,
    pub home_tier: String,
    /// The person who published it, as they want to be called; empty for the node itself.
    pub author: String,
    /// Keys of the vocabulary.
    pub subject: Option<String>,
    pub stage: Option<String>,
    /// Year in the stage, from 1.
    pub grade: Option<u8>,
    pub kind: Option<String>,
    pub visibility: Visibility,
    pub certification: Certification,
    pub version: u64,
    /// RFC 3339.
    pub updated: String,
    pub files: Vec<FileFacts>,
    /// All files' bytes.
    pub size: u64,
    /// Whether all its files are on this node.
    pub held: bool,
}

/// The newest resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Latest {
    pub resources: Vec<ResourceSummary>,
}

/// A version, the present or a former.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    pub version: u64,
    /// RFC 3339.
    pub time: String,
    pub note: String,
    pub files: Vec<FileFacts>,
}

/// A judgement on one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    pub version: u64,
    pub level: String,
    pub state: String,
    pub by: String,
    pub at: String,
    pub note: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ratings {
    pub count: u64,
    pub average: Option<f64>,
}

/// A resource in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resource {
    #[serde(flatten)]
    pub summary: ResourceSummary,
    pub description: String,
    pub keywords: Vec<String>,
    pub license: String,
    /// Newest first; the first is the present one.
    pub versions: Vec<Version>,
    pub reviews: Vec<Review>,
    pub ratings: Ratings,
    /// PeerIds of the nodes known to hold its files.
    pub holders: Vec<String>,
    /// The beginning of its text, where text was found and is here.
    pub excerpt: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// Stays on record, for everybody.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Withdrawn {
    pub id: String,
    /// `withdrawn`.
    pub state: String,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchRequest {
    /// An absolute folder of this machine to put the files into; the owner only.
    #[serde(default)]
    pub out: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FetchedFile {
    pub name: String,
    pub size: u64,
    pub blob: String,
    /// Where it lies; said to the owner only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FetchReply {
    pub files: Vec<FetchedFile>,
}
