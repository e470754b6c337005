//! A line between two replicas that counts: bytes as they would be on the wire, and time in round trips.
//!
//! Frames take half a round trip; what the bytes themselves would take comes on top and is not counted here.

use std::collections::VecDeque;

use kapok_protocol::replica::{Cursor, Replica};
use kapok_protocol::session::codec::{Packer, Unpacker};
use kapok_protocol::session::message::Frame;
use kapok_protocol::session::{Input, Output, Session};

use super::memory::Memory;

/// A packet's share of IPv4 (20), UDP (8), QUIC's short header (1 + 4 + 2), its tag (16), and a stream frame (5).
const PACKET_OVERHEAD_BYTES: usize = 56;
const PACKET_CONTENT_BYTES: usize = 1_200 - 28;
/// Before each frame.
const PREFIX_BYTES: usize = 4;
/// An acknowledgement of its own, for every second packet.
const ACK_BYTES: usize = 65;

/// What a session took.
#[derive(Debug, Default)]
pub struct Account {
    /// In IP packets, acknowledgements included.
    pub wire_bytes: usize,
    /// Half round trips until both sides had finished.
    pub half_trips: usize,
    /// Half round trips until each side had all that it was going to store.
    pub stored_after: [usize; 2],
    pub frames: Vec<Frame>,
    pub sessions: [Option<Session>; 2],
    pub remembered: [Option<Cursor>; 2],
}

/// A session that the first opens: the second hears of it half a round trip later.
pub fn meet(nodes: [&mut Memory; 2], mut meanwhile: impl FnMut(usize, &mut [&mut Memory; 2])) -> Account {
    let mut nodes = nodes;
    let mut account = Account::default();
    let ids = [nodes[0].key.id(), nodes[1].key.id()];
    let mut sessions = [0, 1].map(|side| {
        let remembered = nodes[side].remembered.get(&ids[1 - side]).copied();
        Session::new(nodes[1 - side].me(), remembered)
    });
    let (mut packers, mut unpackers): ([Packer; 2], [Unpacker; 2]) = Default::default();
    let mut under_way: [VecDeque<Vec<u8>>; 2] = Default::default();
    let mut opened = [false; 2];
    loop {
        let arriving = std::mem::take(&mut under_way);
        for (side, arriving) in arriving.into_iter().enumerate() {
            let mut inputs: VecDeque<Input> = VecDeque::new();
            if !opened[side] && (side == 0 || !arriving.is_empty()) {
                opened[side] = true;
                inputs.push_back(Input::Opened);
            }
            for bytes in arriving {
                inputs.push_back(Input::Frame(unpackers[side].unpack(&bytes).unwrap()));
            }
            let mut sent = 0;
            while let Some(input) =
                inputs.pop_front().or_else(|| (opened[side] && sessions[side].has_frames()).then_some(Input::Ready))
            {
                let mut out = Vec::new();
                sessions[side].handle(input, &*nodes[side], &mut out);
                for output in out {
                    match output {
                        Output::Send(frame) => {
                            let bytes = packers[side].pack(&frame);
                            sent += bytes.len() + PREFIX_BYTES;
                            account.frames.push(frame);
                            under_way[1 - side].push_back(bytes);
                        }
                        Output::Store(news) => {
                            if !news.is_empty() {
                                account.stored_after[side] = account.half_trips;
                            }
                            nodes[side].store(news);
                        }
                        Output::Remember(cursor) => {
                            account.remembered[side] = Some(cursor);
                            nodes[side].remembered.insert(ids[1 - side], cursor);
                        }
                        Output::Finished => {}
                        Output::Fault(fault) => panic!("an honest peer was found at fault: {fault}"),
                    }
                }
            }
            let packets = sent.div_ceil(PACKET_CONTENT_BYTES);
            account.wire_bytes += sent + packets * PACKET_OVERHEAD_BYTES + packets.div_ceil(2) * ACK_BYTES;
        }
        if sessions.iter().all(Session::is_finished) {
            account.sessions = sessions.map(Some);
            return account;
        }
        account.half_trips += 1;
        assert!(account.half_trips < 1_000, "the session does not end");
        meanwhile(account.half_trips, &mut nodes);
    }
}
