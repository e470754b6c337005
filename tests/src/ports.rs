//! Ports that stay a node's own while its test runs, also over restarts and beside other test processes.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};

/// Below the ports that systems give to outgoing connections.
const FIRST: u16 = 21_000;
const COUNT: u16 = 8_000;

/// A port for pages (TCP) or for peers (UDP), kept by a locked file.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _lock: File,
}

impl Port {
    /// A port that nobody uses.
    pub(crate) fn free() -> Self {
        let folder = std::env::temp_dir().join("kapok-test-ports");
        std::fs::create_dir_all(&folder).unwrap();
        let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
        for step in 0..COUNT {
            let number = FIRST + (start + step) % COUNT;
            let Ok(lock) = File::create(folder.join(number.to_string())) else { continue };
            if lock.try_lock().is_ok() && is_free(number) {
                return Self { number, _lock: lock };
            }
        }
        panic!("no free port between {FIRST} and {}", FIRST + COUNT);
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}
