//! Links that go away for a while, by the runtime's clock, which jumps to the next thing to do.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::relay::Relay;
use super::*;

const OUTAGE: Duration = Duration::from_secs(15);
/// Until whoever has something to send sends again.
const AGAIN_WITHIN: Duration = Duration::from_secs(2);

struct Pair {
    school: Network,
    point: Network,
    events: Events,
    relay: Relay,
}

/// A point that called its school through a relay.
async fn pair() -> Pair {
    let (school, _) = node(1, &[QUIC4]).await;
    let (point, mut events) = node(2, &[]).await;
    echo(&school);
    echo(&point);
    let relay = Relay::start(&school.listen_addresses()[0], |_| false).await;
    point.dial(school.local(), vec![relay.address.clone()]).await.unwrap();
    assert!(matches!(next_change(&mut events).await, Event::Connected { .. }));
    expect_echo(&point, school.local(), b"before").await;
    expect_echo(&school, point.local(), b"before").await;
    Pair { school, point, events, relay }
}

/// Whoever was cut off in the middle of a conversation has its answer soon after the link is back, and nobody called again.
#[tokio::test]
async fn a_conversation_goes_on_within_two_seconds_after_an_outage_whoever_speaks() {
    for point_speaks in [true, false] {
        let Pair { school, point, mut events, relay } = pair().await;
        let (speaker, other) = if point_speaks { (&point, school.local()) } else { (&school, point.local()) };
        let mut stream = speaker.open(other, ECHO).await.unwrap();
        let mut answer = [0; 5];
        stream.write_all(b"first").await.unwrap();
        stream.flush().await.unwrap();
        stream.read_exact(&mut answer).await.unwrap();
        tokio::time::pause();
        relay.is_away.store(true, Ordering::Relaxed);
        stream.write_all(b"again").await.unwrap();
        stream.flush().await.unwrap();
        sleep(OUTAGE).await;
        relay.is_away.store(false, Ordering::Relaxed);
        let back = Instant::now();
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"again");
        assert!(back.elapsed() <= AGAIN_WITHIN, "after {:?} (point speaks: {point_speaks})", back.elapsed());
        tokio::time::resume();
        point.shutdown().await;
        assert!(matches!(next_change(&mut events).await, Event::Disconnected { reason: DisconnectReason::Asked, .. }));
    }
}

/// Content on its way, and the receiver has nothing to say.
#[tokio::test]
async fn content_goes_on_within_two_seconds_after_an_outage_in_both_directions() {
    for point_sends in [true, false] {
        let Pair { school, point, events: _events, relay } = pair().await;
        let (sender, receiver) = if point_sends { (&point, &school) } else { (&school, &point) };
        let mut incoming = receiver.accept("/kapok/test-content/1").unwrap();
        let mut sending = sender.open(receiver.local(), "/kapok/test-content/1").await.unwrap();
        let task = tokio::spawn(async move {
            loop {
                // Until the test has seen enough.
                if sending.write_all(&[7; 4096]).await.is_err() || sending.flush().await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        let (_, mut receiving) = incoming.next().await.unwrap();
        let mut buffer = [0; 8192];
        receiving.read_exact(&mut buffer).await.unwrap();
        tokio::time::pause();
        for _ in 0..100 {
            receiving.read_exact(&mut buffer).await.unwrap();
        }
        relay.is_away.store(true, Ordering::Relaxed);
        let gone = Instant::now();
        while let Ok(read) = tokio::time::timeout_at(gone + OUTAGE, receiving.read_exact(&mut buffer[..1])).await {
            read.unwrap();
        }
        relay.is_away.store(false, Ordering::Relaxed);
        let back = Instant::now();
        receiving.read_exact(&mut buffer).await.unwrap();
        assert!(back.elapsed() <= AGAIN_WITHIN, "after {:?} (point sends: {point_sends})", back.elapsed());
        task.abort();
        tokio::time::resume();
    }
}
