//! DOCX, PPTX and XLSX: ZIP files of XML parts (ECMA-376), read as a stream.
//!
//! Names are compared without their namespace, for the prefixes differ between makers while the local names do not clash in
//! the parts that are read here.

use std::fs::File;
use std::io::BufRead;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::archive::Archive;
use super::sink::{MAX_TEXT_BYTES, Sink};
use super::{ExtractError, Extracted};

/// No text has a longer piece of markup; a name or an attribute that goes on is an attack.
const MAX_EVENT_BYTES: usize = 16 << 20;

pub(super) fn word(file: File) -> Result<Extracted, ExtractError> {
    let archive = Archive::open(file)?;
    read(
        archive,
        &["word/document.xml", "word/footnotes.xml", "word/endnotes.xml"].map(String::from),
        Sink::default(),
        flowing,
    )
}

pub(super) fn slides(file: File) -> Result<Extracted, ExtractError> {
    let archive = Archive::open(file)?;
    // The slides in their order, then what the teacher noted under them.
    let mut parts = archive.numbered("ppt/slides/slide", ".xml");
    parts.extend(archive.numbered("ppt/notesSlides/notesSlide", ".xml"));
    read(archive, &parts, Sink::default(), flowing)
}

pub(super) fn sheets(file: File) -> Result<Extracted, ExtractError> {
    let mut archive = Archive::open(file)?;
    let mut sink = Sink::default();
    archive.part("xl/workbook.xml", |xml| sheet_names(xml, &mut sink))?;
    let strings = archive.part("xl/sharedStrings.xml", shared_strings)?.unwrap_or_default();
    let parts = archive.numbered("xl/worksheets/sheet", ".xml");
    read(archive, &parts, sink, |xml, sink| cells(xml, &strings, sink))
}

fn read(
    mut archive: Archive<File>,
    parts: &[String],
    mut sink: Sink,
    into: impl Fn(&mut dyn BufRead, &mut Sink) -> Result<(), ExtractError>,
) -> Result<Extracted, ExtractError> {
    // A title is welcome, but its part being broken spoils nothing.
    let title = archive.part("docProps/core.xml", title).unwrap_or_default().flatten();
    let mut more = false;
    for part in parts {
        match archive.part(part, |xml| into(xml, &mut sink)) {
            // A table of measurements may well be this large, and its beginning finds it; a bomb has nothing to show.
            Err(ExtractError::TooLarge) if !sink.is_empty() => more = true,
            other => drop(other?),
        }
        sink.line();
        if more || sink.full() {
            break;
        }
    }
    Ok(sink.finish(title.as_deref(), more))
}

/// The text of paragraphs, as DOCX and PPTX both have it: runs `t` in paragraphs `p`.
fn flowing(xml: &mut dyn BufRead, sink: &mut Sink) -> Result<(), ExtractError> {
    let mut in_text = false;
    // Inside a drawing's stand-in for older programs everything stands a second time.
    let mut fallback = 0usize;
    each_event(xml, |event| {
        match event {
            Event::Start(tag) => match local(&tag) {
                "Fallback" => fallback += 1,
                "t" => in_text = true,
                "p" => sink.line(),
                _ => {}
            },
            Event::Empty(tag) => match local(&tag) {
                "tab" => sink.blank(),
                "br" | "cr" | "p" => sink.line(),
                _ => {}
            },
            Event::End(tag) => match tag.local_name().into_inner() {
                "Fallback" => fallback = fallback.saturating_sub(1),
                "t" => in_text = false,
                "p" | "tr" => sink.line(),
                "tc" => sink.blank(),
                _ => {}
            },
            other if in_text && fallback == 0 => push(&other, sink),
            _ => {}
        }
        !sink.full()
    })
}

fn sheet_names(xml: &mut dyn BufRead, sink: &mut Sink) -> Result<(), ExtractError> {
    each_event(xml, |event| {
        if let Event::Start(tag) | Event::Empty(tag) = event
            && local(&tag) == "sheet"
            && let Some(name) = attribute(&tag, "name")
        {
            sink.push(&name);
            sink.line();
        }
        true
    })
}

/// The texts that cells refer to by number.
fn shared_strings(xml: &mut dyn BufRead) -> Result<Vec<String>, ExtractError> {
    let mut strings = Vec::new();
    let mut current = String::new();
    let (mut in_text, mut phonetic) = (false, false);
    let mut bytes = 0;
    each_event(xml, |event| {
        match event {
            Event::Start(tag) => match local(&tag) {
                "t" => in_text = true,
                "rPh" => phonetic = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().into_inner() {
                "t" => in_text = false,
                "rPh" => phonetic = false,
                "si" => {
                    bytes += current.len();
                    strings.push(std::mem::take(&mut current));
                }
                _ => {}
            },
            Event::Empty(tag) if local(&tag) == "si" => strings.push(String::new()),
            other if in_text && !phonetic => current.push_str(&text_of(&other)),
            _ => {}
        }
        // Later ones would not fit the result anyway, whatever refers to them.
        bytes < 4 * MAX_TEXT_BYTES
    })?;
    Ok(strings)
}

/// A line for each row, its cells with a blank between.
fn cells(xml: &mut dyn BufRead, strings: &[String], sink: &mut Sink) -> Result<(), ExtractError> {
    let mut shared = false;
    let mut in_value = false;
    let mut value = String::new();
    each_event(xml, |event| {
        match event {
            Event::Start(tag) => match local(&tag) {
                "c" => shared = attribute(&tag, "t").as_deref() == Some("s"),
                "v" | "t" => in_value = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().into_inner() {
                "v" | "t" => {
                    in_value = false;
                    let text = std::mem::take(&mut value);
                    if shared {
                        sink.push(
                            text.trim().parse().ok().and_then(|at: usize| strings.get(at)).map_or("", String::as_str),
                        );
                    } else {
                        sink.push(&text);
                    }
                }
                "c" => sink.blank(),
                "row" => sink.line(),
                _ => {}
            },
            other if in_value => value.push_str(&text_of(&other)),
            _ => {}
        }
        !sink.full()
    })
}

fn title(xml: &mut dyn BufRead) -> Result<Option<String>, ExtractError> {
    let mut inside = false;
    let mut title = String::new();
    each_event(xml, |event| {
        match event {
            Event::Start(tag) => inside = local(&tag) == "title",
            Event::End(_) => inside = false,
            other if inside => title.push_str(&text_of(&other)),
            _ => {}
        }
        title.len() < 1_000
    })?;
    Ok((!title.trim().is_empty()).then_some(title))
}

/// Hands out events until `more` says no.
fn each_event(xml: &mut dyn BufRead, mut more: impl FnMut(Event<'_>) -> bool) -> Result<(), ExtractError> {
    let mut reader = Reader::from_reader(xml);
    // A wrong end tag in a part is no reason to give up the text.
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => return Ok(()),
            Ok(event) => {
                if !more(event) {
                    return Ok(());
                }
            }
            Err(error) => return Err(ExtractError::Damaged(format!("its XML cannot be read ({error})"))),
        }
        if buffer.len() > MAX_EVENT_BYTES {
            return Err(ExtractError::TooLarge);
        }
        buffer.clear();
    }
}

fn local<'a>(tag: &'a BytesStart<'_>) -> &'a str {
    tag.local_name().into_inner()
}

fn push(event: &Event<'_>, sink: &mut Sink) {
    sink.push(&text_of(event));
}

/// The characters of a text event. Entities that a document defines itself are not followed: they are how XML bombs are made.
fn text_of(event: &Event<'_>) -> String {
    match event {
        Event::Text(text) => text.xml10_content().into_owned(),
        Event::CData(text) => text.xml10_content().into_owned(),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(c)) => c.to_string(),
            _ => match &*reference.xml10_content() {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                "apos" => "'",
                "quot" => "\"",
                _ => "",
            }
            .to_owned(),
        },
        _ => String::new(),
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}
