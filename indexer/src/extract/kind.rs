//! What a file is: by its first bytes, and by its name where these leave it open.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::{ExtractError, archive, plain};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pdf,
    Docx,
    Pptx,
    Xlsx,
    Html,
    Plain { markdown: bool },
}

/// How much of a file is looked at. PDFs may have up to a kilobyte of something else in front.
const HEAD_BYTES: u64 = 4096;
const PDF_MARK_WITHIN: usize = 1024;
/// Where in an OLE file the names of its streams are looked for.
const OLE_LOOK_BYTES: u64 = 1 << 20;

/// Names that promise text.
const TEXT_NAMES: &[&str] =
    &["txt", "text", "md", "markdown", "csv", "tsv", "srt", "vtt", "log", "tex", "json", "xml", "yaml", "yml"];
const PAGE_NAMES: &[&str] = &["html", "htm", "xhtml", "shtml"];
/// Names that promise a format which is recognised by its content; without that, the file is broken.
const RECOGNISED_NAMES: &[&str] = &["pdf", "docx", "docm", "pptx", "pptm", "ppsx", "xlsx", "xlsm"];

pub(super) fn of(file: &File, size: u64, name: &str) -> Result<Kind, ExtractError> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    let named = |endings: &[&str]| endings.contains(&ending.as_str());
    let mut file = file;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| ExtractError::Damaged(error.to_string()))?;
    if size == 0 {
        return Err(if named(RECOGNISED_NAMES) {
            ExtractError::Damaged("it is empty, 0 bytes".into())
        } else {
            ExtractError::NoText
        });
    }
    let pdf_within = head.len().min(PDF_MARK_WITHIN);
    if head.starts_with(b"PK\x03\x04") {
        return archive::kind(file, named(RECOGNISED_NAMES));
    }
    if head[..pdf_within].windows(5).any(|window| window == b"%PDF-") {
        return Ok(Kind::Pdf);
    }
    if head.starts_with(b"\xD0\xCF\x11\xE0") {
        // An office file with a password is put into an OLE file; otherwise these are the formats before 2007.
        return Err(if has_encrypted_package(file, size) {
            ExtractError::Encrypted
        } else {
            ExtractError::Unsupported
        });
    }
    if named(RECOGNISED_NAMES) {
        return Err(ExtractError::Damaged(format!("it is named .{ending} but is something else inside")));
    }
    if named(PAGE_NAMES) || begins_like_a_page(&head) {
        return Ok(Kind::Html);
    }
    let readable = plain::readable(&head);
    if named(TEXT_NAMES) && !readable {
        return Err(ExtractError::Damaged(format!("it is named .{ending} but is not text")));
    }
    if named(TEXT_NAMES) || (readable && std::str::from_utf8(&head[..head.len().saturating_sub(3)]).is_ok()) {
        return Ok(Kind::Plain { markdown: matches!(ending.as_str(), "md" | "markdown") });
    }
    Err(ExtractError::Unsupported)
}

fn begins_like_a_page(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).trim_start_matches('\u{FEFF}').trim_start().to_ascii_lowercase();
    text.starts_with("<!doctype html") || text.starts_with("<html")
}

fn has_encrypted_package(mut file: &File, size: u64) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    [0, size.saturating_sub(OLE_LOOK_BYTES)].into_iter().any(|from| {
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.take(OLE_LOOK_BYTES).read_to_end(&mut bytes));
        read.is_ok() && bytes.windows(name.len()).any(|window| window == name)
    })
}
