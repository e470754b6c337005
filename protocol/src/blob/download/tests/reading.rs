//! Pieces that are read before the others.

use super::*;
use crate::blob::piece::PieceHasher;

/// A blob of 40 pieces and its list.
fn film() -> (BlobId, Vec<u8>, Vec<u8>) {
    let mut bytes = vec![0; 40 * PIECE_BYTES as usize];
    blake3::Hasher::new().update(b"film").finalize_xof().fill(&mut bytes);
    let mut hasher = PieceHasher::new();
    hasher.update(&bytes);
    let list = hasher.finish();
    (list.blob(), bytes, list.to_bytes())
}

impl Play {
    /// The film is wanted, and its list is here.
    fn film(&mut self, urgency: Urgency) -> BlobId {
        let (blob, bytes, list) = film();
        self.up(1, 0, true);
        self.want(Wanted::new(blob, bytes.len() as u64, urgency).unwrap());
        let request = self.wants()[0].1.request;
        self.tell(NOW, Input::Answer(node(1), Answer::List { request, from_piece: 0, values: list }));
        blob
    }

    fn prefer(&mut self, blob: BlobId, readers: &[&[u32]]) {
        let readers = readers.iter().map(|reader| reader.to_vec()).collect();
        self.tell(NOW, Input::Prefer { blob, readers });
    }

    /// Pieces in the order in which they are asked for, with who waits for them.
    fn asked(&mut self) -> Vec<(u32, Urgency)> {
        let wants = self.wants();
        let pieces = |want: &Want| (want.from_piece..want.from_piece + want.count).collect::<Vec<_>>();
        wants.iter().flat_map(|(_, want)| pieces(want).into_iter().map(|index| (index, want.urgency))).collect()
    }

    fn cancelled(&self) -> Vec<RequestId> {
        let cancelled = |output: &Output| match output {
            Output::Send(_, Request::Cancel(request)) => Some(*request),
            _ => None,
        };
        self.out.iter().filter_map(cancelled).collect()
    }
}

#[test]
fn what_is_read_is_asked_for_at_once_and_as_what_a_person_waits_for() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    play.asked();
    play.prefer(blob, &[&[38, 39]]);
    assert_eq!(play.cancelled(), [], "bulk is passed by");
    assert_eq!(play.asked(), [(38, Urgency::Interactive), (39, Urgency::Interactive)]);
}

#[test]
fn before_the_list_is_here_it_comes_with_what_is_read() {
    let mut play = Play::default();
    let (blob, bytes, _) = film();
    play.up(1, 0, true);
    play.want(Wanted::new(blob, bytes.len() as u64, Urgency::Bulk).unwrap());
    let first = play.wants();
    assert_eq!((first[0].1.list_from, first[0].1.from_piece), (Some(0), 0));
    play.prefer(blob, &[&[39]]);
    assert_eq!(play.cancelled(), [first[0].1.request]);
    let wants = play.wants();
    let want = &wants[0].1;
    assert_eq!((want.list_from, want.from_piece, want.count), (Some(0), 39, 1));
    assert_eq!((want.urgency, wants.len()), (Urgency::Interactive, 1));
}

#[test]
fn whoever_wants_it_in_order_to_read_it_asks_for_nothing_else_first() {
    let mut play = Play::default();
    let (blob, bytes, _) = film();
    play.up(1, 0, true);
    play.want(Wanted::new(blob, bytes.len() as u64, Urgency::Bulk).unwrap().readers(vec![vec![39]]));
    let wants = play.wants();
    assert_eq!((wants.len(), wants[0].1.list_from, wants[0].1.from_piece), (1, Some(0), 39));
}

#[test]
fn two_readers_take_turns() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    play.asked();
    play.prefer(blob, &[&[20, 21, 22, 23, 24, 25, 26, 27, 28, 29], &[39]]);
    let asked: Vec<u32> = play.asked().into_iter().map(|(index, _)| index).collect();
    let second = asked.iter().position(|index| *index == 39);
    assert!(asked[0] == 20 && second.is_none_or(|place| place <= 8), "{asked:?}");
    let open = play.download.sources[&node(1)].open.values().flat_map(|open| open.pieces.iter());
    assert!(open.copied().any(|index| index == 39) || asked.len() < 8, "{asked:?}");
}

#[test]
fn a_piece_behind_others_in_a_bulk_request_is_taken_out_of_it() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    play.asked();
    // On its way are 0 and the next ones, in one request or two.
    let (request, last) = {
        let open = &play.download.sources[&node(1)].open;
        let (request, open) = open.iter().find(|(_, open)| open.pieces.len() > 1).unwrap();
        (*request, *open.pieces.last().unwrap())
    };
    play.prefer(blob, &[&[last]]);
    assert_eq!(play.cancelled(), [request]);
    assert_eq!(play.asked()[0], (last, Urgency::Interactive));
}

#[test]
fn the_piece_that_comes_next_anyway_is_hurried() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    let (request, first) = {
        let open = &play.download.sources[&node(1)].open;
        let (request, open) = open.first_key_value().unwrap();
        (*request, *open.pieces.first().unwrap())
    };
    play.asked();
    play.prefer(blob, &[&[first]]);
    assert_eq!(play.out, [Output::Send(node(1), Request::Hurry(request))]);
}

#[test]
fn a_jump_makes_room_and_going_on_does_not() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    play.asked();
    play.prefer(blob, &[&[20, 21]]);
    let asked = play.wants();
    play.prefer(blob, &[&[20, 21, 22]]);
    assert_eq!(play.cancelled(), [], "it goes on");
    play.asked();
    play.prefer(blob, &[&[30, 31]]);
    assert!(play.cancelled().contains(&asked[0].1.request), "it has left that place");
    assert_eq!(play.asked()[0], (30, Urgency::Interactive));
}

#[test]
fn what_was_hurried_along_with_a_piece_makes_room_as_well() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    let (request, index) = {
        let open = &play.download.sources[&node(1)].open;
        let (request, open) = open.first_key_value().unwrap();
        (*request, *open.pieces.first().unwrap())
    };
    play.prefer(blob, &[&[index]]);
    let bytes = film().1[index as usize * PIECE_BYTES as usize..][..PIECE_BYTES as usize].to_vec();
    for (part, offset) in bytes.chunks(64 * 1024).zip((0..).step_by(64 * 1024)) {
        let answer = Answer::Piece { request, index, offset, bytes: part.to_vec() };
        play.tell(NOW, Input::Answer(node(1), answer));
    }
    play.out.clear();
    play.prefer(blob, &[&[30]]);
    assert_eq!(play.cancelled(), [request], "of the pieces behind it nobody reads any");
}

#[test]
fn when_nobody_reads_the_order_is_as_before() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    play.asked();
    play.prefer(blob, &[&[39]]);
    let request = play.wants()[0].1.request;
    play.prefer(blob, &[]);
    assert_eq!(play.cancelled(), [request], "others wait for theirs");
    play.asked();
    // A source comes that has room for more.
    play.up(2, 0, true);
    let asked = play.asked();
    assert!(!asked.is_empty() && asked.iter().all(|(_, urgency)| *urgency == Urgency::Bulk), "{asked:?}");
    assert!(asked.is_sorted(), "{asked:?}");
}

#[test]
fn what_is_read_is_asked_for_while_bulk_may_not_be() {
    let mut play = Play::default();
    let (blob, bytes, _) = film();
    play.tell(NOW, Input::Allow(Allowance::InteractiveOnly));
    play.up(1, 0, true);
    play.want(Wanted::new(blob, bytes.len() as u64, Urgency::Bulk).unwrap());
    assert_eq!(play.asked(), []);
    play.prefer(blob, &[&[39]]);
    assert_eq!(play.asked(), [(39, Urgency::Interactive)]);
}

#[test]
fn whoever_reads_does_not_wait_until_a_recipe_can_be_made() {
    let mut play = Play::default();
    let (blob, bytes, _) = film();
    play.up(1, 0, true);
    play.want(Wanted::new(blob, bytes.len() as u64, Urgency::Bulk).unwrap().has_base(true));
    let asked = play.wants();
    assert_eq!((asked[0].1.recipe_from, asked[0].1.count), (Some(0), 0));
    play.prefer(blob, &[&[39]]);
    assert_eq!(play.out, [Output::Send(node(1), Request::Hurry(0))]);
    play.out.clear();
    // The source fetches it itself.
    play.tell(NOW, Input::Answer(node(1), waiting(0, 0, 0)));
    assert_eq!(play.cancelled(), [0]);
    assert_eq!(play.asked(), [(39, Urgency::Interactive)]);
}

#[test]
fn whoever_reads_a_film_does_not_wait_for_its_recipe() {
    for asked_before in [true, false] {
        let mut play = Play::default();
        play.up(1, 0, true);
        let blob = BlobId::of(b"film");
        let wanted = Wanted::new(blob, 1 << 26, Urgency::Bulk).unwrap().has_base(true);
        if asked_before {
            play.want(wanted);
            assert_eq!(play.wants()[0].1.recipe_from, Some(0));
            play.prefer(blob, &[&[39]]);
            assert_eq!(play.cancelled(), [0]);
        } else {
            play.want(wanted.readers(vec![vec![39]]));
        }
        let wants = play.wants();
        assert_eq!((wants[0].1.recipe_from, wants[0].1.list_from, wants[0].1.from_piece), (None, Some(0), 39));
    }
}

#[test]
fn no_piece_that_the_blob_has_not_is_asked_for() {
    let mut play = Play::default();
    let blob = play.film(Urgency::Bulk);
    play.asked();
    let many: Vec<u32> = (0..5_000).collect();
    play.prefer(blob, &[&[40, 41, u32::MAX], &many]);
    assert!(play.asked().iter().all(|(index, _)| *index < 40));
    play.prefer(BlobId::of(b"not wanted"), &[&[0]]);
    assert_eq!(play.asked(), []);
}
