//! Whether a request is addressed to this node, and comes from one of its own pages.
//!
//! A page elsewhere can make a browser on this machine ask `http://evil.example:8080` after pointing that name at
//! 127.0.0.1 (DNS rebinding). What arrives on loopback must therefore be addressed to a loopback name.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HOST, ORIGIN, VIA};

/// The host without its port: `localhost:8080`, `[::1]:8080`, `10.0.0.7`.
fn name_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    authority.rsplit_once(':').map_or(authority, |(name, _)| name)
}

/// Whether a request that arrived on loopback is addressed to a name of loopback or to one of `also`.
pub(super) fn is_local_name(headers: &HeaderMap, also: &[String]) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = name_of(host).to_ascii_lowercase();
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_loopback
        || name == "localhost"
        || name.ends_with(".localhost")
        || also.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

/// Whether a proxy says that it passes on what somebody else asks.
pub(super) fn is_passed_on(headers: &HeaderMap) -> bool {
    [FORWARDED.as_str(), "x-forwarded-for", "x-real-ip", VIA.as_str()]
        .into_iter()
        .any(|name| headers.contains_key(name))
}

/// Whether a browser says that the request comes from a page of this node. Programs say nothing, and pass: they send
/// no cookies by themselves.
pub(super) fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let Some(host) = text(HOST.as_str()) else { return false };
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_foreign_name_that_points_at_loopback_is_not_ours() {
        for ours in
            ["localhost", "localhost:8080", "127.0.0.1:80", "[::1]:8080", "kapok.localhost", "node.school.example:443"]
        {
            assert!(is_local_name(&headers(&[("host", ours)]), &["node.school.example".into()]), "{ours}");
        }
        for foreign in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1", ""] {
            assert!(!is_local_name(&headers(&[("host", foreign)]), &[]), "{foreign}");
        }
        assert!(!is_local_name(&HeaderMap::new(), &[]));
    }

    #[test]
    fn only_pages_of_this_node_and_programs_pass() {
        let host = ("host", "10.0.0.7:8080");
        assert!(is_from_here(&headers(&[host])));
        assert!(is_from_here(&headers(&[host, ("origin", "http://10.0.0.7:8080"), ("sec-fetch-site", "same-origin")])));
        for origin in ["http://evil.example", "null", "http://10.0.0.7:9090"] {
            assert!(!is_from_here(&headers(&[host, ("origin", origin)])), "{origin}");
        }
        assert!(!is_from_here(&headers(&[host, ("sec-fetch-site", "cross-site")])));
        assert!(!is_from_here(&headers(&[host, ("sec-fetch-site", "same-site")])));
    }
}
