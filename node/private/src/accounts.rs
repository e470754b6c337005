//! All accounts: the fold of the private journal's [`Event`]s, and the rules for new ones.

use std::collections::BTreeMap;

use crate::Millis;
use crate::account::{Account, AccountId, AccountName};
use crate::event::Event;
use crate::role::{Permission, Roles, RolesNotSeparated, Separation};
use crate::setup::SetupCode;

/// Accounts of one node. A county's whole staff fits; beyond it something is wrong.
pub const MAX_ACCOUNTS: usize = 100_000;

/// The accounts as the events say. Changes are asked for here, come back as an [`Event`], and happen when that event
/// is applied after it has been made durable.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    by_id: BTreeMap<AccountId, Account>,
    by_name: BTreeMap<String, AccountId>,
    setup_hash: Option<[u8; 32]>,
}

/// Why an account cannot be made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefused {
    #[error("the name “{0}” is taken on this node; choose another")]
    NameTaken(String),
    #[error("this node has {MAX_ACCOUNTS} accounts, the most it can hold; close some first")]
    TooMany,
    #[error("there is no such account")]
    Unknown,
    #[error("this is the last account that can administer the node; make another one first")]
    LastAdministrator,
    #[error(transparent)]
    Roles(#[from] RolesNotSeparated),
    #[error("an account exists already; sign in with it")]
    AlreadySetUp,
    #[error("the set-up code is wrong; it was printed by kapok init")]
    WrongCode,
}

/// A new account, its password already hashed.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Drawn by the caller.
    pub id: AccountId,
    pub name: AccountName,
    pub roles: Roles,
    pub password_hash: String,
}

impl Accounts {
    /// The fold. Events about unknown accounts change nothing, so that a journal that lost one event still opens.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut accounts = Self::default();
        for event in events {
            accounts.apply(event);
        }
        accounts
    }

    /// Takes one durable event in.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::SetupCodeIssued { hash, .. } => self.setup_hash = Some(*hash),
            Event::AccountCreated { at_ms, id, name, roles, password_hash } => {
                // The first with a name keeps it, whatever else the journal says.
                if self.by_name.contains_key(&name.key()) || self.by_id.contains_key(id) {
                    return;
                }
                self.by_name.insert(name.key(), *id);
                let account = Account {
                    id: *id,
                    name: name.clone(),
                    roles: *roles,
                    password_hash: password_hash.clone(),
                    created_ms: *at_ms,
                    closed: false,
                    generation: 0,
                };
                self.by_id.insert(*id, account);
            }
            Event::PasswordChanged { id, password_hash, .. } => {
                self.change(id, |account| account.password_hash.clone_from(password_hash));
            }
            Event::RolesChanged { id, roles, .. } => self.change(id, |account| account.roles = *roles),
            Event::AccountClosed { id, .. } => self.change(id, |account| account.closed = true),
        }
    }

    fn change(&mut self, id: &AccountId, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.by_id.get_mut(id) {
            change(account);
            account.generation += 1;
        }
    }

    /// Whether the first account has been made.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        !self.by_id.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// In order of their making.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        let mut all: Vec<&Account> = self.by_id.values().collect();
        all.sort_by_key(|account| (account.created_ms, account.id));
        all.into_iter()
    }

    #[must_use]
    pub fn get(&self, id: &AccountId) -> Option<&Account> {
        self.by_id.get(id)
    }

    /// By name, whatever the case of its ASCII letters.
    #[must_use]
    pub fn named(&self, name: &AccountName) -> Option<&Account> {
        self.by_name.get(&name.key()).and_then(|id| self.by_id.get(id))
    }

    /// The first account, by the set-up code, which is worth nothing afterwards.
    pub fn set_up(
        &self,
        code: &SetupCode,
        now_ms: Millis,
        separation: Separation,
        mut account: NewAccount,
    ) -> Result<Event, AccountRefused> {
        self.check_code(code)?;
        account.roles = Roles::first(separation);
        self.create(now_ms, separation, account)
    }

    /// Whether the code would make the first account. Asked before the password is hashed.
    pub fn check_code(&self, code: &SetupCode) -> Result<(), AccountRefused> {
        if self.is_set_up() {
            return Err(AccountRefused::AlreadySetUp);
        }
        match self.setup_hash {
            Some(hash) if code.has_hash(&hash) => Ok(()),
            _ => Err(AccountRefused::WrongCode),
        }
    }

    /// A further account.
    pub fn create(&self, now_ms: Millis, separation: Separation, account: NewAccount) -> Result<Event, AccountRefused> {
        account.roles.check(separation)?;
        if self.named(&account.name).is_some() {
            return Err(AccountRefused::NameTaken(account.name.to_string()));
        }
        if self.by_id.len() >= MAX_ACCOUNTS {
            return Err(AccountRefused::TooMany);
        }
        let NewAccount { id, name, roles, password_hash } = account;
        Ok(Event::AccountCreated { at_ms: now_ms, id, name, roles, password_hash })
    }

    /// Another password, already hashed. All sessions of the account end.
    pub fn change_password(
        &self,
        now_ms: Millis,
        id: AccountId,
        password_hash: String,
    ) -> Result<Event, AccountRefused> {
        self.get(&id).ok_or(AccountRefused::Unknown)?;
        Ok(Event::PasswordChanged { at_ms: now_ms, id, password_hash })
    }

    /// Other roles. All sessions of the account end.
    pub fn change_roles(
        &self,
        now_ms: Millis,
        separation: Separation,
        id: AccountId,
        roles: Roles,
    ) -> Result<Event, AccountRefused> {
        self.get(&id).ok_or(AccountRefused::Unknown)?;
        roles.check(separation)?;
        if !roles.may(Permission::ManageSettings) {
            self.check_not_last(id)?;
        }
        Ok(Event::RolesChanged { at_ms: now_ms, id, roles })
    }

    /// Ends an account.
    pub fn close(&self, now_ms: Millis, id: AccountId) -> Result<Event, AccountRefused> {
        self.get(&id).ok_or(AccountRefused::Unknown)?;
        self.check_not_last(id)?;
        Ok(Event::AccountClosed { at_ms: now_ms, id })
    }

    /// Without an administrator nobody could mend the node from its pages.
    fn check_not_last(&self, id: AccountId) -> Result<(), AccountRefused> {
        let administers = |account: &&Account| !account.closed && account.roles.may(Permission::ManageSettings);
        let concerned = self.get(&id).is_some_and(|account| administers(&account));
        let others = self.by_id.values().filter(|account| account.id != id).any(|account| administers(&account));
        if concerned && !others { Err(AccountRefused::LastAdministrator) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::role::Role;

    fn person(byte: u8, name: &str, roles: &[Role]) -> NewAccount {
        NewAccount {
            id: AccountId([byte; 16]),
            name: AccountName::new(name).unwrap(),
            roles: Roles::of(roles),
            password_hash: format!("hash of {name}"),
        }
    }

    fn set_up() -> (Accounts, SetupCode) {
        let (code, event) = SetupCode::issue([7; 10], 1);
        let mut accounts = Accounts::of(&[event]);
        let first = accounts.set_up(&code, 2, Separation::NotRequired, person(1, "管理员", &[])).unwrap();
        accounts.apply(&first);
        (accounts, code)
    }

    #[test]
    fn the_set_up_code_makes_the_first_account_and_no_other() {
        let (accounts, code) = set_up();
        let first = accounts.named(&AccountName::new("管理员").unwrap()).unwrap();
        assert!(first.roles.may(Permission::Upload) && first.roles.may(Permission::ManageFederation));
        let again = accounts.set_up(&code, 3, Separation::NotRequired, person(2, "第二人", &[]));
        assert_eq!(again, Err(AccountRefused::AlreadySetUp));
    }

    #[test]
    fn a_wrong_set_up_code_and_a_node_without_one_make_no_account() {
        let (code, event) = SetupCode::issue([7; 10], 1);
        let (other, _) = SetupCode::issue([8; 10], 1);
        let attempt =
            |accounts: &Accounts, code| accounts.set_up(code, 2, Separation::Required, person(1, "x", &[])).map(drop);
        assert_eq!(attempt(&Accounts::of(&[event]), &other), Err(AccountRefused::WrongCode));
        assert_eq!(attempt(&Accounts::default(), &code), Err(AccountRefused::WrongCode));
    }

    #[test]
    fn a_name_is_one_persons_whatever_its_case() {
        let (mut accounts, _) = set_up();
        let made = accounts.create(3, Separation::NotRequired, person(2, "Li", &[Role::Teacher])).unwrap();
        accounts.apply(&made);
        let again = accounts.create(4, Separation::NotRequired, person(3, "li", &[Role::Teacher]));
        assert_eq!(again, Err(AccountRefused::NameTaken("li".into())));
        // Also where two journals were laid together and both have it.
        accounts.apply(&Event::AccountCreated {
            at_ms: 5,
            id: AccountId([3; 16]),
            name: AccountName::new("LI").unwrap(),
            roles: Roles::first(Separation::NotRequired),
            password_hash: String::new(),
        });
        assert_eq!(accounts.len(), 2);
    }

    #[test]
    fn changing_a_password_or_roles_begins_a_new_generation() {
        let (mut accounts, _) = set_up();
        let id = AccountId([1; 16]);
        let changed = accounts.change_password(3, id, "other".into()).unwrap();
        accounts.apply(&changed);
        assert_eq!(accounts.get(&id).unwrap().generation, 1);
        assert_eq!(accounts.get(&id).unwrap().password_hash, "other");
    }

    #[test]
    fn the_last_administrator_stays() {
        let (mut accounts, _) = set_up();
        let id = AccountId([1; 16]);
        assert_eq!(accounts.close(3, id), Err(AccountRefused::LastAdministrator));
        let demoted = accounts.change_roles(3, Separation::NotRequired, id, Roles::of(&[Role::Teacher]));
        assert_eq!(demoted, Err(AccountRefused::LastAdministrator));
        let other = accounts.create(4, Separation::NotRequired, person(2, "副管理员", &[Role::SystemAdmin])).unwrap();
        accounts.apply(&other);
        let closed = accounts.close(5, id).unwrap();
        accounts.apply(&closed);
        assert!(accounts.get(&id).unwrap().closed);
    }

    #[test]
    fn replaying_the_events_gives_the_same_accounts() {
        let (code, issued) = SetupCode::issue([7; 10], 1);
        let mut live = Accounts::of([&issued]);
        let mut events = vec![issued];
        let first = live.set_up(&code, 2, Separation::NotRequired, person(1, "甲", &[])).unwrap();
        live.apply(&first);
        events.push(first);
        let second = live.create(3, Separation::NotRequired, person(2, "乙", &[Role::Student])).unwrap();
        live.apply(&second);
        events.push(second);
        let bytes: Vec<Vec<u8>> = events.iter().map(Event::encode).collect();
        let read: Vec<Event> = bytes.iter().map(|bytes| Event::decode(bytes).unwrap()).collect();
        assert!(Accounts::of(&read).iter().eq(live.iter()));
    }
}
