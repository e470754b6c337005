//! An account: who may sign in here, and as what.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::Millis;
use crate::role::Roles;

/// Names are shown in lists and typed on phones; nobody's is longer.
const NAME_MAX_CHARS: usize = 40;

/// The account's random name, and the person's in the entries that they sign for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct AccountId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

/// A name to sign in with: 1 to 40 characters, no spaces at the ends, no control characters.
/// Compared without regard to the case of ASCII letters, so that `Li` and `li` cannot both exist.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct AccountName(#[n(0)] String);

/// Why a text cannot be an account's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRefused {
    #[error("a name is needed")]
    Empty,
    #[error("the name has {0} characters; at most {NAME_MAX_CHARS} are possible")]
    TooLong(usize),
    #[error("the name contains a control or formatting character; type it again without it")]
    Control,
}

impl AccountName {
    /// The name without spaces at its ends.
    pub fn new(text: &str) -> Result<Self, NameRefused> {
        let text = text.trim();
        let chars = text.chars().count();
        if chars == 0 {
            return Err(NameRefused::Empty);
        }
        if chars > NAME_MAX_CHARS {
            return Err(NameRefused::TooLong(chars));
        }
        // Direction overrides and zero-width characters make two names look alike.
        let invisible = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if text.chars().any(|c| c.is_control() || invisible(c)) {
            return Err(NameRefused::Control);
        }
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two names are compared by.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for AccountName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for AccountName {}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account as the fold knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub name: AccountName,
    pub roles: Roles,
    /// A PHC string; see [`crate::password`].
    pub password_hash: String,
    pub created_ms: Millis,
    pub closed: bool,
    /// Counts changes of password and roles: sessions of an earlier generation are dead.
    pub generation: u64,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hash stays out of logs.
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("roles", &self.roles)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_trimmed_limited_and_look_different_from_each_other() {
        assert_eq!(AccountName::new("  李老师 ").unwrap().as_str(), "李老师");
        assert_eq!(AccountName::new(" \t").unwrap_err(), NameRefused::Empty);
        assert_eq!(AccountName::new(&"长".repeat(41)).unwrap_err(), NameRefused::TooLong(41));
        assert_eq!(AccountName::new("li\u{202e}il").unwrap_err(), NameRefused::Control);
        assert_eq!(AccountName::new("Li").unwrap(), AccountName::new("li").unwrap());
    }
}
