//! The one-time set-up code: printed by `kapok init`, typed once to make the first account.

use crate::Millis;
use crate::event::Event;

/// Crockford's alphabet: no I, L, O, U, so that nothing is misread from paper.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CONTEXT: &str = "kapok 2026 set-up code 1";
/// 80 bits: beyond guessing even without the throttle that stands before it.
const CODE_CHARS: usize = 16;

/// A set-up code as it is shown and typed.
#[derive(Clone, PartialEq, Eq)]
pub struct SetupCode(String);

impl SetupCode {
    /// A new code from 80 random bits, and the event by which the node will know it.
    #[must_use]
    pub fn issue(random: [u8; 10], now_ms: Millis) -> (Self, Event) {
        let bits = random.iter().fold(0u128, |bits, &byte| bits << 8 | u128::from(byte));
        let chars: String =
            (0..CODE_CHARS).rev().map(|place| char::from(ALPHABET[(bits >> (5 * place) & 31) as usize])).collect();
        let code = Self(chars);
        let event = Event::SetupCodeIssued { at_ms: now_ms, hash: code.hash() };
        (code, event)
    }

    /// The code as somebody typed it: case, spaces and hyphens do not matter, O is 0, I and L are 1.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let chars = text.chars().filter(char::is_ascii_alphanumeric).take(CODE_CHARS + 1);
        Self(
            chars
                .map(|c| match c.to_ascii_uppercase() {
                    'O' => '0',
                    'I' | 'L' => '1',
                    other => other,
                })
                .collect(),
        )
    }

    fn hash(&self) -> [u8; 32] {
        blake3::derive_key(CONTEXT, self.0.as_bytes())
    }

    /// Compared in constant time, as [`blake3::Hash`] does.
    #[must_use]
    pub fn has_hash(&self, hash: &[u8; 32]) -> bool {
        blake3::Hash::from_bytes(self.hash()) == blake3::Hash::from_bytes(*hash)
    }
}

impl std::fmt::Display for SetupCode {
    /// In groups of four: `7K2M-…`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, c) in self.0.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for SetupCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetupCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_recognised_however_it_is_typed() {
        let (code, event) = SetupCode::issue([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1);
        let Event::SetupCodeIssued { hash, .. } = event else { unreachable!("issue() makes no other event") };
        let shown = code.to_string();
        assert_eq!(shown.len(), 19);
        for typed in
            [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('0', "O").replace('1', "l")]
        {
            assert!(SetupCode::typed(&typed).has_hash(&hash), "{typed}");
        }
        assert!(!SetupCode::typed(&format!("{shown}0")).has_hash(&hash));
        assert!(!SetupCode::typed("").has_hash(&hash));
    }
}
