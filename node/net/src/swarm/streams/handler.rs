//! The streams of one connection.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use kapok_protocol::identity::NodeId;
use libp2p::Stream;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, ConnectionHandler, ConnectionHandlerEvent, DialUpgradeError, FullyNegotiatedInbound,
    FullyNegotiatedOutbound,
};
use libp2p::swarm::{StreamProtocol, StreamUpgradeError, SubstreamProtocol};
use tokio::sync::oneshot;
use tokio_util::sync::PollSender;

use super::{Acceptors, OpenError, Order};
use crate::transport::MAX_STREAMS_PER_CONNECTION;

/// Streams that may be on their way to being open, and streams that may wait for their driver: as many as the
/// transport lets a peer have at all.
const MAX_WAITING: usize = MAX_STREAMS_PER_CONNECTION as usize;

/// A peer has this long to let a stream be opened, or to say what it opened one for.
const NEGOTIATION_TIMEOUT: Duration = Duration::from_secs(30);

type Reply = oneshot::Sender<Result<Stream, OpenError>>;

pub(in crate::swarm) struct Handler {
    node: NodeId,
    acceptors: Acceptors,
    keep: bool,
    to_open: VecDeque<(StreamProtocol, Reply)>,
    opening: usize,
    /// Streams that the peer opened and that their driver has not taken yet.
    waiting: HashMap<StreamProtocol, Waiting>,
}

struct Waiting {
    driver: PollSender<(NodeId, Stream)>,
    streams: VecDeque<Stream>,
}

impl Handler {
    pub(super) fn new(node: NodeId, acceptors: Acceptors) -> Self {
        Self { node, acceptors, keep: false, to_open: VecDeque::new(), opening: 0, waiting: HashMap::new() }
    }

    fn open(&mut self, protocol: StreamProtocol, reply: Reply) {
        if self.to_open.len() + self.opening >= MAX_WAITING {
            // The opener may have given up meanwhile.
            let _ = reply.send(Err(OpenError::Busy(self.node)));
        } else {
            self.to_open.push_back((protocol, reply));
        }
    }

    fn accept(&mut self, protocol: StreamProtocol, stream: Stream) {
        let waiting: usize = self.waiting.values().map(|waiting| waiting.streams.len()).sum();
        if waiting >= MAX_WAITING {
            tracing::debug!(node = %self.node, %protocol, "stream refused: {waiting} are waiting already");
            return;
        }
        if let Some(waiting) = self.waiting.get_mut(&protocol) {
            waiting.streams.push_back(stream);
        } else if let Some(sender) = self.acceptors.sender(&protocol) {
            let waiting = Waiting { driver: PollSender::new(sender), streams: VecDeque::from([stream]) };
            self.waiting.insert(protocol, waiting);
        }
    }

    /// Hands streams over to the drivers that have room. What stays, stays in order.
    fn deliver(&mut self, cx: &mut Context<'_>) {
        let node = self.node;
        self.waiting.retain(|_, waiting| {
            while !waiting.streams.is_empty() {
                match waiting.driver.poll_reserve(cx) {
                    Poll::Pending => return true,
                    Poll::Ready(Ok(())) => {
                        if let Some(stream) = waiting.streams.pop_front() {
                            // Cannot fail: a place has just been reserved.
                            let _ = waiting.driver.send_item((node, stream));
                        }
                    }
                    // The driver is gone, and its streams with it.
                    Poll::Ready(Err(_)) => return false,
                }
            }
            false
        });
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        SubstreamProtocol::new(Offer(self.acceptors.protocols()), ()).with_timeout(NEGOTIATION_TIMEOUT)
    }

    fn connection_keep_alive(&self) -> bool {
        self.keep || !self.to_open.is_empty() || !self.waiting.is_empty()
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Open { protocol, reply } => self.open(protocol, reply),
            Order::Keep(keep) => self.keep = keep,
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, Reply, Infallible>> {
        self.deliver(cx);
        let Some((protocol, reply)) = self.to_open.pop_front() else { return Poll::Pending };
        self.opening += 1;
        let protocol = SubstreamProtocol::new(ReadyUpgrade::new(protocol), reply).with_timeout(NEGOTIATION_TIMEOUT);
        Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, ReadyUpgrade<StreamProtocol>, (), Reply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol), ..
            }) => {
                self.accept(protocol, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, info: reply }) => {
                self.opening -= 1;
                // The opener may have given up meanwhile; the stream is dropped with the refused message.
                let _ = reply.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info: reply }) => {
                self.opening -= 1;
                let reason = match error {
                    StreamUpgradeError::Timeout => format!("no answer within {} s", NEGOTIATION_TIMEOUT.as_secs()),
                    StreamUpgradeError::NegotiationFailed => "it does not speak this protocol".to_owned(),
                    StreamUpgradeError::Io(error) => error.to_string(),
                    StreamUpgradeError::Apply(never) => match never {},
                };
                let _ = reply.send(Err(OpenError::Failed { node: self.node, reason }));
            }
            _ => {}
        }
    }
}

/// The protocols offered to a peer that opens a stream.
#[derive(Debug)]
pub(in crate::swarm) struct Offer(Vec<StreamProtocol>);

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}
