//! `/blobs/HEX`: files by ranges, for those whom a live entry shows them, and never with the node's authority.
//!
//! Uploaded files may be anything. The type is taken from a short list by the file's name, and everything else is an
//! attachment; `nosniff` and a sandboxing policy see to it that a browser runs none of it on the node's origin.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    ACCEPT, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use kapok_protocol::blob::{BlobId, NotABlobId};
use tokio_util::io::ReaderStream;

use crate::App;
use crate::access::Caller;
use crate::extract::Param;
use crate::pages;
use crate::port::{Failure, Result};
use crate::problem::with_status;

/// What is read from the disk at a time.
const READ_BYTES: usize = 64 * 1024;

/// Endings that a browser may show itself, and as what. No HTML, no SVG, no XML: those can run.
const SHOWN: &[(&str, &str)] = &[
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("txt", "text/plain; charset=utf-8"),
    ("srt", "text/plain; charset=utf-8"),
];

const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'",
);
/// The browser's own viewer does not start in a sandbox; it runs nothing on the page's origin by itself.
const PDF_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'",
);

/// The type under which a browser may show a file of this name.
pub(crate) fn shown_type(name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    SHOWN.iter().find(|(known, _)| *known == ending).map(|(_, media_type)| *media_type)
}

/// Serves a blob or a range of it. What is not here is fetched while it is read; HEAD fetches nothing.
pub(crate) async fn serve_blob(
    State(app): State<App>,
    caller: Caller,
    Param(hex): Param,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match answer(&app, &caller, &hex, &method, &headers).await {
        Ok(response) => response,
        // A person has followed a link; players and programs take a document.
        Err(failure) if asks_for_page(&headers) => pages::refused(&app, &caller, &uri, false, &failure).await,
        Err(failure) => failure.into_response(),
    }
}

fn asks_for_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|types| types.contains("text/html"))
}

async fn answer(app: &App, caller: &Caller, hex: &str, method: &Method, headers: &HeaderMap) -> Result<Response> {
    let id: BlobId = hex.parse().map_err(|error: NotABlobId| {
        Failure::not_found("there is no such file", error.to_string())
            .remedy("take the address from the resource's files")
    })?;
    let blob = app.node.open_blob(&caller.viewer, id).await?;
    let etag = format!("\"{id}\"");
    let mut answer = Response::builder()
        .header(ETAG, &etag)
        .header(ACCEPT_RANGES, "bytes")
        // Kept, but asked again each time: who may see it can change, the bytes cannot.
        .header(CACHE_CONTROL, "private, no-cache");
    if is_known(headers, &etag) {
        return finish(answer.status(StatusCode::NOT_MODIFIED), Body::empty());
    }
    let shown = shown_type(&blob.name);
    answer = answer
        .header(CONTENT_TYPE, shown.unwrap_or("application/octet-stream"))
        .header(CONTENT_SECURITY_POLICY, if shown == Some("application/pdf") { PDF_POLICY } else { SANDBOX })
        .header(CONTENT_DISPOSITION, disposition(&blob.name, shown.is_some()));
    let (start, length) = match range(headers, &etag, blob.size) {
        Range::Whole => (0, blob.size),
        Range::Part { start, length } => {
            let content_range = format!("bytes {start}-{}/{}", start + length - 1, blob.size);
            answer = answer.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, content_range);
            (start, length)
        }
        Range::Outside => {
            let failure =
                Failure::invalid("the range lies outside the file", format!("the file has {} bytes", blob.size))
                    .remedy("ask for bytes within the file's size, or for the whole file");
            let mut refusal = with_status(&failure, StatusCode::RANGE_NOT_SATISFIABLE);
            refusal.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes */{}", blob.size)));
            return Ok(refusal);
        }
    };
    let body = if *method == Method::HEAD || length == 0 {
        Body::empty()
    } else {
        Body::from_stream(ReaderStream::with_capacity(blob.reader.range(start, length).await?, READ_BYTES))
    };
    finish(answer.header(CONTENT_LENGTH, length), body)
}

fn finish(answer: axum::http::response::Builder, body: Body) -> Result<Response> {
    answer.body(body).map_err(|error| Failure::internal("cannot answer", error.to_string()))
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == etag || known == "*" || known.strip_prefix("W/") == Some(etag))
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    Part { start: u64, length: u64 },
    Outside,
}

/// One range of bytes (RFC 9110, section 14). Several ranges, other units and what cannot be read are ignored, as the
/// RFC allows: the answer is the whole file.
fn range(headers: &HeaderMap, etag: &str, size: u64) -> Range {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(IF_RANGE).is_some_and(|known| known != etag) {
        return Range::Whole;
    }
    let Some(spec) = text(RANGE).and_then(|text| text.strip_prefix("bytes=")) else { return Range::Whole };
    let Some((first, last)) = spec.split_once('-') else { return Range::Whole };
    let (start, end) = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => (first, size),
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last >= first => (first, last.saturating_add(1).min(size)),
            _ => return Range::Whole,
        },
        // The last so many bytes.
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(count) => (size.saturating_sub(count), size),
            Err(_) => return Range::Whole,
        },
        (Err(_), _) => return Range::Whole,
    };
    if start >= size { Range::Outside } else { Range::Part { start, length: end - start } }
}

/// `attachment; filename="…"; filename*=UTF-8''…` (RFC 6266).
fn disposition(name: &str, is_shown: bool) -> HeaderValue {
    let sort = if is_shown { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    header(&format!("{sort}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(spec: &str) -> Range {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, spec.parse().unwrap());
        range(&headers, "\"e\"", 100)
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        assert_eq!(asked("bytes=0-9"), Range::Part { start: 0, length: 10 });
        assert_eq!(asked("bytes=90-"), Range::Part { start: 90, length: 10 });
        assert_eq!(asked("bytes=90-1000"), Range::Part { start: 90, length: 10 });
        assert_eq!(asked("bytes=-10"), Range::Part { start: 90, length: 10 });
        assert_eq!(asked("bytes=-1000"), Range::Part { start: 0, length: 100 });
        assert_eq!(asked("bytes=100-"), Range::Outside);
        assert_eq!(asked("bytes=-0"), Range::Outside);
        for whole in ["bytes=9-0", "bytes=0-1,5-6", "lines=0-1", "bytes=x-y", "bytes=-", "bytes=0-18446744073709551616"]
        {
            assert_eq!(asked(whole), Range::Whole, "{whole}");
        }
        assert_eq!(asked("bytes=0-18446744073709551615"), Range::Part { start: 0, length: 100 });
    }

    #[test]
    fn a_file_cannot_put_a_header_of_its_own() {
        let value = disposition("a\"\r\nSet-Cookie: x=1;卷.pdf", true);
        let text = value.to_str().unwrap();
        assert!(!text.contains('\n') && text.matches('"').count() == 2, "{text}");
        assert!(text.ends_with("%E5%8D%B7.pdf"));
    }

    #[test]
    fn what_can_run_is_not_shown() {
        for name in ["a.html", "a.svg", "a.xml", "a.htm", "a.xhtml", "a.js", "noending", "a.pdf.html"] {
            assert_eq!(shown_type(name), None, "{name}");
        }
        assert_eq!(shown_type("卷.PDF"), Some("application/pdf"));
    }
}
