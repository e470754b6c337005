//! Wrong passwords: who has to wait, and how long.
//!
//! Counted for each pair of account and source, for each account, and for each source, so that a guesser is slowed
//! while nobody else is: one who has not failed yet is never made to wait because of what others did from the same
//! address (a whole school may sit behind one), and one who signed in from a place before keeps all tries there.
//!
//! | failures in [`WINDOW_MS`] | what follows |
//! |---|---|
//! | [`PAIR_FAILURES`] by a pair | the pair waits |
//! | [`ACCOUNT_FAILURES`] on an account | sources from which nobody signed in to it before wait |
//! | [`SOURCE_FAILURES`] by a source | its pairs have one try instead of five, except those known from before |

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::Millis;

/// How long failures count, and how long one waits (GB/T 22239 asks for a limit; 15 minutes is common practice).
pub const WINDOW_MS: Millis = 15 * 60 * 1000;
pub const PAIR_FAILURES: u32 = 5;
pub const ACCOUNT_FAILURES: u32 = 20;
pub const SOURCE_FAILURES: u32 = 60;
/// A source from which somebody signed in is known for a term's month.
const KNOWN_MS: Millis = 30 * 24 * 60 * 60 * 1000;
/// Entries of each table, 10 MB in the worst case. Beyond it the oldest give way.
const MAX_ENTRIES: usize = 50_000;

/// What was tried: the account's name, whether or not there is one.
type Target = [u8; 16];
/// Where from. IPv6 by /64, since one device has as many addresses as it likes.
type Source = [u8; 16];

#[derive(Clone, Copy, Default)]
struct Failures {
    count: u32,
    last_ms: Millis,
}

impl Failures {
    fn now(self, now_ms: Millis) -> u32 {
        if now_ms.saturating_sub(self.last_ms) < WINDOW_MS { self.count } else { 0 }
    }

    fn add(&mut self, now_ms: Millis) {
        *self = Self { count: self.now(now_ms).saturating_add(1), last_ms: now_ms };
    }
}

/// Too many wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords; try again in {} min", .wait_ms.div_ceil(60_000))]
pub struct Wait {
    pub wait_ms: Millis,
}

/// Counts of wrong passwords. In memory only.
#[derive(Default)]
pub struct Throttle {
    pairs: BTreeMap<(Target, Source), Failures>,
    targets: BTreeMap<Target, Failures>,
    sources: BTreeMap<Source, Failures>,
    /// When somebody last signed in to the account from the source.
    known: BTreeMap<(Target, Source), Millis>,
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Throttle({} pairs)", self.pairs.len())
    }
}

fn target(name_key: &str) -> Target {
    let mut target = [0; 16];
    target.copy_from_slice(&blake3::hash(name_key.as_bytes()).as_bytes()[..16]);
    target
}

fn source(address: IpAddr) -> Source {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            octets
        }
    }
}

impl Throttle {
    /// Whether a try may be made now. Asked before the password is hashed.
    pub fn check(&self, now_ms: Millis, name_key: &str, address: IpAddr) -> Result<(), Wait> {
        let (target, source) = (target(name_key), source(address));
        let of = |failures: Option<&Failures>| failures.copied().unwrap_or_default();
        let pair = of(self.pairs.get(&(target, source)));
        let account = of(self.targets.get(&target));
        let is_known = self.known.get(&(target, source)).is_some_and(|&at| now_ms.saturating_sub(at) < KNOWN_MS);
        let source_is_busy = of(self.sources.get(&source)).now(now_ms) >= SOURCE_FAILURES;

        let tries = if source_is_busy && !is_known { 1 } else { PAIR_FAILURES };
        let last_ms = if pair.now(now_ms) >= tries {
            pair.last_ms
        } else if account.now(now_ms) >= ACCOUNT_FAILURES && !is_known {
            account.last_ms
        } else {
            return Ok(());
        };
        Err(Wait { wait_ms: (last_ms + WINDOW_MS).saturating_sub(now_ms) })
    }

    /// Counts a wrong password. Tries that [`Self::check`] refused are not counted: waiting has an end.
    pub fn failed(&mut self, now_ms: Millis, name_key: &str, address: IpAddr) {
        let (target, source) = (target(name_key), source(address));
        add(&mut self.pairs, (target, source), now_ms);
        add(&mut self.targets, target, now_ms);
        add(&mut self.sources, source, now_ms);
    }

    /// Somebody signed in: the pair begins anew.
    pub fn succeeded(&mut self, now_ms: Millis, name_key: &str, address: IpAddr) {
        let pair = (target(name_key), source(address));
        self.pairs.remove(&pair);
        if self.known.len() >= MAX_ENTRIES && !self.known.contains_key(&pair) {
            drop_oldest(&mut self.known, |&at| at);
        }
        self.known.insert(pair, now_ms);
    }
}

fn add<K: Ord + Copy>(table: &mut BTreeMap<K, Failures>, key: K, now_ms: Millis) {
    if table.len() >= MAX_ENTRIES && !table.contains_key(&key) {
        table.retain(|_, failures| failures.now(now_ms) > 0);
        if table.len() >= MAX_ENTRIES {
            drop_oldest(table, |failures| failures.last_ms);
        }
    }
    table.entry(key).or_default().add(now_ms);
}

/// Drops the older half, so that a full table does not cost a scan at each try.
fn drop_oldest<K: Ord + Copy, V>(table: &mut BTreeMap<K, V>, at: impl Fn(&V) -> Millis) {
    let mut times: Vec<Millis> = table.values().map(&at).collect();
    let middle = times.len() / 2;
    let (_, &mut median, _) = times.select_nth_unstable(middle);
    let mut excess = table.len() / 2;
    table.retain(|_, value| {
        let drop = at(value) <= median && excess > 0;
        excess -= usize::from(drop);
        !drop
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn five_wrong_passwords_mean_a_wait_that_ends() {
        let mut throttle = Throttle::default();
        for try_number in 0..5 {
            throttle.check(try_number, "li", address(1)).unwrap();
            throttle.failed(try_number, "li", address(1));
        }
        let wait = throttle.check(5, "li", address(1)).unwrap_err();
        assert_eq!(wait.wait_ms, WINDOW_MS - 1);
        assert!(wait.to_string().contains("15 min"), "{wait}");
        throttle.check(4 + WINDOW_MS, "li", address(1)).unwrap();
    }

    #[test]
    fn ten_thousand_guesses_get_few_tries_and_shut_nobody_else_out() {
        let mut throttle = Throttle::default();
        // A colleague signed in this morning, at the address from which somebody now guesses.
        throttle.succeeded(0, "colleague", address(1));
        let mut tried = 0;
        for guess in 0..10_000u64 {
            let name = format!("teacher{}", guess % 100);
            if throttle.check(guess, &name, address(1)).is_ok() {
                throttle.failed(guess, &name, address(1));
                tried += 1;
            }
        }
        assert!(tried <= 160, "{tried} guesses were let through");
        throttle.check(10_000, "colleague", address(1)).unwrap();
        throttle.check(10_000, "somebody-new", address(1)).unwrap();
        throttle.check(10_000, "teacher1", address(2)).unwrap();
    }

    #[test]
    fn guessing_one_account_from_many_places_does_not_shut_its_owner_out() {
        let mut throttle = Throttle::default();
        throttle.succeeded(0, "li", address(200));
        for place in 0..100 {
            for _ in 0..5 {
                if throttle.check(1, "li", address(place)).is_ok() {
                    throttle.failed(1, "li", address(place));
                }
            }
        }
        assert!(throttle.check(2, "li", address(150)).is_err());
        throttle.check(2, "li", address(200)).unwrap();
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_source() {
        let mut throttle = Throttle::default();
        for device in 0..5 {
            throttle.failed(1, "li", format!("2001:db8:1:2::{device}").parse().unwrap());
        }
        assert!(throttle.check(2, "li", "2001:db8:1:2::ffff".parse().unwrap()).is_err());
        throttle.check(2, "li", "2001:db8:1:3::1".parse().unwrap()).unwrap();
    }

    #[test]
    fn tables_stay_bounded() {
        let mut table = BTreeMap::new();
        for key in 0..(3 * MAX_ENTRIES as u64) {
            add(&mut table, key, 1);
        }
        assert!(table.len() <= MAX_ENTRIES);
    }
}
