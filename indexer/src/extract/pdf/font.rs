//! Fonts: from the codes in a page's strings to characters and their widths.

use std::collections::HashMap;

use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_16BE};
use lopdf::{Dictionary, Document, Object};

use super::MAX_STREAM_BYTES;
use super::cmap::CMap;

/// Widths are in thousandths of the font's size. What a font leaves out is taken to be half a square, in CJK fonts a whole.
const HALF: f32 = 500.0;
const WHOLE: f32 = 1000.0;
const MAX_WIDTHS: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Font {
    codes: Codes,
    unicode: CMap,
    /// For fonts of one-byte codes: what each stands for where `unicode` does not say.
    simple: Option<Vec<String>>,
    widths: HashMap<u32, f32>,
    default_width: f32,
}

/// How strings are cut into codes.
#[derive(Debug, Clone, Copy)]
enum Codes {
    OneByte,
    /// Two bytes, unless the font's own table says otherwise.
    TwoBytes,
    /// A character set of one and two bytes (and four, in GB 18030).
    Charset(&'static Encoding),
}

/// One code of a string.
#[derive(Debug, PartialEq)]
pub(super) struct Glyph {
    pub(super) text: String,
    /// In thousandths of the font's size.
    pub(super) width: f32,
    /// A one-byte blank, which word spacing applies to.
    pub(super) blank: bool,
}

impl Font {
    pub(super) fn new(document: &Document, font: &Dictionary) -> Font {
        let unicode = font
            .get_deref(b"ToUnicode", document)
            .and_then(Object::as_stream)
            .and_then(|stream| stream.decompressed_content_with_limit(MAX_STREAM_BYTES))
            .map(|bytes| CMap::parse(&bytes))
            .unwrap_or_default();
        if font.get_deref(b"Subtype", document).and_then(Object::as_name).is_ok_and(|name| name == b"Type0") {
            composite(document, font, unicode)
        } else {
            simple(document, font, unicode)
        }
    }

    /// Cuts a string into its codes.
    pub(super) fn glyphs(&self, string: &[u8]) -> Vec<Glyph> {
        let mut glyphs = Vec::new();
        let mut rest = string;
        while let Some(&first) = rest.first() {
            let len = self.code_len(rest).clamp(1, rest.len());
            let (code, after) = rest.split_at(len);
            rest = after;
            let number = code.iter().fold(0, |number, &byte| number << 8 | u32::from(byte));
            let text = match self.unicode.get(number) {
                Some(text) => text.to_owned(),
                None => self.character(code),
            };
            let width = self.widths.get(&number).copied().unwrap_or_else(|| self.usual_width(len));
            glyphs.push(Glyph { text, width, blank: len == 1 && first == b' ' });
        }
        glyphs
    }

    fn code_len(&self, rest: &[u8]) -> usize {
        match self.codes {
            Codes::OneByte => 1,
            Codes::TwoBytes => self.unicode.code_len(rest[0]).unwrap_or(2),
            Codes::Charset(encoding) if encoding == UTF_16BE => {
                if matches!(rest[0], 0xD8..=0xDB) {
                    4
                } else {
                    2
                }
            }
            Codes::Charset(encoding) if encoding == GB18030 && rest[0] > 0x80 => {
                if rest.get(1).is_some_and(u8::is_ascii_digit) { 4 } else { 2 }
            }
            Codes::Charset(encoding) if encoding == SHIFT_JIS => {
                if matches!(rest[0], 0x81..=0x9F | 0xE0..=0xFC) {
                    2
                } else {
                    1
                }
            }
            Codes::Charset(_) => 1 + usize::from(rest[0] > 0x80),
        }
    }

    fn character(&self, code: &[u8]) -> String {
        match (self.codes, &self.simple) {
            (Codes::Charset(encoding), _) => encoding.decode_without_bom_handling(code).0.into_owned(),
            (Codes::OneByte, Some(table)) => table.get(usize::from(code[0])).cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn usual_width(&self, len: usize) -> f32 {
        match self.codes {
            Codes::Charset(encoding) if encoding != UTF_16BE && len == 1 => HALF,
            _ => self.default_width,
        }
    }
}

fn simple(document: &Document, font: &Dictionary, unicode: CMap) -> Font {
    let encoding = font.get_font_encoding_with_limit(document, MAX_STREAM_BYTES).ok();
    let table = encoding
        .map(|encoding| (0..=u8::MAX).map(|code| encoding.bytes_to_string(&[code]).unwrap_or_default()).collect());
    let first = font.get_deref(b"FirstChar", document).and_then(Object::as_i64).unwrap_or(0);
    let scale = glyph_scale(document, font);
    let widths = font.get_deref(b"Widths", document).and_then(Object::as_array).map_or(&[][..], Vec::as_slice);
    let widths = widths.iter().take(256).enumerate().filter_map(|(at, width)| {
        let code = u32::try_from(first.checked_add(at as i64)?).ok()?;
        Some((code, float(document, width)? * scale))
    });
    Font { codes: Codes::OneByte, unicode, simple: table, widths: widths.collect(), default_width: HALF }
}

/// Type 3 fonts have a coordinate system of their own.
fn glyph_scale(document: &Document, font: &Dictionary) -> f32 {
    let matrix = font.get_deref(b"FontMatrix", document).and_then(Object::as_array);
    matrix.ok().and_then(|matrix| float(document, matrix.first()?)).map_or(1.0, |scale| scale.abs() * 1000.0)
}

fn composite(document: &Document, font: &Dictionary, unicode: CMap) -> Font {
    let codes = match font.get_deref(b"Encoding", document).and_then(Object::as_name) {
        Ok(name) => charset(name).map_or(Codes::TwoBytes, Codes::Charset),
        Err(_) => Codes::TwoBytes,
    };
    let descendant = font
        .get_deref(b"DescendantFonts", document)
        .and_then(Object::as_array)
        .ok()
        .and_then(|fonts| document.dereference(fonts.first()?).ok()?.1.as_dict().ok());
    // Widths go by CID; only with the identity encoding is that the code.
    let known = matches!(codes, Codes::TwoBytes);
    let widths = descendant.filter(|_| known).map(|font| cid_widths(document, font)).unwrap_or_default();
    let default_width = descendant.and_then(|font| float(document, font.get(b"DW").ok()?)).unwrap_or(WHOLE);
    Font { codes, unicode, simple: None, widths, default_width }
}

/// The character set behind a predefined encoding of CJK fonts (ISO 32000-1, table 118).
fn charset(name: &[u8]) -> Option<&'static Encoding> {
    let name = std::str::from_utf8(name).ok()?;
    let by_name: [(&str, &Encoding); 10] = [
        ("UniGB-", UTF_16BE),
        ("UniCNS-", UTF_16BE),
        ("UniJIS", UTF_16BE),
        ("UniKS-", UTF_16BE),
        ("GB", GB18030),
        ("ETen", BIG5),
        ("B5pc", BIG5),
        ("90", SHIFT_JIS),
        ("KSC", EUC_KR),
        ("HKscs-B5", BIG5),
    ];
    by_name.iter().find(|(start, _)| name.starts_with(start)).map(|&(_, encoding)| encoding)
}

/// `W`: first code and widths of those that follow, or first and last code and the width of all between.
fn cid_widths(document: &Document, font: &Dictionary) -> HashMap<u32, f32> {
    let mut widths = HashMap::new();
    let Ok(items) = font.get_deref(b"W", document).and_then(Object::as_array) else { return widths };
    let mut items = items.iter();
    while let Some(first) = items.next().and_then(|item| code(document, item)) {
        let Some(second) = items.next().and_then(|item| document.dereference(item).ok()).map(|(_, item)| item) else {
            break;
        };
        if let Ok(list) = second.as_array() {
            for (at, width) in list.iter().enumerate().take(MAX_WIDTHS) {
                if let Some(width) = float(document, width) {
                    widths.insert(first.saturating_add(at as u32), width);
                }
            }
        } else {
            let (Some(last), Some(width)) =
                (code(document, second), items.next().and_then(|item| float(document, item)))
            else {
                break;
            };
            widths.extend((first..=last).take(MAX_WIDTHS).map(|code| (code, width)));
        }
        if widths.len() > MAX_WIDTHS {
            break;
        }
    }
    widths
}

fn code(document: &Document, item: &Object) -> Option<u32> {
    document.dereference(item).ok()?.1.as_i64().ok().and_then(|code| u32::try_from(code).ok())
}

fn float(document: &Document, item: &Object) -> Option<f32> {
    document.dereference(item).ok()?.1.as_float().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(encoding: &[u8], string: &[u8]) -> String {
        let font = lopdf::dictionary! { "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "STSong-Light", "Encoding" => Object::Name(encoding.to_vec()) };
        Font::new(&Document::new(), &font).glyphs(string).into_iter().map(|glyph| glyph.text).collect()
    }

    #[test]
    fn fonts_that_readers_bring_along_are_read_by_their_encoding() {
        let gbk = GB18030.encode("平行abc四边形").0;
        assert_eq!(texts(b"GBK-EUC-H", &gbk), "平行abc四边形");
        let utf16: Vec<u8> = "平行𠀋".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(texts(b"UniGB-UTF16-H", &utf16), "平行𠀋");
        assert_eq!(texts(b"ETen-B5-H", &BIG5.encode("平行四邊形").0), "平行四邊形");
    }

    #[test]
    fn a_font_that_does_not_say_what_it_draws_gives_no_text() {
        assert_eq!(texts(b"Identity-H", b"\x01\x02\x03\x04"), "");
    }

    #[test]
    fn strings_may_end_anywhere() {
        for encoding in [&b"GBK-EUC-H"[..], b"UniGB-UCS2-H", b"90ms-RKSJ-H", b"Identity-H", b"nonsense"] {
            for len in 0..5 {
                texts(encoding, &[0xD8, 0x30, 0x81, 0x30, 0xFF][..len]);
            }
        }
    }
}
