//! Draws how a connection fared, as SVG: window, delivery rate and round-trip time over time.

use std::fmt::Write as _;

/// One moment, in seconds, bytes and bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: f64,
    pub(crate) window: f64,
    pub(crate) rate: f64,
    pub(crate) rtt: f64,
}

/// What a panel shows of a moment.
type Figure = fn(&Point) -> f64;

const WIDTH: f64 = 900.0;
const PANEL: f64 = 150.0;
const LEFT: f64 = 70.0;
const GAP: f64 = 40.0;

/// The whole document.
pub(crate) fn draw(title: &str, points: &[Point]) -> String {
    let end = points.iter().fold(1.0_f64, |end, point| end.max(point.at));
    let height = GAP + 3.0 * (PANEL + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"{LEFT}\" y=\"20\" \
         font-size=\"14\">{}</text>",
        escape(title)
    );
    let panels: [(&str, Figure); 3] = [
        ("window, KiB", |point| point.window / 1024.0),
        ("delivery rate, kbit/s", |point| point.rate * 8.0 / 1000.0),
        ("round trip, ms", |point| point.rtt * 1000.0),
    ];
    for (index, (name, value)) in panels.into_iter().enumerate() {
        let top = GAP + index as f64 * (PANEL + GAP);
        panel(&mut svg, top, name, end, points.iter().map(|point| (point.at, value(point))));
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, top: f64, name: &str, end: f64, values: impl Iterator<Item = (f64, f64)> + Clone) {
    let most = values.clone().fold(0.0_f64, |most, (_, value)| most.max(value)).max(1e-9);
    let (bottom, right) = (top + PANEL, WIDTH - 20.0);
    let x = |at: f64| LEFT + at / end * (right - LEFT);
    let line: String =
        values.map(|(at, value)| format!("{:.1},{:.1} ", x(at), bottom - value / most * PANEL)).collect();
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        "<path d=\"M{LEFT} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#999\"/>\
         <text x=\"{LEFT}\" y=\"{:.0}\">{name}</text>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{most:.0}</text>\
         <text x=\"{:.0}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\
         <text x=\"{right}\" y=\"{:.0}\" text-anchor=\"end\">{end:.0} s</text>\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#0a6\" stroke-width=\"1.2\"/>",
        top - 5.0,
        LEFT - 5.0,
        top + 10.0,
        LEFT - 5.0,
        bottom + 15.0,
        line.trim_end(),
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// The point in a line of a trace (`at=1.5 window=14720 rate=250000 rtt=0.08 …`, in any order, among other words);
/// `None` if the line is no such one.
pub(crate) fn parse(line: &str) -> Option<Point> {
    let field = |name: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        value.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)
    };
    Some(Point { at: field("at")?, window: field("window")?, rate: field("rate")?, rtt: field("rtt")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_becomes_a_curve() {
        let line =
            "TRACE kapok::path: at=1.5 window=14720 in_flight=1472 rate=250000 rtt=0.08 min_rtt=0.07 phase=Cruise";
        let point = parse(line).expect("a line of the trace");
        assert_eq!(point, Point { at: 1.5, window: 14720.0, rate: 250_000.0, rtt: 0.08 });
        let svg = draw("a < b", &[Point::default(), point]);
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert!(svg.contains("a &lt; b"));
    }

    #[test]
    fn other_lines_are_no_points() {
        assert_eq!(parse("INFO kapok: at=noon window=1 rate=1 rtt=1"), None);
        assert_eq!(parse("at=1 window=inf rate=1 rtt=1"), None);
        assert_eq!(parse(""), None);
    }
}
