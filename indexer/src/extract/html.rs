//! Web pages: what a reader would see.
//!
//! The page is cut into tags and text as browsers do it, but no tree is built: for text none is needed, and building one takes
//! time that grows with the square of the depth.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, EndTag, Tag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use super::sink::Sink;
use super::{ExtractError, Extracted, plain};

/// Elements whose content is no text, up to their end tag.
const HIDDEN: &[&str] = &["script", "style", "iframe", "noembed", "noframes"];
/// Elements that run on in a line; all others begin a new one.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "em", "font", "i", "kbd", "label", "mark", "q", "ruby",
    "rb", "s", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr", "tspan",
];
/// Cells and the like: apart, but in one line.
const SPACED: &[&str] = &["td", "th", "option", "button", "input", "img", "rt", "rp", "text"];

pub(super) fn extract((bytes, more): &(Vec<u8>, bool)) -> Result<Extracted, ExtractError> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(plain::decode(bytes)));
    let tokenizer = Tokenizer::new(Page::default(), TokenizerOpts::default());
    // It stops after each script, for those who would run it.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    let Reading { sink, title, .. } = tokenizer.sink.0.into_inner();
    Ok(sink.finish(title.as_deref(), *more))
}

#[derive(Default)]
struct Page(RefCell<Reading>);

#[derive(Default)]
struct Reading {
    sink: Sink,
    title: Option<String>,
    place: Place,
}

#[derive(Default, PartialEq)]
enum Place {
    #[default]
    Text,
    Title,
    Hidden,
}

impl TokenSink for Page {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reading = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => return reading.tag(&tag),
            Token::CharacterTokens(text) => match reading.place {
                Place::Text => reading.sink.push(&text),
                Place::Title => reading.title.get_or_insert_default().push_str(&text),
                Place::Hidden => {}
            },
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Reading {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        let (mut place, mut result) = (Place::Text, TokenSinkResult::Continue);
        if HIDDEN.contains(&name) && tag.kind != EndTag {
            place = Place::Hidden;
            result = TokenSinkResult::RawData(if name == "script" { RawKind::ScriptData } else { RawKind::Rawtext });
        } else if name == "title" && tag.kind != EndTag && self.title.is_none() {
            place = Place::Title;
            result = TokenSinkResult::RawData(RawKind::Rcdata);
        } else if SPACED.contains(&name) {
            self.sink.blank();
        } else if !INLINE.contains(&name) {
            self.sink.line();
        }
        self.place = place;
        result
    }
}
