//! One spelling for what looks alike.
//!
//! [`legible`] repairs text that people will read (snippets); [`normalise`] goes on to what is only compared.

use unicode_normalization::UnicodeNormalization;

use super::radicals;

/// Text as a person would have typed it: NFKC (full width and half width, ligatures, Kangxi radicals), the radicals
/// that NFKC leaves alone, and neither control characters nor soft hyphens.
///
/// ```
/// assert_eq!(kapok_indexer::analyse::legible("⼀⻚ＰＤＦ"), "一页PDF");
/// ```
pub fn legible(text: &str) -> String {
    text.nfkc().map(radicals::unified).filter(|&c| !invisible(c)).collect()
}

/// Text as the index compares it: [`legible`], in lower case.
///
/// ```
/// assert_eq!(kapok_indexer::analyse::normalise("Ｅｘｃｅｌ　⻅⾯"), "excel 见面");
/// ```
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkc() {
        let c = radicals::unified(c);
        if !invisible(c) {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// Characters that change neither look nor meaning, and would split a word in two.
fn invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
        || (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chromium_writes_into_pdfs_is_found_again() {
        // Kangxi radicals (NFKC knows them) and CJK radicals supplement (it does not).
        assert_eq!(normalise("平⾏四边形的⾯积"), "平行四边形的面积");
        assert_eq!(normalise("⻓⽅形、⻢、⻰、⻜、⻛"), "长方形、马、龙、飞、风");
    }

    #[test]
    fn width_and_case_make_no_difference() {
        assert_eq!(normalise("ＰＥＰ　Unit２"), "pep unit2");
        assert_eq!(normalise("ｶﾞ"), "ガ");
    }

    #[test]
    fn invisible_characters_do_not_split_words() {
        assert_eq!(normalise("平行\u{200B}四边\u{00AD}形\u{FEFF}"), "平行四边形");
    }
}
