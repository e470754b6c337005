//! Who may do what over HTTP: accounts, sessions, the owner's token, and the guard before every route.
//!
//! Reading order: [`table`] says what each route needs; [`guard`] finds out who asks and compares; this file keeps the
//! accounts (the fold of the private journal's events) and hashes passwords, at most two at a time.

mod error;
mod guard;
mod host;
mod table;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kapok_private::accounts::{AccountRefused, NewAccount};
use kapok_private::role::Separation;
use kapok_private::session::{SessionToken, Sessions};
use kapok_private::setup::SetupCode;
use kapok_private::throttle::Throttle;
use kapok_private::{Account, AccountId, AccountName, Accounts, Event, Role, Roles, password};
use tokio::sync::Semaphore;

pub(crate) use error::AccessError;
pub(crate) use guard::{Caller, ConnectedFrom, STALE_FORM, guard, identify};
pub(crate) use table::is_page;
#[cfg(test)]
pub(crate) use table::{Need, ROUTES};

use crate::port::{AuditRecord, Failure, Node, Outcome, Result, Viewer};

/// Longest wait for a turn to hash a password: 300 people ahead, at 31 ms for two.
const HASH_TURN: Duration = Duration::from_secs(10);
/// Under this name wrong set-up codes are counted; no account can have it.
const SETUP_KEY: &str = "\0set-up";

/// What signing in needs.
pub(crate) struct SignIn<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
    pub(crate) source: IpAddr,
    /// The session that the browser had; it ends.
    pub(crate) former: Option<&'a SessionToken>,
}

/// Accounts and sessions of this node.
pub(crate) struct Access {
    node: Arc<dyn Node>,
    token_hash: blake3::Hash,
    /// Cookies do not tell ports apart, so that two nodes on one machine need two names.
    cookie_suffix: String,
    state: Arc<Mutex<State>>,
    /// Held while an event is decided, made durable and applied: one change of accounts at a time.
    changes: Arc<tokio::sync::Mutex<()>>,
    hashing: Arc<Semaphore>,
    started: (Instant, u64),
}

#[derive(Default)]
struct State {
    accounts: Accounts,
    sessions: Sessions,
    throttle: Throttle,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wall_clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Access {
    /// Folds the private journal.
    pub(crate) async fn load(node: Arc<dyn Node>, token: &str) -> Result<Self> {
        let mut accounts = Accounts::default();
        for bytes in node.private_events().await? {
            match Event::decode(&bytes) {
                Ok(event) => accounts.apply(&event),
                // Passed over, and still in the journal: a newer version may have written it.
                Err(error) => tracing::warn!(%error, "an account event was passed over"),
            }
        }
        let id = node.status().await?.node;
        Ok(Self {
            token_hash: blake3::hash(token.as_bytes()),
            cookie_suffix: blake3::hash(id.as_bytes()).to_hex()[..8].to_owned(),
            state: Arc::new(Mutex::new(State { accounts, ..State::default() })),
            changes: Arc::default(),
            hashing: Arc::new(Semaphore::new(password::AT_ONCE)),
            started: (Instant::now(), wall_clock_ms()),
            node,
        })
    }

    /// Nothing panics while the lock is held; should it ever, the state is still whole between two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Milliseconds that never jump, for sessions and waits.
    fn now_ms(&self) -> u64 {
        let (instant, wall_ms) = self.started;
        wall_ms + u64::try_from(instant.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn is_set_up(&self) -> bool {
        self.state().accounts.is_set_up()
    }

    /// Compared by hash, in constant time.
    fn is_owner(&self, token: &str) -> bool {
        blake3::hash(token.as_bytes()) == self.token_hash
    }

    pub(crate) fn session_cookie(&self) -> String {
        format!("kapok_session_{}", self.cookie_suffix)
    }

    /// Guards the forms of those who have no session yet.
    pub(crate) fn form_cookie(&self) -> String {
        format!("kapok_form_{}", self.cookie_suffix)
    }

    /// Whose session it is, if it is alive.
    pub(crate) fn viewer_of(&self, token: &SessionToken) -> Option<Viewer> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let (id, generation) = state.sessions.touch(now_ms, token)?;
        let account =
            state.accounts.get(&id).filter(|account| !account.closed && account.generation == generation).map(viewer);
        if account.is_none() {
            state.sessions.close(token);
        }
        account
    }

    pub(crate) async fn sign_in(
        &self,
        sign_in: SignIn<'_>,
    ) -> std::result::Result<(SessionToken, Viewer), AccessError> {
        let SignIn { name, password, source, former } = sign_in;
        let key = AccountName::new(name).map_or_else(|_| name.chars().take(80).collect(), |name| name.key());
        let verified = self.verify(&key, password, source).await;
        let subject = verified.as_ref().map_or(String::new(), |account| account.id.to_string());
        self.audit("sign-in", &subject, "lan", source, &verified).await;
        let account = verified?;
        let token = SessionToken::from_random(rand::random());
        self.state().sessions.open(self.now_ms(), &account, &token, former);
        Ok((token, viewer(&account)))
    }

    /// The account of this name, if the password is its own. Counts what is wrong.
    async fn verify(&self, key: &str, typed: &str, source: IpAddr) -> std::result::Result<Account, AccessError> {
        self.state().throttle.check(self.now_ms(), key, source)?;
        let permit = self.hash_turn().await?;
        // Asked again: others of the same guesser may have failed while this one waited for its turn.
        self.state().throttle.check(self.now_ms(), key, source)?;
        let account = AccountName::new(key).ok().and_then(|name| self.state().accounts.named(&name).cloned());
        let (state, key, typed, now_ms) = (self.state.clone(), key.to_owned(), typed.to_owned(), self.now_ms());
        // Counted in there, before the turn ends, and also if whoever asked hangs up meanwhile.
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let is_right = match &account {
                Some(account) => password::verify(&typed, &account.password_hash) && !account.closed,
                None => {
                    password::verify_nobody(&typed);
                    false
                }
            };
            let throttle = &mut lock(&state).throttle;
            if is_right {
                throttle.succeeded(now_ms, &key, source);
            } else {
                throttle.failed(now_ms, &key, source);
            }
            account.filter(|_| is_right)
        });
        let verified = verified.await.map_err(|error| Failure::internal("cannot sign in", error.to_string()))?;
        verified.ok_or(AccessError::WrongPassword)
    }

    async fn hash_turn(&self) -> std::result::Result<tokio::sync::OwnedSemaphorePermit, AccessError> {
        match tokio::time::timeout(HASH_TURN, self.hashing.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(AccessError::Busy),
        }
    }

    async fn hash(&self, text: &str) -> std::result::Result<String, AccessError> {
        let permit = self.hash_turn().await?;
        let (text, salt) = (text.to_owned(), rand::random());
        let hashed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            password::hash(&text, salt)
        });
        let failed = |error: String| AccessError::Node(Failure::internal("cannot keep this password", error));
        hashed.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
    }

    pub(crate) fn sign_out(&self, token: &SessionToken) {
        self.state().sessions.close(token);
    }

    /// The first account, and its session.
    pub(crate) async fn set_up(
        &self,
        code: &str,
        sign_in: SignIn<'_>,
    ) -> std::result::Result<(SessionToken, Viewer), AccessError> {
        let SignIn { name, password, source, former } = sign_in;
        let code = SetupCode::typed(code);
        {
            let now_ms = self.now_ms();
            let mut state = self.state();
            state.throttle.check(now_ms, SETUP_KEY, source)?;
            if let Err(error) = state.accounts.check_code(&code) {
                if error == AccountRefused::WrongCode {
                    state.throttle.failed(now_ms, SETUP_KEY, source);
                }
                return Err(error.into());
            }
        }
        let account = self.new_account(name, password, Roles::NONE).await?;
        let separation = self.separation().await?;
        let made = self.change(move |accounts| accounts.set_up(&code, wall_clock_ms(), separation, account)).await;
        self.audit("set-up", "", "lan", source, &made).await;
        let account = made?;
        let token = SessionToken::from_random(rand::random());
        self.state().sessions.open(self.now_ms(), &account, &token, former);
        Ok((token, viewer(&account)))
    }

    pub(crate) async fn create_account(
        &self,
        caller: &Caller,
        name: &str,
        password: &str,
        role_names: &[String],
    ) -> std::result::Result<Account, AccessError> {
        let roles: Vec<Role> = role_names.iter().map(|name| name.parse()).collect::<std::result::Result<_, _>>()?;
        let account = self.new_account(name, password, Roles::of(&roles)).await?;
        let separation = self.separation().await?;
        let made = self.change(move |accounts| accounts.create(wall_clock_ms(), separation, account)).await;
        let subject = made.as_ref().map_or(String::new(), |account| account.id.to_string());
        self.audit("account-created", &subject, &caller.actor(), caller.source, &made).await;
        made
    }

    async fn new_account(&self, name: &str, text: &str, roles: Roles) -> std::result::Result<NewAccount, AccessError> {
        let name = AccountName::new(name)?;
        password::check(text, &name)?;
        let password_hash = self.hash(text).await?;
        Ok(NewAccount { id: AccountId(rand::random()), name, roles, password_hash })
    }

    /// Another password for oneself, after the present one; other sessions end and a new one begins.
    pub(crate) async fn change_own_password(
        &self,
        caller: &Caller,
        current: &str,
        new: &str,
    ) -> std::result::Result<SessionToken, AccessError> {
        let id = caller.viewer.person().ok_or(AccountRefused::Unknown)?;
        let name = self.state().accounts.get(&id).map(|account| account.name.clone()).ok_or(AccountRefused::Unknown)?;
        self.verify(&name.key(), current, caller.source).await?;
        let account = self.set_password(caller, id, new).await?;
        let token = SessionToken::from_random(rand::random());
        self.state().sessions.open(self.now_ms(), &account, &token, caller.session.as_ref());
        Ok(token)
    }

    /// Another password for somebody; all their sessions end.
    pub(crate) async fn set_password(
        &self,
        caller: &Caller,
        id: AccountId,
        new: &str,
    ) -> std::result::Result<Account, AccessError> {
        let name = self.state().accounts.get(&id).map(|account| account.name.clone()).ok_or(AccountRefused::Unknown)?;
        password::check(new, &name)?;
        let hash = self.hash(new).await?;
        let changed = self.change(move |accounts| accounts.change_password(wall_clock_ms(), id, hash)).await;
        self.audit("password-changed", &id.to_string(), &caller.actor(), caller.source, &changed).await;
        let account = changed?;
        self.state().sessions.close_all(id);
        Ok(account)
    }

    /// All accounts, in order of their making.
    pub(crate) fn accounts(&self) -> Vec<Account> {
        self.state().accounts.iter().cloned().collect()
    }

    /// Decides an event, makes it durable, applies it, and gives back the account that it is about. In a task of its
    /// own, so that what is in the journal is applied also when whoever asked hangs up meanwhile.
    async fn change(
        &self,
        decide: impl FnOnce(&Accounts) -> std::result::Result<Event, AccountRefused> + Send + 'static,
    ) -> std::result::Result<Account, AccessError> {
        let (node, state, changes) = (self.node.clone(), self.state.clone(), self.changes.clone());
        let changed = tokio::spawn(async move {
            let _one_at_a_time = changes.lock().await;
            let event = decide(&lock(&state).accounts)?;
            node.append_private(event.encode()).await?;
            let mut state = lock(&state);
            state.accounts.apply(&event);
            let account = event.account().and_then(|id| state.accounts.get(&id).cloned());
            account.ok_or(AccessError::Account(AccountRefused::Unknown))
        });
        changed.await.map_err(|error| Failure::internal("cannot change the accounts", error.to_string()))?
    }

    /// At county and city one person cannot hold two administrations.
    async fn separation(&self) -> Result<Separation> {
        let tier = self.node.status().await?.tier;
        Ok(if matches!(tier.as_str(), "city" | "county") { Separation::Required } else { Separation::NotRequired })
    }

    async fn audit<T>(
        &self,
        action: &'static str,
        subject: &str,
        actor: &str,
        source: IpAddr,
        outcome: &std::result::Result<T, AccessError>,
    ) {
        let outcome = if outcome.is_ok() { Outcome::Done } else { Outcome::Refused };
        self.record(action, subject, actor, source, outcome).await;
    }

    /// Tells the audit trail. A trail that cannot be written stops nobody from reading or signing in.
    pub(crate) async fn record(
        &self,
        action: &'static str,
        subject: &str,
        actor: &str,
        source: IpAddr,
        outcome: Outcome,
    ) {
        let record = AuditRecord {
            at_ms: wall_clock_ms(),
            actor: actor.to_owned(),
            action,
            subject: subject.to_owned(),
            source: source.to_string(),
            outcome,
        };
        if let Err(error) = self.node.audit(record).await {
            tracing::error!(%error, action, "the audit trail could not be written");
        }
    }
}

fn viewer(account: &Account) -> Viewer {
    Viewer::Account { id: account.id, name: account.name.to_string(), roles: account.roles }
}
