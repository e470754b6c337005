//! What was measured, beside what was promised.

use std::process::ExitCode;

/// A table that grows line by line, so that a long run shows what it has.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    missed: usize,
}

impl Figures {
    /// A figure that must be at most so much.
    pub(crate) fn at_most(&mut self, what: &str, measured: f64, promised: f64, unit: &str) {
        self.line(what, measured, &format!("≤ {promised} {unit}"), unit, measured <= promised);
    }

    /// A figure that must be at least so much.
    pub(crate) fn at_least(&mut self, what: &str, measured: f64, promised: f64, unit: &str) {
        self.line(what, measured, &format!("≥ {promised} {unit}"), unit, measured >= promised);
    }

    /// A figure that explains others.
    pub(crate) fn beside(what: &str, measured: f64, unit: &str) {
        println!("  {what:<66} {measured:>9.2} {unit}");
    }

    fn line(&mut self, what: &str, measured: f64, promise: &str, unit: &str, is_kept: bool) {
        let verdict = if is_kept { "kept" } else { "MISSED" };
        println!("  {what:<66} {measured:>9.2} {unit:<5} {promise:<14} {verdict}");
        self.missed += usize::from(!is_kept);
    }

    /// The last line, and how the run ends.
    pub(crate) fn finish(self) -> ExitCode {
        if self.missed == 0 {
            println!("all promises kept");
            return ExitCode::SUCCESS;
        }
        println!("{} promises missed", self.missed);
        ExitCode::FAILURE
    }
}
