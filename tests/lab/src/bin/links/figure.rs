//! Figures beside what was promised of them, over all runs: the table at the end.

use serde_json::{Value, json};

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing was promised; it explains the others.
    Free,
}

/// In what it is counted, which decides how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A part or a ratio.
    Part,
    Seconds,
    Millis,
    Bytes,
    Megabytes,
    RoundTrips,
}

#[derive(Debug)]
struct Row {
    of: String,
    what: String,
    unit: Unit,
    goal: Goal,
    got: Vec<f64>,
}

/// All of them, in the order in which they first came.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Row>);

impl Goal {
    /// Whether a figure keeps it. What could not be measured does not.
    fn is_kept(self, got: f64) -> bool {
        match self {
            Self::AtLeast(goal) => got >= goal,
            Self::AtMost(goal) => got <= goal,
            Self::Free => true,
        }
    }

    fn write(self, unit: Unit) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {}", unit.write(goal)),
            Self::AtMost(goal) => format!("≤ {}", unit.write(goal)),
            Self::Free => String::new(),
        }
    }
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Part => format!("{value:.3}"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Millis => format!("{value:.0} ms"),
            Self::Bytes => format!("{value:.0} B"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::RoundTrips => format!("{value:.2} RTT"),
        }
    }
}

impl Figures {
    /// One more measurement of a figure.
    pub(crate) fn add(&mut self, of: &str, what: &str, got: f64, unit: Unit, goal: Goal) {
        if let Some(row) = self.0.iter_mut().find(|row| row.of == of && row.what == what) {
            row.got.push(got);
        } else {
            self.0.push(Row { of: of.to_owned(), what: what.to_owned(), unit, goal, got: vec![got] });
        }
    }

    /// The table; whether every promise was kept in the median.
    pub(crate) fn print(&self) -> bool {
        if self.0.is_empty() {
            return true;
        }
        println!("\n  {:<26}{:<30}{:>12}{:>24}{:>12}", "", "", "median", "least – most", "to reach");
        for row in &self.0 {
            let verdict = match row.goal {
                Goal::Free => "",
                goal if goal.is_kept(row.median()) => "ok",
                _ => "SHORT",
            };
            let (least, most) = row.spread();
            let spread = if row.got.len() > 1 {
                format!("{} – {}", row.unit.write(least), row.unit.write(most))
            } else {
                String::new()
            };
            let (median, goal) = (row.unit.write(row.median()), row.goal.write(row.unit));
            println!("  {:<26}{:<30}{median:>12}{spread:>24}{goal:>12}  {verdict}", row.of, row.what);
        }
        self.0.iter().all(|row| row.goal.is_kept(row.median()))
    }

    /// The same for programs.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Value> {
        self.0.iter().map(|row| {
            let goal = match row.goal {
                Goal::AtLeast(goal) => json!({"at_least": goal}),
                Goal::AtMost(goal) => json!({"at_most": goal}),
                Goal::Free => Value::Null,
            };
            json!({
                "kind": "figure", "of": row.of, "what": row.what, "got": row.got, "median": row.median(), "goal": goal,
                "kept": row.goal.is_kept(row.median()),
            })
        })
    }
}

impl Row {
    fn sorted(&self) -> Vec<f64> {
        let mut got = self.got.clone();
        got.sort_by(f64::total_cmp);
        got
    }

    /// Of an even number of runs the worse of the two in the middle.
    fn median(&self) -> f64 {
        let got = self.sorted();
        let middle = match self.goal {
            Goal::AtLeast(_) => (got.len() - 1) / 2,
            _ => got.len() / 2,
        };
        got.get(middle).copied().unwrap_or(f64::NAN)
    }

    fn spread(&self) -> (f64, f64) {
        let got = self.sorted();
        (got.first().copied().unwrap_or(f64::NAN), got.last().copied().unwrap_or(f64::NAN))
    }
}
