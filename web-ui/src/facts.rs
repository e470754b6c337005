//! What a row says of a resource, and the few types that several pages share.
//!
//! Slugs (`subject`, `kind`, `stage`, `licence`, `visibility`) are the keys of the controlled vocabulary; their names
//! come from [`crate::messages`], so that a page can be read in another language. An unknown slug is shown as it is.

use std::fmt::{self, Display};

use askama::filters::HtmlSafe;

use crate::Frame;
use crate::format::{Bytes, Moment};
use crate::messages::Messages;

/// The tier of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    City,
    County,
    School,
    Point,
}

impl Tier {
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::County => "county",
            Self::School => "school",
            Self::Point => "point",
        }
    }
}

/// The highest tier that stands behind a resource: how far the flower is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certification {
    None,
    School,
    County,
    City,
}

impl Certification {
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::School => "school",
            Self::County => "county",
            Self::City => "city",
        }
    }
}

/// Can it be used now? The answer stands on every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Every file is on this node.
    Held,
    /// On its way; the bar shows `received` of `total`.
    Arriving { received: Bytes, total: Bytes },
    /// A node that has it answers. `seconds`: how long it takes at the rate last seen, if one was seen.
    Reachable { missing: Bytes, seconds: Option<u64> },
    /// Nobody who has it answers at the moment.
    Unreachable,
}

/// One resource as a row, a tile or the head of a preview.
#[derive(Clone, Debug)]
pub struct ResourceLine {
    pub id: String,
    pub title: String,
    /// Slug of the kind: `courseware`, `lesson-plan`, …
    pub kind: Option<String>,
    pub subject: Option<String>,
    pub stage: Option<String>,
    /// Year within the stage, counted from 1 (primary 5 is 五年级).
    pub year: Option<u8>,
    /// Name of the node that published it. `None` when it is this node ("本校").
    pub home: Option<String>,
    pub certification: Certification,
    pub availability: Availability,
    /// All files together.
    pub bytes: Bytes,
    pub published: Moment,
    /// Address of an image that shows itself (`/blobs/HEX`): only when the first file is an image that this node
    /// holds. Without one the row draws the kind.
    pub image: Option<String>,
}

impl ResourceLine {
    /// Slug of the kind, or `other`.
    #[must_use]
    pub fn kind_slug(&self) -> &str {
        self.kind.as_deref().unwrap_or("other")
    }

    /// Where the resource opens.
    #[must_use]
    pub fn href(&self) -> String {
        resource_href(&self.id)
    }

    /// "课件 · 数学 五年级 · 本校": the grey line under a title.
    pub(crate) fn facts(&self, frame: &Frame) -> String {
        let m = frame.messages;
        let level = level_name(m, self.stage.as_deref(), self.year);
        let subject = self.subject.as_deref().map(|slug| m.term("subject", slug)).unwrap_or_default();
        let of_what = [subject, &level].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ");
        let parts = [m.term("kind", self.kind_slug()), &of_what, self.home.as_deref().unwrap_or(frame.here())];
        parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(m.dot())
    }
}

/// "五年级", "小学" where no year is known, or nothing.
pub(crate) fn level_name(m: &Messages, stage: Option<&str>, year: Option<u8>) -> String {
    match (stage, year) {
        (Some(stage), Some(year)) => m.grade(stage, year),
        (Some(stage), None) => m.term("stage", stage).to_owned(),
        (None, _) => String::new(),
    }
}

/// Icon of a kind; a kind that has none of its own borrows the nearest.
pub(crate) fn kind_icon(slug: &str) -> &'static str {
    match slug {
        "lesson-plan" => "lesson-plan",
        "study-plan" => "study-plan",
        "courseware" => "courseware",
        "micro-lesson" => "micro-lesson",
        "recording" | "live-replay" => "recording",
        "video" => "video",
        "audio" => "audio",
        "image" => "image",
        "animation" => "animation",
        "exercise" => "exercise",
        "paper" => "paper",
        "homework" => "homework",
        "ebook" => "ebook",
        "simulation" | "software" => "simulation",
        "material" => "material",
        "course" => "course",
        "thesis" | "result" | "case" | "reference" | "faq" => "thesis",
        _ => "other",
    }
}

/// The page of a resource.
#[must_use]
pub fn resource_href(id: &str) -> String {
    format!("/resources/{}", crate::format::escape_query(id))
}

/// Bytes on their way.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The resource, so that the row is a link; `None` for a file that no resource names (a text, for instance).
    pub resource: Option<String>,
    pub title: String,
    /// The file's, where the resource has others too.
    pub file: Option<String>,
    pub kind: Option<String>,
    /// Names of the nodes that it comes from.
    pub from: Vec<String>,
    pub received: Bytes,
    pub total: Bytes,
    /// Over the last seconds; `None` while it stands in the queue.
    pub bytes_per_second: Option<u64>,
    /// Place in the queue, from 1; `None` once bytes move.
    pub queued: Option<u64>,
    /// When it will be complete, if that can be said.
    pub done_at: Option<Moment>,
}

impl Transfer {
    pub(crate) fn kind_slug(&self) -> &str {
        self.kind.as_deref().unwrap_or("other")
    }

    /// Tells this row from others while the board changes.
    pub(crate) fn key(&self) -> String {
        [self.resource.as_deref(), self.file.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/")
    }

    /// Bytes a second, while they move.
    pub(crate) fn rate(&self) -> Option<Bytes> {
        self.bytes_per_second.map(Bytes)
    }

    pub(crate) fn missing(&self) -> Bytes {
        Bytes(self.total.0.saturating_sub(self.received.0))
    }
}

/// Why something waits. Every wait says what, how much is left, why, and one thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// The nodes that have it do not answer.
    HolderOffline,
    /// No room on the disk.
    DiskFull,
    /// The link broke off; it goes on by itself.
    LinkDown,
    /// No node is known to have it yet.
    NoHolder,
    /// The window in which files come by themselves is shut.
    NightWindow,
}

impl WaitReason {
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::HolderOffline => "holder-offline",
            Self::DiskFull => "disk-full",
            Self::LinkDown => "link-down",
            Self::NoHolder => "no-holder",
            Self::NightWindow => "night-window",
        }
    }
}

/// A resource that is wanted here and does not move.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub resource: String,
    pub title: String,
    pub missing: Bytes,
    pub reason: WaitReason,
    /// Who is waited for, where that is one node.
    pub holder: Option<String>,
    pub since: Option<Moment>,
    /// When it will be here, if that can be said.
    pub done_at: Option<Moment>,
}

impl Waiting {
    pub(crate) fn icon(&self) -> &'static str {
        match self.reason {
            WaitReason::HolderOffline | WaitReason::LinkDown => "offline",
            WaitReason::DiskFull => "alert",
            WaitReason::NoHolder => "clock",
            WaitReason::NightWindow => "moon",
        }
    }
}

/// The values that a form offers, from the controlled vocabulary, in its order.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    pub subjects: Vec<String>,
    pub stages: Vec<Stage>,
    pub kinds: Vec<String>,
    pub visibilities: Vec<String>,
    pub licences: Vec<String>,
}

/// A stage and how many years it has (0: not divided).
#[derive(Clone, Debug)]
pub struct Stage {
    pub slug: String,
    pub years: u8,
}

impl Stage {
    pub(crate) fn each_year(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.years
    }
}

/// A passage of a document with the match marked. The only text that may carry markup: it is rebuilt so that nothing
/// but `<mark>` and `</mark>` survives, whatever a peer sent.
#[derive(Clone, Debug, Default)]
pub struct Snippet(String);

impl Snippet {
    /// Takes a snippet whose text is already escaped and whose matches stand in `<mark>` (as the indexer and
    /// `/api/v1/search` give it). Any other `<`, `>`, `"` or `'` is escaped; character references stay.
    #[must_use]
    pub fn from_html(html: &str) -> Self {
        let mut safe = String::with_capacity(html.len());
        let mut rest = html;
        let mut open = false;
        while let Some(c) = rest.chars().next() {
            if !open && rest.starts_with("<mark>") {
                safe.push_str("<mark>");
                rest = &rest["<mark>".len()..];
                open = true;
                continue;
            }
            if open && rest.starts_with("</mark>") {
                safe.push_str("</mark>");
                rest = &rest["</mark>".len()..];
                open = false;
                continue;
            }
            match c {
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                _ => safe.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        if open {
            safe.push_str("</mark>");
        }
        Self(safe)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Snippet {}

#[cfg(test)]
mod tests {
    use super::Snippet;

    #[test]
    fn only_marks_survive_in_a_snippet() {
        let evil = "把<mark>平行四边形</mark><script>alert(1)</script><mark onclick=x>y</mark> &lt;b&gt; <mark>末";
        assert_eq!(
            Snippet::from_html(evil).to_string(),
            "把<mark>平行四边形</mark>&lt;script&gt;alert(1)&lt;/script&gt;&lt;mark onclick=x&gt;y&lt;/mark&gt; \
             &lt;b&gt; <mark>末</mark>"
        );
    }
}
