//! Withdrawing (下架): the author's own resource, or one of this node's subtree.

use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::{Failure, FailureKind, Result, Viewer, WithdrawRequest, Withdrawn};
use kapok_library::withdrawal::{MAX_REASON_CHARS, Withdrawal};
use kapok_protocol::entry::PersonId;

use super::app::{App, failure, now};
use crate::catalogue::Statement;

impl App {
    pub(super) fn withdraw(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        request: &WithdrawRequest,
    ) -> Result<Withdrawn> {
        const TITLE: &str = "cannot withdraw";
        let reason = request.reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
            return Err(Failure::invalid(TITLE, format!("a reason has 1 to {MAX_REASON_CHARS} characters"))
                .remedy("give one with --reason; it stays on record for everybody")
                .said("withdraw.reason")
                .with("limit", MAX_REASON_CHARS));
        }
        // What is read here is what is withdrawn: no new version comes in between.
        let turn = self.versions_turn();
        let found = {
            let reading = self.reading()?;
            let found = self.visible(&reading, viewer, id)?;
            let own = found.key.author == self.catalogue.id();
            let below = reading.find_member(&found.key.author);
            let below = reading.try_me().zip(below).is_some_and(|(me, author)| me.is_ancestor_of(author));
            if !own && !below {
                let (name, _) = Self::named(&reading, &found.key.author);
                return Err(Failure::new(FailureKind::Forbidden, TITLE, format!("it belongs to {name}"))
                    .remedy("they can withdraw it, and so can their county and the city")
                    .said("resource.not-yours")
                    .with("name", name));
            }
            found
        };
        let person = viewer.person().map(|id| PersonId { home: self.catalogue.id(), id: id.0 });
        let withdrawal = Withdrawal {
            author: found.key.author,
            name: found.key.name,
            reason: reason.to_owned(),
            title: found.resource.title.clone(),
        };
        let mut statements = vec![Statement {
            key: Withdrawal::key(&found.id),
            visibility: found.visibility,
            body: Some(withdrawal.to_body()),
            person,
        }];
        // The author's own entry is taken back, so that not even its text stays on the shelf.
        if found.key.author == self.catalogue.id() {
            statements.push(Statement { key: found.key.entry_key(), visibility: found.visibility, body: None, person });
        }
        self.catalogue.publish(statements, now()).map_err(failure)?;
        drop(turn);
        let end = self.catalogue.journal().end().position;
        let _ = self.indexing.wait_for(end, Duration::from_secs(10));
        // It is withdrawn in any case; what is still needed for a moment, or cannot be removed yet, goes a little later.
        if let Err(error) = self.collect_released() {
            tracing::warn!(%error, "files of what was withdrawn could not be removed yet");
        }
        self.rounds.announce();
        Ok(Withdrawn { id: id.to_owned(), state: "withdrawn".to_owned(), reason: reason.to_owned() })
    }
}
