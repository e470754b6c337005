//! What goes over the line with a hit, and what is believed of it. Pure.

use kapok_protocol::signed::Signed;
use minicbor::{Decode, Encode};

/// A snippet is a line or two.
const MAX_SNIPPET_CHARS: usize = 2_000;
const MARK: &str = "<mark>";
const END_OF_MARK: &str = "</mark>";

/// What travels with a hit: its entry, so that the asker can verify it, and what the index showed of it.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct Shown {
    #[n(0)]
    pub(super) entry: Signed,
    #[n(1)]
    pub(super) snippet: String,
}

/// Loosened matches never outrank full ones, wherever they come from: their scores travel below zero, in order.
pub(super) fn packed(score: f32, loosened: bool) -> f32 {
    if loosened { -1.0 / (1.0 + score.max(0.0)) } else { score }
}

pub(super) fn unpacked(score: f32) -> f32 {
    if score < 0.0 { (-1.0 / score - 1.0).max(0.0) } else { score }
}

/// A snippet from another node, made safe: marks and entities stay, any other markup becomes text, and every mark ends.
pub(super) fn safe_snippet(html: &str) -> String {
    let mut safe = String::with_capacity(html.len().min(MAX_SNIPPET_CHARS * 4));
    let (mut rest, mut chars, mut is_marked) = (html, 0, false);
    while let Some(next) = rest.chars().next() {
        let mark = if is_marked { END_OF_MARK } else { MARK };
        let (taken, said) = if rest.starts_with(mark) {
            is_marked = !is_marked;
            (mark.len(), mark)
        } else {
            let said = match next {
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                _ => &rest[..next.len_utf8()],
            };
            (next.len_utf8(), said)
        };
        chars += said.chars().count();
        if chars > MAX_SNIPPET_CHARS {
            // A tag that would not fit has not been said.
            is_marked ^= said == mark;
            break;
        }
        safe.push_str(said);
        rest = &rest[taken..];
    }
    if is_marked {
        safe.push_str(END_OF_MARK);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loosened_matches_stay_below_full_ones_and_in_order() {
        for score in [0.0, 0.5, 3.0, 40.0] {
            assert!(packed(score, true) < 0.0);
            assert!((unpacked(packed(score, true)) - score).abs() < 1e-3);
            assert!((unpacked(packed(score, false)) - score).abs() < f32::EPSILON);
        }
        assert!(packed(40.0, true) > packed(3.0, true));
        assert!(packed(40.0, true) < packed(0.0, false));
    }

    #[test]
    fn markup_of_others_becomes_text_and_marks_stay() {
        assert_eq!(safe_snippet("<mark>面积</mark> &amp; 底"), "<mark>面积</mark> &amp; 底");
        assert_eq!(safe_snippet("<script x=\"1\">"), "&lt;script x=&quot;1&quot;&gt;");
        assert_eq!(safe_snippet("<mark onclick=x>"), "&lt;mark onclick=x&gt;");
    }

    #[test]
    fn every_mark_that_begins_ends() {
        assert_eq!(safe_snippet("</mark>底<mark>高"), "&lt;/mark&gt;底<mark>高</mark>");
        assert_eq!(safe_snippet("<mark><mark>"), "<mark>&lt;mark&gt;</mark>");
        for at in MAX_SNIPPET_CHARS - 10..MAX_SNIPPET_CHARS + 10 {
            let safe = safe_snippet(&format!("{}<mark>高</mark>之后", "长".repeat(at)));
            assert_eq!(safe.matches(MARK).count(), safe.matches(END_OF_MARK).count(), "{at}");
            let text = safe.replace(MARK, "").replace(END_OF_MARK, "");
            assert!(!text.contains('<') && text.chars().count() <= MAX_SNIPPET_CHARS, "{at}");
        }
    }
}
