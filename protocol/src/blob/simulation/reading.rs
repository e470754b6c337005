//! Reading what arrives.

use super::*;

impl World {
    /// Readers of a blob go on, jump, come or go.
    pub(super) fn somebody_reads_somewhere(&mut self) {
        let blobs: Vec<BlobId> = self.blobs.keys().copied().collect();
        let blob = blobs[self.random.random_range(0..blobs.len())];
        let count = piece_count(self.blobs[&blob].list.size());
        let readers = (0..self.random.random_range(0..3)).map(|_| {
            let from = self.random.random_range(0..count);
            (from..count.min(from + 4)).collect()
        });
        let readers = readers.collect();
        self.tell_download(download::Input::Prefer { blob, readers });
    }

    fn only_blob(&self) -> BlobId {
        *self.blobs.keys().next().unwrap()
    }

    /// Somebody reads this piece; returns how long it took and what came of the blob meanwhile.
    fn reads(&mut self, index: u32) -> (u64, u64) {
        let blob = self.only_blob();
        let (since, received) = (self.now, self.download.totals().received_bytes);
        self.tell_download(download::Input::Prefer { blob, readers: vec![vec![index]] });
        while !self.disk.pieces.contains_key(&(blob, index)) {
            self.step();
        }
        (self.now.millis_since(since), self.download.totals().received_bytes - received)
    }

    /// One file of 20 MB over 512 kbit/s and a round trip of 150 ms, of which some has come.
    fn over_a_slow_link(manner: Manner, urgency: Urgency) -> Self {
        let mut world = Self::new(7, 75, &[manner], &[20_000_000]);
        world.bytes_per_second = Some(64_000);
        let blob = world.only_blob();
        world.tell_download(download::Input::Want(Wanted::new(blob, 20_000_000, urgency).unwrap()));
        world.connect_all();
        // As much as such a line takes in a moment.
        let peer = RECEIVER;
        world.tell_upload(NodeId([1; 32]), upload::Input::FrameSize { peer, bytes: 8 * 1024 });
        while world.download.totals().received_bytes < 1_000_000 {
            world.step();
        }
        world
    }
}

/// The time of the last piece alone, 75,776 bytes, and of what surrounds its bytes.
const LAST_PIECE_MS: u64 = 77_000 / 64;

#[test]
fn the_end_of_a_film_comes_in_its_own_time_while_the_film_arrives() {
    let mut world = World::over_a_slow_link(Manner::Honest, Urgency::Bulk);
    let (took_ms, bytes) = world.reads(76);
    // One round trip, and what stood in the line already: four frames of 8 KiB.
    let line_ms = 4 * 8_300 / 64;
    assert!(took_ms <= 150 + line_ms + LAST_PIECE_MS, "{took_ms} ms");
    assert!(bytes <= 75_776 + 6 * 8192, "{bytes} bytes");
    // It was passed by, not cancelled.
    world.run();
    world.assert_everything_arrived();
    assert_eq!(world.download.totals().wasted_bytes, 0);
}

#[test]
fn a_reader_that_jumps_does_not_wait_for_what_it_has_left() {
    let mut world = World::over_a_slow_link(Manner::Honest, Urgency::Interactive);
    let (took_ms, _) = world.reads(76);
    let line_ms = 4 * 8_300 / 64;
    assert!(took_ms <= 150 + line_ms + LAST_PIECE_MS, "{took_ms} ms");
    world.run();
    world.assert_everything_arrived();
    // What was in the line when the reader jumped.
    assert!(world.download.totals().wasted_bytes <= 6 * 8192, "{:?}", world.download.totals());
}

#[test]
fn whoever_reads_from_end_to_end_wastes_nothing() {
    let mut world = World::over_a_slow_link(Manner::Honest, Urgency::Bulk);
    let blob = world.only_blob();
    for index in 0..77 {
        let ahead = (index..77.min(index + 16)).collect();
        world.tell_download(download::Input::Prefer { blob, readers: vec![ahead] });
        while !world.disk.pieces.contains_key(&(blob, index)) {
            world.step();
        }
    }
    world.assert_everything_arrived();
    assert_eq!(world.download.totals().wasted_bytes, 0);
}

#[test]
fn a_node_that_fetches_it_for_the_reader_fetches_that_piece_next() {
    let mut world = World::new(7, 75, &[Manner::Relay], &[20_000_000]);
    let (blob, relay) = (world.only_blob(), NodeId([1; 32]));
    world.tell_download(download::Input::Want(Wanted::new(blob, 20_000_000, Urgency::Bulk).unwrap()));
    world.connect_all();
    world.tell_download(download::Input::Prefer { blob, readers: vec![vec![76]] });
    while world.sources[&relay].upload.awaited(&blob) != [[76]] {
        world.step();
    }
    let fetched = |world: &World| world.sources[&relay].fetched[&blob].clone();
    let before = fetched(&world);
    assert!(before.len() < 70 && !before.contains(76), "it is far from whole: {}", before.len());
    while fetched(&world) == before {
        world.step();
    }
    assert!(fetched(&world).contains(76));
    world.run();
    world.assert_everything_arrived();
}
