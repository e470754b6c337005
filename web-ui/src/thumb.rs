//! The drawing that stands for a resource until page images exist: a frame for the kind, a motif for the subject, the
//! title as the picture's own lettering. The drawings themselves are symbols of `icons/icons.svg`.

use crate::facts::ResourceLine;

/// Letters of the title that fit the drawing.
const TITLE_CHARS: usize = 11;

impl ResourceLine {
    pub(crate) fn thumb_frame(&self) -> &'static str {
        match self.kind_slug() {
            "courseware" | "course" | "animation" => "slides",
            "recording" | "live-replay" | "micro-lesson" | "video" => "board",
            "audio" => "sound",
            "image" | "simulation" | "material" | "software" => "screen",
            "study-plan" | "homework" | "ebook" => "sheet",
            _ => "page",
        }
    }

    pub(crate) fn thumb_motif(&self) -> &'static str {
        match self.subject.as_deref().unwrap_or_default() {
            "math" => "math",
            "chinese" | "calligraphy" => "chinese",
            "english" => "english",
            "music" => "music",
            "art" => "art",
            "science" | "biology" | "labor" => "science",
            "physics" | "it" => "physics",
            "chemistry" => "lab",
            "geography" | "history" | "local" => "land",
            "pe" => "body",
            _ => "plain",
        }
    }

    /// Where the motif stands in the 104 × 70 of the drawing: x, y, width, height.
    pub(crate) fn thumb_motif_box(&self) -> (u8, u8, u8, u8) {
        match self.thumb_frame() {
            "slides" => (20, 20, 64, 44),
            "board" => (26, 12, 52, 32),
            "sound" => (24, 6, 56, 40),
            "screen" => (12, 8, 80, 54),
            "sheet" => (22, 21, 60, 42),
            _ => (31, 32, 42, 25),
        }
    }

    /// The lettering and its place: none where the frame has no room for it.
    pub(crate) fn thumb_title(&self) -> Option<(&'static str, &'static str, String)> {
        let (x, y, room) = match self.thumb_frame() {
            "slides" => ("6", "11", TITLE_CHARS),
            "sheet" => ("6", "12", TITLE_CHARS),
            "page" => ("29", "17", 5),
            _ => return None,
        };
        Some((x, y, lettering(&self.title, room)))
    }

    pub(crate) fn thumb_plays(&self) -> bool {
        self.thumb_frame() == "board"
    }
}

/// The first words of a title that fit: up to a bracket, a colon or a space, where that leaves enough to read.
fn lettering(title: &str, room: usize) -> String {
    const ENOUGH_CHARS: usize = 3;
    let end = title.char_indices().enumerate().find(|(count, (_, c))| {
        *count >= room || (*count >= ENOUGH_CHARS && (c.is_whitespace() || matches!(c, '（' | '(' | '：' | ':' | '，')))
    });
    end.map_or(title, |(_, (at, _))| &title[..at]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::lettering;

    #[test]
    fn the_lettering_of_a_drawing_ends_where_words_end() {
        assert_eq!(lettering("平行四边形的面积（第 1 课时）", 11), "平行四边形的面积");
        assert_eq!(lettering("平行四边形和梯形 单元整体教学设计", 5), "平行四边形");
        assert_eq!(lettering("歌", 5), "歌");
    }
}
