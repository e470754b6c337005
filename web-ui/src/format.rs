//! How sizes, times and counts are written: "8.4 MB", "今天 02:15", "约 12 分钟".
//!
//! Pure: the clock comes in with the [`crate::Frame`]. Words come from [`crate::messages`]. What templates call takes
//! references, since that is what a template passes.

use std::fmt::{self, Display, Write as _};

use crate::messages::Messages;

/// A size in bytes. Written in powers of 1000 with the units that file managers and disks print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut unit = 0;
        // Tenths of the unit, so that rounding 999,950 B gives 1.0 MB rather than 1000 KB.
        let mut tenths = self.0.div_ceil(50) / 2;
        while tenths >= 9_995 && unit + 1 < UNITS.len() {
            tenths = tenths.div_ceil(500) / 2;
            unit += 1;
        }
        if tenths >= 1_000 || unit == 0 {
            write!(f, "{} {}", (tenths + 5) / 10, UNITS[unit])
        } else {
            write!(f, "{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
        }
    }
}

/// Per cent done, rounded down: 100 means all of it.
#[must_use]
pub fn percent(done: &Bytes, total: &Bytes) -> u64 {
    if total.0 == 0 { 100 } else { (u128::from(done.0.min(total.0)) * 100 / u128::from(total.0)) as u64 }
}

/// A point in time: seconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// The time of the request and the node's offset from UTC.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub now: Moment,
    pub utc_offset_seconds: i64,
}

/// A civil date and time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    days: i64,
    year: i64,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
}

const DAY_SECONDS: i64 = 86_400;
/// Below it people count minutes and do not look at the clock.
const COUNTED_SECONDS: u64 = 600;

impl Civil {
    /// Days to civil date after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (`civil_from_days`).
    fn new(moment: Moment, offset: i64) -> Self {
        let local = moment.0.saturating_add(offset);
        let days = local.div_euclid(DAY_SECONDS);
        let seconds = local.rem_euclid(DAY_SECONDS);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            days,
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
            hour: (seconds / 3_600) as u8,
            minute: (seconds / 60 % 60) as u8,
        }
    }
}

impl Clock {
    fn civil(&self, moment: &Moment) -> Civil {
        Civil::new(*moment, self.utc_offset_seconds)
    }

    /// "02:15".
    #[must_use]
    pub fn time(&self, moment: &Moment) -> String {
        let civil = self.civil(moment);
        format!("{:02}:{:02}", civil.hour, civil.minute)
    }

    /// "11-12" this year, "2025-11-12" otherwise.
    #[must_use]
    pub fn date(&self, moment: &Moment) -> String {
        let civil = self.civil(moment);
        if civil.year == self.civil(&self.now).year {
            format!("{:02}-{:02}", civil.month, civil.day)
        } else {
            self.full_date(moment)
        }
    }

    /// "2026-11-12".
    #[must_use]
    pub fn full_date(&self, moment: &Moment) -> String {
        let civil = self.civil(moment);
        format!("{}-{:02}-{:02}", civil.year, civil.month, civil.day)
    }

    /// "今天 02:15", "昨日 22:15", "明天 05:40", else the date.
    #[must_use]
    pub fn day_and_time(&self, m: &Messages, moment: &Moment) -> String {
        let time = self.time(moment);
        let key = match self.civil(moment).days - self.civil(&self.now).days {
            0 => "time.today",
            -1 => "time.yesterday",
            1 => "time.tomorrow",
            _ => return self.date(moment),
        };
        m.get(key).with("time", time).to_string()
    }

    /// "23:52" for what comes within the next twelve hours, else with its day.
    #[must_use]
    pub fn time_or_day(&self, m: &Messages, moment: &Moment) -> String {
        let is_near = (0..DAY_SECONDS / 2).contains(&moment.0.saturating_sub(self.now.0));
        if is_near { self.time(moment) } else { self.day_and_time(m, moment) }
    }

    /// Two times in one manner: both with their day where the later needs it.
    #[must_use]
    pub fn between(&self, m: &Messages, earliest: &Moment, latest: &Moment) -> (String, String) {
        let later = self.time_or_day(m, latest);
        let has_day = later != self.time(latest);
        (if has_day { self.day_and_time(m, earliest) } else { self.time(earliest) }, later)
    }

    /// Minutes until then, begun ones too, where they are so few that people count them.
    #[must_use]
    pub fn minutes_until(&self, moment: &Moment) -> Option<u64> {
        let seconds = u64::try_from(moment.0.saturating_sub(self.now.0)).unwrap_or(0);
        (seconds < COUNTED_SECONDS).then_some(seconds.div_ceil(60))
    }

    /// "约 3 分钟" for what comes soon, "23:52" within the next twelve hours, else with its day.
    #[must_use]
    pub fn until(&self, m: &Messages, moment: &Moment) -> String {
        match self.minutes_until(moment) {
            Some(0 | 1) => m.get("time.within-a-minute").to_string(),
            Some(minutes) => m.get("time.about-minutes").with("n", minutes).to_string(),
            None => self.time_or_day(m, moment),
        }
    }

    /// "刚刚", "2 分钟前", "22 小时前", "3 天前", else the date. What lies in the future is written as a time.
    #[must_use]
    pub fn ago(&self, m: &Messages, moment: &Moment) -> String {
        let seconds = self.now.0.saturating_sub(moment.0);
        match seconds {
            i64::MIN..-60 => self.day_and_time(m, moment),
            -60..60 => m.get("time.just-now").to_string(),
            60..3_600 => m.get("time.minutes-ago").with("n", seconds / 60).to_string(),
            3_600..DAY_SECONDS => m.get("time.hours-ago").with("n", seconds / 3_600).to_string(),
            _ if seconds < 30 * DAY_SECONDS => m.get("time.days-ago").with("n", seconds / DAY_SECONDS).to_string(),
            _ => self.date(moment),
        }
    }

    /// "11 月 12 日　星期四".
    #[must_use]
    pub fn long_date(&self, m: &Messages) -> String {
        let civil = self.civil(&self.now);
        // 1970-01-01 was a Thursday; Monday is 0.
        let weekday = m.get(WEEKDAYS[(civil.days + 3).rem_euclid(7) as usize]);
        m.get("time.long-date").with("month", civil.month).with("day", civil.day).with("weekday", weekday).to_string()
    }

    /// Key of the greeting that suits the hour.
    #[must_use]
    pub fn greeting_key(&self) -> &'static str {
        match self.civil(&self.now).hour {
            5..9 => "home.good-early",
            9..12 => "home.good-morning",
            12..14 => "home.good-noon",
            14..18 => "home.good-afternoon",
            _ => "home.good-evening",
        }
    }
}

const WEEKDAYS: [&str; 7] = ["time.day1", "time.day2", "time.day3", "time.day4", "time.day5", "time.day6", "time.day7"];

/// "4,812".
#[must_use]
pub fn count(number: &u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "约 1 分钟", "约 12 分钟", "约 3 小时".
#[must_use]
pub fn about(m: &Messages, seconds: &u64) -> String {
    match *seconds {
        0..5_400 => m.get("time.about-minutes").with("n", seconds.div_ceil(60).max(1)).to_string(),
        5_400..172_800 => m.get("time.about-hours").with("n", (seconds + 1_800) / 3_600).to_string(),
        _ => m.get("time.about-days").with("n", (seconds + 43_200) / 86_400).to_string(),
    }
}

/// "20 分钟", "3 小时".
#[must_use]
pub fn span(m: &Messages, minutes: &i64) -> String {
    match *minutes {
        ..90 => m.get("time.minutes").with("n", minutes).to_string(),
        _ => m.get("time.hours").with("n", (minutes + 30) / 60).to_string(),
    }
}

/// "0.4" from 412 milliseconds: one decimal, and 0.1 at least, since nothing takes no time.
#[must_use]
pub fn seconds_from_ms(milliseconds: &u64) -> String {
    let tenths = ((milliseconds + 50) / 100).max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Percent-encodes a value for a path segment or a query (RFC 3986 unreserved characters stay).
#[must_use]
pub fn escape_query(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for &byte in value.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Clock, Moment, about, count, escape_query, percent, seconds_from_ms, span};
    use crate::messages::Messages;

    const BEIJING: i64 = 8 * 3_600;

    #[test]
    fn sizes_read_as_teachers_know_them() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 KB"),
            (410_200, "410 KB"),
            (999_949, "1.0 MB"),
            (8_400_000, "8.4 MB"),
            (63_700_000, "63.7 MB"),
            (318_000_000, "318 MB"),
            (1_430_000_000, "1.4 GB"),
            (u64::MAX, "18446744 TB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn times_are_written_in_the_nodes_own_day() {
        let m = Messages::zh();
        // 2026-11-12 14:30 in Beijing.
        let clock = Clock { now: Moment(1_794_465_000), utc_offset_seconds: BEIJING };
        assert_eq!(clock.long_date(m), "11 月 12 日\u{3000}星期四");
        assert_eq!(clock.day_and_time(m, &Moment(clock.now.0 - 44_100)), "今天 02:15");
        assert_eq!(clock.day_and_time(m, &Moment(clock.now.0 - 58_500)), "昨日 22:15");
        assert_eq!(clock.time_or_day(m, &Moment(clock.now.0 + 11 * 3_600)), "01:30");
        assert_eq!(clock.time_or_day(m, &Moment(clock.now.0 + 13 * 3_600)), "明天 03:30");
        assert_eq!(clock.time_or_day(m, &Moment(clock.now.0 - 3_600)), "今天 13:30");
        let hours = |hours: i64| Moment(clock.now.0 + hours * 3_600);
        let between = |from, to| clock.between(m, &hours(from), &hours(to));
        assert_eq!(between(1, 2), ("15:30".to_owned(), "16:30".to_owned()));
        assert_eq!(between(9, 13), ("今天 23:30".to_owned(), "明天 03:30".to_owned()));
        let until = |seconds| clock.until(m, &Moment(clock.now.0 + seconds));
        assert_eq!(
            [until(-5), until(40), until(170), until(700)],
            ["不到 1 分钟", "不到 1 分钟", "约 3 分钟", "14:41"]
        );
        assert_eq!(clock.date(&Moment(0)), "1970-01-01");
        assert_eq!(clock.ago(m, &Moment(clock.now.0 - 130)), "2 分钟前");
        assert_eq!(clock.ago(m, &Moment(i64::MIN)), clock.date(&Moment(i64::MIN)));
    }

    #[test]
    fn spans_and_shares_are_rounded_for_people() {
        let m = Messages::zh();
        assert_eq!(about(m, &1), "约 1 分钟");
        assert_eq!(about(m, &700), "约 12 分钟");
        assert_eq!(about(m, &10_800), "约 3 小时");
        assert_eq!((span(m, &20), span(m, &100)), ("20 分钟".to_owned(), "2 小时".to_owned()));
        assert_eq!(percent(&Bytes(99), &Bytes(100)), 99);
        assert_eq!(percent(&Bytes(5), &Bytes(0)), 100);
        assert_eq!(count(&999), "999");
        assert_eq!(count(&4_812), "4,812");
        assert_eq!(count(&u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(seconds_from_ms(&412), "0.4");
        assert_eq!(escape_query("平 a/b"), "%E5%B9%B3%20a%2Fb");
    }
}
