#![allow(clippy::unwrap_used)]

mod reading;

use std::collections::VecDeque;

use super::*;
use crate::blob::message::{RequestId, Route, Want};
use crate::blob::piece::PIECE_BYTES;

const NOW: Timestamp = Timestamp(1_000_000);

fn node(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn small(number: u32) -> (BlobId, Vec<u8>) {
    let bytes = number.to_le_bytes().to_vec();
    (BlobId::of(&bytes), bytes)
}

fn waiting(request: RequestId, have_pieces: u32, came_bytes: u64) -> Answer {
    Answer::Waiting { request, have_pieces, came_bytes }
}

#[derive(Default)]
struct Play {
    download: Download,
    out: Vec<Output>,
}

impl Play {
    fn tell(&mut self, now: Timestamp, input: Input) {
        self.download.handle(now, input, &mut self.out);
    }

    fn up(&mut self, number: u8, cost: u8, relays: bool) {
        self.tell(NOW, Input::SourceUp { node: node(number), cost, relays });
    }

    fn want(&mut self, wanted: Wanted) {
        self.tell(NOW, Input::Want(wanted));
    }

    fn small(&mut self, number: u32, urgency: Urgency) -> BlobId {
        let (blob, bytes) = small(number);
        self.want(Wanted::new(blob, bytes.len() as u64, urgency).unwrap().home(node(9)));
        blob
    }

    fn refuse(&mut self, now: Timestamp, number: u8, request: RequestId, reason: Refusal) {
        self.tell(now, Input::Answer(node(number), Answer::Refused { request, reason }));
    }

    /// The wants that were sent since the last look.
    fn wants(&mut self) -> Vec<(NodeId, Want)> {
        let want = |output: &Output| match output {
            Output::Send(node, Request::Want(want)) => Some((*node, want.clone())),
            _ => None,
        };
        let wants = self.out.iter().filter_map(want).collect();
        self.out.clear();
        wants
    }
}

#[test]
fn the_neighbour_is_asked_before_the_parent_and_only_the_parent_is_to_fetch_it() {
    let mut play = Play::default();
    play.up(1, 1, true);
    play.up(2, 0, false);
    let blob = play.small(1, Urgency::Bulk);
    let wants = play.wants();
    assert_eq!(wants.iter().map(|(to, want)| (*to, want.route)).collect::<Vec<_>>(), [(node(2), Route::Direct)]);
    play.refuse(NOW, 2, wants[0].1.request, Refusal::NotHeld);
    let wants = play.wants();
    let through = Route::ThroughTree { home: node(9), hops: 0 };
    assert_eq!(wants.iter().map(|(to, want)| (*to, want.route)).collect::<Vec<_>>(), [(node(1), through)]);
    play.refuse(NOW, 1, wants[0].1.request, Refusal::NotAllowed);
    let reasons = vec![(node(1), Reason::Refused(Refusal::NotAllowed)), (node(2), Reason::Refused(Refusal::NotHeld))];
    assert_eq!(play.out, [Output::Stuck { blob, reasons }]);
    // A new connection is a new chance.
    play.up(2, 0, false);
    assert_eq!(play.wants().len(), 1);
}

#[test]
fn where_a_blob_was_published_is_asked_before_those_who_would_fetch_it_there_unless_it_is_behind_a_relay() {
    let mut play = Play::default();
    play.up(1, HOME_COST + 1, true);
    play.up(9, HOME_COST + 20, true);
    play.small(1, Urgency::Bulk);
    assert_eq!(play.wants()[0].0, node(9));
    play.tell(NOW, Input::Cost { node: node(9), cost: DEAR });
    play.small(2, Urgency::Bulk);
    assert_eq!(play.wants()[0].0, node(1));
    // A neighbour costs nothing.
    play.tell(NOW, Input::Cost { node: node(9), cost: HOME_COST + 20 });
    play.up(2, 0, true);
    play.small(3, Urgency::Bulk);
    assert_eq!(play.wants()[0].0, node(2));
}

#[test]
fn what_a_person_waits_for_is_asked_for_while_bulk_fills_the_window() {
    let mut play = Play::default();
    play.up(1, 0, false);
    let large = Wanted::new(BlobId::of(b"large"), 1 << 30, Urgency::Bulk).unwrap();
    play.want(large);
    for number in 0..300 {
        play.small(number, Urgency::Bulk);
    }
    play.wants();
    play.small(1_000, Urgency::Interactive);
    let wants = play.wants();
    assert_eq!(wants.len(), 1);
    assert_eq!(wants[0].1.urgency, Urgency::Interactive);
}

#[test]
fn higher_ranks_wait_and_the_allowance_is_kept() {
    let mut play = Play::default();
    play.tell(NOW, Input::Allow(Allowance::InteractiveOnly));
    play.up(1, FREE_COST + 1, false);
    let rank = |number: u32, rank: u64| Wanted::new(small(number).0, 4, Urgency::Bulk).unwrap().rank(rank);
    play.want(rank(1, 5));
    play.want(rank(2, 3));
    assert_eq!(play.wants(), []);
    let interactive = play.small(3, Urgency::Interactive);
    assert_eq!(play.wants()[0].1.blob, interactive);
    play.tell(NOW, Input::Allow(Allowance::Everything));
    assert_eq!(play.wants().iter().map(|(_, want)| want.blob).collect::<Vec<_>>(), [small(2).0, small(1).0]);
}

#[test]
fn while_only_people_may_use_the_line_a_neighbour_gives_what_it_has() {
    let mut play = Play::default();
    play.tell(NOW, Input::Allow(Allowance::InteractiveOnly));
    play.up(1, FREE_COST + 1, false);
    // More than are looked at in one go, so that those that nobody may be asked for hide none.
    let before: Vec<_> = (0..100).map(|number| play.small(number, Urgency::Bulk)).collect();
    assert_eq!(play.wants(), []);
    play.up(2, FREE_COST, false);
    let (mut asked, mut refused) = (0, before.len());
    while refused > 0 {
        let wants = play.wants();
        assert!(!wants.is_empty() && wants.iter().all(|(to, _)| *to == node(2)));
        for (to, want) in wants {
            let reason = Refusal::NotHeld;
            play.tell(NOW, Input::Answer(to, Answer::Refused { request: want.request, reason }));
            (asked, refused) = (asked + 1, refused - 1);
        }
    }
    assert_eq!(asked, before.len());
    assert_eq!(play.wants(), [], "over the line nothing is asked for");
    play.tell(NOW, Input::Allow(Allowance::Everything));
    assert!(play.wants().iter().all(|(to, _)| *to == node(1)));
}

#[test]
fn a_silent_source_is_passed_over_and_the_other_takes_its_place() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.up(2, 1, false);
    let blob = play.small(1, Urgency::Bulk);
    assert_eq!(play.wants()[0].0, node(1));
    let due = play.download.next_tick().unwrap();
    assert_eq!(due, NOW.plus_millis(SILENCE_MS));
    play.tell(due, Input::Tick);
    assert!(play.out.contains(&Output::Penalise(node(1), Fault::Silent)));
    assert!(play.out.contains(&Output::Send(node(1), Request::Cancel(0))));
    let wants = play.wants();
    assert_eq!((wants[0].0, wants[0].1.blob), (node(2), blob));
}

#[test]
fn a_parent_that_is_fetching_gets_more_time_than_one_that_is_silent() {
    let mut play = Play::default();
    play.up(1, 1, true);
    play.small(1, Urgency::Bulk);
    play.wants();
    play.tell(NOW, Input::Answer(node(1), waiting(0, 0, 0)));
    play.tell(NOW.plus_millis(WAITING_MS - 1), Input::Tick);
    assert_eq!(play.out, []);
    play.tell(NOW.plus_millis(WAITING_MS), Input::Tick);
    assert!(play.out.contains(&Output::Send(node(1), Request::Cancel(0))));
}

#[test]
fn a_busy_source_is_asked_again_later_and_not_for_ever() {
    let mut play = Play::default();
    play.up(1, 0, false);
    let blob = play.small(1, Urgency::Bulk);
    let mut now = NOW;
    let mut asked = 0;
    while let Some((_, want)) = play.wants().pop() {
        asked += 1;
        play.refuse(now, 1, want.request, Refusal::Busy);
        if let Some(due) = play.download.next_tick() {
            assert!(due > now);
            now = due;
            play.tell(now, Input::Tick);
        } else {
            let reasons = vec![(node(1), Reason::Refused(Refusal::Busy))];
            assert_eq!(play.out, [Output::Stuck { blob, reasons }]);
        }
    }
    assert_eq!(asked, 6);
}

#[test]
fn answers_to_what_was_cancelled_are_ignored_and_answers_to_nothing_are_a_fault() {
    let mut play = Play::default();
    play.up(1, 0, false);
    let (blob, bytes) = small(1);
    play.small(1, Urgency::Bulk);
    play.tell(NOW, Input::Unwant(blob));
    play.out.clear();
    let piece = |request| Answer::Piece { request, index: 0, offset: 0, bytes: bytes.clone() };
    play.tell(NOW, Input::Answer(node(1), piece(0)));
    assert_eq!(play.out, []);
    play.tell(NOW, Input::Answer(node(1), piece(0)));
    play.tell(NOW, Input::Answer(node(1), piece(7)));
    assert_eq!(play.out, [Output::Penalise(node(1), Fault::Unasked), Output::Penalise(node(1), Fault::Unasked)]);
}

#[test]
fn pieces_of_a_wrong_number_place_or_length_are_a_fault() {
    let size = 2 * PIECE_BYTES;
    for (index, offset, len) in [(5, 0, 10), (0, 10, 10), (1, 0, PIECE_BYTES as usize + 1), (0, 0, 0)] {
        let mut play = Play::default();
        play.up(1, 0, false);
        play.want(Wanted::new(BlobId::of(b"x"), size, Urgency::Bulk).unwrap());
        play.out.clear();
        let bytes = vec![0; len];
        play.tell(NOW, Input::Answer(node(1), Answer::Piece { request: 0, index, offset, bytes }));
        assert_eq!(play.out[0], Output::Penalise(node(1), Fault::Unasked));
    }
}

#[test]
fn an_empty_blob_needs_nobody_and_one_that_is_here_nothing() {
    let mut play = Play::default();
    let empty = BlobId::of(b"");
    play.want(Wanted::new(empty, 0, Urgency::Bulk).unwrap());
    let piece = Output::WritePiece { blob: empty, index: 0, offset: 0, bytes: Vec::new() };
    assert_eq!(play.out, [piece, Output::Complete(empty)]);
    play.out.clear();
    let (blob, _) = small(1);
    play.want(Wanted::new(blob, 4, Urgency::Bulk).unwrap().resume(crate::blob::PieceSet::full(1), None));
    assert_eq!(play.out, [Output::Complete(blob)]);
    assert!(play.download.is_idle());
    assert!(Wanted::new(blob, u64::MAX, Urgency::Bulk).is_err());
}

#[test]
fn figures_follow_what_is_wanted_comes_and_is_given_up() {
    let figures = |play: &Play| (play.download.totals().blobs_missing, play.download.totals().bytes_missing);
    let mut play = Play::default();
    let bytes = vec![7; 2 * PIECE_BYTES as usize];
    let mut hasher = crate::blob::piece::PieceHasher::new();
    hasher.update(&bytes);
    let list = hasher.finish();
    play.want(Wanted::new(list.blob(), list.size(), Urgency::Bulk).unwrap());
    let (other, _) = small(1);
    play.want(Wanted::new(other, 4, Urgency::Bulk).unwrap().rank(1));
    assert_eq!(figures(&play), (2, 2 * PIECE_BYTES + 4));
    assert!(play.download.under_way().is_empty() && play.download.stuck().next().is_none());
    play.up(1, 0, false);
    assert_eq!(play.download.under_way()[&list.blob()], BTreeSet::from([node(1)]));
    let request = play.wants().into_iter().find(|(_, want)| want.blob == list.blob()).unwrap().1.request;
    let values = list.to_bytes();
    play.tell(NOW, Input::Answer(node(1), Answer::List { request, from_piece: 0, values }));
    let piece = |index: u32, offset: u32, bytes: &[u8]| {
        Input::Answer(node(1), Answer::Piece { request, index, offset, bytes: bytes.to_vec() })
    };
    play.tell(NOW, piece(0, 0, &bytes[..PIECE_BYTES as usize]));
    play.tell(NOW, piece(1, 0, &bytes[..1000]));
    assert_eq!(figures(&play), (2, PIECE_BYTES + 4));
    let progress = play.download.progress(list.blob()).unwrap();
    assert_eq!((progress.verified_bytes, progress.part_bytes), (PIECE_BYTES, 1000));
    play.tell(NOW, Input::Unwant(list.blob()));
    assert_eq!(figures(&play), (1, 4));
    play.tell(NOW, Input::SourceDown(node(1)));
    assert!(play.download.under_way().is_empty());
}

#[test]
fn a_source_that_lies_again_and_again_is_asked_for_nothing_any_more() {
    let mut play = Play::default();
    play.up(1, 0, false);
    for number in 0..20 {
        play.small(number, Urgency::Bulk);
    }
    let mut lies = 0;
    loop {
        let wants = play.wants();
        if wants.is_empty() {
            break;
        }
        for (_, want) in wants {
            lies += 1;
            let bytes = vec![0xff; 4];
            let answer = Answer::Piece { request: want.request, index: 0, offset: 0, bytes };
            play.tell(NOW, Input::Answer(node(1), answer));
        }
    }
    assert!(lies <= 28, "{lies}: what was asked before the eighth lie, and eight");
    assert!(play.download.is_idle());
    play.tell(NOW, Input::SourceDown(node(1)));
    play.up(1, 0, false);
    assert_eq!(play.wants(), [], "coming back does not make it clean");
}

#[test]
fn wants_for_small_files_go_out_in_crowds() {
    let mut play = Play::default();
    play.up(1, 0, false);
    for number in 0..2_000 {
        play.small(number, Urgency::Bulk);
    }
    let mut open: VecDeque<_> = play.wants().into();
    let (first, mut crowds, mut answered) = (open.len(), Vec::new(), 0);
    while let Some((_, want)) = open.pop_front() {
        let number = (0..2_000).find(|number| small(*number).0 == want.blob).unwrap();
        let answer = Answer::Piece { request: want.request, index: 0, offset: 0, bytes: small(number).1 };
        play.tell(NOW, Input::Answer(node(1), answer));
        answered += 1;
        let wants = play.wants();
        if !wants.is_empty() {
            crowds.push(wants.len());
            assert!(open.len() * 4 >= first * 2, "asked in time: {} of {first} are still on their way", open.len());
        }
        open.extend(wants);
    }
    assert_eq!(answered, 2_000);
    assert!(crowds.len() < 50, "{} packets of wants", crowds.len());
}

#[test]
fn what_is_on_its_way_is_hurried_when_a_person_waits_for_it() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.small(1, Urgency::Bulk);
    let request = play.wants()[0].1.request;
    play.small(1, Urgency::Interactive);
    assert_eq!(play.out, [Output::Send(node(1), Request::Hurry(request))]);
    play.out.clear();
    play.small(1, Urgency::Interactive);
    assert_eq!(play.out, []);
}

#[test]
fn bytes_of_a_frame_that_is_not_whole_are_no_silence() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.up(2, 1, false);
    play.small(1, Urgency::Bulk);
    assert_eq!(play.wants().len(), 1);
    for second in 0..120 {
        let now = NOW.plus_millis(second * 1000);
        if second % 20 == 0 {
            play.tell(now, Input::Heard(node(1)));
        }
        play.tell(now, Input::Tick);
    }
    let silent = |output: &Output| matches!(output, Output::Penalise(_, Fault::Silent));
    assert!(!play.out.iter().any(silent), "{:?}", play.out);
}

#[test]
fn the_only_source_may_be_silent_for_as_long_as_a_link_is_down() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.small(1, Urgency::Bulk);
    play.wants();
    play.tell(NOW.plus_millis(60_000), Input::Tick);
    assert_eq!(play.out, []);
    play.tell(NOW.plus_millis(LONE_SILENCE_MS), Input::Tick);
    assert!(play.out.contains(&Output::Penalise(node(1), Fault::Silent)));
    play.wants();
    // And when it speaks again, it is asked again at once.
    play.tell(NOW.plus_millis(LONE_SILENCE_MS + 1), Input::Heard(node(1)));
    assert_eq!(play.wants().len(), 1);
}

#[test]
fn a_parent_on_the_slowest_link_is_given_the_time_that_it_needs() {
    let mut play = Play::default();
    play.up(1, 1, true);
    play.want(Wanted::new(BlobId::of(b"x"), 2 * PIECE_BYTES, Urgency::Bulk).unwrap());
    // 400 bytes a second: eleven minutes for a piece, and a word of it each minute.
    for minute in 0..50 {
        let now = NOW.plus_millis(minute * 60_000);
        play.tell(now, Input::Answer(node(1), waiting(0, (minute / 11) as u32 / 3, minute * 24_000)));
        play.tell(now, Input::Tick);
    }
    assert!(!play.out.iter().any(|output| matches!(output, Output::Penalise(..))), "{:?}", play.out);
    assert_eq!(play.wants().len(), 1);
}

#[test]
fn a_source_that_says_for_ever_that_it_is_fetching_is_believed_for_an_hour() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.up(2, 1, false);
    play.want(Wanted::new(BlobId::of(b"x"), 1 << 30, Urgency::Bulk).unwrap());
    play.wants();
    let mut minutes = 0;
    while play.wants().is_empty() {
        minutes += 1;
        let now = NOW.plus_millis(minutes * 60_000);
        play.tell(now, Input::Answer(node(1), waiting(0, minutes as u32, minutes)));
        play.tell(now, Input::Tick);
    }
    assert_eq!(minutes * 60_000, MAX_WAITING_MS);
}

#[test]
fn a_source_that_claims_to_have_everything_and_sends_nothing_is_soon_replaced() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.up(2, 1, false);
    play.want(Wanted::new(BlobId::of(b"x"), 2 * PIECE_BYTES, Urgency::Bulk).unwrap());
    play.wants();
    play.tell(NOW, Input::Answer(node(1), waiting(0, 2, 2 * PIECE_BYTES)));
    play.tell(NOW.plus_millis(SILENCE_MS), Input::Tick);
    assert_eq!(play.wants()[0].0, node(2));
}

#[test]
fn an_endless_stream_of_nothing_is_cut_off() {
    for request in [0, 7] {
        let mut play = Play::default();
        play.up(1, 0, false);
        play.want(Wanted::new(BlobId::of(b"x"), 1 << 20, Urgency::Bulk).unwrap());
        let mut notices = 0;
        while !play.out.contains(&Output::Shun(node(1))) {
            play.tell(NOW, Input::Answer(node(1), waiting(request, 0, 0)));
            notices += 1;
            assert!(notices < 1_000, "{notices} frames were read");
        }
    }
}

#[test]
fn an_endless_stream_of_bytes_is_cut_off() {
    let mut play = Play::default();
    play.up(1, 0, false);
    let size = 2 * PIECE_BYTES;
    play.want(Wanted::new(BlobId::of(b"x"), size, Urgency::Bulk).unwrap());
    let mut sent = 0;
    while !play.out.contains(&Output::Shun(node(1))) {
        let bytes = vec![0; 64 * 1024];
        sent += bytes.len() as u64;
        play.tell(NOW, Input::Answer(node(1), Answer::Piece { request: 0, index: 0, offset: 0, bytes }));
        assert!(sent <= size + 16 * 64 * 1024, "{sent} bytes were read");
    }
}

#[test]
fn a_source_that_became_dearer_is_asked_after_the_others() {
    let mut play = Play::default();
    play.up(1, 0, false);
    play.up(2, 1, false);
    play.tell(NOW, Input::Cost { node: node(1), cost: 9 });
    play.small(1, Urgency::Bulk);
    assert_eq!(play.wants()[0].0, node(2));
}

#[test]
fn what_an_earlier_run_has_left_of_a_piece_is_not_asked_for_and_nobody_is_blamed_for_it() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    let blob = BlobId::of(&bytes);
    for is_right in [true, false] {
        let mut play = Play::default();
        play.up(1, 0, false);
        let mut left = bytes[..60_000].to_vec();
        left[5] ^= u8::from(!is_right);
        let wanted = Wanted::new(blob, 100_000, Urgency::Bulk).unwrap().resume_inside(vec![(0, left), (7, vec![1])]);
        play.want(wanted);
        let (_, want) = play.wants().remove(0);
        assert_eq!((want.from_piece, want.from_offset), (0, 60_000));
        let piece = |request, offset: u32| Answer::Piece {
            request,
            index: 0,
            offset,
            bytes: bytes[offset as usize..].to_vec(),
        };
        play.tell(NOW, Input::Answer(node(1), piece(want.request, 60_000)));
        if is_right {
            assert!(play.out.contains(&Output::Complete(blob)));
        } else {
            let (_, again) = play.wants().remove(0);
            assert_eq!(again.from_offset, 0, "what the disk made of it is fetched again");
            play.tell(NOW, Input::Answer(node(1), piece(again.request, 0)));
            assert!(play.out.contains(&Output::Complete(blob)));
        }
        assert!(!play.out.iter().any(|output| matches!(output, Output::Penalise(..))));
    }
}

#[test]
fn what_was_promised_to_a_neighbour_comes_before_other_bulk_and_is_not_asked_of_it() {
    let mut play = Play::default();
    play.tell(NOW, Input::Allow(Allowance::Nothing));
    play.up(1, 0, false);
    play.up(2, 3, false);
    let first = play.small(1, Urgency::Bulk);
    let promised = play.small(2, Urgency::Bulk);
    play.tell(NOW, Input::Promised { blob: promised, to: node(1) });
    play.tell(NOW, Input::Allow(Allowance::Everything));
    let wants: Vec<_> = play.wants().iter().map(|(node, want)| (*node, want.blob)).collect();
    assert_eq!(wants, [(node(2), promised), (node(1), first)]);
}

#[test]
fn neighbours_that_are_full_of_each_others_requests_go_on() {
    let mut play = Play::default();
    play.up(1, 0, false);
    for number in 0..300 {
        play.small(number, Urgency::Bulk);
    }
    // All that may be asked of it waits there.
    for (_, want) in play.wants() {
        play.tell(NOW, Input::Answer(node(1), waiting(want.request, 0, 0)));
    }
    play.up(2, 3, false);
    assert_eq!(play.wants(), [], "it is waited for");
    let promised = play.small(299, Urgency::Bulk);
    play.tell(NOW, Input::Promised { blob: promised, to: node(3) });
    let wants: Vec<_> = play.wants().iter().map(|(node, want)| (*node, want.blob)).collect();
    assert_eq!(wants, [(node(2), promised)]);
}

#[test]
fn a_neighbour_that_began_after_it_was_asked_is_asked_again() {
    let mut play = Play::default();
    play.up(1, 0, false);
    let blob = play.small(1, Urgency::Bulk);
    let request = play.wants()[0].1.request;
    play.refuse(NOW, 1, request, Refusal::NotHeld);
    play.out.clear();
    play.tell(NOW, Input::WantsToo { blob, node: node(1) });
    assert_eq!(play.wants().len(), 1);
}

/// A blob of two pieces, the second one short.
fn two_pieces() -> (Vec<u8>, PieceList) {
    let bytes = vec![7; PIECE_BYTES as usize + 100];
    let mut hasher = crate::blob::piece::PieceHasher::new();
    hasher.update(&bytes);
    (bytes, hasher.finish())
}

#[test]
fn after_a_restart_a_piece_goes_on_where_it_broke_off() {
    let (bytes, list) = two_pieces();
    let (blob, size) = (list.blob(), list.size());
    let wanted = || Wanted::new(blob, size, Urgency::Bulk).unwrap();
    let mut before = Play::default();
    before.up(1, 0, false);
    before.want(wanted().resume(crate::blob::PieceSet::empty(2), Some(list.clone())));
    let request = before.wants()[0].1.request;
    let part = bytes[..1000].to_vec();
    before.tell(NOW, Input::Answer(node(1), Answer::Piece { request, index: 0, offset: 0, bytes: part }));
    let parts: Vec<_> = before.download.parts(blob).map(|(index, bytes)| (index, bytes.to_vec())).collect();
    assert_eq!(parts, [(0, bytes[..1000].to_vec())]);

    let mut after = Play::default();
    after.up(1, 0, false);
    after.want(wanted().resume(crate::blob::PieceSet::empty(2), Some(list)).resume_inside(parts));
    let want = after.wants()[0].1.clone();
    assert_eq!((want.list_from, want.from_piece, want.from_offset), (None, 0, 1000));
}

#[test]
fn nobody_is_blamed_for_what_a_disk_has_spoilt() {
    let (bytes, list) = two_pieces();
    let wanted = Wanted::new(list.blob(), list.size(), Urgency::Bulk).unwrap();
    let wanted = wanted.resume(crate::blob::PieceSet::empty(2), Some(list));
    let mut play = Play::default();
    play.up(1, 0, false);
    let impossible = [(0, Vec::new()), (1, bytes[..100].to_vec()), (9, vec![1])];
    play.want(wanted.resume_inside(impossible).resume_inside([(0, vec![8; PIECE_BYTES as usize - 10])]));
    let request = play.wants()[0].1.request;
    let rest = Answer::Piece { request, index: 0, offset: PIECE_BYTES as u32 - 10, bytes: vec![7; 10] };
    play.tell(NOW, Input::Answer(node(1), rest));
    assert!(!play.out.iter().any(|output| matches!(output, Output::Penalise(..))), "{:?}", play.out);
    let again = play.wants();
    assert!(again.iter().any(|(_, want)| want.from_piece == 0 && want.from_offset == 0), "{again:?}");
}
