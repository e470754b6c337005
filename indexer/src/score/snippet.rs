//! The piece of a document that shows why it was found.

use super::ParsedQuery;

/// About two lines on a result page.
const SNIPPET_CHARS: usize = 90;
/// What stands before the first match, so that it does not begin out of nothing.
const LEAD_CHARS: usize = 20;
/// Matches looked at; a text full of one word needs no more to find a good place.
const MAX_MATCHES: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Match {
    start: usize,
    end: usize,
    word: usize,
}

/// The best piece of the first of the texts that has a match, else the beginning of the first that is not empty; as HTML.
pub(super) fn snippet(query: &ParsedQuery, texts: &[&str]) -> String {
    for text in texts {
        let matches = matches(query, text);
        if let Some(from) = best_start(text, &matches) {
            return html(text, from, &matches);
        }
    }
    texts.iter().find(|text| !text.trim().is_empty()).map_or_else(String::new, |text| html(text, 0, &[]))
}

/// Where the words of the query stand, in order, without overlaps.
fn matches(query: &ParsedQuery, text: &str) -> Vec<Match> {
    // The stored text is legible already; what is left to compare is case, and of ASCII alone, which keeps offsets.
    let lower = text.to_ascii_lowercase();
    let mut all = Vec::new();
    for (word, variants) in query.words().iter().enumerate().filter(|(_, word)| !word.grammar) {
        for variant in variants.exact.iter().chain(&variants.loose) {
            let term = &query.terms()[variant.term as usize];
            if term.is_empty() {
                continue;
            }
            let found = lower.match_indices(term.as_str()).map(|(start, _)| (start, start + term.len()));
            all.extend(
                found.filter(|&(start, end)| whole(&lower, start, end)).take(MAX_MATCHES).map(|(start, end)| Match {
                    start,
                    end,
                    word,
                }),
            );
        }
    }
    // Longer ones first where several begin at one place.
    all.sort_by_key(|m| (m.start, std::cmp::Reverse(m.end)));
    let mut end = 0;
    all.retain(|m| {
        let apart = m.start >= end;
        if apart {
            end = m.end;
        }
        apart
    });
    all.truncate(MAX_MATCHES);
    all
}

/// Whether a match of letters or digits is a word and not the inside of one.
fn whole(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let inside = |a: u8, b: u8| {
        (a.is_ascii_alphabetic() && b.is_ascii_alphabetic()) || (a.is_ascii_digit() && b.is_ascii_digit())
    };
    let goes_back = start > 0 && inside(bytes[start - 1], bytes[start]);
    let goes_on = end < bytes.len() && inside(bytes[end - 1], bytes[end]);
    !goes_back && !goes_on
}

/// Where a snippet begins that shows as many different words as possible, and of those as much as possible.
fn best_start(text: &str, matches: &[Match]) -> Option<usize> {
    let best = (0..matches.len()).max_by_key(|&first| {
        let end = after(text, matches[first].start, SNIPPET_CHARS - LEAD_CHARS);
        let shown: Vec<&Match> = matches[first..].iter().take_while(|m| m.end <= end).collect();
        let mut words: Vec<usize> = shown.iter().map(|m| m.word).collect();
        words.sort_unstable();
        words.dedup();
        (words.len(), shown.iter().map(|m| m.end - m.start).sum::<usize>(), std::cmp::Reverse(first))
    })?;
    Some(before(text, matches[best].start, LEAD_CHARS))
}

/// The offset so many characters after another.
fn after(text: &str, from: usize, chars: usize) -> usize {
    text[from..].char_indices().nth(chars).map_or(text.len(), |(at, _)| from + at)
}

/// The offset up to so many characters before another: where a sentence begins, if one does, and not inside a word of letters.
fn before(text: &str, from: usize, chars: usize) -> usize {
    let mut at = from;
    for (start, c) in text[..from].char_indices().rev().take(chars) {
        if matches!(c, '。' | '！' | '？' | '；' | '\n') {
            return at;
        }
        at = start;
    }
    if at > 0 && text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
        let rest = &text[at..from];
        at += rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    }
    at
}

fn html(text: &str, from: usize, matches: &[Match]) -> String {
    let end = after(text, from, SNIPPET_CHARS);
    let mut out = String::new();
    if from > 0 {
        out.push('…');
    }
    let mut at = from;
    for m in matches.iter().filter(|m| m.start >= from && m.end <= end) {
        escape(&text[at..m.start], &mut out);
        out.push_str("<mark>");
        escape(&text[m.start..m.end], &mut out);
        out.push_str("</mark>");
        at = m.end;
    }
    escape(&text[at..end], &mut out);
    if end < text.len() {
        out.push('…');
    }
    out
}

/// Escapes for HTML, in text and in attributes; every run of white space is one blank.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::score::Query;

    fn of(query: &str, text: &str) -> String {
        snippet(&Query::text(query).parse().unwrap(), &[text])
    }

    #[test]
    fn the_match_is_marked_where_it_stands() {
        assert_eq!(of("面积", "平行四边形的面积等于底乘高"), "平行四边形的<mark>面积</mark>等于底乘高");
    }

    #[test]
    fn a_match_deep_in_a_text_is_shown() {
        let text = format!("{}。平行四边形的面积公式。{}", "前言".repeat(3000), "后文".repeat(3000));
        let out = of("面积 公式", &text);
        assert!(out.contains("<mark>面积</mark><mark>公式</mark>"), "{out}");
        assert!(out.starts_with("…平行四边形"), "{out}");
        assert!(out.chars().count() < 150);
    }

    #[test]
    fn nothing_of_a_document_is_markup() {
        let out = of("script", "<script>alert('1')</script> & \"面积\"");
        assert_eq!(
            out,
            "&lt;<mark>script</mark>&gt;alert(&#39;1&#39;)&lt;/<mark>script</mark>&gt; &amp; &quot;面积&quot;"
        );
    }

    #[test]
    fn letters_match_whole_words_of_any_case() {
        assert_eq!(of("art", "Starting ART class"), "Starting <mark>ART</mark> class");
    }

    #[test]
    fn without_a_match_the_beginning_is_shown() {
        assert_eq!(of("石榴", "平行四边形"), "平行四边形");
    }
}
