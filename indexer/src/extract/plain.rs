//! Plain text, in whatever encoding Chinese files have.

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::sink::Sink;
use super::{ExtractError, Extracted};

/// How far into a page its own statement of its encoding is looked for.
const META_BYTES: usize = 2048;

pub(super) fn extract((bytes, more): &(Vec<u8>, bool), markdown: bool) -> Result<Extracted, ExtractError> {
    let text = decode(bytes);
    let mut sink = Sink::default();
    sink.push(&text);
    let title = if markdown { text.lines().find_map(|line| line.strip_prefix("# ")) } else { None };
    Ok(sink.finish(title, *more))
}

/// Whether bytes may be text at all: no zero bytes, unless in the way of UTF-16, and hardly any control characters.
pub(super) fn readable(head: &[u8]) -> bool {
    let odd = |&&b: &&u8| b < 0x20 && !matches!(b, b'\n' | b'\r' | b'\t' | 0x0C | 0x1B);
    utf16(head).is_some() || head.iter().filter(odd).count() * 100 <= head.len()
}

/// Text in Unicode: by its byte order mark, else as UTF-8 if it is, else as the page itself says, else as UTF-16 or GB18030.
pub(super) fn decode(bytes: &[u8]) -> String {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if is_utf8(bytes) => UTF_8,
        None => declared(bytes).or_else(|| utf16(bytes)).unwrap_or(GB18030),
    };
    encoding.decode(bytes).0.into_owned()
}

/// UTF-8, perhaps cut off in a character.
fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// `charset=…` near the beginning of a page.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(META_BYTES)]).to_ascii_lowercase();
    let after = &head[head.find("charset=")? + "charset=".len()..];
    let label = after
        .trim_start_matches(['"', '\''])
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .next()?;
    // A page in UTF-16 cannot say so in ASCII.
    Encoding::for_label(label.as_bytes()).filter(|encoding| ![UTF_16LE, UTF_16BE].contains(encoding))
}

/// UTF-16, by its mark or without one: its ASCII characters and line ends have a zero byte nearly always on the same side
/// (攀 and 一 have theirs on the other), and none of its characters is a control character.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes)
        && encoding != UTF_8
    {
        return Some(encoding);
    }
    let zeros = |side: usize| bytes.iter().skip(side).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let encoding = match (even, odd) {
        (even, odd) if odd > 3 * even => UTF_16LE,
        (even, odd) if even > 3 * odd => UTF_16BE,
        _ => return None,
    };
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let control = text.chars().any(|c| c.is_control() && !c.is_whitespace());
    (!control).then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "平行四边形的面积 = 底 × 高\n攀枝花，ABC";

    #[test]
    fn every_encoding_that_chinese_files_have_is_understood() {
        let utf16 = |to: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
            let text = if mark { format!("\u{FEFF}{TEXT}") } else { TEXT.into() };
            text.encode_utf16().flat_map(to).collect()
        };
        let spellings = [
            TEXT.as_bytes().to_vec(),
            format!("\u{FEFF}{TEXT}").into_bytes(),
            GB18030.encode(TEXT).0.into_owned(),
            utf16(u16::to_le_bytes, true),
            utf16(u16::to_be_bytes, true),
            utf16(u16::to_le_bytes, false),
            utf16(u16::to_be_bytes, false),
        ];
        for bytes in spellings {
            assert_eq!(decode(&bytes), TEXT);
            assert!(readable(&bytes));
        }
    }

    #[test]
    fn utf8_cut_off_in_a_character_is_still_utf8() {
        assert!(decode(&TEXT.as_bytes()[..5]).starts_with("平"));
    }

    #[test]
    fn a_page_is_read_as_it_says() {
        let page = "<meta charset='big5'><p>平行四邊形";
        let (bytes, _, _) = encoding_rs::BIG5.encode(page);
        assert_eq!(decode(&bytes), page);
    }

    #[test]
    fn a_picture_is_not_text() {
        assert!(!readable(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\x03\x04\x05"));
    }
}
