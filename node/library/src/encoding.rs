//! Bodies are CBOR maps with integer keys: fields of later versions are skipped by earlier ones.

use minicbor::{Decode, Encode};

/// A body that cannot be read. The entry is kept and forwarded all the same; this node just does not show it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    #[error("it cannot be decoded: {0}")]
    Malformed(String),
    #[error("it breaks a rule: {0}")]
    Rule(String),
}

pub(crate) fn encode<T: Encode<()>>(body: &T) -> Vec<u8> {
    minicbor::to_vec(body).expect("writing to a Vec cannot fail, and no encoder of ours refuses a value")
}

pub(crate) fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, BadBody> {
    minicbor::decode(bytes).map_err(|error| BadBody::Malformed(error.to_string()))
}
