//! Times as documents and pages write them.

use jiff::Timestamp;

/// Milliseconds since 1970 as RFC 3339, in UTC.
pub(crate) fn rfc3339(ms: u64) -> String {
    i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map_or_else(String::new, |time| time.to_string())
}

/// Seconds since 1970 of an RFC 3339 text.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}
