//! Courses of simulated lines, looked at four times a second as the driver does.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const LOOK_MS: u64 = 250;
/// Bytes a millisecond.
const MBIT: f64 = 1_000_000.0 / 8_000.0;
/// Bytes come in frames.
const FRAME_BYTES: f64 = 8_192.0;
/// Before that nothing is said; what takes less needs no estimate.
const FIRST_WORDS_MS: u64 = 3_000;
/// What a person does not mind at the end of a wait.
const SECONDS: u64 = 2_000;

/// One moment of a course: when, bytes done, and what was said then.
struct Moment {
    at_ms: u64,
    done: f64,
    said: TimeLeft,
}

/// A line: bytes a millisecond by the time and by what has come.
trait Line: Fn(u64, f64) -> f64 {}
impl<F: Fn(u64, f64) -> f64> Line for F {}

/// Fetches `total` bytes from `from_ms` on, with what the estimator knows already. All that was said, and the end.
fn fetch(estimator: &mut Estimator, from_ms: u64, total: f64, line: impl Line) -> (Vec<Moment>, u64) {
    let (mut done, mut at_ms, mut moments) = (0.0, from_ms, Vec::new());
    estimator.observe(Timestamp(at_ms), 0, Condition::Wanting);
    loop {
        for _ in 0..LOOK_MS {
            done += line(at_ms, done);
            at_ms += 1;
            if done >= total {
                estimator.observe(Timestamp(at_ms), total as u64, Condition::Wanting);
                estimator.observe(Timestamp(at_ms), total as u64, Condition::Resting);
                return (moments, at_ms);
            }
        }
        let seen = (done / FRAME_BYTES).floor() * FRAME_BYTES;
        estimator.observe(Timestamp(at_ms), seen as u64, Condition::Wanting);
        moments.push(Moment { at_ms, done, said: estimator.left((total - seen) as u64) });
    }
}

/// Where what was said was off by more than a fifth of what it then took, once so many bytes had come, not counting the
/// last `but_last_ms`.
fn wrong(moments: &[Moment], from: f64, end_ms: u64, but_last_ms: u64) -> Option<String> {
    let first = moments.first()?.at_ms;
    let judged = moments.iter().filter(|moment| {
        moment.done >= from && moment.at_ms >= first + FIRST_WORDS_MS && moment.at_ms + but_last_ms <= end_ms
    });
    judged.map(|moment| (moment, end_ms - moment.at_ms)).find_map(|(moment, truth)| {
        let TimeLeft::About { ms } = moment.said else { return Some(format!("{:?} at {}", moment.said, moment.at_ms)) };
        let off = ms.abs_diff(truth).saturating_sub(SECONDS);
        (off > truth / 5).then(|| format!("{ms} ms said, {truth} ms taken, at {} of {end_ms} ms", moment.at_ms))
    })
}

/// Holds from a tenth on, until the end.
fn holds(total: f64, line: impl Line) {
    let (moments, end) = fetch(&mut Estimator::new(), 0, total, line);
    assert_eq!(wrong(&moments, total / 10.0, end, 0), None);
}

/// 2 Mbit/s, up for 20 s, down for 15.
fn flaky(phase_ms: u64) -> impl Line {
    move |ms, _| if (ms + phase_ms) % 35_000 < 20_000 { 2.0 * MBIT } else { 0.0 }
}

/// Something that looks like chance and is the same each time.
fn noise(number: u64) -> f64 {
    let bytes = blake3::hash(&number.to_le_bytes());
    f64::from(bytes.as_bytes()[0]) / 255.0
}

#[test]
fn a_steady_line() {
    for total in [1e6, 8e6, 300e6] {
        holds(total, |_, _| 2.0 * MBIT);
        holds(total / 10.0, |_, _| 0.064 * MBIT);
    }
}

#[test]
fn a_line_that_comes_and_goes() {
    for phase in (0..35_000).step_by(1_000) {
        let total = 200e6;
        let (moments, end) = fetch(&mut Estimator::new(), 0, total, flaky(phase));
        // After that, one outage more or less is more than a fifth of what is left.
        assert_eq!(wrong(&moments, total / 10.0, end, 80_000), None, "phase {phase} ms");
    }
}

#[test]
fn a_line_that_goes_when_it_likes() {
    let mut shares = Vec::new();
    for run in 0..8 {
        // Up for 10 to 40 seconds, down for 5 to 25.
        let mut times = Vec::new();
        let mut at = 0;
        for turn in 0..400 {
            let up = 10_000 + (30_000.0 * noise(run * 1_000 + 2 * turn)) as u64;
            let down = 5_000 + (20_000.0 * noise(run * 1_000 + 2 * turn + 1)) as u64;
            times.push((at, at + up));
            at += up + down;
        }
        let line = |ms: u64, _: f64| {
            let up = times[..times.partition_point(|(from, _)| *from <= ms)].last().is_some_and(|(_, to)| ms < *to);
            if up { 2.0 * MBIT } else { 0.0 }
        };
        let total = 400e6;
        let (moments, end) = fetch(&mut Estimator::new(), 0, total, line);
        let judged: Vec<_> = moments.iter().filter(|m| m.done >= total / 10.0 && m.at_ms + 120_000 < end).collect();
        let right = judged.iter().filter(|moment| {
            let truth = end - moment.at_ms;
            matches!(moment.said, TimeLeft::About { ms } if ms.abs_diff(truth) <= truth / 5 + SECONDS)
        });
        shares.push(right.count() as f64 / judged.len() as f64);
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let worst = shares.iter().copied().fold(1.0, f64::min);
    assert!(mean > 0.95 && worst > 0.8, "right {mean:.2} of the time, {worst:.2} in the worst run");
}

#[test]
fn a_line_that_becomes_half_as_fast_is_believed_within_half_a_minute() {
    let total = 120e6;
    let change_ms = 150_000;
    let line = |ms, _| if ms < change_ms { 2.0 * MBIT } else { MBIT };
    let (moments, end) = fetch(&mut Estimator::new(), 0, total, line);
    let after: Vec<_> = moments.into_iter().filter(|moment| moment.at_ms > change_ms + 30_000).collect();
    assert_eq!(wrong(&after, 0.0, end, 0), None);
}

#[test]
fn a_satellite_in_changing_weather() {
    // 1 Mbit/s on average, by a third up and down in swings, and by a quarter from second to second; first bytes after
    // three round trips. What is asked for takes more than a swing: of less its tenth says nothing.
    for (total, swing_ms) in [(12.5e6, 8_000.0), (60e6, 30_000.0)] {
        holds(total, |ms, _| {
            let swing = 1.0 + 0.3 * (ms as f64 / swing_ms * std::f64::consts::TAU).sin();
            let of_second = 0.75 + 0.5 * noise(ms / 1_000);
            if ms < 1_800 { 0.0 } else { MBIT * swing * of_second }
        });
    }
}

#[test]
fn a_queue_of_many_small_files_and_some_large_ones() {
    // A thousand files of 4 KiB use 0.85 of a line of which a large one uses 0.94.
    let small = 1_000.0 * 4_096.0;
    for (first, rest) in [(0.85, 0.94), (0.94, 0.85)] {
        holds(small + 40e6, move |_, done| 2.0 * MBIT * if done < small { first } else { rest });
    }
}

#[test]
fn what_the_line_has_shown_holds_for_the_next_file() {
    let mut estimator = Estimator::new();
    let (_, end) = fetch(&mut estimator, 0, 60e6, flaky(0));
    // A lesson's video, while the line is up: it cannot be known from its own tenth that two outages will come.
    let from = end.next_multiple_of(35_000);
    let total = 12e6;
    let (moments, end) = fetch(&mut estimator, from, total, flaky(0));
    assert_eq!(wrong(&moments, total / 10.0, end, 20_000), None);
}

#[test]
fn a_neighbour_on_the_lan_says_nothing_of_the_line_outside() {
    let mut estimator = Estimator::new();
    let (_, end) = fetch(&mut estimator, 0, 2e9, |_, _| 400.0 * MBIT);
    let total = 60e6;
    let (moments, end) = fetch(&mut estimator, end + 60_000, total, |_, _| 2.0 * MBIT);
    assert_eq!(wrong(&moments, total / 8.0, end, 0), None);
}

#[test]
fn before_a_tenth_there_is_a_range_that_holds_the_truth_or_nothing() {
    let total = 60e6;
    let (moments, end) = fetch(&mut Estimator::new(), 0, total, |_, _| 2.0 * MBIT);
    let mut ranges = 0;
    for moment in moments.iter().filter(|moment| moment.done < total / 14.0) {
        match moment.said {
            TimeLeft::Unknown => assert!(moment.at_ms < FIRST_WORDS_MS),
            TimeLeft::Between { least_ms, most_ms } => {
                ranges += 1;
                assert!((least_ms..=most_ms).contains(&(end - moment.at_ms)), "at {}", moment.at_ms);
            }
            TimeLeft::About { .. } => panic!("firm at {} ms", moment.at_ms),
        }
    }
    assert!(ranges > 0);
}

#[test]
fn time_in_which_nothing_was_to_come_is_no_outage() {
    let mut estimator = Estimator::new();
    let (_, end) = fetch(&mut estimator, 0, 60e6, |_, _| 2.0 * MBIT);
    assert_eq!(estimator.rate_bps(), 0, "nothing moves");
    // The window opens again in the evening.
    let total = 60e6;
    let (moments, end) = fetch(&mut estimator, end + 16 * 3_600_000, total, |_, _| 2.0 * MBIT);
    assert_eq!(wrong(&moments, total / 10.0, end, 0), None);
}

#[test]
fn in_an_outage_nothing_moves_and_the_time_left_does_not_run_away() {
    let mut estimator = Estimator::new();
    let (moments, _) = fetch(&mut estimator, 0, 100e6, flaky(0));
    let said = |at: u64| match moments.iter().find(|moment| moment.at_ms >= at).unwrap().said {
        TimeLeft::About { ms } => ms,
        other => panic!("{other:?}"),
    };
    let (before, within, after) = (said(370_000 - 1_000), said(370_000 + 9_000), said(386_000));
    assert!(within <= before + SECONDS && after <= within + SECONDS, "{before} {within} {after}");
    let mut estimator = Estimator::new();
    for look in 0..200u64 {
        let bytes = look.min(100) * 60_000;
        estimator.observe(Timestamp(look * LOOK_MS), bytes, Condition::Wanting);
    }
    assert_eq!(estimator.rate_bps(), 0);
}

#[test]
fn a_line_that_is_cut_for_a_night_promises_nothing_and_is_not_expected_to_be_cut_again() {
    let mut estimator = Estimator::new();
    let mut moved = 0;
    let mut looks = |estimator: &mut Estimator, from_ms: u64, looks: u64, bytes: u64| {
        for look in 0..looks {
            moved += bytes;
            estimator.observe(Timestamp(from_ms + look * LOOK_MS), moved, Condition::Wanting);
        }
    };
    looks(&mut estimator, 0, 400, 62_500);
    looks(&mut estimator, 100_000, 4 * 3_600, 0);
    assert_eq!(estimator.left(1_000_000), TimeLeft::Unknown);
    looks(&mut estimator, 10 * 3_600_000, 40, 62_500);
    let TimeLeft::About { ms } = estimator.left(25_000_000) else { panic!() };
    assert!(ms.abs_diff(100_000) < 5_000, "{ms}");
}

proptest! {
    #[test]
    fn no_course_whatever_breaks_it(
        looks in prop::collection::vec((0..u64::MAX / 64, 0..u64::MAX, any::<bool>()), 0..60),
        bytes in any::<u64>(),
    ) {
        let mut estimator = Estimator::new();
        let mut now = Timestamp(0);
        for (ms, moved, wanting) in looks {
            now = now.plus_millis(ms % 100_000);
            estimator.observe(now, moved, if wanting { Condition::Wanting } else { Condition::Resting });
            let _ = (estimator.rate_bps(), estimator.left(bytes));
        }
        let most = match estimator.left(bytes) {
            TimeLeft::Unknown => 0,
            TimeLeft::Between { least_ms, most_ms } => { prop_assert!(least_ms <= most_ms); most_ms }
            TimeLeft::About { ms } => ms,
        };
        prop_assert!(most <= 2 * MAX_LEFT_MS);
    }
}
