#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::message::{FRAME_DATA_BYTES, Hole};
use crate::blob::piece::PIECE_BYTES;

const PEER: NodeId = NodeId([1; 32]);
const NOW: Timestamp = Timestamp(1_000);

/// A driver that holds every blob and answers each check and read at once.
struct Driver {
    upload: Upload,
    now: Timestamp,
    verdict: Verdict,
    /// Reads that are not answered yet, if reading is slow.
    reads: Option<Vec<Output>>,
    sent: Vec<Answer>,
    others: Vec<Output>,
}

impl Driver {
    fn new(verdict: Verdict) -> Self {
        let (sent, others) = (Vec::new(), Vec::new());
        Self { upload: Upload::new(), now: NOW, verdict, reads: None, sent, others }
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.upload.handle(self.now, input, &mut out);
        for output in out {
            match output {
                Output::Check { ticket, .. } => {
                    let verdict = self.verdict.clone();
                    self.tell(Input::Checked { ticket, verdict });
                }
                Output::Read { .. } if self.reads.is_some() => self.reads.as_mut().unwrap().push(output),
                Output::Read { ticket, what, .. } => self.finish_read(ticket, what),
                Output::Send(_, answer) => self.sent.push(answer),
                other => self.others.push(other),
            }
        }
    }

    fn finish_read(&mut self, ticket: Ticket, what: Range) {
        let (Range::List { len, .. } | Range::Blob { len, .. } | Range::Recipe { len, .. }) = what;
        self.tell(Input::Read { ticket, read: Ok(vec![0; len]) });
    }

    fn want(&mut self, want: Want) {
        self.tell(Input::Request(PEER, Request::Want(want)));
    }

    fn room(&mut self, frames: u32) {
        self.tell(Input::Room { peer: PEER, frames });
    }

    /// The numbers of the requests whose content was sent.
    fn order(&self) -> Vec<RequestId> {
        self.sent.iter().filter(|answer| answer.content_bytes() > 0).map(Answer::request).collect()
    }
}

fn want(request: RequestId, urgency: Urgency) -> Want {
    Want {
        request,
        blob: BlobId::of(&request.to_le_bytes()),
        size: 4 * PIECE_BYTES,
        list_from: None,
        from_piece: 0,
        from_offset: 0,
        count: 2,
        urgency,
        route: Route::Direct,
        recipe_from: None,
        holes: Vec::new(),
    }
}

#[test]
fn what_a_person_waits_for_overtakes_bulk_at_the_next_frame() {
    let mut driver = Driver::new(Verdict::Held);
    driver.want(want(1, Urgency::Bulk));
    driver.room(2);
    driver.want(want(2, Urgency::Interactive));
    driver.room(9);
    assert_eq!(driver.order(), [1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
}

#[test]
fn requests_of_one_urgency_take_turns_by_whole_pieces() {
    let mut driver = Driver::new(Verdict::Held);
    driver.want(want(1, Urgency::Bulk));
    driver.want(want(2, Urgency::Bulk));
    driver.room(16);
    assert_eq!(driver.order(), [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(driver.upload.open_requests(), 0);
}

#[test]
fn requests_of_one_blob_are_served_in_order_and_in_turn_with_another() {
    let mut driver = Driver::new(Verdict::Held);
    let film = want(1, Urgency::Interactive);
    driver.want(film.clone());
    driver.want(Want { request: 3, from_piece: 2, ..film });
    driver.want(want(2, Urgency::Interactive));
    driver.room(16);
    driver.room(16);
    let pieces: Vec<_> = driver.order().chunks(4).map(|frames| frames[0]).collect();
    assert_eq!(pieces, [1, 2, 1, 2, 3, 3]);
}

#[test]
fn the_list_comes_before_the_pieces_and_a_piece_may_begin_in_its_middle() {
    let mut driver = Driver::new(Verdict::Held);
    driver.want(Want { list_from: Some(1), from_piece: 3, from_offset: 250_000, count: 1, ..want(1, Urgency::Bulk) });
    driver.room(16);
    let [Answer::List { from_piece: 1, values, .. }, Answer::Piece { index: 3, offset: 250_000, bytes, .. }] =
        &driver.sent[..]
    else {
        panic!("{:?}", driver.sent)
    };
    assert_eq!((values.len(), bytes.len()), (3 * 32, PIECE_BYTES as usize - 250_000));
}

#[test]
fn a_request_beyond_the_blob_or_the_limits_is_refused_before_anything_is_read() {
    let good = want(1, Urgency::Bulk);
    let bad = [
        Want { from_piece: 3, ..good.clone() },
        Want { from_piece: u32::MAX, ..good.clone() },
        Want { count: MAX_WANT_PIECES + 1, size: MAX_BLOB_BYTES, ..good.clone() },
        Want { count: 0, ..good.clone() },
        Want { from_offset: PIECE_BYTES as u32, ..good.clone() },
        Want { list_from: Some(4), ..good.clone() },
        Want { holes: vec![Hole { offset: 0, len: 0 }], count: 1, ..good.clone() },
        Want { holes: vec![Hole { offset: 1, len: u32::MAX }], count: 1, ..good.clone() },
        Want { holes: vec![Hole { offset: 9, len: 9 }, Hole { offset: 8, len: 1 }], count: 1, ..good.clone() },
        Want { holes: vec![Hole { offset: 9, len: 9 }], ..good.clone() },
        Want { list_from: Some(0), size: 5, count: 1, ..good.clone() },
        Want { size: u64::MAX, ..good.clone() },
    ];
    for want in bad {
        let mut driver = Driver::new(Verdict::Held);
        driver.room(16);
        driver.want(want.clone());
        assert_eq!(driver.sent, [Answer::Refused { request: 1, reason: Refusal::Invalid }], "{want:?}");
    }
    let far = Route::ThroughTree { home: PEER, hops: MAX_HOPS + 1 };
    let mut driver = Driver::new(Verdict::Held);
    driver.want(Want { route: far, ..good.clone() });
    assert_eq!(driver.sent, [Answer::Refused { request: 1, reason: Refusal::TooFar }]);
}

#[test]
fn a_peer_cannot_open_requests_without_end_or_one_twice() {
    let mut driver = Driver::new(Verdict::Held);
    for request in 0..=MAX_OPEN_REQUESTS as u32 {
        driver.want(want(request, Urgency::Bulk));
    }
    let request = MAX_OPEN_REQUESTS as u32;
    assert_eq!(driver.sent, [Answer::Refused { request, reason: Refusal::Busy }]);
    driver.want(want(0, Urgency::Bulk));
    assert_eq!(driver.others, [Output::Penalise(PEER, Fault::RepeatedNumber)]);
}

#[test]
fn asking_and_cancelling_does_not_pile_up_reads() {
    let mut driver = Driver::new(Verdict::Held);
    driver.reads = Some(Vec::new());
    driver.room(4);
    for request in 0..50 {
        driver.want(want(request, Urgency::Bulk));
        driver.tell(Input::Request(PEER, Request::Cancel(request)));
    }
    assert_eq!(driver.reads.as_ref().unwrap().len(), 4, "no more than there is room for");
    driver.want(want(50, Urgency::Bulk));
    for read in driver.reads.take().unwrap() {
        let Output::Read { ticket, what, .. } = read else { panic!("{read:?}") };
        driver.finish_read(ticket, what);
    }
    assert_eq!(driver.order(), [50; 4], "the room of the cancelled reads comes back");
}

#[test]
fn nothing_is_said_of_a_blob_that_the_peer_may_not_have() {
    let mut driver = Driver::new(Verdict::Refused(Refusal::NotAllowed));
    driver.room(16);
    driver.want(want(1, Urgency::Bulk));
    assert_eq!(driver.sent, [Answer::Refused { request: 1, reason: Refusal::NotAllowed }]);
    assert_eq!(driver.upload.open_requests(), 0);
}

#[test]
fn a_blob_that_is_being_fetched_is_passed_on_piece_by_piece() {
    let want = Want { list_from: Some(0), ..want(1, Urgency::Interactive) };
    let mut driver = Driver::new(Verdict::Arriving { present: PieceSet::empty(4) });
    driver.room(16);
    let blob = want.blob;
    driver.want(want);
    assert_eq!(driver.sent, [Answer::Waiting { request: 1, have_pieces: 0, came_bytes: 0 }]);
    driver.tell(Input::Arrived { blob, index: 1 });
    let pieces = |driver: &Driver| {
        let index = |answer: &Answer| if let Answer::Piece { index, .. } = answer { Some(*index) } else { None };
        driver.sent.iter().filter_map(index).collect::<Vec<_>>()
    };
    assert_eq!(pieces(&driver), [1; 4]);
    assert_eq!(driver.sent.last(), Some(&Answer::Waiting { request: 1, have_pieces: 1, came_bytes: 0 }));
    // A piece that this request is not about is news only.
    driver.now = NOW.plus_millis(WAITING_INTERVAL_MS);
    driver.tell(Input::Arrived { blob, index: 3 });
    assert_eq!(driver.sent.last(), Some(&Answer::Waiting { request: 1, have_pieces: 2, came_bytes: 0 }));
    driver.tell(Input::Arrived { blob, index: 0 });
    assert_eq!(pieces(&driver), [1, 1, 1, 1, 0, 0, 0, 0]);
    assert_eq!(driver.upload.open_requests(), 0);
    assert_eq!(driver.others, [Output::Awaited(blob)], "a request that was served is no reason to stop fetching");
}

#[test]
fn whoever_fetches_for_others_hears_which_pieces_people_wait_for() {
    let mut driver = Driver::new(Verdict::Arriving { present: PieceSet::empty(4) });
    let (bulk, blob, other) = (want(1, Urgency::Bulk), BlobId::of(&1_u32.to_le_bytes()), NodeId([2; 32]));
    let read = |request, from_piece, count| Want { blob, from_piece, count, ..want(request, Urgency::Interactive) };
    driver.want(bulk);
    assert_eq!((driver.others.len(), driver.upload.awaited(&blob)), (0, vec![]));
    driver.want(read(2, 3, 1));
    driver.want(read(3, 1, 2));
    driver.tell(Input::Request(other, Request::Want(read(9, 2, 1))));
    assert_eq!(driver.upload.awaited(&blob), [vec![3, 1, 2], vec![2]], "in the order in which each asked");
    driver.tell(Input::Arrived { blob, index: 2 });
    driver.others.clear();
    driver.tell(Input::Request(PEER, Request::Cancel(2)));
    assert_eq!(driver.others, [Output::Awaited(blob)]);
    assert_eq!(driver.upload.awaited(&blob), [[1]]);
    driver.tell(Input::Request(PEER, Request::Hurry(1)));
    assert_eq!(driver.upload.awaited(&blob), [[0, 1, 1]]);
}

#[test]
fn who_waits_hears_of_bytes_long_before_a_piece_is_whole() {
    let mut driver = Driver::new(Verdict::Arriving { present: PieceSet::empty(4) });
    let want = want(1, Urgency::Bulk);
    let blob = want.blob;
    driver.want(want);
    driver.sent.clear();
    driver.tell(Input::Came { blob, bytes: 100 });
    assert_eq!(driver.sent, [], "not every minute again");
    driver.now = NOW.plus_millis(CAME_INTERVAL_MS);
    driver.tell(Input::Came { blob, bytes: 50_000 });
    assert_eq!(driver.sent, [Answer::Waiting { request: 1, have_pieces: 0, came_bytes: 50_000 }]);
    driver.now = NOW.plus_millis(2 * CAME_INTERVAL_MS);
    driver.tell(Input::Came { blob, bytes: 50_000 });
    assert_eq!(driver.sent.len(), 1, "nothing has come since");
}

#[test]
fn fetching_is_unneeded_when_the_last_who_waited_has_gone() {
    let mut driver = Driver::new(Verdict::Arriving { present: PieceSet::empty(4) });
    let (first, second) = (want(1, Urgency::Bulk), NodeId([2; 32]));
    driver.want(first.clone());
    driver.tell(Input::Request(second, Request::Want(first.clone())));
    driver.tell(Input::Request(PEER, Request::Cancel(1)));
    assert_eq!(driver.others, []);
    driver.tell(Input::Gone(second));
    assert_eq!(driver.others, [Output::Unneeded(first.blob)]);
}

#[test]
fn a_copy_that_cannot_be_read_is_refused_as_damaged() {
    let mut driver = Driver::new(Verdict::Held);
    driver.reads = Some(Vec::new());
    driver.room(1);
    driver.want(want(1, Urgency::Bulk));
    let Some(Output::Read { ticket, what: Range::Blob { offset: 0, len: FRAME_DATA_BYTES }, .. }) =
        driver.reads.take().unwrap().pop()
    else {
        panic!("no read")
    };
    driver.tell(Input::Read { ticket, read: Err(ReadError::Damaged) });
    assert_eq!(driver.sent, [Answer::Refused { request: 1, reason: Refusal::Damaged }]);
}

#[test]
fn frames_are_no_larger_than_the_line_takes_in_a_moment() {
    let mut driver = Driver::new(Verdict::Held);
    driver.tell(Input::FrameSize { peer: PEER, bytes: 10_000 });
    driver.want(Want { list_from: Some(0), count: 1, ..want(1, Urgency::Bulk) });
    driver.room(MAX_ROOM_FRAMES);
    driver.room(MAX_ROOM_FRAMES);
    let sizes: Vec<_> = driver.sent.iter().map(Answer::content_bytes).collect();
    assert_eq!(sizes[..2], [4 * 32, 10_000 - 10_000 % 32]);
    assert_eq!(sizes[1..].iter().sum::<usize>(), PIECE_BYTES as usize);
    // Below the least, what surrounds the bytes would cost more than it saves.
    driver.tell(Input::FrameSize { peer: PEER, bytes: 1 });
    driver.want(want(2, Urgency::Bulk));
    assert_eq!(driver.sent.last().unwrap().content_bytes(), MIN_FRAME_DATA_BYTES);
}

#[test]
fn bulk_for_which_a_person_waits_by_now_overtakes_the_rest() {
    let mut driver = Driver::new(Verdict::Held);
    driver.want(want(1, Urgency::Bulk));
    driver.want(want(2, Urgency::Bulk));
    driver.room(1);
    driver.tell(Input::Request(PEER, Request::Hurry(2)));
    driver.tell(Input::Request(PEER, Request::Hurry(77)));
    driver.room(9);
    assert_eq!(driver.order(), [1, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
}

#[test]
fn whoever_fetches_for_others_hurries_when_they_do() {
    let present = PieceSet::empty(4);
    let mut driver = Driver::new(Verdict::Arriving { present });
    driver.want(want(1, Urgency::Bulk));
    let mut out = Vec::new();
    driver.upload.handle(NOW, Input::Request(PEER, Request::Hurry(1)), &mut out);
    assert!(matches!(out[..], [Output::Check { urgency: Urgency::Interactive, .. }]), "{out:?}");
}

#[test]
fn of_a_piece_only_the_holes_are_sent() {
    let mut driver = Driver::new(Verdict::Held);
    let holes = vec![Hole { offset: 5, len: 10 }, Hole { offset: 100_000, len: 70_000 }];
    driver.want(Want { from_piece: 2, count: 1, holes, ..want(1, Urgency::Bulk) });
    driver.room(9);
    let place = |answer: &Answer| match answer {
        Answer::Piece { index: 2, offset, bytes, .. } => (*offset, bytes.len()),
        other => panic!("{other:?}"),
    };
    let places: Vec<_> = driver.sent.iter().map(place).collect();
    assert_eq!(places, [(5, 10), (100_000, 65_536), (165_536, 4_464)]);
    assert_eq!(driver.upload.open_requests(), 0);
}

/// The ticket of the recipe that the driver is to make.
fn recipe_ticket(driver: &Driver) -> Ticket {
    match driver.others[..] {
        [Output::Recipe { ticket, .. }] => ticket,
        _ => panic!("{:?}", driver.others),
    }
}

const NO_RECIPE: Answer = Answer::Recipe { request: 1, offset: 0, total: 0, bytes: Vec::new() };

#[test]
fn a_recipe_comes_when_it_is_made_and_goes_on_where_it_broke_off() {
    let asks = |from| Want { list_from: Some(0), count: 0, recipe_from: Some(from), ..want(1, Urgency::Bulk) };
    for (from, expected) in [(0, vec![(0, 65_536), (65_536, 24_464)]), (70_000, vec![(70_000, 20_000)])] {
        let mut driver = Driver::new(Verdict::Held);
        driver.room(9);
        driver.want(asks(from));
        assert_eq!(driver.order(), [1], "the list does not wait for it");
        assert!(
            driver.sent.contains(&Answer::Waiting { request: 1, have_pieces: 4, came_bytes: 0 }),
            "that takes a while"
        );
        driver.tell(Input::Recipe { ticket: recipe_ticket(&driver), bytes: Some(90_000) });
        let place = |answer: &Answer| match answer {
            Answer::Recipe { offset, total: 90_000, bytes, .. } => Some((*offset, bytes.len())),
            _ => None,
        };
        assert_eq!(driver.sent.iter().filter_map(place).collect::<Vec<_>>(), expected);
        assert_eq!(driver.upload.open_requests(), 0);
    }
}

#[test]
fn where_there_is_no_recipe_or_a_shorter_one_that_is_said() {
    for bytes in [None, Some(5), Some(MAX_RECIPE_BYTES + 1)] {
        let mut driver = Driver::new(Verdict::Held);
        driver.room(9);
        driver.want(Want { list_from: Some(0), count: 0, recipe_from: Some(5), ..want(1, Urgency::Bulk) });
        driver.tell(Input::Recipe { ticket: recipe_ticket(&driver), bytes });
        assert_eq!(driver.sent.last(), Some(&NO_RECIPE));
        assert_eq!(driver.upload.open_requests(), 0);
    }
}

#[test]
fn who_waits_for_a_blob_that_is_being_fetched_gets_its_recipe_and_before_that_word_of_it() {
    let mut driver = Driver::new(Verdict::Arriving { present: PieceSet::empty(4) });
    driver.room(9);
    driver.want(Want { list_from: Some(0), count: 0, recipe_from: Some(0), ..want(1, Urgency::Bulk) });
    let ticket = recipe_ticket(&driver);
    assert_eq!(driver.sent.last(), Some(&Answer::Waiting { request: 1, have_pieces: 0, came_bytes: 0 }));
    driver.tell(Input::Checked { ticket, verdict: Verdict::Held });
    assert_eq!(recipe_ticket(&driver), ticket, "the driver is asked once");
    driver.tell(Input::Recipe { ticket, bytes: Some(100) });
    assert!(matches!(driver.sent.last(), Some(Answer::Recipe { total: 100, .. })), "{:?}", driver.sent);
    assert_eq!(driver.upload.open_requests(), 0);
}
