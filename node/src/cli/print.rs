//! How things are written for people: Chinese lines, sizes as file managers print them, local times.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kapok_http::port::FileFacts;
use kapok_library::vocabulary::Vocabulary;
pub(super) use kapok_web_ui::format::Bytes;

/// Appends a line.
macro_rules! line {
    ($out:expr, $($what:tt)*) => {
        // A String takes everything.
        let _ = std::fmt::Write::write_fmt($out, format_args!("{}\n", format_args!($($what)*)));
    };
}
pub(super) use line;

/// What other nodes wrote, fit for a terminal: no escape sequences, nothing that turns the direction of writing.
pub(super) fn without_controls(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !steers(*c)).collect()
}

/// The same on one line.
pub(super) fn one_line(text: &str) -> String {
    without_controls(&text.replace(['\n', '\r', '\t'], " "))
}

/// How text stands out, where it can.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    bold: &'static str,
    mark: &'static str,
    dim: &'static str,
    reset: &'static str,
}

impl Style {
    const PLAIN: Self = Self { bold: "", mark: "", dim: "", reset: "" };
    const COLOURED: Self = Self { bold: "\x1b[1m", mark: "\x1b[1;31m", dim: "\x1b[2m", reset: "\x1b[0m" };

    /// For standard output. `NO_COLOR` is respected.
    pub(super) fn of_stdout() -> Self {
        let wants_none = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if io::stdout().is_terminal() && !wants_none { Self::COLOURED } else { Self::PLAIN }
    }

    pub(super) fn bold(self, text: &str) -> String {
        format!("{}{}{}", self.bold, one_line(text), self.reset)
    }

    pub(super) fn dim(self, text: &str) -> String {
        format!("{}{}{}", self.dim, one_line(text), self.reset)
    }

    /// A snippet: escaped HTML with the match in `<mark>`.
    pub(super) fn snippet(self, html: &str) -> String {
        // Marks become characters that no text has after cleaning, so that text cannot forge them.
        const OPEN: char = '\u{1}';
        const CLOSE: char = '\u{2}';
        let clean = one_line(html).replace("<mark>", &OPEN.to_string()).replace("</mark>", &CLOSE.to_string());
        let entities =
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#x27;", "'")];
        let plain = entities.iter().fold(clean, |text, (entity, plain)| text.replace(entity, plain));
        let mut shown = String::new();
        // Ampersands last: “&amp;lt;” is the text “&lt;”.
        for part in without_steps(&plain.replace("&amp;", "&")).chars() {
            match part {
                OPEN => shown.push_str(self.mark),
                CLOSE => shown.push_str(self.reset),
                other => shown.push(other),
            }
        }
        shown
    }
}

/// One space where there were several.
fn without_steps(text: &str) -> String {
    text.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// An id that is recognised by its end; PeerIds all begin alike.
pub(super) fn short_id(id: &str) -> String {
    let chars: Vec<char> = id.chars().filter(|c| !c.is_control()).collect();
    if chars.len() <= 12 {
        chars.iter().collect()
    } else {
        format!("…{}", chars[chars.len() - 8..].iter().collect::<String>())
    }
}

/// A time of a document (RFC 3339) by this machine's clock.
pub(super) fn local_time(rfc3339: &str) -> String {
    let Ok(time) = rfc3339.parse::<Timestamp>() else { return one_line(rfc3339) };
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// How long something took or takes.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..=9 => format!("{:.1} 秒", seconds.max(0.0)),
        10..=119 => format!("{whole} 秒"),
        120..=7199 => format!("{} 分", whole / 60),
        _ => format!("{} 小时 {} 分", whole / 3600, whole % 3600 / 60),
    }
}

/// A number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The word for a tier.
pub(super) fn tier(slug: &str) -> String {
    one_line(Vocabulary::get().tier.zh(slug))
}

/// Stage, year and subject as teachers say them: 小学 五年级 数学.
pub(super) fn place(stage: Option<&str>, grade: Option<u8>, subject: Option<&str>) -> String {
    let words = Vocabulary::get();
    let mut parts = Vec::new();
    if let Some(stage) = stage {
        parts.push(words.stage_zh(stage).to_owned());
        let year = grade.and_then(|grade| words.years(stage).get(usize::from(grade).checked_sub(1)?));
        parts.extend(year.cloned());
    }
    parts.extend(subject.map(|subject| words.subject.zh(subject).to_owned()));
    one_line(&parts.join(" "))
}

/// The files of a resource, a line each.
pub(super) fn files(out: &mut String, indent: &str, files: &[FileFacts]) {
    for file in files {
        let _ = writeln!(out, "{indent}{}  {}  {}", one_line(&file.name), Bytes(file.size), one_line(&file.blob));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snippets_show_their_marks_and_nothing_else_of_the_markup() {
        let html = "求<mark>平行四边形</mark>的面积 &lt;b&gt; &amp;lt; &#39;x&#39;";
        assert_eq!(Style::PLAIN.snippet(html), "求平行四边形的面积 <b> &lt; 'x'");
        assert!(Style::COLOURED.snippet(html).contains("\x1b[1;31m平行四边形\x1b[0m"));
        assert!(!Style::COLOURED.snippet("a\u{1}b\x1b[2J").contains("\x1b"));
    }

    #[test]
    fn long_ids_are_known_by_their_end() {
        assert_eq!(short_id("12D3KooWabcdefghijkl"), "…efghijkl");
        assert_eq!(short_id("abc"), "abc");
    }

    #[test]
    fn numbers_and_times_are_written_for_people() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(duration(3.21), "3.2 秒");
        assert_eq!(duration(31.0 * 60.0), "31 分");
        assert_eq!(duration(7320.0), "2 小时 2 分");
        assert_eq!(local_time("not a time"), "not a time");
        assert_eq!(place(Some("primary"), Some(5), Some("math")), "小学 五年级 数学");
        assert_eq!(place(Some("primary"), Some(77), None), "小学");
    }
}
