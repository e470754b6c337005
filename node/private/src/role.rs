//! Roles and what each may do: one table, from which checks and menus are both drawn.
//!
//! System, security and audit administration are three roles that one person cannot hold together at county and
//! city (GB/T 22239, least privilege and separation); a school with one able person may join them ([`Separation`]).

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// What an account is for. An account may hold several, within [`Separation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// 系统管理员: the node, its peers, its settings.
    SystemAdmin = 0,
    /// 安全管理员: accounts and roles.
    SecurityAdmin = 1,
    /// 审计员: reads the audit trail, changes nothing.
    Auditor = 2,
    /// 审核员: judges what is put forward.
    Reviewer = 3,
    /// 教师: uploads and manages own resources.
    Teacher = 4,
    /// 学生
    Student = 5,
    /// 家长
    Parent = 6,
    /// 访客: an account that sees what anybody on the LAN sees.
    Visitor = 7,
}

/// One thing that may be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Permission {
    /// Read resources of visibility `federation` and `county`.
    ReadFederation = 0,
    /// Read resources of visibility `school`.
    ReadSchool = 1,
    /// Read resources of visibility `private`: the node's own.
    ReadPrivate = 2,
    /// Bring a resource's files to this node.
    Fetch = 3,
    /// Publish resources, and new versions of one's own.
    Upload = 4,
    /// Withdraw a resource of this node.
    Withdraw = 5,
    /// Judge what was submitted.
    Review = 6,
    /// Subscriptions, rounds of synchronisation, the transfer queue.
    ManageSync = 7,
    /// Invite, admit, join, revoke.
    ManageFederation = 8,
    /// Settings of the node.
    ManageSettings = 9,
    /// Accounts and their roles.
    ManageAccounts = 10,
    /// Read the audit trail.
    ReadAudit = 11,
}

use Permission as P;

/// The table. A row per role, in the order of [`Role`].
const TABLE: [(Role, &str, &[Permission]); 8] = [
    (
        Role::SystemAdmin,
        "system-admin",
        &[
            P::ReadFederation,
            P::ReadSchool,
            P::ReadPrivate,
            P::Fetch,
            P::Withdraw,
            P::ManageSync,
            P::ManageFederation,
            P::ManageSettings,
        ],
    ),
    (Role::SecurityAdmin, "security-admin", &[P::ReadFederation, P::ReadSchool, P::ManageAccounts]),
    (Role::Auditor, "auditor", &[P::ReadFederation, P::ReadSchool, P::ReadAudit]),
    (Role::Reviewer, "reviewer", &[P::ReadFederation, P::ReadSchool, P::ReadPrivate, P::Fetch, P::Upload, P::Review]),
    (Role::Teacher, "teacher", &[P::ReadFederation, P::ReadSchool, P::ReadPrivate, P::Fetch, P::Upload]),
    (Role::Student, "student", &[P::ReadFederation, P::ReadSchool]),
    (Role::Parent, "parent", &[P::ReadFederation]),
    (Role::Visitor, "visitor", &[]),
];

impl Role {
    /// All roles, in the table's order.
    pub const ALL: [Self; 8] = [
        Self::SystemAdmin,
        Self::SecurityAdmin,
        Self::Auditor,
        Self::Reviewer,
        Self::Teacher,
        Self::Student,
        Self::Parent,
        Self::Visitor,
    ];

    /// The stable name, as in `kapok user add NAME --role ROLE`.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// What the role may do.
    #[must_use]
    pub fn permissions(self) -> &'static [Permission] {
        TABLE[self as usize].2
    }
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 12] = [
        Self::ReadFederation,
        Self::ReadSchool,
        Self::ReadPrivate,
        Self::Fetch,
        Self::Upload,
        Self::Withdraw,
        Self::Review,
        Self::ManageSync,
        Self::ManageFederation,
        Self::ManageSettings,
        Self::ManageAccounts,
        Self::ReadAudit,
    ];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” is not a role; choose one of system-admin, security-admin, auditor, reviewer, teacher, student, parent, visitor"
)]
pub struct NotARole(pub String);

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotARole(text.chars().take(40).collect());
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(refused)
    }
}

/// The roles of one account. Bits that a newer version set are kept, and allow nothing here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Roles(#[n(0)] u32);

/// Whether the three administrations must be held by three persons (city, county) or may be joined (school, point).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separation {
    Required,
    NotRequired,
}

/// Two administrations in one hand, where that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one account cannot be both {0} and {1} on a county or city node; make a second account")]
pub struct RolesNotSeparated(pub Role, pub Role);

impl Roles {
    /// No role: what an anonymous visitor holds.
    pub const NONE: Self = Self(0);

    /// Exactly these roles.
    #[must_use]
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, &role| bits | 1 << role as u32))
    }

    /// The first account's: administrator, and teacher so that uploading works from the first minute. Where
    /// administration must be separated it gets system administration; accounts are then made by the node's owner.
    #[must_use]
    pub fn first(separation: Separation) -> Self {
        match separation {
            Separation::Required => Self::of(&[Role::SystemAdmin, Role::Teacher]),
            Separation::NotRequired => Self::of(&[Role::SystemAdmin, Role::SecurityAdmin, Role::Teacher]),
        }
    }

    #[must_use]
    pub fn holds(self, role: Role) -> bool {
        self.0 & (1 << role as u32) != 0
    }

    /// The roles held, in the table's order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |&role| self.holds(role))
    }

    /// Whether any of the roles allows it.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        self.iter().any(|role| role.permissions().contains(&permission))
    }

    /// Refuses two administrations in one hand where they must be separated.
    pub fn check(self, separation: Separation) -> Result<(), RolesNotSeparated> {
        let mut administrations =
            [Role::SystemAdmin, Role::SecurityAdmin, Role::Auditor].into_iter().filter(|&role| self.holds(role));
        match (separation, administrations.next(), administrations.next()) {
            (Separation::Required, Some(one), Some(other)) => Err(RolesNotSeparated(one, other)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_role_in_order() {
        for (row, role) in TABLE.iter().zip(Role::ALL) {
            assert_eq!(row.0, role);
            assert_eq!(role.name().parse::<Role>(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn the_auditor_changes_nothing_and_pupils_publish_nothing() {
        let reading = [P::ReadFederation, P::ReadSchool, P::ReadPrivate, P::ReadAudit];
        for role in [Role::Auditor, Role::Student, Role::Parent, Role::Visitor] {
            assert!(role.permissions().iter().all(|permission| reading.contains(permission)), "{role}");
        }
    }

    #[test]
    fn each_permission_is_held_by_somebody_and_nobody_holds_all() {
        for permission in Permission::ALL {
            assert!(Role::ALL.iter().any(|&role| Roles::of(&[role]).may(permission)), "{permission:?}");
        }
        for role in Role::ALL {
            assert!(Permission::ALL.iter().any(|&permission| !Roles::of(&[role]).may(permission)), "{role}");
        }
    }

    #[test]
    fn administrations_are_separated_at_county_and_city_only() {
        let both = Roles::of(&[Role::SystemAdmin, Role::Auditor]);
        assert_eq!(both.check(Separation::Required), Err(RolesNotSeparated(Role::SystemAdmin, Role::Auditor)));
        both.check(Separation::NotRequired).unwrap();
        for separation in [Separation::Required, Separation::NotRequired] {
            let first = Roles::first(separation);
            first.check(separation).unwrap();
            assert!(first.may(P::Upload) && first.may(P::ManageSettings));
        }
    }
}
