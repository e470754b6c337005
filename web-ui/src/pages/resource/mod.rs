//! A resource: preview, files, versions, where it comes from.
//!
//! - `GET /resources/{id}` → [`Resource::render`]
//! - `GET /resources/{id}/fetch` → [`Fetch::render`], polled by htmx while it arrives
//! - `POST /resources/{id}/fetch` (取到本校) → [`Fetch::render`] for htmx, else a redirect to the resource
//! - `POST /resources/{id}/withdraw` with `reason` (下架) → a redirect to `/?done=withdrawn`
//!
//! The preview shows blobs from `/blobs/HEX`. The browser's own PDF viewer does not start inside a sandboxed frame, so
//! that frame carries no `sandbox`; images and media are shown by their own elements; everything else is shown as text.

use askama::Template;

use crate::Html;
use crate::facts::{Availability, Certification, Tier};
use crate::format::{Bytes, Moment};
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

/// Characters of extracted text that the page shows.
pub const EXCERPT_CHARS: usize = 6_000;

#[derive(Clone, Debug)]
pub struct Resource {
    pub id: String,
    pub title: String,
    pub kind: Option<String>,
    pub subject: Option<String>,
    pub stage: Option<String>,
    pub year: Option<u8>,
    /// `None` when it is this node's own.
    pub home: Option<String>,
    /// Display name of the person who contributed it.
    pub contributor: Option<String>,
    pub certification: Certification,
    pub licence: String,
    pub visibility: String,
    pub published: Moment,
    pub description: Option<String>,
    pub keywords: Vec<String>,
    pub files: Vec<File>,
    pub preview: Preview,
    pub fetch: Fetch,
    /// Newest first; the first is the one shown.
    pub versions: Vec<Version>,
    /// From the school upwards: who took it in, when.
    pub provenance: Vec<Step>,
    /// Names of the nodes that hold all of it, as far as this node knows.
    pub holders: Vec<String>,
    /// Whether the account may withdraw it.
    pub may_withdraw: bool,
    /// Whether the account may publish a new version.
    pub may_replace: bool,
}

#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub bytes: Bytes,
    pub availability: Availability,
    /// Where it downloads from, for instance `/blobs/HEX?name=…`. Of one that is not held, where it opens while it comes;
    /// `None` where it cannot.
    pub href: Option<String>,
    /// BLAKE3 in hexadecimal, shown only under 校验码.
    pub blob: String,
}

/// What the left side shows: of the first file that can be shown, else the text.
#[derive(Clone, Debug)]
pub enum Preview {
    Pdf {
        url: String,
    },
    Image {
        url: String,
        name: String,
    },
    Audio {
        url: String,
        name: String,
    },
    Video {
        url: String,
        name: String,
    },
    /// The extracted text, at most [`EXCERPT_CHARS`]; paragraphs are parted by line feeds.
    Text {
        excerpt: String,
        truncated: bool,
    },
    /// Nothing can be shown here yet.
    None,
}

/// The card with the one red action: 取到本校.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub id: String,
    pub state: FetchState,
    /// Whether the account may fetch; a visitor is led to the log-in page.
    pub may_fetch: bool,
}

#[derive(Clone, Debug)]
pub enum FetchState {
    /// All files are here; `download` is set when it is a single file.
    Held {
        download: Option<String>,
    },
    Offered {
        missing: Bytes,
        seconds: Option<u64>,
    },
    Arriving {
        received: Bytes,
        total: Bytes,
        seconds: Option<u64>,
    },
    /// It is wanted, and waits for a node that has it.
    Waiting {
        missing: Bytes,
    },
    /// Nobody who has it answers; it can be put on the list.
    Unreachable {
        missing: Bytes,
    },
}

#[derive(Clone, Debug)]
pub struct Version {
    pub number: u32,
    pub note: Option<String>,
    pub at: Moment,
}

/// One step of 来历与认证.
#[derive(Clone, Debug)]
pub struct Step {
    pub tier: Tier,
    pub at: Moment,
    pub by: String,
}

#[derive(Template)]
#[template(path = "pages/resource/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    resource: &'a Resource,
}

#[derive(Template)]
#[template(path = "pages/resource/fetch.html")]
struct FetchPart<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    fetch: &'a Fetch,
}

impl Resource {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::Library, resource: self }.render()
    }

    fn kind_slug(&self) -> &str {
        self.kind.as_deref().unwrap_or("other")
    }

    /// The year of the stage, if it is known.
    fn level(&self, m: &Messages) -> Option<String> {
        Some(m.grade(self.stage.as_deref()?, self.year?))
    }

    fn held(&self) -> bool {
        matches!(self.fetch.state, FetchState::Held { .. })
    }

    /// What a player fetches before it plays: of what is not here, nothing.
    fn preload(&self) -> &'static str {
        if self.held() { "metadata" } else { "none" }
    }

    /// What the bar above the preview is headed with.
    fn shown_name(&self, m: &Messages) -> String {
        match &self.preview {
            Preview::Image { name, .. } | Preview::Audio { name, .. } | Preview::Video { name, .. } => name.clone(),
            Preview::Text { .. } => m.get("resource.text").to_string(),
            Preview::Pdf { .. } | Preview::None => m.get("resource.preview").to_string(),
        }
    }

    fn preview_url(&self) -> Option<&str> {
        match &self.preview {
            Preview::Pdf { url }
            | Preview::Image { url, .. }
            | Preview::Audio { url, .. }
            | Preview::Video { url, .. } => Some(url),
            Preview::Text { .. } | Preview::None => None,
        }
    }

    fn bytes(&self) -> Bytes {
        Bytes(self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes.0)))
    }
}

impl Fetch {
    /// The card alone.
    pub fn render(&self, frame: &Frame) -> Html {
        FetchPart { frame, m: frame.messages, fetch: self }.render()
    }
}

impl Fetch {
    /// Whether the card asks again by itself.
    fn moves(&self) -> bool {
        matches!(self.state, FetchState::Arriving { .. } | FetchState::Waiting { .. })
    }

    fn missing(&self) -> Bytes {
        match &self.state {
            FetchState::Held { .. } => Bytes(0),
            FetchState::Arriving { received, total, .. } => Bytes(total.0.saturating_sub(received.0)),
            FetchState::Offered { missing, .. }
            | FetchState::Waiting { missing }
            | FetchState::Unreachable { missing } => *missing,
        }
    }
}

impl Step {
    /// The flower of that tier.
    fn mark(&self) -> &'static str {
        match self.tier {
            Tier::City => "city",
            Tier::County => "county",
            Tier::School | Tier::Point => "school",
        }
    }
}

impl File {
    fn is_held(&self) -> bool {
        matches!(self.availability, Availability::Held)
    }

    /// Slug of the icon: by what the name ends in, since that is what people see.
    fn icon(&self) -> &'static str {
        file_icon(&self.name)
    }
}

/// Icon of a file by the ending of its name.
#[must_use]
pub fn file_icon(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "ppt" | "pptx" | "odp" => "courseware",
        "xls" | "xlsx" | "csv" => "paper",
        "mp4" | "webm" | "mkv" | "mov" | "avi" => "video",
        "mp3" | "m4a" | "ogg" | "wav" | "flac" => "audio",
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "svg" => "image",
        "epub" => "ebook",
        "zip" | "rar" | "7z" => "material",
        _ => "lesson-plan",
    }
}
