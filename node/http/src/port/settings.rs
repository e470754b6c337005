//! Settings of the node: windows, rates, allowances, quotas, addresses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One setting with its meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// As in `kapok config get KEY`.
    pub key: String,
    /// As it is typed; empty where it is not set.
    pub value: String,
    pub default: String,
    /// What it does, in one sentence.
    pub meaning: String,
}

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    pub settings: Vec<Setting>,
}

/// A new value, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingValue {
    pub value: String,
}
