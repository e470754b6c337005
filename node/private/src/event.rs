//! What happened to accounts, as the private journal keeps it.
//!
//! Variant and field numbers are part of the format on disk: they never change and are never used again.

use minicbor::{Decode, Encode};

use crate::Millis;
use crate::account::{AccountId, AccountName};
use crate::role::Roles;

/// An event; [`crate::Accounts`] is the fold of all of them.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum Event {
    /// A set-up code was printed; the newest one counts.
    #[n(0)]
    SetupCodeIssued {
        #[n(0)]
        at_ms: Millis,
        #[cbor(n(1), with = "minicbor::bytes")]
        hash: [u8; 32],
    },
    #[n(1)]
    AccountCreated {
        #[n(0)]
        at_ms: Millis,
        #[n(1)]
        id: AccountId,
        #[n(2)]
        name: AccountName,
        #[n(3)]
        roles: Roles,
        #[n(4)]
        password_hash: String,
    },
    #[n(2)]
    PasswordChanged {
        #[n(0)]
        at_ms: Millis,
        #[n(1)]
        id: AccountId,
        #[n(2)]
        password_hash: String,
    },
    #[n(3)]
    RolesChanged {
        #[n(0)]
        at_ms: Millis,
        #[n(1)]
        id: AccountId,
        #[n(2)]
        roles: Roles,
    },
    /// The account can no longer sign in; what its person published stays.
    #[n(4)]
    AccountClosed {
        #[n(0)]
        at_ms: Millis,
        #[n(1)]
        id: AccountId,
    },
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Hashes and names stay out of logs.
        let name = match self {
            Self::SetupCodeIssued { .. } => "SetupCodeIssued",
            Self::AccountCreated { .. } => "AccountCreated",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::RolesChanged { .. } => "RolesChanged",
            Self::AccountClosed { .. } => "AccountClosed",
        };
        f.write_str(name)
    }
}

/// Why bytes are not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Written by a newer version; readers pass it over and keep it.
    #[error("an account event of kind {0} is not known to this version of Kapok")]
    Unknown(i64),
    #[error("an account event of {length} bytes cannot be read: {reason}")]
    Malformed { length: usize, reason: String },
}

impl Event {
    /// The event's bytes, for the private journal.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        minicbor::encode(self, &mut bytes).unwrap_or_else(
            |error: minicbor::encode::Error<std::convert::Infallible>| {
                // Writing into memory cannot fail, and no encoder here returns a message of its own.
                unreachable!("encoding an event into memory: {error}")
            },
        );
        bytes
    }

    /// The account that it is about.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::SetupCodeIssued { .. } => None,
            Self::AccountCreated { id, .. }
            | Self::PasswordChanged { id, .. }
            | Self::RolesChanged { id, .. }
            | Self::AccountClosed { id, .. } => Some(*id),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, EventError> {
        let malformed =
            |error: minicbor::decode::Error| EventError::Malformed { length: bytes.len(), reason: error.to_string() };
        // A derived enum is an array of its number and its fields.
        let mut peek = minicbor::Decoder::new(bytes);
        let kind = peek.array().and_then(|_| peek.i64()).map_err(malformed)?;
        if !(0..=4).contains(&kind) {
            return Err(EventError::Unknown(kind));
        }
        minicbor::decode(bytes).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::role::Role;

    fn created() -> Event {
        Event::AccountCreated {
            at_ms: 1_700_000_000_000,
            id: AccountId([1; 16]),
            name: AccountName::new("李老师").unwrap(),
            roles: Roles::of(&[Role::Teacher]),
            password_hash: "$argon2id$…".into(),
        }
    }

    #[test]
    fn events_read_back_as_they_were_written() {
        let id = AccountId([1; 16]);
        for event in [
            Event::SetupCodeIssued { at_ms: 1, hash: [9; 32] },
            created(),
            Event::PasswordChanged { at_ms: 2, id, password_hash: "x".into() },
            Event::RolesChanged { at_ms: 3, id, roles: Roles::NONE },
            Event::AccountClosed { at_ms: 4, id },
        ] {
            assert_eq!(Event::decode(&event.encode()).unwrap(), event);
        }
    }

    #[test]
    fn the_format_on_disk_does_not_change() {
        let bytes = Event::AccountClosed { at_ms: 4, id: AccountId([1; 16]) }.encode();
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), "820482045001010101010101010101010101010101");
    }

    #[test]
    fn an_event_of_a_newer_version_is_told_from_a_damaged_one() {
        assert_eq!(Event::decode(&[0x82, 0x18, 0x63, 0x80]), Err(EventError::Unknown(99)));
        let whole = created().encode();
        for length in 0..whole.len() {
            assert!(matches!(Event::decode(&whole[..length]), Err(EventError::Malformed { .. })), "{length}");
        }
    }

    #[test]
    fn neither_hash_nor_name_is_shown_in_logs() {
        let shown = format!("{:?}", created());
        assert_eq!(shown, "AccountCreated");
    }
}
