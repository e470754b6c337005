//! 上传: choose files, watch them go up, say what they are.
//!
//! - `GET /upload`, or `GET /upload?replaces=ID` for a new version → [`Upload::render`]
//! - `POST /upload` (`multipart/form-data`, without script): `csrf`, `files` (several), `together` (`1`) and the
//!   fields of [`Fields`], with stage and year together as `level` (`primary`, `primary.5` or empty; [`Fields::set_level`])
//!   → a redirect to the resource (or to `/?done=uploaded` for several), or this page with errors
//!
//! With script (`ts/upload.ts`) the bytes go beside the form and resume after a broken link:
//!
//! - `POST /api/v1/uploads` `{"name":…,"size":N}` → `{"id":…,"offset":N}`
//! - `GET /api/v1/uploads/{id}` → `{"id":…,"offset":N}`: where to go on
//! - `PATCH /api/v1/uploads/{id}`, header `Upload-Offset: N`, body: at most 4 MiB raw → `{"id":…,"offset":N}`;
//!   409 with the true `offset` when it differs
//! - `DELETE /api/v1/uploads/{id}`: given up
//! - `POST /api/v1/resources` `{"uploads":[ID…],"title":…,"subject":…,"stage":…,"grade":N,"kind":…,
//!   "keywords":[…],"description":…,"visibility":…,"license":…,"replaces":ID,"note":…}` → `{"resources":[{"id":…}]}`; empty fields are
//!   left out. One resource for each call, so several files that stand alone make several calls.
//!
//! All with `X-Kapok-CSRF`. Errors are problem documents; their `said` is shown to the person.

use askama::Template;

use crate::Html;
use crate::facts::Choices;
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

#[derive(Clone, Debug)]
pub struct Upload {
    pub choices: Choices,
    /// What was typed, when the form comes back with errors; defaults at first (visibility, licence).
    pub fields: Fields,
    pub errors: Vec<FieldError>,
    /// The resource that a new version replaces.
    pub replaces: Option<Replaced>,
}

#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub title: String,
    pub subject: String,
    pub stage: String,
    /// Year in the stage, as typed.
    pub grade: String,
    pub kind: String,
    /// Separated by spaces, commas or 、.
    pub keywords: String,
    pub description: String,
    pub visibility: String,
    pub license: String,
    /// What changed, for a new version.
    pub note: String,
    pub together: bool,
}

impl Fields {
    /// Reads the form's `level`: `primary.5`, `primary` or nothing.
    pub fn set_level(&mut self, level: &str) {
        let (stage, grade) = level.split_once('.').unwrap_or((level, ""));
        self.stage = stage.to_owned();
        self.grade = grade.to_owned();
    }
}

#[derive(Clone, Debug)]
pub struct Replaced {
    pub id: String,
    pub title: String,
    /// The number that the new version will have.
    pub next_version: u32,
}

/// What is wrong with a field, in words of [`Messages`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldError {
    TitleMissing,
    TitleTooLong,
    FilesMissing,
    FileEmpty,
    VisibilityMissing,
    LicenceMissing,
    DiskFull,
    /// Anything else, in a sentence.
    Said(String),
}

impl FieldError {
    fn text(&self, m: &Messages) -> String {
        let key = match self {
            Self::Said(sentence) => return sentence.clone(),
            Self::TitleMissing => "upload.error.title-missing",
            Self::TitleTooLong => "upload.error.title-too-long",
            Self::FilesMissing => "upload.error.files-missing",
            Self::FileEmpty => "upload.error.file-empty",
            Self::VisibilityMissing => "upload.error.visibility-missing",
            Self::LicenceMissing => "upload.error.licence-missing",
            Self::DiskFull => "upload.error.disk-full",
        };
        m.get(key).to_string()
    }

    /// The errors that stand under the title rather than above the form.
    const fn of_title(&self) -> bool {
        matches!(self, Self::TitleMissing | Self::TitleTooLong)
    }
}

#[derive(Template)]
#[template(path = "pages/upload/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    upload: &'a Upload,
}

impl Upload {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::Upload, upload: self }.render()
    }

    fn title_error(&self) -> Option<&FieldError> {
        self.errors.iter().find(|error| error.of_title())
    }

    fn other_errors(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter().filter(|error| !error.of_title())
    }

    fn chosen_year(&self, stage: &str, year: &u8) -> bool {
        self.fields.stage == stage && self.fields.grade.parse() == Ok(*year)
    }
}
