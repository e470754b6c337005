//! Failures: what went wrong, and below it what to do.
//!
//! An error's text is its reason; lines after the first are its remedy (as the crates of this workspace write them).

use std::io::{self, Write as _};

/// A failure of a command itself, with its remedy.
#[derive(Debug, thiserror::Error)]
#[error("{what}\n  {remedy}")]
pub(super) struct Failed {
    what: String,
    remedy: String,
}

impl Failed {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// Writes `error: …` and the remedy to standard error.
pub(super) fn report(error: &anyhow::Error) {
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "error: {}", text(error));
}

/// Whether somebody stopped reading what is printed.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The reasons from the outermost inwards on one line, then the remedies.
fn text(error: &anyhow::Error) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut remedies: Vec<String> = Vec::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let mut lines = cause.lines();
        let reason = lines.next().unwrap_or_default().trim_end_matches(':').to_owned();
        // Many errors say their cause themselves.
        if !reason.is_empty() && !reasons.iter().any(|said| said.contains(&reason)) {
            reasons.push(reason);
        }
        for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
            if !remedies.iter().any(|said| said == line) {
                remedies.push(line.to_owned());
            }
        }
    }
    let mut text = reasons.join(": ");
    for remedy in remedies {
        text.push_str("\n  ");
        text.push_str(&remedy);
    }
    super::print::without_controls(&text)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn reasons_come_on_one_line_and_remedies_below() {
        let inner = Failed::new("the code expired on 2026-11-20", "ask for a new one");
        let error = Err::<(), _>(inner).context("cannot join").expect_err("it is one");
        assert_eq!(text(&error), "cannot join: the code expired on 2026-11-20\n  ask for a new one");
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read FORMAT: {source}")]
        struct Outer {
            source: io::Error,
        }
        let error = anyhow::Error::from(Outer { source: io::Error::other("the disk is gone") });
        assert_eq!(text(&error), "cannot read FORMAT: the disk is gone");
    }

    #[test]
    fn what_another_node_wrote_cannot_steer_the_terminal() {
        let error = anyhow::Error::from(Failed::new("no \u{1b}[2Jfile", "try\u{7} again"));
        assert_eq!(text(&error), "no [2Jfile\n  try again");
    }
}
