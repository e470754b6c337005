//! A window: the hours of each day in which a node fetches by itself.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, ZonedDateTime};

/// Nobody is told of an end that lies more nights ahead than this.
const MAX_DAYS: usize = 60;

/// From one time of day to another, over midnight where the second is the earlier: `22:00-06:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    opens: Time,
    closes: Time,
}

impl Window {
    /// Whether it is open now, by this machine's clock.
    #[must_use]
    pub(crate) fn is_open_now(&self) -> bool {
        self.contains(Timestamp::now().to_zoned_datetime(TimeZone::system()).time())
    }

    /// When it next opens after `from`, or closes where it is open then, by the time of this zone.
    pub(crate) fn next_edge(&self, from: &ZonedDateTime) -> Option<ZonedDateTime> {
        let edge = if self.contains(from.time()) { self.closes } else { self.opens };
        [0, 1, 2].into_iter().find_map(|days| {
            let day = from.date().checked_add(days.days()).ok()?;
            // A time that a change of the clocks leaves out comes a little later.
            let at = day.to_datetime(edge).to_zoned_datetime(from.time_zone().clone()).ok()?;
            (at > *from).then_some(at)
        })
    }

    /// When it opens and closes: the time that goes on, or the next.
    pub(crate) fn span(&self, now: &ZonedDateTime) -> Option<(ZonedDateTime, ZonedDateTime)> {
        let edge = self.next_edge(now)?;
        if !self.contains(now.time()) {
            let closes = self.next_edge(&edge)?;
            return Some((edge, closes));
        }
        let today = now.date().to_datetime(self.opens).to_zoned_datetime(now.time_zone().clone()).ok()?;
        let opened = if today <= *now { today } else { today.checked_sub(1.day()).ok()? };
        Some((opened, edge))
    }

    /// When so much time has passed in which it was open.
    pub(crate) fn after_open(&self, from: &ZonedDateTime, open: SignedDuration) -> Option<ZonedDateTime> {
        let (mut at, mut left) = (from.clone(), open);
        for _ in 0..2 * MAX_DAYS {
            let edge = self.next_edge(&at)?;
            if self.contains(at.time()) {
                let open_for = at.duration_until(&edge);
                if left <= open_for {
                    return at.checked_add(left).ok();
                }
                left -= open_for;
            }
            at = edge;
        }
        None
    }

    /// Whether it is open at this local time. The minute of `closes` is outside.
    #[must_use]
    fn contains(&self, time: Time) -> bool {
        if self.opens < self.closes {
            self.opens <= time && time < self.closes
        } else {
            self.opens <= time || time < self.closes
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // En dashes and the full-width colon come from Chinese keyboards.
        let text = text.replace('：', ":").replace(['–', '—', '~'], "-");
        let (opens, closes) = text.split_once('-').ok_or("it needs two times, as in 22:00-06:00")?;
        let window = Self { opens: time_of_day(opens)?, closes: time_of_day(closes)? };
        if window.opens == window.closes {
            return Err("it opens and closes at the same time; leave it empty for the whole day".into());
        }
        Ok(window)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (opens, closes) = (self.opens, self.closes);
        write!(f, "{:02}:{:02}-{:02}:{:02}", opens.hour(), opens.minute(), closes.hour(), closes.minute())
    }
}

fn time_of_day(text: &str) -> Result<Time, String> {
    let wrong = || format!("“{}” is not a time of day, as in 22:00", text.trim());
    let (hour, minute) = text.trim().split_once(':').ok_or_else(wrong)?;
    let number = |digits: &str| digits.parse::<i8>().map_err(|_| wrong());
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Time {
        time_of_day(text).unwrap()
    }

    #[test]
    fn a_window_over_midnight_is_open_on_both_sides_of_it() {
        let window: Window = "22:00-06:00".parse().unwrap();
        for open in ["22:00", "23:59", "00:00", "05:59"] {
            assert!(window.contains(at(open)), "{open}");
        }
        for shut in ["06:00", "12:00", "21:59"] {
            assert!(!window.contains(at(shut)), "{shut}");
        }
    }

    #[test]
    fn a_window_within_a_day_is_shut_in_the_night() {
        let window: Window = "12:30-13:30".parse().unwrap();
        assert!(window.contains(at("12:30")) && !window.contains(at("13:30")) && !window.contains(at("00:00")));
    }

    #[test]
    fn a_window_reads_back_from_its_text_and_from_a_chinese_keyboard() {
        let window: Window = "22：00–6:00".parse().unwrap();
        assert_eq!(window.to_string(), "22:00-06:00");
        assert_eq!(window.to_string().parse(), Ok(window));
    }

    fn on(text: &str) -> ZonedDateTime {
        format!("{text}+08:00[Asia/Shanghai]").parse().unwrap()
    }

    #[test]
    fn what_takes_longer_than_a_night_goes_on_the_next_evening() {
        let window: Window = "22:00-06:00".parse().unwrap();
        let after = |from: &str, minutes| {
            let at = window.after_open(&on(from), SignedDuration::from_mins(minutes)).unwrap();
            at.strftime("%d %H:%M").to_string()
        };
        assert_eq!(after("2026-11-25T23:18", 100), "26 00:58");
        assert_eq!(after("2026-11-26T05:00", 160), "26 23:40");
        assert_eq!(after("2026-11-26T14:00", 60), "26 23:00");
        assert_eq!(after("2026-11-26T14:00", 8 * 60), "27 06:00", "to the last minute");
        assert_eq!(after("2026-11-26T14:00", 17 * 60), "28 23:00");
        assert_eq!(window.after_open(&on("2026-11-26T14:00"), SignedDuration::from_hours(24 * 365)), None);
        let noon: Window = "12:30-13:30".parse().unwrap();
        let at = noon.after_open(&on("2026-11-26T13:00"), SignedDuration::from_mins(45)).unwrap();
        assert_eq!(at.strftime("%d %H:%M").to_string(), "27 12:45");
        assert_eq!(noon.next_edge(&on("2026-11-26T13:30")).unwrap(), on("2026-11-27T12:30"));
    }

    #[test]
    fn the_night_is_the_one_that_goes_on_or_the_next() {
        let window: Window = "22:00-06:00".parse().unwrap();
        let night = (on("2026-11-25T22:00"), on("2026-11-26T06:00"));
        for now in ["2026-11-25T14:00", "2026-11-25T22:00", "2026-11-25T23:18", "2026-11-26T05:59"] {
            assert_eq!(window.span(&on(now)).unwrap(), night, "{now}");
        }
    }

    #[test]
    fn times_that_no_clock_shows_are_refused() {
        for wrong in ["", "22:00", "24:00-06:00", "22:60-06:00", "22-6", "22:00-22:00", "-1:00-06:00", "a:b-c:d"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }
}
