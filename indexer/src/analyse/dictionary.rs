//! jieba's dictionary, in memory only while it is used.
//!
//! It takes about 30 MB, more than a third of what an idle node may hold, and loading it takes a fraction of a second. So it is
//! loaded at first use, shared by everybody, and let go a minute after the last use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jieba_rs::Jieba;

/// How long the dictionary stays after its last use: longer than the pauses inside one person's search session.
const IDLE: Duration = Duration::from_secs(60);

struct Shared {
    jieba: Option<Arc<Jieba>>,
    last_use: Option<Instant>,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared { jieba: None, last_use: None });

/// The dictionary, loaded if it has to be.
pub(super) fn jieba() -> Arc<Jieba> {
    let mut shared = lock();
    shared.last_use = Some(Instant::now());
    if let Some(jieba) = &shared.jieba {
        return Arc::clone(jieba);
    }
    let jieba = Arc::new(Jieba::new());
    // Without the thread the dictionary merely stays; nothing else depends on it.
    if thread::Builder::new().name("kapok-dictionary".into()).spawn(release_when_idle).is_ok() {
        shared.jieba = Some(Arc::clone(&jieba));
    }
    jieba
}

fn release_when_idle() {
    let mut wait = IDLE;
    loop {
        thread::sleep(wait);
        let mut shared = lock();
        let idle = shared.last_use.map_or(IDLE, |used| used.elapsed());
        if idle >= IDLE {
            shared.jieba = None;
            return;
        }
        wait = IDLE - idle;
    }
}

fn lock() -> MutexGuard<'static, Shared> {
    // Nothing that runs under the lock can leave it half-changed.
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}
