//! The bundle: styles, script and icons, as `npm run build` made them, embedded in the binary.
//!
//! [`url`] carries a version drawn from the content, so that a browser may keep what it got for a year
//! (`Cache-Control: public, max-age=31536000, immutable`) and asks again as soon as the content is another.

use std::borrow::Cow;
use std::fmt::Write as _;

use rust_embed::RustEmbed;

/// Where `node/http` serves the bundle.
pub const BASE: &str = "/assets/";

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Bundle;

/// One file of the bundle.
#[derive(Clone, Debug)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub content_type: &'static str,
    /// Strong, with its quotes: `"…"`.
    pub etag: String,
}

/// The file of that name below [`BASE`]; the query (`?v=…`) is not part of it.
#[must_use]
pub fn get(path: &str) -> Option<Asset> {
    let file = Bundle::get(path)?;
    Some(Asset {
        bytes: file.data,
        content_type: content_type(path)?,
        etag: format!("\"{}\"", hex(&file.metadata.sha256_hash())),
    })
}

/// Address of a file of the bundle with its version, for instance `/assets/app.css?v=1f0c…`.
#[must_use]
pub fn url(name: &str) -> String {
    match Bundle::get(name) {
        Some(file) => format!("{BASE}{name}?v={}", &hex(&file.metadata.sha256_hash())[..12]),
        None => format!("{BASE}{name}"),
    }
}

/// Names of all files of the bundle.
pub fn names() -> impl Iterator<Item = Cow<'static, str>> {
    Bundle::iter()
}

/// Only what the bundle consists of is served at all.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{get, names, url};

    #[test]
    fn an_address_changes_with_the_content_and_leads_back_to_the_file() {
        for name in names() {
            let asset = get(&name).unwrap();
            assert!(url(&name).ends_with(&asset.etag[1..13]), "{name}");
        }
        assert!(get("../Cargo.toml").is_none());
    }
}
