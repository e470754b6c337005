//! Ctrl-C and SIGTERM: what was started is ended in order, folders are removed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;

static STOPPED: AtomicBool = AtomicBool::new(false);
/// How often a wait looks: finer than any figure that is read from it.
const LOOK: Duration = Duration::from_millis(3);

/// From here on, signals are noted; a second one ends the process at once.
pub(crate) fn listen() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            for _ in 0..2 {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if STOPPED.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            }
        });
    });
    Ok(())
}

pub(crate) fn check() -> anyhow::Result<()> {
    if STOPPED.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    Ok(())
}

/// Waits until something is there, or the deadline has come.
pub(crate) fn wait_for<T>(at_most: Duration, mut look: impl FnMut() -> Option<T>) -> anyhow::Result<Option<T>> {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(there) = look() {
            return Ok(Some(there));
        }
        check()?;
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits for so long.
pub(crate) fn pause(span: Duration) -> anyhow::Result<()> {
    wait_for(span, || None::<()>).map(|_| ())
}
