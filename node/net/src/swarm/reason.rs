//! Errors of libp2p and the system as one line of text.

use std::error::Error;
use std::io;

/// `error` and what it came from, without what is said twice: libp2p wraps every error several times, and some of the
/// wrappings say nothing.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut said = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !text.is_empty() && !said.contains(&text) {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&text);
        }
        next = error.source();
    }
    said
}

/// Whether `error` came from a port that somebody else has.
pub(super) fn is_in_use(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let Some(io) = error.downcast_ref::<io::Error>() else {
            next = error.source();
            continue;
        };
        if io.kind() == io::ErrorKind::AddrInUse {
            return true;
        }
        // An `io::Error` made from another error hides that one from `source`.
        next = io.get_ref().map_or_else(|| io.source(), |inner| Some(inner as &(dyn Error + 'static)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("listening failed")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_port_in_use_is_found_under_all_wrappings() {
        let error = Outer(io::Error::other(Outer(io::ErrorKind::AddrInUse.into())));
        assert!(is_in_use(&error));
        assert!(!is_in_use(&Outer(io::ErrorKind::PermissionDenied.into())));
    }

    #[test]
    fn nothing_is_said_twice() {
        let error = Outer(io::Error::other("no route"));
        assert_eq!(reason(&error), "listening failed: no route");
        assert_eq!(reason(&io::Error::other(Outer(io::Error::other("no route")))), "listening failed: no route");
    }
}
