//! Why signing in, setting up or changing an account was refused.

use kapok_private::account::NameRefused;
use kapok_private::accounts::AccountRefused;
use kapok_private::password::PasswordRefused;
use kapok_private::role::NotARole;
use kapok_private::throttle::Wait;

use crate::port::{Failure, FailureKind};

/// A refusal that pages turn into a word beside the field, and the API into a problem document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    /// Which of the two is not said.
    #[error("name or password is wrong")]
    WrongPassword,
    #[error(transparent)]
    Wait(#[from] Wait),
    #[error(transparent)]
    Name(#[from] NameRefused),
    #[error(transparent)]
    Password(#[from] PasswordRefused),
    #[error(transparent)]
    Role(#[from] NotARole),
    #[error(transparent)]
    Account(#[from] AccountRefused),
    /// Too many people sign in at this moment.
    #[error("too many people are signing in at once")]
    Busy,
    #[error(transparent)]
    Node(#[from] Failure),
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        match error {
            AccessError::WrongPassword => Self::new(FailureKind::Unauthorized, "cannot sign in", detail)
                .remedy("type both again; an administrator of this node can set a new password"),
            AccessError::Wait(Wait { wait_ms }) => {
                let kind = FailureKind::TooMany { retry_after_s: wait_ms.div_ceil(1000) };
                Self::new(kind, "cannot sign in now", detail)
                    .remedy("wait, or ask an administrator of this node for a new password")
            }
            AccessError::Name(_) | AccessError::Password(_) | AccessError::Role(_) => {
                Self::invalid("cannot take this account", detail)
            }
            AccessError::Account(AccountRefused::WrongCode) => {
                Self::new(FailureKind::Forbidden, "cannot set up this node", detail)
                    .remedy("look at the output of kapok init, or print a new code with it")
            }
            AccessError::Account(AccountRefused::Unknown) => Self::not_found("cannot change this account", detail),
            AccessError::Account(AccountRefused::Roles(_)) => Self::invalid("cannot give these roles", detail),
            AccessError::Account(_) => Self::conflict("cannot change the accounts", detail),
            AccessError::Busy => Self::unavailable("cannot sign in now", detail).remedy("try again in a few seconds"),
            AccessError::Node(failure) => failure,
        }
    }
}
