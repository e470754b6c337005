#![allow(clippy::unwrap_used)]

use super::*;

fn line() -> Direction {
    Direction {
        rate_bps: 2_000_000,
        delay_ms: 40.0,
        jitter_ms: 0.0,
        loss: 0.0,
        burst: 0.0,
        queue_ms: 300.0,
        outages: None,
    }
}

fn at_millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Fates of packets that come faster than the line sends.
fn flood(direction: Direction, seed: u64, count: usize) -> Vec<Fate> {
    let gap = direction.transmission(1500).mul_f64(0.99);
    let mut transmitter = Transmitter::new(direction, seed);
    (0..count).map(|number| transmitter.push(gap * u32::try_from(number).unwrap(), 1500)).collect()
}

fn share_of(fates: &[Fate], which: impl Fn(&Fate) -> bool) -> f64 {
    fates.iter().filter(|fate| which(fate)).count() as f64 / fates.len() as f64
}

#[test]
fn a_packet_takes_its_time_on_the_wire_and_then_the_delay() {
    let mut transmitter = Transmitter::new(line(), 1);
    // 1,500 bytes at 2 Mbit/s are 6 ms.
    assert_eq!(transmitter.push(at_millis(10), 1500), Fate::Delivered { at: at_millis(56) });
    assert_eq!(transmitter.wait(at_millis(10)), at_millis(6));
    assert_eq!(transmitter.push(at_millis(12), 1500), Fate::Delivered { at: at_millis(62) });
    assert_eq!(transmitter.busy(), at_millis(12));
}

#[test]
fn who_comes_while_the_queue_is_full_is_dropped_and_takes_no_time() {
    let mut transmitter = Transmitter::new(line(), 1);
    let fates: Vec<Fate> = (0..60).map(|_| transmitter.push(Duration::ZERO, 1500)).collect();
    // One on the transmitter, and 300 ms of them behind it.
    let taken = fates.iter().filter(|fate| matches!(fate, Fate::Delivered { .. })).count();
    assert_eq!(taken, 51);
    assert!(fates[51..].iter().all(|fate| *fate == Fate::Dropped));
    assert_eq!(transmitter.busy(), at_millis(6 * 51));
    assert!(matches!(transmitter.push(at_millis(6), 1500), Fate::Delivered { .. }));
}

#[test]
fn as_much_is_lost_as_was_said_alone_or_in_bursts() {
    for burst in [0.0, 1.0, 4.0] {
        let fates = flood(Direction { loss: 0.03, burst, queue_ms: 60_000.0, ..line() }, 7, 200_000);
        let lost = share_of(&fates, |fate| *fate == Fate::Lost);
        assert!((lost - 0.03).abs() < 0.003, "burst {burst}: {lost}");
        let runs = fates.windows(2).filter(|pair| pair[0] != Fate::Lost && pair[1] == Fate::Lost).count();
        let length = lost * fates.len() as f64 / runs as f64;
        let expected = if burst > 1.0 { burst } else { 1.0 / 0.97 };
        assert!((length - expected).abs() < expected * 0.1, "burst {burst}: {length} in a row");
    }
}

#[test]
fn jitter_delays_and_never_overtakes() {
    let fates = flood(Direction { jitter_ms: 20.0, queue_ms: 60_000.0, ..line() }, 3, 10_000);
    let arrivals: Vec<Duration> = fates
        .iter()
        .map(|fate| match fate {
            Fate::Delivered { at } => *at,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(arrivals.is_sorted());
    let transmission = line().transmission(1500);
    for (number, at) in arrivals.iter().enumerate() {
        let earliest = transmission * u32::try_from(number + 1).unwrap() + at_millis(40);
        assert!(*at >= earliest && *at <= earliest + at_millis(20), "packet {number}: {at:?}, {earliest:?}");
    }
}

#[test]
fn an_outage_takes_what_waits_and_what_comes_and_nothing_afterwards() {
    let outages = Outages { up_s: 20.0, down_s: 15.0 };
    let mut transmitter = Transmitter::new(Direction { outages: Some(outages), ..line() }, 1);
    let just_before = at_millis(19_990);
    assert!(matches!(transmitter.push(just_before, 1500), Fate::Delivered { .. }));
    assert_eq!(transmitter.push(just_before, 1500), Fate::Outage, "it would leave after the line went down");
    assert_eq!(transmitter.push(at_millis(27_000), 1500), Fate::Outage);
    // The new up-time begins with an empty queue.
    assert_eq!(transmitter.push(at_millis(35_000), 1500), Fate::Delivered { at: at_millis(35_046) });
}

#[test]
fn up_time_is_counted_over_whole_and_partial_turns() {
    let outages = Outages { up_s: 20.0, down_s: 15.0 };
    let up = |from: u64, to: u64| outages.up_time(Duration::from_secs(from), Duration::from_secs(to));
    assert_eq!(up(0, 20), Duration::from_secs(20));
    assert_eq!(up(0, 35), Duration::from_secs(20));
    assert_eq!(up(10, 80), Duration::from_secs(40));
    assert_eq!(up(22, 34), Duration::ZERO);
    let seconds = |from: u64, to: u64| -> Vec<u64> {
        let returns = outages.returns(Duration::from_secs(from), Duration::from_secs(to));
        returns.iter().map(Duration::as_secs).collect()
    };
    assert_eq!(seconds(0, 35), Vec::<u64>::new());
    assert_eq!(seconds(0, 71), [35, 70]);
    assert_eq!(seconds(35, 71), [70]);
}

#[test]
fn the_same_seed_gives_the_same_fates_and_another_seed_others() {
    let poor = Direction { jitter_ms: 10.0, loss: 0.02, ..line() };
    assert_eq!(flood(poor.clone(), 5, 5_000), flood(poor.clone(), 5, 5_000));
    assert_ne!(flood(poor.clone(), 5, 5_000), flood(poor, 6, 5_000));
}

#[test]
fn a_line_that_cannot_be_is_refused_with_the_value() {
    let refused = |direction: Direction| direction.check().unwrap_err();
    assert!(refused(Direction { loss: 1.0, ..line() }).contains("loss is 1"));
    assert!(refused(Direction { rate_bps: 0, ..line() }).contains("rate_bps"));
    assert!(refused(Direction { delay_ms: f64::NAN, ..line() }).contains("delay_ms is NaN"));
    let outages = Some(Outages { up_s: 0.0, down_s: 1.0 });
    assert!(refused(Direction { outages, ..line() }).contains("up_s is 0"));
    assert_eq!(line().check(), Ok(()));
}
