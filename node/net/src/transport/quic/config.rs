//! What quinn is told: timeouts, windows and sizes for poor links, and the keys.
//!
//! Everything that a peer can make this node hold in memory for one connection is bounded here.

use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;
use libp2p::identity::Keypair;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionIdGenerator, IdleTimeout, MtuDiscoveryConfig, VarInt, rustls};
use rand::Rng as _;

use super::congestion::{self, Ceiling, PathMemory};
use super::tls;
use crate::transport::MAX_STREAMS_PER_CONNECTION;

/// A link that is down for less is survived by its connections: outages of 15 to 40 s are usual on weak radio links.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Four chances within the idle timeout that one keep-alive gets through; also below the 30 s after which many
/// routers forget a UDP mapping.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Assumed until the first measurement; three times this is when a lost first packet is sent again, so 1 s: longer
/// than a satellite's round trip of 600 ms (no needless copies), short enough for everyone else. RFC 9002 §6.2.2.
const INITIAL_RTT: Duration = Duration::from_millis(333);

/// The least that is assumed of a known path.
const MIN_INITIAL_RTT: Duration = Duration::from_millis(100);

/// Bytes in flight to us on one stream: 14 Mbit/s over 600 ms, 80 Mbit/s over 100 ms.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// Bytes in flight to us on one connection, hence what a peer can make us hold: with 512 connections less than 1 GiB
/// even if every peer sends and no driver reads.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = STREAM_WINDOW_BYTES * 3 / 2;

/// Bytes that we hold until the peer acknowledges them, for one connection; above that, writing waits. Once the line is
/// known, `congestion` sets it to what the line takes.
const SEND_WINDOW_BYTES: u64 = congestion::FIRST_SEND_WINDOW_BYTES;

/// Ethernet's 1500 less the headers of IPv4 and UDP. Quinn's own 1452 costs 0.5 % more packets.
const MAX_DATAGRAM_BYTES: u16 = 1472;

/// Enough for every connection of one socket, and four bytes less in each packet than quinn's eight.
const CONNECTION_ID_BYTES: usize = 4;

/// QUIC version 1, RFC 9000; what `/quic-v1` in an address means.
const QUIC_V1: u32 = 1;

/// The node's key does not yield a TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error("the certificate for the node's key cannot be made: {0}")]
    Certificate(#[from] libp2p_tls::certificate::GenError),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the TLS provider lacks QUIC's initial cipher: {0}")]
    Cipher(#[from] NoInitialCipherSuite),
    #[error("the node's key is not an ed25519 key")]
    KeyType,
}

/// One of each for all sockets of the node.
#[derive(Clone)]
pub(super) struct Configs {
    pub(super) client: quinn::ClientConfig,
    pub(super) server: quinn::ServerConfig,
    pub(super) endpoint: quinn::EndpointConfig,
    pub(super) memory: PathMemory,
    pub(super) ceiling: Ceiling,
}

impl Configs {
    pub(super) fn new(keypair: &Keypair) -> Result<Self, SetUpError> {
        let (memory, ceiling) = (PathMemory::default(), Ceiling::default());
        let transport = Arc::new(transport_config(memory.clone(), ceiling.clone(), INITIAL_RTT));

        let (client_tls, server_tls) = (tls::client(keypair)?, tls::server(keypair)?);
        let mut client = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client_tls)?));
        client.transport_config(Arc::clone(&transport)).version(QUIC_V1);
        let mut server = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server_tls)?));
        server.transport_config(transport);

        let mut endpoint = quinn::EndpointConfig::new(Arc::new(ResetKey::derive(keypair)?));
        endpoint.supported_versions(vec![QUIC_V1]).cid_generator(|| Box::new(ShortIds));
        Ok(Self { client, server, endpoint, memory, ceiling })
    }

    /// For a call to `peer`, if it is known whom: what was learnt of the path to it decides when a lost packet of the
    /// handshake is sent again.
    pub(super) fn client_for(&self, peer: Option<PeerId>) -> quinn::ClientConfig {
        let mut client = self.client.clone();
        if let Some(min_rtt) = peer.and_then(|peer| self.memory.min_rtt(peer)) {
            let transport = transport_config(self.memory.clone(), self.ceiling.clone(), assumed_rtt(min_rtt));
            client.transport_config(Arc::new(transport));
        }
        client
    }
}

/// What is assumed of a path that is known to have this least round trip. A third of what quinn waits for before it
/// sends again; so two round trips, for a queue may stand that was not there then, and no less than 300 ms.
fn assumed_rtt(min_rtt: Duration) -> Duration {
    (min_rtt * 2 / 3).clamp(MIN_INITIAL_RTT, INITIAL_RTT)
}

fn transport_config(memory: PathMemory, ceiling: Ceiling, initial_rtt: Duration) -> quinn::TransportConfig {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(MAX_DATAGRAM_BYTES);
    let idle = IdleTimeout::try_from(IDLE_TIMEOUT).expect("a minute fits QUIC's 62-bit milliseconds");
    let mut config = quinn::TransportConfig::default();
    config
        .congestion_controller_factory(congestion::controller(memory, ceiling))
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(initial_rtt)
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS_PER_CONNECTION))
        // libp2p has no one-way streams and no datagrams.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        .mtu_discovery_config(Some(mtu))
        // The spin bit shows an observer the round-trip time and gives us nothing.
        .allow_spin(false);
    config
}

/// Signs stateless resets (RFC 9000 §10.3). Derived from the node's key, so that a node that was restarted can tell
/// its peers at once that their old connections are gone; with a random key they would wait for the idle timeout.
struct ResetKey([u8; 32]);

impl ResetKey {
    fn derive(keypair: &Keypair) -> Result<Self, SetUpError> {
        let key = keypair.clone().try_into_ed25519().map_err(|_| SetUpError::KeyType)?;
        Ok(Self(blake3::derive_key("kapok 1 quic stateless reset", key.secret().as_ref())))
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(blake3::keyed_hash(&self.0, data).as_bytes());
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // `Hash` compares in constant time.
        let signature: [u8; blake3::OUT_LEN] = signature.try_into().map_err(|_| CryptoError)?;
        if blake3::keyed_hash(&self.0, data) == signature { Ok(()) } else { Err(CryptoError) }
    }
}

/// Random connection ids of four bytes.
struct ShortIds;

impl ConnectionIdGenerator for ShortIds {
    fn generate_cid(&mut self) -> quinn::ConnectionId {
        let mut bytes = [0; CONNECTION_ID_BYTES];
        rand::rng().fill_bytes(&mut bytes);
        quinn::ConnectionId::new(&bytes)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_path_decides_when_a_lost_handshake_packet_is_sent_again() {
        let wait_ms = |rtt_ms| (assumed_rtt(Duration::from_millis(rtt_ms)) * 3).as_millis();
        assert_eq!(wait_ms(1), 300);
        assert_eq!(wait_ms(200), 399);
        assert_eq!(wait_ms(600), 999);
        assert_eq!(wait_ms(5000), 999);
    }
}
