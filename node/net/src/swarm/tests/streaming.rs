use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::frame::{self, FrameError, Limits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_at_once_keep_their_bytes_apart() {
    for listen in [QUIC4, TCP4] {
        let (school, _events) = node(1, &[listen]).await;
        let (point, _events) = node(2, &[]).await;
        echo(&school);
        point.dial(school.local(), school.listen_addresses()).await.unwrap();
        let streams = (0..100u64).map(|number| {
            let (point, school) = (point.clone(), school.local());
            async move { expect_echo(&point, school, &content(number, 50_000 + number as usize)).await }
        });
        join_all(streams.map(tokio::spawn)).await.into_iter().for_each(Result::unwrap);
    }
}

#[tokio::test]
async fn streams_wait_for_a_busy_driver() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    let mut incoming = school.accept(ECHO).unwrap();
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    let mut opened = Vec::new();
    for number in 0..200u32 {
        let mut stream = point.open(school.local(), ECHO).await.unwrap();
        frame::write(&mut stream, &number.to_be_bytes(), &Limits::new(4)).await.unwrap();
        opened.push(stream);
    }
    let mut numbers = Vec::new();
    for _ in 0..200 {
        let (from, mut stream) = incoming.next().await.unwrap();
        assert_eq!(from, point.local());
        let frame = frame::read(&mut stream, &Limits::new(4)).await.unwrap().unwrap();
        numbers.push(u32::from_be_bytes(frame.try_into().unwrap()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_protocol_that_the_peer_does_not_speak_shows_at_the_first_answer() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    let mut stream = point.open(school.local(), "/kapok/from-the-future/9").await.unwrap();
    frame::write(&mut stream, b"hello", &Limits::new(5)).await.unwrap();
    let error = frame::read(&mut stream, &Limits::new(5)).await.unwrap_err();
    assert!(matches!(error, FrameError::Unsupported), "{error}");
}

#[tokio::test]
async fn a_frame_that_claims_gigabytes_is_refused() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    let mut incoming = school.accept(ECHO).unwrap();
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    let mut stream = point.open(school.local(), ECHO).await.unwrap();
    stream.write_all(&3_000_000_000u32.to_be_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (_, mut received) = incoming.next().await.unwrap();
    let error = frame::read(&mut received, &Limits::new(1 << 20)).await.unwrap_err();
    assert!(matches!(error, FrameError::TooLarge { claimed: 3_000_000_000, .. }), "{error}");
}

#[tokio::test]
async fn half_a_message_is_never_taken_for_a_whole_one() {
    for listen in [QUIC4, TCP4] {
        let (school, _events) = node(1, &[listen]).await;
        let (point, _events) = node(2, &[]).await;
        let mut incoming = school.accept(ECHO).unwrap();
        point.dial(school.local(), school.listen_addresses()).await.unwrap();
        let mut stream = point.open(school.local(), ECHO).await.unwrap();
        frame::write(&mut stream, b"first", &Limits::new(5)).await.unwrap();
        let (_, mut received) = incoming.next().await.unwrap();
        assert_eq!(frame::read(&mut received, &Limits::new(9)).await.unwrap().as_deref(), Some(&b"first"[..]));
        frame::write(&mut received, b"yes", &Limits::new(5)).await.unwrap();
        assert_eq!(frame::read(&mut stream, &Limits::new(5)).await.unwrap().as_deref(), Some(&b"yes"[..]));
        // The writer fails before it has said all.
        stream.write_all(&[0, 0, 0, 9, 1, 2]).await.unwrap();
        stream.flush().await.unwrap();
        drop(stream);
        let error = frame::read(&mut received, &Limits::new(9)).await.unwrap_err();
        assert!(matches!(error, FrameError::Truncated { got: 2, expected: 9 }), "{error}");
    }
}

#[tokio::test]
async fn streams_need_a_connection_and_protocols_one_reader() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    let error = point.open(school.local(), ECHO).await.unwrap_err();
    assert_eq!(error, OpenError::NotConnected(school.local()));
    assert!(matches!(point.open(school.local(), "echo").await.unwrap_err(), OpenError::BadName(_)));

    let first = school.accept(ECHO).unwrap();
    assert_eq!(school.accept(ECHO).unwrap_err(), AcceptError::Taken(ECHO));
    assert_eq!(school.accept("echo").unwrap_err(), AcceptError::BadName("echo"));
    drop(first);
    let mut second = school.accept(ECHO).unwrap();
    school.shutdown().await;
    assert!(second.next().await.is_none());
    assert_eq!(school.accept(ECHO).unwrap_err(), AcceptError::Stopped);
}

#[tokio::test]
async fn a_slow_reader_slows_the_writer_instead_of_filling_memory() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    let mut incoming = school.accept(ECHO).unwrap();
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    let mut stream = point.open(school.local(), ECHO).await.unwrap();
    let limits = Limits { stall_after: Duration::from_millis(200), ..Limits::new(64 << 20) };
    // Nobody reads: after the windows are full, writing stands still and gives up.
    let error = frame::write(&mut stream, &vec![1; 64 << 20], &limits).await.unwrap_err();
    let FrameError::Stalled { got, .. } = error else { panic!("{error}") };
    assert!(got < 4 << 20, "{got} bytes went out");
    assert!(incoming.next().await.is_some());
}
