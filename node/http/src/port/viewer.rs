//! Who asks, and what they may see.

use kapok_private::{AccountId, Permission, Roles};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// The node's owner, by the token file, from this machine: the command line.
    Owner,
    /// Somebody who has signed in.
    Account { id: AccountId, name: String, roles: Roles },
    /// Anybody who reaches the pages.
    Lan,
}

/// Who may receive an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    Public,
    Federation,
    County,
    School,
    Private,
}

impl Viewer {
    /// Whether the role table allows it. The owner may do everything.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Owner => true,
            Self::Account { roles, .. } => roles.may(permission),
            Self::Lan => false,
        }
    }

    /// Whether entries of this visibility that are on this node may be shown to the viewer.
    #[must_use]
    pub fn sees(&self, visibility: Visibility) -> bool {
        match visibility {
            Visibility::Public => true,
            Visibility::Federation | Visibility::County => self.may(Permission::ReadFederation),
            Visibility::School => self.may(Permission::ReadSchool),
            Visibility::Private => self.may(Permission::ReadPrivate),
        }
    }

    /// The person in whose name entries are signed; the owner's entries are the node's own.
    #[must_use]
    pub fn person(&self) -> Option<AccountId> {
        match self {
            Self::Account { id, .. } => Some(*id),
            Self::Owner | Self::Lan => None,
        }
    }
}
