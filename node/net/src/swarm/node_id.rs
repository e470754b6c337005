//! Node ids and libp2p's peer ids.
//!
//! Both are the same ed25519 key: the PeerId is an identity multihash (code 0x00) over the key in protobuf (libp2p
//! specs, "peer-ids"). libp2p also knows RSA, ECDSA and secp256k1 keys; nodes never have them.

use kapok_protocol::identity::NodeId;
use libp2p::PeerId;
use libp2p::identity::{PublicKey, ed25519};

/// The peer's key is not an ed25519 key, so it is no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a node: its key is not an ed25519 key")]
pub struct ForeignKey(pub PeerId);

/// The bytes of the id are not a point on the curve, so nobody can hold its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not the id of a node: it is not a valid ed25519 key")]
pub struct InvalidKey(pub NodeId);

/// The node whose PeerId is `peer`.
pub fn node_id(peer: &PeerId) -> Result<NodeId, ForeignKey> {
    let foreign = || ForeignKey(*peer);
    let hash = peer.as_ref();
    if hash.code() != 0 {
        return Err(foreign());
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).map_err(|_| foreign())?;
    let key = key.try_into_ed25519().map_err(|_| foreign())?;
    Ok(NodeId(key.to_bytes()))
}

/// The PeerId of `node`.
pub fn peer_id(node: &NodeId) -> Result<PeerId, InvalidKey> {
    let key = ed25519::PublicKey::try_from_bytes(&node.0).map_err(|_| InvalidKey(*node))?;
    Ok(PublicKey::from(key).to_peer_id())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::identity::Keypair;
    use libp2p::multihash::Multihash;

    use super::*;

    #[test]
    fn a_node_is_called_the_same_in_both_worlds() {
        let node = Keypair::from_secret(&[7; 32]).id();
        let peer = peer_id(&node).unwrap();
        assert_eq!(peer.to_base58(), node.to_string());
        assert_eq!(node_id(&peer), Ok(node));
    }

    #[test]
    fn foreign_key_types_are_refused() {
        // A hashed key (sha2-256), as RSA and ECDSA peers have it.
        let hashed = PeerId::from_multihash(Multihash::wrap(0x12, &[3; 32]).unwrap()).unwrap();
        assert_eq!(node_id(&hashed), Err(ForeignKey(hashed)));
        // A secp256k1 key (type 2) is short enough to stand in the id as it is.
        let mut protobuf = vec![0x08, 0x02, 0x12, 33];
        protobuf.extend([2; 33]);
        let inline = PeerId::from_multihash(Multihash::wrap(0, &protobuf).unwrap()).unwrap();
        assert_eq!(node_id(&inline), Err(ForeignKey(inline)));
    }
}
