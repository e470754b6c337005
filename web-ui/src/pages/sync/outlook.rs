//! The strip above the board: when all of it will be here, what came lately, and the night as a line.

use crate::format::{Bytes, Clock, Moment};

/// When everything that is wanted will be here.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// Files that are not here, and the bytes of them that have not come.
    pub count: u64,
    pub missing: Bytes,
    /// Bytes that have come since there was nothing to come.
    pub received: Bytes,
    /// Bytes a second over all links; `None` where nothing moves.
    pub rate: Option<Bytes>,
    pub when: When,
    /// The hours in which files come by themselves, if they are restricted.
    pub night: Option<Night>,
    /// Resources that became complete here in the last 24 hours, for those who may see all of them.
    pub arrived_last_day: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Unknown,
    /// Less than a tenth has come, and the line is not known yet.
    Between(Moment, Moment),
    At(Moment),
}

/// One opening of the window: the one that goes on, or the next.
#[derive(Clone, Debug)]
pub struct Night {
    /// `22:00-06:00`.
    pub hours: String,
    pub is_open: bool,
    pub opens: Moment,
    pub closes: Moment,
}

/// Width of the drawn line, in units that are pixels on a wide screen.
const WIDTH: i64 = 938;
/// Labels of hours stand this far from the markers' own at least.
const LABEL: i64 = 34;
const HOUR_SECONDS: i64 = 3_600;

/// The night as it is drawn: all places are from its left end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Up to now.
    pub(super) past: i64,
    /// From now until all is here, or to the end.
    pub(super) coming: i64,
    pub(super) now: Option<i64>,
    pub(super) done: Option<i64>,
    /// Full hours, with their times.
    pub(super) hours: Vec<(i64, Moment)>,
}

impl Outlook {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.arrived_last_day.is_none_or(|arrived| arrived == 0) && self.night.is_none()
    }

    /// Nothing can be said before the window opens.
    pub(super) fn waits_for_night(&self) -> bool {
        self.rate.is_none() && self.night.as_ref().is_some_and(|night| !night.is_open)
    }

    /// All that was or is to come, for a bar.
    pub(super) fn total(&self) -> Bytes {
        Bytes(self.received.0.saturating_add(self.missing.0))
    }

    /// Minutes until it is done, where that is too soon for a time of day.
    pub(super) fn minutes_left(&self, clock: &Clock) -> Option<u64> {
        let When::At(at) = self.when else { return None };
        clock.minutes_until(&at)
    }

    /// Minutes by which it is done before the window closes.
    pub(super) fn minutes_early(&self) -> Option<i64> {
        let (When::At(at), Some(night)) = (self.when, &self.night) else { return None };
        Some((night.closes.0 - at.0) / 60).filter(|minutes| *minutes > 0)
    }
}

impl Night {
    pub(super) fn shown_hours(&self) -> String {
        self.hours.replace('-', "\u{2013}")
    }

    /// The line of this night, with what is expected to come in it.
    pub(super) fn line(&self, clock: &Clock, when: &When) -> Line {
        let length = (self.closes.0 - self.opens.0).max(1);
        let place = |at: Moment| (at.0 - self.opens.0).clamp(0, length) * WIDTH / length;
        let now = place(clock.now);
        let end = match *when {
            When::At(at) | When::Between(_, at) => place(at),
            When::Unknown => now,
        };
        let is_now = self.opens <= clock.now && clock.now < self.closes;
        let done = match *when {
            When::At(at) if at.0 > clock.now.0 && at.0 <= self.closes.0 => Some(place(at)),
            _ => None,
        };
        let first = (self.opens.0 + clock.utc_offset_seconds).div_euclid(HOUR_SECONDS) * HOUR_SECONDS;
        let full = (0..=25).map(|hour| Moment(first - clock.utc_offset_seconds + hour * HOUR_SECONDS));
        let hours = full.filter(|at| self.opens <= *at && *at <= self.closes).map(|at| (place(at), at)).collect();
        Line { past: if is_now { now } else { 0 }, coming: end, now: is_now.then_some(now), done, hours }
    }
}

impl Line {
    pub(super) const WIDTH: i64 = WIDTH;

    /// Whether the two markers would write over each other.
    pub(super) fn is_tight(&self) -> bool {
        matches!((self.now, self.done), (Some(now), Some(done)) if done - now < 2 * LABEL + 20)
    }

    /// Where a label is anchored, so that it stays within the line.
    pub(super) fn anchor(place: &i64) -> &'static str {
        match *place {
            ..LABEL => "start",
            place if place > WIDTH - LABEL => "end",
            _ => "middle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = HOUR_SECONDS;
    /// 22:00 in Beijing.
    const OPENS: i64 = 1_794_405_600;

    fn night() -> Night {
        Night { hours: "22:00-06:00".into(), is_open: true, opens: Moment(OPENS), closes: Moment(OPENS + 8 * HOUR) }
    }

    fn clock(hours: i64) -> Clock {
        Clock { now: Moment(OPENS + hours * HOUR), utc_offset_seconds: 8 * HOUR }
    }

    #[test]
    fn the_night_shows_now_and_the_end_in_their_places() {
        let line = night().line(&clock(2), &When::At(Moment(OPENS + 6 * HOUR)));
        assert_eq!((line.past, line.now, line.coming, line.done), (234, Some(234), 703, Some(703)));
        assert_eq!(line.hours.len(), 9);
        assert_eq!(line.hours[0], (0, Moment(OPENS)));
        assert_eq!(clock(0).time(&line.hours[8].1), "06:00");
    }

    #[test]
    fn by_day_there_is_no_now_in_it_and_what_ends_tomorrow_fills_it() {
        let line = night().line(&clock(-8), &When::At(Moment(OPENS + 30 * HOUR)));
        assert_eq!((line.past, line.now, line.coming, line.done), (0, None, Line::WIDTH, None));
        let nothing = night().line(&clock(-8), &When::Unknown);
        assert_eq!((nothing.past, nothing.coming), (0, 0));
    }
}
