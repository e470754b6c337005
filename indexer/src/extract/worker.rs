//! The process that reads documents.
//!
//! It is started by [`super::Pool`], limits itself before it reads anything, and answers one request after another on its
//! standard streams. It ends when it is not needed, when its limits are reached, or when the node is gone.

use std::any::Any;
use std::io;
use std::panic;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::frame::{self, Request};
use super::{ExtractError, Extracted};

/// What reading a document may take (RELIABILITY, row 26).
#[cfg(unix)]
const MEMORY_BYTES: u64 = 512 << 20;
/// For all documents of one process together; the pool replaces it earlier. It matters where nobody is left to end a process
/// that loops.
#[cfg(unix)]
const CPU_SECONDS: u64 = 120;
/// The first request comes at once.
const FIRST_IDLE: Duration = Duration::from_secs(60);

/// Answers requests until there are no more. This is all that the hidden subcommand does, before any thread or runtime is
/// started.
///
/// # Errors
/// When the limits cannot be set or the streams fail.
pub fn run() -> io::Result<()> {
    limit()?;
    // What a document makes a parser say is nobody's business; the panic's message goes into the answer.
    panic::set_hook(Box::new(|_| {}));
    let (send, requests) = mpsc::channel::<Request>();
    thread::Builder::new().name("requests".into()).spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(request) = frame::read(&mut input) {
            if send.send(request).is_err() {
                return;
            }
        }
    })?;
    let mut idle = FIRST_IDLE;
    loop {
        match requests.recv_timeout(idle) {
            Ok(request) => {
                idle = Duration::from_millis(request.idle_ms);
                frame::write(&mut io::stdout().lock(), &answer(&request))?;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

fn answer(request: &Request) -> Result<Extracted, ExtractError> {
    panic::catch_unwind(|| super::extract(Path::new(&request.path), &request.name))
        .unwrap_or_else(|panic| Err(ExtractError::Crashed(message(&*panic))))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("its reader stumbled").chars().take(200).collect()
}

#[cfg(unix)]
fn limit() -> io::Result<()> {
    use rlimit::Resource;
    for (resource, most) in
        [(Resource::AS, MEMORY_BYTES), (Resource::CPU, CPU_SECONDS), (Resource::CORE, 0), (Resource::FSIZE, 0)]
    {
        // A limit that is lower already may not be raised.
        let (_, hard) = resource.get()?;
        let most = most.min(hard);
        resource.set(most, most)?;
    }
    Ok(())
}

/// Windows has no such limits; there the pool's clock is what ends a document.
#[cfg(not(unix))]
fn limit() -> io::Result<()> {
    Ok(())
}
