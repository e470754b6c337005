//! How far a long command is: bars on a terminal, plain lines elsewhere, nothing with `--json`.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kapok_http::port::Progress;

use super::print::{Bytes, duration, one_line};
use super::shell::Shell;

/// More bars than a small terminal has lines are no help.
const MAX_BARS: usize = 10;
/// A bar that moves seldom still shows that the command is alive.
const TICK: Duration = Duration::from_millis(200);

/// Shows steps.
pub(super) enum Display {
    Silent,
    Lines { said: BTreeMap<(String, String), bool> },
    Bars { screen: MultiProgress, bars: BTreeMap<(String, String), ProgressBar> },
}

impl Display {
    pub(super) fn new(shell: &Shell) -> Self {
        if shell.json() {
            Self::Silent
        } else if shell.has_bars() {
            Self::Bars { screen: MultiProgress::new(), bars: BTreeMap::new() }
        } else {
            Self::Lines { said: BTreeMap::new() }
        }
    }

    pub(super) fn step(&mut self, step: &Progress) {
        let key = key(step);
        match self {
            Self::Silent => {}
            Self::Lines { said } => {
                // A line when something begins and one when it is done; what is in between is for bars.
                let is_done = is_done(step);
                let is_new = !said.contains_key(&key);
                if is_new || (is_done && said.get(&key) == Some(&false)) {
                    said.insert(key, is_done);
                    // Progress that nobody can read is no reason to stop.
                    let _ = writeln!(io::stderr().lock(), "{}", line(step));
                }
            }
            Self::Bars { screen, bars } => {
                if !bars.contains_key(&key) && bars.len() >= MAX_BARS {
                    return;
                }
                let bar = bars.entry(key.clone()).or_insert_with(|| {
                    let bar = screen.add(ProgressBar::new(0));
                    bar.enable_steady_tick(TICK);
                    bar
                });
                show(bar, step);
                if is_done(step) {
                    bar.finish_and_clear();
                    bars.remove(&key);
                }
            }
        }
    }

    /// Takes the bars away, so that the last line stands alone.
    pub(super) fn end(self) {
        if let Self::Bars { screen, .. } = self {
            // A terminal that is gone needs no clearing.
            let _ = screen.clear();
        }
    }
}

/// What the figures are about. Items that are counted while files pass by belong to the phase, not to the file.
fn key(step: &Progress) -> (String, String) {
    let of_phase = step.total_bytes == 0 && step.done_items < step.total_items;
    (step.phase.clone(), if of_phase { String::new() } else { step.name.clone() })
}

fn is_done(step: &Progress) -> bool {
    let of_bytes = step.total_bytes > 0 && step.done_bytes >= step.total_bytes;
    let of_items = step.total_items > 0 && step.done_items >= step.total_items;
    (of_bytes || step.total_bytes == 0) && (of_items || step.total_items == 0) && (of_bytes || of_items)
}

fn show(bar: &ProgressBar, step: &Progress) {
    let by_bytes = step.total_bytes > 0;
    let (done, total) =
        if by_bytes { (step.done_bytes, step.total_bytes) } else { (step.done_items, step.total_items) };
    let template = match (total > 0, by_bytes) {
        (true, true) => "{msg:<32!} {bar:24} {percent:>3}%  {decimal_bytes:>9}  {prefix}",
        (true, false) => "{msg:<32!} {bar:24} {pos}/{len}",
        (false, _) => "{spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_length(total);
    bar.set_position(done);
    bar.set_message(what(step));
    bar.set_prefix(pace(step));
}

/// How fast, and how long it still takes, as far as whoever moves the bytes can tell: a bar knows no outages.
fn pace(step: &Progress) -> String {
    let is_over = step.done_bytes >= step.total_bytes;
    let rate = if step.rate_bps > 0 { format!("每秒 {}", Bytes(step.rate_bps)) } else { String::new() };
    match step.seconds_left.filter(|_| !is_over) {
        Some(seconds) => format!("{rate:<13} 还要 {}", duration(seconds as f64)),
        None => rate,
    }
}

fn what(step: &Progress) -> String {
    let phase = phase(&step.phase);
    if step.name.is_empty() { phase } else { format!("{phase} {}", one_line(&step.name)) }
}

fn phase(name: &str) -> String {
    match name {
        "hash" | "copy" | "move" | "reflink" | "store" => "存入".into(),
        "extract" | "text" => "读正文".into(),
        "publish" => "发布".into(),
        "connect" => "连接".into(),
        "entries" => "收记录".into(),
        "blobs" | "fetch" => "取文件".into(),
        "export" | "write" => "写出".into(),
        other => one_line(other),
    }
}

fn line(step: &Progress) -> String {
    let mut text = what(step);
    if step.total_items > 0 {
        text.push_str(&format!("  {}/{}", step.done_items, step.total_items));
    }
    if step.total_bytes > 0 {
        text.push_str(&format!("  {}/{}", Bytes(step.done_bytes), Bytes(step.total_bytes)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(done_bytes: u64, total_bytes: u64, done_items: u64, total_items: u64) -> Progress {
        let (phase, name) = ("blobs".into(), "面积\u{1b}[2J.pptx".into());
        Progress { phase, name, done_bytes, total_bytes, done_items, total_items, ..Progress::default() }
    }

    #[test]
    fn a_step_is_done_when_all_that_is_counted_is() {
        assert!(is_done(&step(5, 5, 0, 0)) && is_done(&step(5, 5, 2, 2)) && is_done(&step(9, 0, 2, 2)));
        assert!(!is_done(&step(0, 0, 0, 0)) && !is_done(&step(5, 5, 1, 2)) && !is_done(&step(4, 5, 2, 2)));
    }

    #[test]
    fn files_that_pass_by_share_the_bar_of_their_phase() {
        let first = Progress { name: "a".into(), ..step(0, 0, 1, 9) };
        let second = Progress { name: "b".into(), ..step(0, 0, 2, 9) };
        assert_eq!(key(&first), key(&second));
        assert_ne!(key(&step(1, 2, 0, 0)), key(&Progress { name: "b".into(), ..step(1, 2, 0, 0) }));
    }

    #[test]
    fn a_bar_says_how_long_only_where_that_is_known() {
        let moving = Progress { rate_bps: 250_000, ..step(5, 10, 0, 0) };
        assert_eq!(pace(&moving), "每秒 250 KB");
        assert_eq!(
            pace(&Progress { seconds_left: Some(90), ..moving.clone() }).replace("  ", ""),
            "每秒 250 KB 还要 90 秒"
        );
        assert_eq!(pace(&Progress { seconds_left: Some(90), ..step(5, 10, 0, 0) }).trim(), "还要 90 秒", "an outage");
    }

    #[test]
    fn plain_lines_say_what_and_how_much_and_steer_no_terminal() {
        assert_eq!(line(&step(1_000_000, 2_000_000, 0, 0)), "取文件 面积[2J.pptx  1.0 MB/2.0 MB");
    }
}
