//! Sessions: who is signed in. In memory only, by the hash of the token; a restart signs everybody out.
//!
//! A token is 256 random bits, drawn by the caller at each sign-in, never taken from the browser (no fixation). The
//! form token that guards unsafe requests is derived from it, so that it needs no storage and dies with it.

use std::collections::BTreeMap;

use crate::Millis;
use crate::account::{Account, AccountId};

/// Signed out after so long without a request (GB/T 22239, 身份鉴别).
pub const IDLE_MS: Millis = 30 * 60 * 1000;
/// Signed out after so long in any case: a school day.
pub const ABSOLUTE_MS: Millis = 12 * 60 * 60 * 1000;
/// Devices of one person; the longest idle gives way.
const MAX_PER_ACCOUNT: usize = 10;
/// All sessions: a county's pupils at once, some 100 bytes each.
const MAX_SESSIONS: usize = 50_000;

/// What the browser keeps: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; 32]);

/// How a token is known here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TokenHash([u8; 32]);

impl SessionToken {
    #[must_use]
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads what a cookie says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// What the cookie says.
    #[must_use]
    pub fn to_text(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.0)
    }

    fn hash(&self) -> TokenHash {
        TokenHash(blake3::derive_key("kapok 2026 session token 1", &self.0))
    }

    /// What forms carry, and scripts send as a header, with each unsafe request.
    #[must_use]
    pub fn form_token(&self) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.form_bytes())
    }

    fn form_bytes(&self) -> [u8; 32] {
        blake3::derive_key("kapok 2026 form token 1", &self.0)
    }

    /// Compared in constant time.
    #[must_use]
    pub fn is_form_token(&self, text: &str) -> bool {
        let Ok(bytes) = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()) else { return false };
        let Ok(bytes) = <[u8; 32]>::try_from(bytes) else { return false };
        blake3::Hash::from_bytes(bytes) == blake3::Hash::from_bytes(self.form_bytes())
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[derive(Clone, Copy)]
struct Session {
    account: AccountId,
    generation: u64,
    opened_ms: Millis,
    seen_ms: Millis,
}

impl Session {
    fn is_alive(&self, now_ms: Millis) -> bool {
        now_ms.saturating_sub(self.seen_ms) < IDLE_MS && now_ms.saturating_sub(self.opened_ms) < ABSOLUTE_MS
    }
}

/// All sessions. `now_ms` should come from a clock that does not jump; where it does, sessions end or last longer.
#[derive(Default)]
pub struct Sessions {
    by_hash: BTreeMap<TokenHash, Session>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sessions({})", self.by_hash.len())
    }
}

impl Sessions {
    /// Begins a session of the account under a fresh token, and ends the one that the browser had before, if any.
    pub fn open(&mut self, now_ms: Millis, account: &Account, token: &SessionToken, former: Option<&SessionToken>) {
        if let Some(former) = former {
            self.close(former);
        }
        self.by_hash.retain(|_, session| session.is_alive(now_ms));
        self.make_room(|session| session.account == account.id, MAX_PER_ACCOUNT);
        self.make_room(|_| true, MAX_SESSIONS);
        let session =
            Session { account: account.id, generation: account.generation, opened_ms: now_ms, seen_ms: now_ms };
        self.by_hash.insert(token.hash(), session);
    }

    /// Drops the longest idle of the sessions that match while there are `limit` or more.
    fn make_room(&mut self, matches: impl Fn(&Session) -> bool, limit: usize) {
        while self.by_hash.values().filter(|session| matches(session)).count() >= limit {
            let oldest =
                self.by_hash.iter().filter(|(_, session)| matches(session)).min_by_key(|(_, session)| session.seen_ms);
            let Some(hash) = oldest.map(|(hash, _)| *hash) else { return };
            self.by_hash.remove(&hash);
        }
    }

    /// Whose session it is, if it is alive; the idle time begins anew. The caller compares the generation with the
    /// account's: a change of password or roles ends older sessions.
    pub fn touch(&mut self, now_ms: Millis, token: &SessionToken) -> Option<(AccountId, u64)> {
        let hash = token.hash();
        let session = self.by_hash.get_mut(&hash)?;
        if !session.is_alive(now_ms) {
            self.by_hash.remove(&hash);
            return None;
        }
        session.seen_ms = now_ms;
        Some((session.account, session.generation))
    }

    /// Ends a session.
    pub fn close(&mut self, token: &SessionToken) {
        self.by_hash.remove(&token.hash());
    }

    /// Ends all sessions of an account.
    pub fn close_all(&mut self, account: AccountId) {
        self.by_hash.retain(|_, session| session.account != account);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::account::AccountName;
    use crate::role::Roles;

    fn account() -> Account {
        Account {
            id: AccountId([1; 16]),
            name: AccountName::new("甲").unwrap(),
            roles: Roles::NONE,
            password_hash: String::new(),
            created_ms: 0,
            closed: false,
            generation: 4,
        }
    }

    fn token(byte: u8) -> SessionToken {
        SessionToken::from_random([byte; 32])
    }

    #[test]
    fn a_session_ends_after_idling_and_after_a_school_day() {
        let mut sessions = Sessions::default();
        sessions.open(0, &account(), &token(1), None);
        assert_eq!(sessions.touch(IDLE_MS - 1, &token(1)), Some((AccountId([1; 16]), 4)));
        assert_eq!(sessions.touch(2 * IDLE_MS - 1, &token(1)), None);

        sessions.open(0, &account(), &token(2), None);
        let mut now = 0;
        while now + IDLE_MS / 2 < ABSOLUTE_MS {
            now += IDLE_MS / 2;
            assert!(sessions.touch(now, &token(2)).is_some());
        }
        assert_eq!(sessions.touch(ABSOLUTE_MS, &token(2)), None);
    }

    #[test]
    fn signing_in_again_ends_the_former_session_and_signing_out_ends_the_last() {
        let mut sessions = Sessions::default();
        sessions.open(0, &account(), &token(1), None);
        sessions.open(1, &account(), &token(2), Some(&token(1)));
        assert_eq!(sessions.touch(2, &token(1)), None);
        sessions.close(&token(2));
        assert_eq!(sessions.touch(3, &token(2)), None);
        assert!(sessions.is_empty());
    }

    #[test]
    fn one_person_cannot_fill_the_table() {
        let mut sessions = Sessions::default();
        for byte in 0..100 {
            sessions.open(Millis::from(byte), &account(), &token(byte), None);
        }
        assert_eq!(sessions.len(), MAX_PER_ACCOUNT);
        assert!(sessions.touch(100, &token(99)).is_some());
    }

    #[test]
    fn the_form_token_belongs_to_one_session() {
        assert!(token(1).is_form_token(&token(1).form_token()));
        assert!(!token(2).is_form_token(&token(1).form_token()));
        assert!(!token(1).is_form_token(""));
        assert_eq!(SessionToken::parse(&token(1).to_text()), Some(token(1)));
        assert_eq!(SessionToken::parse("short"), None);
    }
}
