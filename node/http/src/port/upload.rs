//! Uploads: files that arrive in parts, on disk from the first byte.

use kapok_library::resource::rules;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Failure, Result};

/// What a new upload says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// The file's name, without folders.
    pub name: String,
    /// All its bytes.
    pub size: u64,
}

/// An upload and how far it is. It is complete when `offset` equals `size`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    pub id: String,
    pub name: String,
    pub size: u64,
    pub offset: u64,
}

impl UploadRequest {
    /// Of a file's name.
    pub const MAX_NAME_BYTES: usize = rules::MAX_FILE_NAME_BYTES;

    /// The request if its name can be the name of a file on any system that a pack may reach.
    pub fn checked(self) -> Result<Self> {
        check_file_name(&self.name)?;
        Ok(self)
    }
}

/// Refuses names that are too long, hide a folder, or are none.
pub(crate) fn check_file_name(name: &str) -> Result<()> {
    let shown: String = name.chars().take(40).collect();
    let Err(rule) = rules::check_file_name(name) else { return Ok(()) };
    Err(Failure::invalid(format!("cannot take a file named “{shown}”"), rule.to_string())
        .remedy("rename the file and upload it again")
        // By the whole name: the rule keeps its beginning only.
        .file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_long_or_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "../etc/passwd", "a\\b", "a\nb", &"x".repeat(250)] {
            let refusal = check_file_name(name).expect_err("must be refused");
            assert!(!refusal.remedy.is_empty(), "{name}");
        }
        assert!(check_file_name("平行四边形的面积（第1课时）.pptx").is_ok());
        assert!(check_file_name(&"长".repeat(79)).is_ok());
    }
}
