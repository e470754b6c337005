//! The body of a resource entry.

use kapok_protocol::blob::BlobId;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use minicbor::{Decode, Encode};

use crate::encoding::{BadBody, decode, encode};

/// A described set of files, at its newest version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resource {
    #[n(0)]
    pub title: String,
    #[n(1)]
    pub description: String,
    #[n(2)]
    pub keywords: Vec<String>,
    /// Slug of the vocabulary; empty where not said. So are the next ones.
    #[n(3)]
    pub subject: String,
    #[n(4)]
    pub stage: String,
    /// Years within the stage, counted from 1.
    #[n(5)]
    pub years: Vec<u8>,
    #[n(6)]
    pub kind: String,
    /// BCP 47.
    #[n(7)]
    pub language: String,
    #[n(8)]
    pub edition: String,
    #[n(9)]
    pub volume: String,
    /// Licence: a key of the vocabulary.
    #[n(10)]
    pub license: String,
    #[n(11)]
    pub files: Vec<File>,
    /// Counts from 1.
    #[n(12)]
    pub version: u32,
    /// What changed in this version.
    #[n(13)]
    pub note: String,
    /// Former versions, oldest first.
    #[n(14)]
    pub former: Vec<Version>,
    /// The name of who made it, as shown.
    #[n(15)]
    pub maker: String,
    /// When its first version was published.
    #[n(16)]
    pub created: Timestamp,
}

/// One file of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct File {
    #[n(0)]
    pub name: String,
    #[n(1)]
    pub size: u64,
    #[n(2)]
    pub mime: String,
    #[n(3)]
    pub blob: BlobId,
    /// The text in it, extracted once where the file was added.
    #[n(4)]
    pub text: Option<Text>,
}

/// Extracted text: UTF-8, compressed with zstd, as a blob of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Text {
    #[n(0)]
    pub blob: BlobId,
    /// Bytes of the compressed blob.
    #[n(1)]
    pub size: u64,
}

/// A version that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Version {
    #[n(0)]
    pub number: u32,
    #[n(1)]
    pub time: Timestamp,
    #[n(2)]
    pub note: String,
    #[n(3)]
    pub files: Vec<File>,
    /// Who could see it. A version stays in the list only while nobody sees the list who could not see it.
    #[n(4)]
    pub visibility: Visibility,
}

impl Resource {
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a body from outside; it is held to the limits of [`super::rules`].
    ///
    /// # Errors
    /// Why it cannot be shown.
    pub fn from_body(body: &[u8]) -> Result<Self, BadBody> {
        let resource: Self = decode(body)?;
        super::rules::check_limits(&resource).map_err(|problem| BadBody::Rule(problem.to_string()))?;
        Ok(resource)
    }

    /// Bytes of all files of the newest version.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// The blobs of the newest version, and its texts.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobId, u64)> + '_ {
        let texts = self.files.iter().filter_map(|file| file.text.map(|text| (text.blob, text.size)));
        self.files.iter().map(|file| (file.blob, file.size)).chain(texts)
    }

    /// What `file` may have come from: files of former versions, the newest first; in each those of the same name before
    /// those of the same type.
    pub fn former_files<'a>(&'a self, file: &'a File) -> impl Iterator<Item = &'a File> {
        self.former.iter().rev().flat_map(move |version| {
            let same_name = version.files.iter().filter(|former| former.name == file.name);
            let same_type = version.files.iter().filter(|former| former.name != file.name && former.mime == file.mime);
            same_name.chain(same_type)
        })
    }

    /// The next version of this resource: `next`'s content, this one's history.
    ///
    /// `was` is who could see this version and `becomes` who will see the next one. What was published to fewer than
    /// these leaves the history: nobody learns of it by a later, wider version.
    #[must_use]
    pub fn replaced_by(&self, next: Self, replaced_at: Timestamp, was: Visibility, becomes: Visibility) -> Self {
        let mut former = self.former.clone();
        former.push(Version {
            number: self.version,
            time: replaced_at,
            note: self.note.clone(),
            // Texts of former versions are not searched, so they are not kept.
            files: self.files.iter().map(|file| File { text: None, ..file.clone() }).collect(),
            visibility: was,
        });
        former.retain(|version| version.visibility <= becomes);
        let surplus = former.len().saturating_sub(super::rules::MAX_FORMER_VERSIONS);
        former.drain(..surplus);
        Self { version: self.version.saturating_add(1), former, created: self.created, ..next }
    }
}
