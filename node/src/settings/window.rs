//! A window: the hours of each day in which a node fetches by itself.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

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

    #[test]
    fn times_that_no_clock_shows_are_refused() {
        for wrong in ["", "22:00", "24:00-06:00", "22:60-06:00", "22-6", "22:00-22:00", "-1:00-06:00", "a:b-c:d"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }
}
