//! A plain stream of stock libp2p over QUIC, to be measured beside Kapok: `give ADDRESS BYTES` prints its id and answers
//! every stream with so many bytes; `take ADDRESS/p2p/ID BYTES` dials, reads them and ends.

use std::error::Error;

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, StreamProtocol, Swarm, SwarmBuilder, multiaddr};
use libp2p_stream::Behaviour;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/kapok-lab/bytes/1");
const CHUNK_BYTES: usize = 64 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, verb, address, bytes] = arguments.as_slice() else {
        return Err("usage: libp2p-stream give|take ADDRESS BYTES".into());
    };
    let (address, bytes) = (address.parse::<Multiaddr>()?, bytes.parse::<u64>()?);
    // All as it comes: nobody sets anything, as in most programs.
    let swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_quic()
        .with_behaviour(|_| Behaviour::new())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(std::time::Duration::from_secs(60)))
        .build();
    match verb.as_str() {
        "give" => give(swarm, address, bytes).await,
        "take" => take(swarm, address, bytes).await,
        other => Err(format!("{other} is neither give nor take").into()),
    }
}

async fn give(mut swarm: Swarm<Behaviour>, address: Multiaddr, bytes: u64) -> Result<(), Box<dyn Error>> {
    let mut streams = swarm.behaviour().new_control().accept(PROTOCOL)?;
    swarm.listen_on(address)?;
    tokio::spawn(async move {
        while let Some((_, mut stream)) = streams.next().await {
            tokio::spawn(async move {
                let mut random = blake3::Hasher::new().finalize_xof();
                let (mut chunk, mut left) = (vec![0; CHUNK_BYTES], bytes);
                while left > 0 {
                    let size = left.min(CHUNK_BYTES as u64) as usize;
                    random.fill(&mut chunk[..size]);
                    if stream.write_all(&chunk[..size]).await.is_err() {
                        return;
                    }
                    left -= size as u64;
                }
                let _ = stream.close().await;
            });
        }
    });
    loop {
        if let SwarmEvent::NewListenAddr { .. } = swarm.select_next_some().await {
            println!("{}", swarm.local_peer_id());
        }
    }
}

async fn take(mut swarm: Swarm<Behaviour>, address: Multiaddr, bytes: u64) -> Result<(), Box<dyn Error>> {
    let Some(multiaddr::Protocol::P2p(peer)) = address.iter().last() else {
        return Err("the address names no peer".into());
    };
    let mut control = swarm.behaviour().new_control();
    swarm.dial(address)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { .. } => break,
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            _ => {}
        }
    }
    let (ended, over) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        loop {
            if let SwarmEvent::ConnectionClosed { cause, .. } = swarm.select_next_some().await {
                let _ = ended.send(cause);
                return;
            }
        }
    });
    let read = async {
        let mut stream = control.open_stream(peer, PROTOCOL).await?;
        let (mut chunk, mut got) = (vec![0; CHUNK_BYTES], 0);
        while got < bytes {
            match stream.read(&mut chunk).await? {
                0 => return Err(format!("it ended after {got} of {bytes} bytes").into()),
                read => got += read as u64,
            }
        }
        Ok(())
    };
    tokio::select! {
        done = read => done,
        cause = over => Err(format!("the connection was lost: {cause:?}").into()),
    }
}
