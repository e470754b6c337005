//! What every page shares: the bark bar (mark, search, lamp, account), the places, and the strips above the page.

use crate::assets;
use crate::facts::Tier;
use crate::format::{Bytes, Clock, Moment};
use crate::messages::Messages;

/// The bars of a page. Built once a request.
#[derive(Clone, Debug)]
pub struct Frame {
    pub messages: &'static Messages,
    pub clock: Clock,
    /// Name of this node, for instance 禾草坝中心小学.
    pub node_name: String,
    /// Name of the county (or city) that it belongs to, for instance 米易县.
    pub place: Option<String>,
    pub tier: Tier,
    pub link: Link,
    /// Up to when the catalogue of the federation is known here: the newest head heard from another node. `None` when
    /// none was ever heard, or this node stands alone.
    pub catalogue_as_of: Option<Moment>,
    /// Who is logged in.
    pub account: Option<Account>,
    /// The token that every form posts as `csrf` and every script sends as `X-Kapok-CSRF`. Empty when nobody is
    /// logged in and the page has no form.
    pub csrf: String,
    /// What stands in the search box.
    pub query: String,
    /// Resources on their way or waiting: the number beside 同步.
    pub pending: u64,
    pub notices: Vec<Notice>,
}

/// The lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A node beyond this place answered lately.
    Online,
    /// Only nodes on the local network answer.
    LanOnly,
    Offline,
}

impl Link {
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::LanOnly => "lan",
            Self::Offline => "offline",
        }
    }
}

/// Who is logged in, and what they may do: it draws the menus, the node checks by itself.
#[derive(Clone, Debug)]
pub struct Account {
    /// What people see, for instance 李老师.
    pub name: String,
    pub may_upload: bool,
    /// Who is in the federation, and what is on its way.
    pub may_see_federation: bool,
    /// Subscriptions, fetching, withdrawing, members.
    pub may_manage: bool,
}

/// A quiet strip under the bars. It says what still works.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The link to the parent is down since then; so many resources open as usual, where that may be told.
    Offline { parent: String, since: Moment, held: Option<u64> },
    /// The disk is nearly full: uploads and downloads pause, reading goes on.
    DiskLow { free: Bytes },
    /// The catalogue or the index is being rebuilt from the journal; per cent done.
    Rebuilding { percent: u8 },
    /// Something was done, said once after a redirect.
    Done(Done),
}

/// What was done, in words of [`Messages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Uploaded,
    FetchStarted,
    Subscribed,
    Unsubscribed,
    Withdrawn,
    PasswordChanged,
    LoggedOut,
    SyncStarted,
}

impl Done {
    pub const ALL: [Self; 8] = [
        Self::Uploaded,
        Self::FetchStarted,
        Self::Subscribed,
        Self::Unsubscribed,
        Self::Withdrawn,
        Self::PasswordChanged,
        Self::LoggedOut,
        Self::SyncStarted,
    ];

    /// A word for `?done=…` after a redirect; [`Done::from_slug`] reads it back.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::FetchStarted => "fetch-started",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
            Self::Withdrawn => "withdrawn",
            Self::PasswordChanged => "password-changed",
            Self::LoggedOut => "logged-out",
            Self::SyncStarted => "sync-started",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.slug() == slug)
    }
}

/// The places of the white bar; which one a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Home,
    Library,
    Sync,
    Federation,
    Upload,
    Account,
    /// Log-in, errors: none of them.
    None,
}

impl Frame {
    /// Whether the menus offer uploading. A visitor sees it too: it leads to the log-in page and from there back.
    #[must_use]
    pub fn offers_upload(&self) -> bool {
        self.account.as_ref().is_none_or(|account| account.may_upload)
    }

    #[must_use]
    pub fn may_upload(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.may_upload)
    }

    #[must_use]
    pub fn may_see_federation(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.may_see_federation)
    }

    #[must_use]
    pub fn may_manage(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.may_manage)
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// 本校, 本馆 or 本教学点: how this node speaks of itself.
    pub(crate) fn here(&self) -> &str {
        self.messages.term("here", self.tier.slug())
    }
}

impl Account {
    /// The sign in the round beside the name.
    pub(crate) fn initial(&self) -> String {
        self.name.chars().take(1).collect()
    }
}
