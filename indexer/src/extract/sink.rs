//! Where text is collected: tidied while it comes, and never more than fits.

use super::Extracted;
use crate::analyse::legible;

/// A thick book of plain text. What is longer is cut: the beginning finds it as well.
pub const MAX_TEXT_BYTES: usize = 2 << 20;
/// Titles are for people; a longer one is no title.
const MAX_TITLE_CHARS: usize = 200;

/// Collects text, with one blank for each run of blanks and one line end where there were any.
#[derive(Debug, Default)]
pub(super) struct Sink {
    text: String,
    gap: Gap,
    full: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Blank,
    Line,
}

impl Sink {
    pub(super) fn push(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{2028}' | '\u{2029}' => self.line(),
                c if c.is_whitespace() => self.blank(),
                // What a file could not say in Unicode is no text.
                '\u{FFFD}' | '\u{E000}'..='\u{F8FF}' => {}
                c if c.is_control() => {}
                c => self.char(c),
            }
            if self.full {
                return;
            }
        }
    }

    pub(super) fn blank(&mut self) {
        self.gap = self.gap.max(Gap::Blank);
    }

    pub(super) fn line(&mut self) {
        self.gap = Gap::Line;
    }

    fn char(&mut self, c: char) {
        if self.text.len() + c.len_utf8() >= MAX_TEXT_BYTES {
            self.full = true;
            return;
        }
        match std::mem::take(&mut self.gap) {
            Gap::Blank if !self.text.is_empty() => self.text.push(' '),
            Gap::Line if !self.text.is_empty() => self.text.push('\n'),
            _ => {}
        }
        self.text.push(c);
    }

    /// The last character, and none if a gap follows it.
    pub(super) fn last(&self) -> Option<char> {
        if self.gap == Gap::None { self.text.chars().next_back() } else { None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// No more text fits: the reader may stop.
    pub(super) fn full(&self) -> bool {
        self.full
    }

    pub(super) fn finish(self, title: Option<&str>, more: bool) -> Extracted {
        let mut text = legible(&self.text);
        let truncated = self.full || more || text.len() > MAX_TEXT_BYTES;
        // Some characters become several by NFKC.
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        let title = title.map(legible).map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
        let title =
            title.map(|title| title.chars().take(MAX_TITLE_CHARS).collect()).filter(|title: &String| !title.is_empty());
        Extracted { text, title, truncated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_line_ends_are_tidied() {
        let mut sink = Sink::default();
        sink.push(" \n平⾏\t 四边形\r\n\n\n第二\u{0}段　完 \n ");
        assert_eq!(
            sink.finish(Some("  题 \n 目 "), false),
            Extracted {
                text: "平行 四边形\n第二段 完".into(), title: Some("题 目".into()), truncated: false
            }
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut sink = Sink::default();
        for _ in 0..MAX_TEXT_BYTES / 3 {
            sink.push("课﷽");
        }
        let found = sink.finish(None, false);
        assert!(found.truncated);
        assert!(found.text.len() <= MAX_TEXT_BYTES && found.text.len() > MAX_TEXT_BYTES - 100);
    }
}
