//! TLS as libp2p wants it (libp2p specs, "tls"), with a first message that fits one packet.
//!
//! libp2p-tls has everything but a choice of key exchange groups: it offers a key share of the hybrid X25519MLKEM768,
//! whose 1,184 bytes push the first message into a second packet. Over a bad link either may be lost, and is repeated
//! after a second. So the share that is sent is that of X25519, which every libp2p peer takes; the hybrid is offered
//! without a share, for peers that insist and are content with a round trip more. Certificates and their checks are
//! libp2p-tls' own.

use std::sync::Arc;

use libp2p::identity::Keypair;
use quinn::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use quinn::rustls::crypto::CryptoProvider;
use quinn::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use quinn::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use quinn::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, NamedGroup, NoKeyLog, OtherError,
    ServerConfig, SignatureScheme, version,
};

use super::config::SetUpError;

/// The protocol that libp2p speaks inside (ALPN).
const LIBP2P: &[u8] = b"libp2p";

/// What libp2p-tls verifies, best first.
const SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

/// The peer's id is not checked here but compared by the swarm, whose error then names who answered instead.
pub(super) fn client(keypair: &Keypair) -> Result<ClientConfig, SetUpError> {
    let stock = libp2p_tls::make_client_config(keypair, None)?;
    let mut config = ClientConfig::builder_with_provider(provider(stock.crypto_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Libp2pVerifier))
        .with_client_cert_resolver(stock.client_auth_cert_resolver);
    config.alpn_protocols = vec![LIBP2P.to_vec()];
    // The name only keeps resumed sessions of different peers apart; sent, it would show who is being called.
    config.enable_sni = false;
    // An environment variable ($SSLKEYLOGFILE) must not lay traffic open.
    config.key_log = Arc::new(NoKeyLog {});
    Ok(config)
}

pub(super) fn server(keypair: &Keypair) -> Result<ServerConfig, SetUpError> {
    let stock = libp2p_tls::make_server_config(keypair)?;
    let mut config = ServerConfig::builder_with_provider(provider(stock.crypto_provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(Arc::new(Libp2pVerifier))
        .with_cert_resolver(stock.cert_resolver);
    config.alpn_protocols = vec![LIBP2P.to_vec()];
    config.key_log = Arc::new(NoKeyLog {});
    Ok(config)
}

/// The same groups and ciphers, X25519 first: the first group is the one whose share is sent.
fn provider(stock: &CryptoProvider) -> Arc<CryptoProvider> {
    let mut provider = stock.clone();
    provider.kx_groups.sort_by_key(|group| group.name() != NamedGroup::X25519);
    Arc::new(provider)
}

/// Both sides show one certificate, signed by itself, that carries a statement of the peer's key.
#[derive(Debug)]
struct Libp2pVerifier;

fn check(certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
    if !others.is_empty() {
        return Err(Error::General("a libp2p peer shows one certificate and no more".into()));
    }
    libp2p_tls::certificate::parse(certificate).map(drop).map_err(|error| unverified(Arc::new(error)))
}

fn check_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let certificate = libp2p_tls::certificate::parse(certificate).map_err(|error| unverified(Arc::new(error)))?;
    certificate
        .verify_signature(signed.scheme, message, signed.signature())
        .map_err(|error| unverified(Arc::new(error)))?;
    Ok(HandshakeSignatureValid::assertion())
}

fn unverified(error: Arc<dyn std::error::Error + Send + Sync>) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(error)))
}

/// TLS 1.2 is not spoken: the configurations name 1.3 alone.
fn too_old() -> Error {
    Error::General("libp2p speaks TLS 1.3".into())
}

impl ServerCertVerifier for Libp2pVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        check(certificate, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ClientCertVerifier for Libp2pVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        check(certificate, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::config::Configs;
    use super::*;

    #[tokio::test]
    async fn the_first_message_fits_one_packet() {
        let configs = Configs::new(&Keypair::generate_ed25519()).unwrap();
        let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let runtime = Arc::new(quinn::TokioRuntime);
        let caller = quinn::Endpoint::new(configs.endpoint.clone(), None, socket, runtime).unwrap();
        let call = caller.connect_with(configs.client.clone(), silent.local_addr().unwrap(), "peer").unwrap();
        let mut packet = [0; 2048];
        silent.recv_from(&mut packet).await.unwrap();
        tokio::time::pause();
        // What comes next is the same again, when its time has come, and no second part at once.
        let asked = tokio::time::Instant::now();
        silent.recv_from(&mut packet).await.unwrap();
        assert!(asked.elapsed().as_millis() > 500, "{:?}", asked.elapsed());
        drop(call);
    }
}
