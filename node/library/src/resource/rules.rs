//! What may be published, and how long things may be.

use super::{File, Resource};
use crate::vocabulary::Vocabulary;

pub const MAX_TITLE_CHARS: usize = 200;
pub const MAX_DESCRIPTION_CHARS: usize = 2_000;
pub const MAX_KEYWORDS: usize = 32;
pub const MAX_KEYWORD_CHARS: usize = 40;
/// A resource is an entry of at most 64 KiB: 200 files with long names fit.
pub const MAX_FILES: usize = 200;
/// Older versions drop out of the list; what was reviewed is named by the reviews themselves.
pub const MAX_FORMER_VERSIONS: usize = 20;
/// Linux takes 255 bytes in a name, FAT32 and NTFS 255 UTF-16 units, which are never more; 16 are kept for what is put
/// around it (a number, an ending).
pub const MAX_FILE_NAME_BYTES: usize = 239;
const MAX_SHORT_CHARS: usize = 80;
const MAX_NOTE_CHARS: usize = 500;

/// A rule that a resource breaks, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("a title is missing; give one of 1 to {MAX_TITLE_CHARS} characters")]
    NoTitle,
    #[error("{field} has {chars} characters, more than {limit}; shorten it")]
    TooLong { field: &'static str, chars: usize, limit: usize },
    #[error("{count} {field} are more than {limit}; leave some out")]
    TooMany { field: &'static str, count: usize, limit: usize },
    #[error("a resource needs at least one file")]
    NoFile,
    #[error("“{name}” cannot be the name of a file: {reason}; rename it and add it again")]
    FileName { name: String, reason: &'static str },
    #[error("two files are called “{0}”; rename one of them")]
    SameName(String),
    #[error("“{value}” is not a {field}; known are: {known}")]
    Unknown { field: &'static str, value: String, known: String },
    #[error("the stage “{stage}” has no year {year}")]
    Year { stage: String, year: u8 },
    #[error("a file of no bytes (“{0}”) cannot be added; it may still be written by another program")]
    EmptyFile(String),
}

/// The limits that hold for every body, from wherever it comes.
///
/// # Errors
/// The first limit that is broken.
pub fn check_limits(resource: &Resource) -> Result<(), Problem> {
    let short = |field, text: &str, limit| {
        let chars = text.chars().count();
        if chars > limit { Err(Problem::TooLong { field, chars, limit }) } else { Ok(()) }
    };
    let few = |field, count, limit| if count > limit { Err(Problem::TooMany { field, count, limit }) } else { Ok(()) };
    short("the title", &resource.title, MAX_TITLE_CHARS)?;
    short("the description", &resource.description, MAX_DESCRIPTION_CHARS)?;
    few("keywords", resource.keywords.len(), MAX_KEYWORDS)?;
    for keyword in &resource.keywords {
        short("a keyword", keyword, MAX_KEYWORD_CHARS)?;
    }
    for (field, text) in [
        ("the subject", &resource.subject),
        ("the stage", &resource.stage),
        ("the kind", &resource.kind),
        ("the language", &resource.language),
        ("the edition", &resource.edition),
        ("the volume", &resource.volume),
        ("the licence", &resource.license),
        ("the maker", &resource.maker),
    ] {
        short(field, text, MAX_SHORT_CHARS)?;
    }
    short("the note", &resource.note, MAX_NOTE_CHARS)?;
    few("years", resource.years.len(), 12)?;
    few("files", resource.files.len(), MAX_FILES)?;
    few("former versions", resource.former.len(), MAX_FORMER_VERSIONS)?;
    for version in &resource.former {
        few("files", version.files.len(), MAX_FILES)?;
        short("the note", &version.note, MAX_NOTE_CHARS)?;
    }
    resource.files.iter().chain(resource.former.iter().flat_map(|v| &v.files)).try_for_each(check_file)
}

fn check_file(file: &File) -> Result<(), Problem> {
    check_file_name(&file.name)?;
    let chars = file.mime.chars().count();
    if chars > MAX_SHORT_CHARS {
        return Err(Problem::TooLong { field: "a media type", chars, limit: MAX_SHORT_CHARS });
    }
    Ok(())
}

/// A name must be usable as a file's name on every system, in the folder where it is put.
///
/// # Errors
/// `FileName`, with the reason.
pub fn check_file_name(name: &str) -> Result<(), Problem> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_FILE_NAME_BYTES {
        "it has more than 239 bytes (about 79 characters of Chinese)"
    } else if name == "." || name == ".." {
        "it names a folder"
    } else if name.contains(['/', '\\']) {
        "it contains a path"
    } else if name.chars().any(char::is_control) {
        "it contains control characters"
    } else {
        return Ok(());
    };
    Err(Problem::FileName { name: name.chars().take(60).collect(), reason })
}

/// What publishing needs beyond the limits: a title, files, a licence, and words of the vocabulary.
///
/// # Errors
/// The first rule that is broken.
pub fn check_publishable(resource: &Resource, vocabulary: &Vocabulary) -> Result<(), Problem> {
    check_limits(resource)?;
    if resource.title.trim().is_empty() {
        return Err(Problem::NoTitle);
    }
    if resource.files.is_empty() {
        return Err(Problem::NoFile);
    }
    for (at, file) in resource.files.iter().enumerate() {
        if resource.files[..at].iter().any(|other| other.name == file.name) {
            return Err(Problem::SameName(file.name.clone()));
        }
    }
    let known = |field: &'static str, value: &str, list: &dyn Fn() -> Vec<String>, is: bool| {
        if is || value.is_empty() {
            Ok(())
        } else {
            Err(Problem::Unknown { field, value: value.chars().take(40).collect(), known: list().join(", ") })
        }
    };
    let v = vocabulary;
    let listed = |list: &crate::vocabulary::Terms| list.keys().map(str::to_owned).collect::<Vec<_>>();
    known("subject", &resource.subject, &|| listed(&v.subject), v.subject.has(&resource.subject))?;
    known("stage", &resource.stage, &|| v.stages().map(str::to_owned).collect(), v.has_stage(&resource.stage))?;
    known("kind", &resource.kind, &|| listed(&v.kind), v.kind.has(&resource.kind))?;
    known("licence", &resource.license, &|| listed(&v.license), v.license.has(&resource.license))?;
    if resource.license.is_empty() {
        return Err(Problem::Unknown { field: "licence", value: String::new(), known: listed(&v.license).join(", ") });
    }
    for &year in &resource.years {
        if year == 0 || usize::from(year) > v.years(&resource.stage).len() {
            return Err(Problem::Year { stage: resource.stage.clone(), year });
        }
    }
    Ok(())
}
