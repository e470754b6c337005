//! PDF (ISO 32000-1): pages, their fonts, and the text that they draw.
//!
//! lopdf reads the file (objects, streams, cross-references, encryption); what the drawing operators say is put together here:
//! [`page`] follows them, [`font`] turns codes into characters, with [`cmap`] for the table that most fonts bring along.
//! Where a font does not say which characters it draws, there is no text, and that is the answer.

mod cmap;
mod font;
mod page;

use lopdf::{Document, Error, LoadOptions, Object};

use super::sink::Sink;
use super::{ExtractError, Extracted, plain};

/// What one compressed stream may become; more than any page's text needs, less than the process has.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// The thickest books.
const MAX_PAGES: usize = 10_000;

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let options = LoadOptions::with_max_decompressed_size(MAX_STREAM_BYTES);
    let document = match Document::load_mem_with_options(bytes, options) {
        Ok(document) if document.is_encrypted() => return Err(ExtractError::Encrypted),
        Ok(document) => document,
        Err(Error::InvalidPassword | Error::Decryption(_)) => return Err(ExtractError::Encrypted),
        Err(Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. })) => {
            return Err(ExtractError::TooLarge);
        }
        Err(error) => return Err(ExtractError::Damaged(format!("it cannot be read as a PDF ({error})"))),
    };
    let mut pages = page::Pages::new(&document, Sink::default());
    let mut count = 0;
    for page in document.page_iter().take(MAX_PAGES) {
        count += 1;
        pages.read(page);
        if pages.done() {
            break;
        }
    }
    if count == 0 {
        return Err(ExtractError::Damaged("it has no pages".into()));
    }
    let truncated = pages.done() || count == MAX_PAGES;
    Ok(pages.into_sink().finish(title(&document).as_deref(), truncated))
}

/// The title in the document's information, which many programs fill with the name of a file or of themselves.
fn title(document: &Document) -> Option<String> {
    let info = document.trailer.get_deref(b"Info", document).and_then(Object::as_dict).ok()?;
    let title = info.get_deref(b"Title", document).ok()?;
    let bytes = title.as_str().ok()?;
    let marked = bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xEF\xBB\xBF");
    // Chinese programs of old wrote GBK there, which the standard does not know.
    let text = if bytes.is_ascii() || marked { lopdf::decode_text_string(title).ok()? } else { plain::decode(bytes) };
    let text = text
        .strip_prefix("Microsoft Word - ")
        .or_else(|| text.strip_prefix("Microsoft PowerPoint - "))
        .unwrap_or(&text);
    let nothing = text.trim().is_empty() || matches!(text.trim(), "about:blank" | "untitled" | "Untitled");
    (!nothing).then(|| text.to_owned())
}
