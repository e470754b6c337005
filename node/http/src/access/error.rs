//! Why signing in, setting up or changing an account was refused.

use kapok_private::account::NameRefused;
use kapok_private::accounts::AccountRefused;
use kapok_private::password::PasswordRefused;
use kapok_private::role::NotARole;
use kapok_private::throttle::Wait;
use kapok_web_ui::pages::setup::PASSWORD_MIN_CHARS;

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

/// Of an account's name and password, as [`kapok_private`] checks them.
const NAME_MAX_CHARS: usize = 40;
const PASSWORD_MAX_CHARS: usize = 128;

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        match error {
            AccessError::WrongPassword => Self::new(FailureKind::Unauthorized, "cannot sign in", detail)
                .remedy("type both again; an administrator of this node can set a new password")
                .said("password.wrong"),
            AccessError::Wait(Wait { wait_ms }) => {
                let kind = FailureKind::TooMany { retry_after_s: wait_ms.div_ceil(1000) };
                Self::new(kind, "cannot sign in now", detail)
                    .remedy("wait, or ask an administrator of this node for a new password")
                    .said("password.wait")
                    .with("minutes", wait_ms.div_ceil(60_000))
            }
            AccessError::Name(refused) => name(Self::invalid(TITLE, detail), &refused),
            AccessError::Password(refused) => password(Self::invalid(TITLE, detail), &refused),
            AccessError::Role(NotARole(role)) => Self::invalid(TITLE, detail)
                .remedy("give it one of the roles of this node")
                .said("account.role-unknown")
                .with("role", role),
            AccessError::Account(refused) => account(detail, refused),
            AccessError::Busy => Self::unavailable("cannot sign in now", detail)
                .remedy("try again in a few seconds")
                .said("sign-in.busy"),
            AccessError::Node(failure) => failure,
        }
    }
}

const TITLE: &str = "cannot take this account";

fn name(failure: Failure, refused: &NameRefused) -> Failure {
    let failure = failure.remedy("choose another name");
    match refused {
        NameRefused::Empty => failure.said("account.name-missing"),
        NameRefused::TooLong(chars) => {
            failure.said("account.name-too-long").with("chars", chars).with("limit", NAME_MAX_CHARS)
        }
        NameRefused::Control => failure.said("account.name-odd"),
    }
}

fn password(failure: Failure, refused: &PasswordRefused) -> Failure {
    let failure = failure.remedy("choose another password: a sentence is easy to keep and hard to guess");
    match refused {
        PasswordRefused::TooShort(chars) => {
            failure.said("password.too-short").with("chars", chars).with("limit", PASSWORD_MIN_CHARS)
        }
        PasswordRefused::TooLong(chars) => {
            failure.said("password.too-long").with("chars", chars).with("limit", PASSWORD_MAX_CHARS)
        }
        PasswordRefused::ContainsName => failure.said("password.contains-name"),
        PasswordRefused::TooSimple => failure.said("password.too-simple"),
    }
}

fn account(detail: String, refused: AccountRefused) -> Failure {
    let conflict = |detail| Failure::conflict("cannot change the accounts", detail);
    match refused {
        AccountRefused::WrongCode => Failure::new(FailureKind::Forbidden, "cannot set up this node", detail)
            .remedy("look at the output of kapok init, or print a new code with it")
            .said("setup.wrong-code"),
        AccountRefused::Unknown => Failure::not_found("cannot change this account", detail)
            .remedy("take its id from GET /api/v1/accounts")
            .said("account.unknown"),
        AccountRefused::Roles(_) => Failure::invalid("cannot give these roles", detail)
            .remedy("make an account for each of them")
            .said("account.roles-apart"),
        AccountRefused::NameTaken(name) => {
            conflict(detail).remedy("choose another name").said("account.name-taken").with("name", name)
        }
        AccountRefused::TooMany => conflict(detail).remedy("close some accounts").said("account.too-many"),
        AccountRefused::LastAdministrator => {
            conflict(detail).remedy("make another administrator first").said("account.last-administrator")
        }
        AccountRefused::AlreadySetUp => conflict(detail).remedy("sign in with it").said("account.already-set-up"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kapok_private::{AccountName, password as rules};
    use kapok_web_ui::messages::Messages;

    use super::*;

    fn said(error: impl Into<AccessError>) -> String {
        Failure::from(error.into()).sentence(Messages::zh()).to_string()
    }

    #[test]
    fn the_limits_that_are_said_are_those_that_hold() {
        let li = AccountName::new("li").unwrap();
        let password = |chars: usize| "木棉花开红似火".chars().cycle().take(chars).collect::<String>();
        rules::check(&password(PASSWORD_MIN_CHARS), &li).unwrap();
        rules::check(&password(PASSWORD_MAX_CHARS), &li).unwrap();
        let short = rules::check(&password(PASSWORD_MIN_CHARS - 1), &li).unwrap_err();
        assert_eq!(said(short), "密码只有 7 个字符，至少要 8 个。");
        let long = rules::check(&password(PASSWORD_MAX_CHARS + 1), &li).unwrap_err();
        assert_eq!(said(long), "密码有 129 个字符，最多 128 个。");
        AccountName::new(&password(NAME_MAX_CHARS)).unwrap();
        let name = AccountName::new(&password(NAME_MAX_CHARS + 1)).unwrap_err();
        assert_eq!(said(name), "用户名有 41 个字，最多 40 个。");
    }
}
