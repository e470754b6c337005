//! Text out of files.

use thiserror::Error;

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    pub text: String,
    pub title: Option<String>,
    pub truncated: bool,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExtractError {
    #[error("the file holds no text")]
    NoText,
}
