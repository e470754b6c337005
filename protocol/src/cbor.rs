//! Deterministic CBOR: one value, one encoding.
//!
//! What is signed is encoded by RFC 8949 §4.2.1 (shortest integers, definite lengths, map keys in ascending
//! order, each once). The encoders are derived and give that by construction; [`check`] holds what arrives from
//! outside to the same rule, and bounds its nesting before anything is decoded.
//!
//! Only the types that Kapok uses are allowed: integers, byte and text strings, arrays, maps, booleans and null.

/// Deep enough for every statement of the protocol (the deepest has 5 levels) with room for later fields.
pub(crate) const MAX_DEPTH: usize = 16;

/// The bytes are not one value in deterministic CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDeterministic {
    #[error("the encoding ends too early")]
    Truncated,
    #[error("bytes follow the value")]
    TrailingBytes,
    #[error("an integer or a length is not in its shortest form")]
    NotShortest,
    #[error("map keys are not in ascending order")]
    KeyOrder,
    #[error("a type that is not used here (floats, tags, indefinite lengths)")]
    ForeignType,
    #[error("text is not UTF-8")]
    NotUtf8,
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// Checks that `bytes` is exactly one value in deterministic CBOR.
///
/// # Errors
/// Names the first rule that is broken.
pub fn check(bytes: &[u8]) -> Result<(), NotDeterministic> {
    let rest = value(bytes, 0)?;
    if rest.is_empty() { Ok(()) } else { Err(NotDeterministic::TrailingBytes) }
}

/// Encodes a value whose encoder cannot fail (all of Kapok's write to memory).
pub(crate) fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail, and no encoder of ours refuses a value")
}

fn value(bytes: &[u8], depth: usize) -> Result<&[u8], NotDeterministic> {
    if depth > MAX_DEPTH {
        return Err(NotDeterministic::TooDeep);
    }
    let (&first, _) = bytes.split_first().ok_or(NotDeterministic::Truncated)?;
    let major = first >> 5;
    if major == 7 {
        return match first & 0x1f {
            20..=22 => Ok(&bytes[1..]),
            _ => Err(NotDeterministic::ForeignType),
        };
    }
    let (argument, mut rest) = head(bytes)?;
    match major {
        0 | 1 => Ok(rest),
        2 | 3 => {
            let length = usize::try_from(argument).map_err(|_| NotDeterministic::Truncated)?;
            if length > rest.len() {
                return Err(NotDeterministic::Truncated);
            }
            let (string, rest) = rest.split_at(length);
            if major == 3 && std::str::from_utf8(string).is_err() {
                return Err(NotDeterministic::NotUtf8);
            }
            Ok(rest)
        }
        4 => {
            for _ in 0..argument {
                rest = value(rest, depth + 1)?;
            }
            Ok(rest)
        }
        5 => {
            let mut previous: Option<&[u8]> = None;
            for _ in 0..argument {
                let after = value(rest, depth + 1)?;
                let key = &rest[..rest.len() - after.len()];
                if previous.is_some_and(|previous| previous >= key) {
                    return Err(NotDeterministic::KeyOrder);
                }
                previous = Some(key);
                rest = value(after, depth + 1)?;
            }
            Ok(rest)
        }
        _ => Err(NotDeterministic::ForeignType),
    }
}

/// The argument of an item's head, and what follows it.
fn head(bytes: &[u8]) -> Result<(u64, &[u8]), NotDeterministic> {
    let (&first, rest) = bytes.split_first().ok_or(NotDeterministic::Truncated)?;
    let size = match first & 0x1f {
        small @ 0..=23 => return Ok((u64::from(small), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Err(NotDeterministic::ForeignType),
    };
    if rest.len() < size {
        return Err(NotDeterministic::Truncated);
    }
    let (number, rest) = rest.split_at(size);
    let argument = number.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
    let smallest = match size {
        1 => 24,
        2 => 0x100,
        4 => 0x1_0000,
        _ => 0x1_0000_0000,
    };
    if argument < smallest { Err(NotDeterministic::NotShortest) } else { Ok((argument, rest)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_rule_has_its_refusal() {
        for (bytes, refusal) in [
            (&[][..], NotDeterministic::Truncated),
            (&[0x18, 0x17], NotDeterministic::NotShortest),
            (&[0x00, 0x00], NotDeterministic::TrailingBytes),
            (&[0xa2, 0x01, 0x00, 0x00, 0x00], NotDeterministic::KeyOrder),
            (&[0xa2, 0x01, 0x00, 0x01, 0x00], NotDeterministic::KeyOrder),
            (&[0x9f, 0xff], NotDeterministic::ForeignType),
            (&[0xf9, 0x00, 0x00], NotDeterministic::ForeignType),
            (&[0xc0, 0x00], NotDeterministic::ForeignType),
            (&[0x61, 0xff], NotDeterministic::NotUtf8),
            (&[0x81; 40], NotDeterministic::TooDeep),
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], NotDeterministic::Truncated),
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], NotDeterministic::Truncated),
        ] {
            assert_eq!(check(bytes), Err(refusal), "{bytes:02x?}");
        }
        assert_eq!(check(&[0xa2, 0x01, 0xf6, 0x18, 0x18, 0x82, 0x41, 0xff, 0x61, 0x61]), Ok(()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = check(&bytes);
        }
    }
}
