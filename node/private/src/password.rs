//! Passwords: which are taken, and how they are kept.
//!
//! Argon2id with 19 MiB, two passes, one lane (OWASP's minimum for it), kept as a PHC string, so that the figures may
//! grow later while old hashes go on verifying.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::account::AccountName;

/// Hashes computed at once: 2 × 19 MiB, whatever two hundred pupils do at eight o'clock. The caller keeps to it.
pub const AT_ONCE: usize = 2;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a stored hash may ask for. A journal entry with more is damaged or planted, and would take the node's memory.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;
const MIN_CHARS: usize = 8;
/// Long enough for any sentence, short enough that hashing its bytes costs nothing.
const MAX_CHARS: usize = 128;
/// “aaaaaaaa” and “12121212” are what guessers try first.
const MIN_DIFFERENT_CHARS: usize = 4;

/// Why a password is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    #[error("the password has {0} characters; at least {MIN_CHARS} are needed")]
    TooShort(usize),
    #[error("the password has {0} characters; at most {MAX_CHARS} are possible")]
    TooLong(usize),
    #[error("the password contains the name; choose one that does not")]
    ContainsName,
    #[error("the password is a simple row of characters; choose one that is harder to guess")]
    TooSimple,
}

/// A hash could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashFailed(String);

/// Whether a password may be chosen by the account of this name.
pub fn check(password: &str, name: &AccountName) -> Result<(), PasswordRefused> {
    let chars: Vec<char> = password.chars().collect();
    if chars.len() < MIN_CHARS {
        return Err(PasswordRefused::TooShort(chars.len()));
    }
    if chars.len() > MAX_CHARS {
        return Err(PasswordRefused::TooLong(chars.len()));
    }
    // A one-letter name is in every second password.
    let key = name.key();
    if key.chars().count() > 1 && password.to_lowercase().contains(&key) {
        return Err(PasswordRefused::ContainsName);
    }
    let mut different = chars.clone();
    different.sort_unstable();
    different.dedup();
    let steps_by =
        |step: i64| chars.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step);
    if different.len() < MIN_DIFFERENT_CHARS || steps_by(1) || steps_by(-1) {
        return Err(PasswordRefused::TooSimple);
    }
    Ok(())
}

fn argon2() -> Result<Argon2<'static>, HashFailed> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| HashFailed(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The PHC string to keep. The salt is drawn by the caller. Takes some 30 ms and 19 MiB: see [`AT_ONCE`].
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, HashFailed> {
    let hash =
        argon2()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|error| HashFailed(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether the password is the one that was hashed. Costs as much as [`hash`].
#[must_use]
pub fn verify(password: &str, phc: &str) -> bool {
    if password.chars().count() > MAX_CHARS {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(phc) else { return false };
    let affordable = Params::try_from(&parsed)
        .is_ok_and(|params| params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES);
    affordable && argon2().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &parsed).is_ok())
}

/// Spends the time of a verification on nothing, so that a name without an account answers no faster than one with.
pub fn verify_nobody(password: &str) {
    let shortened: String = password.chars().take(MAX_CHARS).collect();
    let _ = hash(&shortened, [0; 16]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let kept = hash("山上的小学2026", [3; 16]).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(verify("山上的小学2026", &kept));
        assert!(!verify("山上的小学2027", &kept));
        assert!(!verify("山上的小学2026", "not a hash"));
    }

    #[test]
    fn a_planted_hash_cannot_take_the_nodes_memory() {
        let kept = hash("山上的小学2026", [3; 16]).unwrap();
        assert!(!verify("山上的小学2026", &kept.replace("m=19456", "m=4000000")));
    }

    #[test]
    fn short_long_simple_and_own_name_passwords_are_refused() {
        let name = AccountName::new("lilaoshi").unwrap();
        for (password, refusal) in [
            ("abc1234", PasswordRefused::TooShort(7)),
            ("Lilaoshi-88", PasswordRefused::ContainsName),
            ("12345678", PasswordRefused::TooSimple),
            ("hgfedcba", PasswordRefused::TooSimple),
            ("abababab", PasswordRefused::TooSimple),
        ] {
            assert_eq!(check(password, &name), Err(refusal), "{password}");
        }
        assert_eq!(check(&"长a1b".repeat(40), &name), Err(PasswordRefused::TooLong(160)));
        check("木棉花开了2026", &name).unwrap();
    }
}
