//! When something will be here: what the line has shown, and the hours in which it may be used.

use jiff::{SignedDuration, ZonedDateTime};
use kapok_http::port::Estimate;
use kapok_net::blob::Flow;
use kapok_protocol::blob::estimate::TimeLeft;

use crate::settings::Window;

/// Tells times.
pub(super) struct Expected<'a> {
    flow: &'a Flow,
    /// The hours that count; none where bytes may move at any time.
    window: Option<Window>,
    now: ZonedDateTime,
}

impl<'a> Expected<'a> {
    /// `in_any_hour`: somebody has asked for files now, so that the window is not waited for.
    pub(super) fn new(flow: &'a Flow, window: Option<Window>, in_any_hour: bool, now: ZonedDateTime) -> Self {
        Self { flow, window: window.filter(|_| !in_any_hour), now }
    }

    /// When so many bytes will have come.
    pub(super) fn after(&self, bytes: u64) -> Estimate {
        let (least_ms, most_ms) = match self.flow.estimator.left(bytes) {
            TimeLeft::Unknown => return Estimate::default(),
            TimeLeft::Between { least_ms, most_ms } => (least_ms, most_ms),
            TimeLeft::About { ms } => (ms, ms),
        };
        match (self.at(least_ms), self.at(most_ms)) {
            (Some(earliest), Some(latest)) => Estimate { earliest: Some(earliest), latest: Some(latest) },
            _ => Estimate::default(),
        }
    }

    fn at(&self, ms: u64) -> Option<String> {
        let span = SignedDuration::from_millis(i64::try_from(ms).ok()?);
        let at = match &self.window {
            Some(window) => window.after_open(&self.now, span)?,
            None => self.now.checked_add(span).ok()?,
        };
        // Whole seconds, as all times in documents.
        jiff::Timestamp::from_second(at.timestamp().as_second()).ok().map(|at| at.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::blob::estimate::{Condition, Estimator};
    use kapok_protocol::time::Timestamp;

    use super::*;

    /// A line of 250 KB/s that was looked at for so long.
    fn line(seconds: u64) -> Flow {
        let mut estimator = Estimator::new();
        for second in 0..=seconds {
            estimator.observe(Timestamp(1000 * second), 250_000 * second, Condition::Wanting);
        }
        Flow { estimator, ..Flow::default() }
    }

    fn now(text: &str) -> ZonedDateTime {
        format!("{text}+08:00[Asia/Shanghai]").parse().unwrap()
    }

    #[test]
    fn what_does_not_fit_into_the_night_ends_in_the_next() {
        let (flow, window) = (line(900), Some("22:00-06:00".parse().unwrap()));
        let at = now("2026-11-26T05:00:00");
        // 160 minutes: 60 are left of this night.
        let bytes = 250_000 * 160 * 60;
        let firm =
            |in_any_hour| Expected::new(&flow, window, in_any_hour, at.clone()).after(bytes).firm().map(str::to_owned);
        assert_eq!(firm(false).unwrap(), "2026-11-26T15:40:00Z", "23:40 in the evening");
        assert_eq!(firm(true).unwrap(), "2026-11-25T23:40:00Z", "somebody wants it now");
    }

    #[test]
    fn before_a_tenth_has_come_there_are_two_times_and_before_anything_none() {
        let expected =
            |flow: &Flow| Expected::new(flow, None, false, now("2026-11-26T05:00:00")).after(250_000 * 1_000);
        let early = expected(&line(20));
        assert!(early.firm().is_none() && early.earliest < early.latest, "{early:?}");
        assert_eq!(expected(&line(1)), Estimate::default());
        assert!(expected(&line(120)).firm().is_some());
    }
}
