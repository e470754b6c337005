//! A network namespace of its own, for as long as somebody holds it.
//!
//! It has no name under `/run/netns`: a small process (`unshare --net`) keeps it, and ends when this process does, by
//! the pipe between the two. So no namespace, device or address has to be removed, not even after `kill -9`; but what was
//! started inside must be ended by whoever started it. To look around in one: `nsenter --net=/proc/PID/ns/net` with the
//! number that [`Namespace::keeper`] gives.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace with its own loopback, up.
#[derive(Debug)]
pub struct Namespace {
    keeper: Child,
    entrance: File,
}

impl Namespace {
    /// A new one.
    ///
    /// # Errors
    /// If this is not root, or the system has no namespaces.
    pub fn new() -> io::Result<Self> {
        let mut command = Command::new("unshare");
        // `cat` ends when the other end of its pipe is gone.
        command.args(["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"]);
        let mut keeper = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = keeper.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if line.trim_end() != "up" {
            let output = keeper.wait_with_output()?;
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(io::Error::other(format!("no network namespace can be made: {reason}; this needs root")));
        }
        let entrance = File::open(format!("/proc/{}/ns/net", keeper.id()))?;
        Ok(Self { keeper, entrance })
    }

    /// The process that keeps it.
    #[must_use]
    pub fn keeper(&self) -> u32 {
        self.keeper.id()
    }

    /// Runs something inside. Sockets that it opens and processes that it starts stay inside.
    ///
    /// # Errors
    /// If the namespace cannot be entered.
    ///
    /// # Panics
    /// If the work does.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        // A thread is in one namespace, so the work gets a thread of its own.
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(self.entrance.as_fd(), Some(LinkNameSpaceType::Network))?;
                Ok(work())
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs a command of the system inside, to its end.
    ///
    /// # Errors
    /// If it cannot be started or fails.
    pub fn run(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let output = self.enter(|| Command::new(program).args(arguments).stdin(Stdio::null()).output())??;
        if output.status.success() {
            return Ok(());
        }
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(io::Error::other(format!("{program} {}: {reason}", arguments.join(" "))))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Without its keeper the namespace is there until the last process in it has ended.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
