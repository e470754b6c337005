//! One process at a time: the lock, and what its holder says of itself.
//!
//! The lock is the operating system's and goes with the process. What stands in the file is for whoever finds it locked:
//! whose it is, and whether waiting makes sense.

use std::fmt;

use super::{HomeError, Paths, SMALL_FILE_BYTES};
use crate::fs::{self, Fs, Lock, Mode};

/// Why a process has the folder to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It runs the node until it is stopped.
    Serve,
    /// It does one command and is gone.
    Command,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serve => "serve",
            Self::Command => "command",
        })
    }
}

pub(super) fn lock(fs: &dyn Fs, paths: &Paths, purpose: Purpose) -> Result<Box<dyn Lock>, HomeError> {
    let path = paths.lock();
    let io = |source| HomeError::Io { doing: "lock", path: path.clone(), source };
    let Some(lock) = fs.try_lock(&path).map_err(io)? else {
        let said = fs::read_small(fs, &path, SMALL_FILE_BYTES).unwrap_or_default();
        let (pid, purpose) = holder(&String::from_utf8_lossy(&said));
        return Err(HomeError::InUse { root: paths.root().to_path_buf(), pid, purpose });
    };
    // Only for the message that a second process prints, so it need not be durable.
    let file = fs.open(&path, Mode::Write).map_err(io)?;
    let said = format!("{} {purpose}\n", std::process::id());
    file.set_len(0).and_then(|()| file.write_at(0, said.as_bytes())).map_err(io)?;
    Ok(lock)
}

/// Who holds the lock by what stands in it. One that does not say why is taken for a node that stays.
fn holder(said: &str) -> (Option<u32>, Purpose) {
    let mut words = said.split_whitespace();
    let pid = words.next().and_then(|pid| pid.parse().ok());
    let passing = words.next() == Some("command");
    (pid, if passing { Purpose::Command } else { Purpose::Serve })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_that_does_not_say_why_is_taken_for_one_that_stays() {
        assert_eq!(holder("4122 command\n"), (Some(4122), Purpose::Command));
        assert_eq!(holder("4122 serve\n"), (Some(4122), Purpose::Serve));
        assert_eq!(holder("4122\n"), (Some(4122), Purpose::Serve));
        assert_eq!(holder(""), (None, Purpose::Serve));
        assert_eq!(holder("\u{0}x command"), (None, Purpose::Command));
    }
}
