//! ZIP files with XML in them, which is what office files are, read with limits.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;
use zip::result::ZipError;

use super::ExtractError;
use super::kind::Kind;

/// A presentation with a picture on each of a thousand slides has some thousands of parts.
const MAX_ENTRIES: usize = 20_000;
/// What all parts of one file may unpack to: the longest text with twenty times as much markup.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    left: u64,
}

impl<R: Read + Seek> Archive<R> {
    pub(super) fn open(file: R) -> Result<Self, ExtractError> {
        let zip = ZipArchive::new(file).map_err(error)?;
        if zip.len() > MAX_ENTRIES {
            return Err(ExtractError::TooLarge);
        }
        Ok(Archive { zip, left: MAX_UNPACKED_BYTES })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// The names of the parts `before…after` with a number between, in the order of the numbers.
    pub(super) fn numbered(&self, before: &str, after: &str) -> Vec<String> {
        let mut names: Vec<(u64, String)> = self
            .zip
            .file_names()
            .filter_map(|name| {
                let name = name.ok()?.into_owned();
                let number = name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()?;
                Some((number, name))
            })
            .collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// Gives a part to a reader; `None` where there is no such part.
    pub(super) fn part<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn std::io::BufRead) -> Result<T, ExtractError>,
    ) -> Result<Option<T>, ExtractError> {
        let part = match self.zip.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(other) => return Err(error(other)),
        };
        let mut part = BufReader::new(part.take(self.left));
        let result = read(&mut part);
        self.left = part.get_ref().limit();
        // Whatever the reader made of a part cut short: it was cut short.
        if self.left == 0 { Err(ExtractError::TooLarge) } else { result.map(Some) }
    }
}

/// What a ZIP file is.
pub(super) fn kind(file: &File, named_office: bool) -> Result<Kind, ExtractError> {
    let archive = Archive::open(file)?;
    if archive.has("word/document.xml") {
        Ok(Kind::Docx)
    } else if archive.has("ppt/presentation.xml") {
        Ok(Kind::Pptx)
    } else if archive.has("xl/workbook.xml") {
        Ok(Kind::Xlsx)
    } else if named_office {
        Err(ExtractError::Damaged("it is a ZIP file without an office document in it".into()))
    } else {
        Err(ExtractError::Unsupported)
    }
}

fn error(error: ZipError) -> ExtractError {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => ExtractError::Encrypted,
        other => ExtractError::Damaged(format!("its ZIP container cannot be read ({other})")),
    }
}
