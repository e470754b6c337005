//! Text out of files.
//!
//! Files come from anybody, and the formats are old and large, so reading them happens in a process of its own
//! ([`worker`]) with little memory and little time, of which [`Pool`] keeps one. In there [`kind`] decides by content and
//! name what a file is, and [`pdf`], [`office`], [`html`] and [`plain`] read it into a [`sink`].
//!
//! Invariant: whatever the file, the caller gets text or an [`ExtractError`] within [`Limits::time`], and its own process
//! is not touched.

mod archive;
mod frame;
mod html;
mod kind;
mod office;
mod pdf;
mod plain;
mod pool;
mod sink;
pub mod worker;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use kind::Kind;
pub use pool::{Limits, Pool, WorkerCommand};
pub use sink::MAX_TEXT_BYTES;

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extracted {
    /// Legible text (see [`crate::analyse::legible`]), one blank between words and one line end between paragraphs; at
    /// most [`MAX_TEXT_BYTES`].
    pub text: String,
    /// What the file itself says that it is called.
    pub title: Option<String>,
    /// There was more text.
    pub truncated: bool,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum ExtractError {
    #[error("there is no text in it that can be read, for instance because its pages are pictures")]
    NoText,
    #[error("it is protected by a password; save it without one")]
    Encrypted,
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("it is too large to be read, or becomes so when unpacked")]
    TooLarge,
    #[error("reading it took too long and was given up")]
    TimedOut,
    #[error("reading it failed and was given up: {0}")]
    Crashed(String),
    #[error("files of this kind hold no text that can be read here")]
    Unsupported,
}

/// Whatever is left of a text file after this is not read; it would not fit the result.
const MAX_PLAIN_BYTES: u64 = 8 << 20;
/// A PDF is held in memory, about twice. Larger ones are scanned books, which have no text anyway.
const MAX_PDF_BYTES: u64 = 128 << 20;

/// Reads a file in this process, with no protection but this module's own limits: for [`worker`] alone.
fn extract(path: &Path, name: &str) -> Result<Extracted, ExtractError> {
    let unreadable = |error: std::io::Error| ExtractError::Damaged(format!("it cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let kind = kind::of(&file, size, name)?;
    let read = |limit: u64| {
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
        Ok::<_, ExtractError>((bytes, size > limit))
    };
    let found = match kind {
        Kind::Pdf if size > MAX_PDF_BYTES => return Err(ExtractError::TooLarge),
        Kind::Pdf => pdf::extract(&read(MAX_PDF_BYTES)?.0)?,
        Kind::Docx => office::word(file)?,
        Kind::Pptx => office::slides(file)?,
        Kind::Xlsx => office::sheets(file)?,
        Kind::Html => html::extract(&read(MAX_PLAIN_BYTES)?)?,
        Kind::Plain { markdown } => plain::extract(&read(MAX_PLAIN_BYTES)?, markdown)?,
    };
    if found.text.is_empty() { Err(ExtractError::NoText) } else { Ok(found) }
}
