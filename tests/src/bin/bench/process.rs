//! Memory and CPU of a process with its children, from `/proc`.

use std::fs;
use std::time::Duration;

/// Ticks a second in `/proc/PID/stat`: USER_HZ, 100 on every Linux that Kapok is promised for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process and all that it started.
fn tree(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while next < all.len() {
        let children = format!("/proc/{0}/task/{0}/children", all[next]);
        let text = fs::read_to_string(children).unwrap_or_default();
        all.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        next += 1;
    }
    all
}

/// A line of `/proc/PID/status` in MB, summed over the process and its children.
fn memory_mb(pid: u32, field: &str) -> f64 {
    let of = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|line| line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    tree(pid).iter().map(of).sum::<f64>() * 1024.0 / 1e6
}

/// Resident memory, mapped files included.
pub(crate) fn resident_mb(pid: u32) -> f64 {
    memory_mb(pid, "VmRSS")
}

/// The part of it that is no file's.
pub(crate) fn anonymous_mb(pid: u32) -> f64 {
    memory_mb(pid, "RssAnon")
}

fn cpu_seconds(pid: u32) -> f64 {
    let of = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in brackets may contain spaces: fields are counted behind it (utime is the 14th of all).
        let fields: Vec<&str> = stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        ticks(11) + ticks(12)
    };
    tree(pid).iter().map(of).sum::<f64>() / TICKS_PER_SECOND
}

/// Per cent of one core that an idle process uses over this time.
pub(crate) fn idle_cpu_percent(pid: u32, over: Duration) -> f64 {
    let before = cpu_seconds(pid);
    std::thread::sleep(over);
    (cpu_seconds(pid) - before) / over.as_secs_f64() * 100.0
}
