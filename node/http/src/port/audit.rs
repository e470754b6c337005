//! What the audit trail is told: time, who, what, with which outcome (GB/T 22239, 安全审计).

/// One line of the trail. No titles, texts or passwords: ids only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    pub at_ms: u64,
    /// `owner`, an account's id, or `lan`.
    pub actor: String,
    /// `sign-in`, `sign-out`, `account-created`, `password-changed`, `add`, `withdraw`, …
    pub action: &'static str,
    /// The id of what was acted on; empty where there is none.
    pub subject: String,
    /// The address that the request came from.
    pub source: String,
    pub outcome: Outcome,
}

/// Whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Refused,
}
