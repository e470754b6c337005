//! Cutting normalised text into terms.
//!
//! Text falls into runs of letters and digits (`unit2` is `unit` and `2`), runs of Han, which jieba cuts, and runs of other
//! scripts without spaces (kana, hangul, Yi), of which each character is a term. Where the dictionary knows no word it
//! leaves single characters; neighbouring ones also give a pair, which is what makes names findable.

use std::collections::HashSet;

use jieba_rs::{Jieba, Token};

use super::{MAX_TERM_CHARS, dictionary, normalise};

/// A word that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryWord {
    /// The term that every full match contains.
    pub(crate) term: String,
    /// Parts of it, for when nothing contains the whole.
    pub(crate) parts: Vec<String>,
    /// Grammar rather than matter (的, 怎么): it helps the order of hits but decides nothing.
    pub(crate) grammar: bool,
}

/// Words of grammar and of asking, that say nothing about what is sought.
const GRAMMAR: &[&str] = &[
    "的",
    "了",
    "吗",
    "呢",
    "吧",
    "啊",
    "和",
    "与",
    "及",
    "或",
    "在",
    "是",
    "有",
    "把",
    "被",
    "对",
    "从",
    "到",
    "给",
    "怎么",
    "怎样",
    "如何",
    "什么",
    "为什么",
    "哪些",
    "哪个",
    "请",
    "请问",
    "我",
    "我们",
    "你",
    "要",
    "想",
    "想要",
    "关于",
    "怎么讲",
    "the",
    "a",
    "an",
    "of",
    "to",
    "and",
    "or",
    "in",
    "on",
    "for",
    "how",
    "what",
    "is",
];

/// The terms of a field in jieba's search mode (a long word and the words in it), in order.
pub(crate) fn document_words(text: &str) -> Vec<String> {
    let text = normalise(text);
    let jieba = dictionary::jieba();
    let mut out = Vec::new();
    for run in runs(&text) {
        match run {
            Run::Word(word) => out.push(limited(word)),
            Run::Han(run) => {
                let tokens = jieba.cut_for_search(run, false);
                out.extend(loose_pairs(&tokens));
                out.extend(tokens.into_iter().map(|token| limited(token.word)));
            }
            Run::Syllables(run) => {
                out.extend(run.chars().map(String::from));
                out.extend(pairs(run));
            }
        }
    }
    out
}

/// The finer terms of a short field, each once: every character, every pair, and every dictionary word wherever it may stand.
pub(crate) fn fine_terms(text: &str) -> Vec<String> {
    let text = normalise(text);
    let jieba = dictionary::jieba();
    let mut seen = HashSet::new();
    for run in runs(&text) {
        match run {
            Run::Word(word) => drop(seen.insert(limited(word))),
            Run::Han(run) => {
                seen.extend(jieba.cut_all(run).into_iter().map(|token| limited(token.word)));
                seen.extend(run.chars().map(String::from));
                seen.extend(pairs(run));
            }
            Run::Syllables(run) => {
                seen.extend(run.chars().map(String::from));
                seen.extend(pairs(run));
            }
        }
    }
    let mut terms: Vec<String> = seen.into_iter().collect();
    terms.sort_unstable();
    terms
}

/// What a person asked for, word by word, each once.
pub(crate) fn query_words(text: &str) -> Vec<QueryWord> {
    let text = normalise(text);
    let mut out: Vec<QueryWord> = Vec::new();
    for run in runs(&text) {
        match run {
            Run::Word(word) => out.push(whole(limited(word))),
            Run::Han(run) => han_query(run, &mut out),
            Run::Syllables(run) => out.extend(spread(run)),
        }
    }
    let mut seen = HashSet::new();
    out.retain(|word| seen.insert(word.term.clone()));
    out
}

fn han_query(run: &str, out: &mut Vec<QueryWord>) {
    let jieba = dictionary::jieba();
    let mut loose = String::new();
    for token in jieba.cut(run, false) {
        let long = token.word.chars().nth(1).is_some();
        let grammar = GRAMMAR.contains(&token.word);
        if !long && !grammar {
            loose.push_str(token.word);
            continue;
        }
        out.extend(spread(&loose));
        loose.clear();
        out.push(QueryWord { parts: parts(&jieba, token.word), grammar, term: limited(token.word) });
    }
    out.extend(spread(&loose));
}

/// A run of characters that are no words: its pairs, or the one character that it is.
fn spread(run: &str) -> Vec<QueryWord> {
    let words: Vec<QueryWord> = pairs(run)
        .map(|pair| QueryWord { parts: pair.chars().map(String::from).collect(), grammar: false, term: pair })
        .collect();
    if words.is_empty() { run.chars().map(|c| whole(c.to_string())).collect() } else { words }
}

fn whole(term: String) -> QueryWord {
    QueryWord { grammar: GRAMMAR.contains(&term.as_str()), term, parts: Vec::new() }
}

/// The shorter words in a long one; of a short one its characters are too little to go by.
fn parts(jieba: &Jieba, word: &str) -> Vec<String> {
    let mut parts: Vec<String> =
        jieba.cut_for_search(word, false).into_iter().filter(|t| t.word != word).map(|t| t.word.to_owned()).collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// The pairs of neighbouring characters that jieba left single. Where two single ones follow each other without a gap, no
/// longer word stands between.
fn loose_pairs(tokens: &[Token<'_>]) -> Vec<String> {
    let single = |token: &Token<'_>| token.end - token.start == 1 && !GRAMMAR.contains(&token.word);
    let neighbours = tokens.windows(2).filter(|pair| pair[0].end == pair[1].start && pair.iter().all(single));
    neighbours.map(|pair| [pair[0].word, pair[1].word].concat()).collect()
}

fn pairs(run: &str) -> impl Iterator<Item = String> + '_ {
    run.chars().zip(run.chars().skip(1)).map(|(a, b)| String::from_iter([a, b]))
}

fn limited(word: &str) -> String {
    word.chars().take(MAX_TERM_CHARS).collect()
}

enum Run<'a> {
    /// Letters of a script with spaces, or digits.
    Word(&'a str),
    Han(&'a str),
    /// A script without spaces and without a dictionary.
    Syllables(&'a str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Han,
    Syllable,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '0'..='9' => Class::Digit,
        '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}'
        | '々'
        | '〇' => Class::Han,
        '\u{3041}'..='\u{30FF}' | '\u{A000}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7AF}' if c.is_alphanumeric() => {
            Class::Syllable
        }
        // Combining marks belong to the letter before them (Tibetan, Thai, accents that NFKC leaves apart).
        _ if c.is_alphanumeric()
            || ('\u{0300}'..='\u{036F}').contains(&c)
            || ('\u{0F71}'..='\u{0FBC}').contains(&c) =>
        {
            if c.is_numeric() {
                Class::Digit
            } else {
                Class::Letter
            }
        }
        _ => Class::Other,
    }
}

fn runs(text: &str) -> impl Iterator<Item = Run<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let first = class(rest.chars().next()?);
            let end = rest.char_indices().find(|&(_, c)| class(c) != first).map_or(rest.len(), |(at, _)| at);
            let (run, after) = rest.split_at(end);
            rest = after;
            match first {
                Class::Letter | Class::Digit => return Some(Run::Word(run)),
                Class::Han => return Some(Run::Han(run)),
                Class::Syllable => return Some(Run::Syllables(run)),
                Class::Other => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        query_words(text).into_iter().map(|word| word.term).collect()
    }

    #[test]
    fn words_are_cut_by_the_dictionary() {
        assert_eq!(terms("平行四边形的面积"), ["平行四边形", "的", "面积"]);
        assert!(document_words("平行四边形").contains(&"四边形".to_owned()));
    }

    #[test]
    fn blanks_and_punctuation_between_words_change_nothing() {
        let plain = terms("三年级 音乐 教案");
        for spelling in ["三年级　音乐　教案", "三年级，音乐，教案", "三年级/音乐/教案", " 三年级、音乐。教案！"]
        {
            assert_eq!(terms(spelling), plain, "{spelling}");
        }
    }

    #[test]
    fn letters_and_digits_part() {
        assert_eq!(terms("Unit2 PEP"), ["unit", "2", "pep"]);
        assert_eq!(document_words("excel2016"), ["excel", "2016"]);
    }

    #[test]
    fn every_substring_of_a_title_of_two_characters_or_more_finds_it() {
        for title in [
            "红格小学二滩库区漂流安全课",
            "研究生命起源的长江大桥南京市长",
            "ꆈꌠꁱꂷ识字",
            "人教版PEP三年级上册Unit 2",
        ] {
            let mut indexed: HashSet<String> = document_words(title).into_iter().collect();
            indexed.extend(fine_terms(title));
            let chars: Vec<char> = title.chars().collect();
            for from in 0..chars.len() {
                for to in from + 2..=chars.len() {
                    let part: String = chars[from..to].iter().collect();
                    // A word of letters cut in its middle is another matter than Chinese.
                    if part.chars().any(|c| c.is_ascii_alphabetic()) {
                        continue;
                    }
                    for word in query_words(&part) {
                        assert!(indexed.contains(&word.term), "{} of {part} is not in {title}", word.term);
                    }
                }
            }
        }
    }

    #[test]
    fn radicals_from_a_pdf_cut_like_ordinary_text() {
        assert_eq!(document_words("平⾏四边形的⾯积"), document_words("平行四边形的面积"));
    }

    #[test]
    fn endless_words_are_limited() {
        assert!(document_words(&"x".repeat(10_000)).iter().all(|term| term.len() <= MAX_TERM_CHARS));
    }
}
