//! Hole punching: letting a call in that a router between would turn away.
//!
//! A router with NAT lets packets in only from where packets went out to. So when two nodes behind such routers have
//! agreed, through a third, to meet (libp2p specs, "DCUtR"), one calls, and the other sends packets without content to
//! where the call will come from, out of the socket that it listens on, until the call arrives there.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use libp2p::core::transport::TransportEvent;
use tokio::sync::oneshot;

use super::socket::NOTHING;
use super::{Error, Event, Handshake};
use crate::transport::address;

/// How long a hole is held open before the attempt counts as failed. A caller repeats its first packet after 1 s and
/// again after 2 s; then it is the routers and not the line.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The first packet opens the hole. The others are for those that get lost, and for a caller that is a little late at its
/// own router; 50 of them have 1.5 KB.
const INTERVAL: Duration = Duration::from_millis(100);

/// Holes at once. Each is a call that this node has agreed to with one peer.
const MAX_HOLES: usize = 64;

/// The holes that are open, by where the call is to come from.
#[derive(Default)]
pub(super) struct Punches {
    waiting: HashMap<SocketAddr, oneshot::Sender<Handshake>>,
}

impl Punches {
    /// Punches a hole towards `remote` and waits for what comes through it.
    pub(super) fn begin(&mut self, socket: Arc<UdpSocket>, remote: SocketAddr) -> Result<Handshake, Error> {
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        if self.waiting.contains_key(&remote) || self.waiting.len() >= MAX_HOLES {
            return Err(Error::PunchesAlready(remote));
        }
        let (sender, call) = oneshot::channel();
        self.waiting.insert(remote, sender);
        let hold_open = async move {
            loop {
                // It does not block. What could not be sent now is sent in a moment.
                let _ = socket.send_to(&NOTHING, remote);
                tokio::time::sleep(INTERVAL).await;
            }
        };
        let punch = async move {
            let handshake = tokio::select! {
                call = call => call.map_err(|_| Error::NothingCame)?,
                () = hold_open => return Err(Error::NothingCame),
                () = tokio::time::sleep(PATIENCE) => return Err(Error::NothingCame),
            };
            handshake.await
        };
        Ok(punch.boxed())
    }

    /// Hands a call that came through a hole to who punched it; every other event comes back.
    pub(super) fn pass_on(&mut self, event: Event) -> Option<Event> {
        let TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr } = event else {
            return Some(event);
        };
        let from = address::parse(&send_back_addr).map(|(_, socket)| socket);
        let upgrade = match from.and_then(|from| self.waiting.remove(&from)) {
            // The attempt may have been given up a moment ago.
            Some(waiting) => waiting.send(upgrade).err()?,
            None => upgrade,
        };
        Some(TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr })
    }
}
