//! Pictures as SVG that stand in a page: in its own colours, whether it is light or dark.

use std::fmt::Write;

/// Text, and text that matters less.
pub(crate) const INK: &str = "var(--ink)";
pub(crate) const MUTED: &str = "var(--muted)";
/// Lines to read by.
pub(crate) const GRID: &str = "var(--grid)";
/// A row we win, and one we lose.
pub(crate) const WIN: &str = "var(--win)";
pub(crate) const LOSS: &str = "var(--loss)";

/// The colour of a participant, legible on light and on dark.
pub(crate) fn colour(participant: &str) -> &'static str {
    match participant.trim_end_matches("-alone") {
        "uring" => "#3b82f6",
        "linux" => "#0da294",
        "thread" => "#8b5cf6",
        "rust" => "#ea881c",
        "pread" => "#7c8796",
        _ => "#db3a7c",
    }
}

/// A picture under way, in pixels from the upper left corner.
#[derive(Debug)]
pub(crate) struct Svg(String);

/// On which side of its point a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Right,
    Left,
    Middle,
}

impl Svg {
    /// An empty one, with a label for readers without a display.
    pub(crate) fn new(width: i32, height: i32, label: &str) -> Self {
        let label = super::escape(label);
        Self(format!(
            "<svg role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\">"
        ))
    }

    /// A text beside, or around, this point.
    pub(crate) fn text(&mut self, words: &str, (x, y): (i32, i32), side: Side, colour: &str) {
        let anchor = match side {
            Side::Right => "start",
            Side::Left => "end",
            Side::Middle => "middle",
        };
        let words = super::escape(words);
        self.draw(format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" dominant-baseline=\"central\" \
             font-size=\"13\" style=\"fill:{colour}\">{words}</text>"
        ));
    }

    /// A filled box; `opacity` from 0 to 1.
    pub(crate) fn bar(&mut self, [from, to]: [(i32, i32); 2], colour: &str, opacity: f64) {
        let ((x, y), (width, height)) = (from, (to.0 - from.0, to.1 - from.1));
        self.draw(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             opacity=\"{opacity}\" style=\"fill:{colour}\"/>"
        ));
    }

    /// A line through these points.
    pub(crate) fn line(&mut self, points: &[(i32, i32)], colour: &str, width: u32) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        self.draw(format_args!(
            "<polyline points=\"{}\" stroke-width=\"{width}\" \
             style=\"fill:none;stroke:{colour}\"/>",
            points.join(" ")
        ));
    }

    /// A filled dot.
    pub(crate) fn dot(&mut self, (x, y): (i32, i32), radius: i32, colour: &str) {
        self.draw(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" style=\"fill:{colour}\"/>"
        ));
    }

    /// The whole of it.
    pub(crate) fn end(self) -> String {
        self.0 + "</svg>"
    }

    fn draw(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = self.0.write_fmt(element);
    }
}

/// Maps values to pixels, evenly or by their logarithms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    values: (f64, f64),
    pixels: (i32, i32),
    logarithmic: bool,
}

impl Scale {
    /// Even steps.
    pub(crate) fn even(values: (f64, f64), pixels: (i32, i32)) -> Self {
        Self { values, pixels, logarithmic: false }
    }

    /// Equal factors.
    pub(crate) fn logarithmic(values: (f64, f64), pixels: (i32, i32)) -> Self {
        Self { values, pixels, logarithmic: true }
    }

    /// Where this value is; what is beyond the ends is at the ends.
    pub(crate) fn at(self, value: f64) -> i32 {
        let place = |value: f64| if self.logarithmic { value.max(1e-12).ln() } else { value };
        let (low, high) = (place(self.values.0), place(self.values.1));
        let share = ((place(value) - low) / (high - low).max(1e-12)).clamp(0.0, 1.0);
        let (from, to) = (f64::from(self.pixels.0), f64::from(self.pixels.1));
        (from + share * (to - from)).round() as i32
    }

    /// Round values to draw lines at: about `count` of them.
    pub(crate) fn marks(self, count: usize) -> Vec<f64> {
        let (low, high) = self.values;
        if self.logarithmic {
            let tens = low.log10().floor() as i32..=high.log10().ceil() as i32;
            let marks = tens.map(|power| 10f64.powi(power));
            return marks.filter(|mark| (low..=high).contains(mark)).collect();
        }
        let rough = (high - low) / count.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (low / step).ceil() as i64;
        (first..).map(|index| index as f64 * step).take_while(|mark| *mark <= high).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_map_ends_to_ends_and_keep_within_them() {
        let even = Scale::even((0.0, 10.0), (100, 200));
        assert_eq!([0.0, 5.0, 10.0, 99.0].map(|value| even.at(value)), [100, 150, 200, 200]);
        let downward = Scale::logarithmic((1.0, 100.0), (200, 0));
        assert_eq!([0.0, 1.0, 10.0, 100.0].map(|value| downward.at(value)), [200, 200, 100, 0]);
    }

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(Scale::even((0.0, 83.0), (0, 1)).marks(4), [0.0, 50.0]);
        assert_eq!(Scale::even((0.0, 7.9), (0, 1)).marks(4), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(Scale::logarithmic((3.0, 2000.0), (0, 1)).marks(4), [10.0, 100.0, 1000.0]);
    }

    #[test]
    fn a_picture_is_one_element_with_a_label() {
        let mut svg = Svg::new(10, 10, "less & more");
        svg.text("a < b", (5, 5), Side::Right, INK);
        let text = svg.end();
        assert!(text.starts_with("<svg role=\"img\" aria-label=\"less &amp; more\""), "{text}");
        assert!(text.contains("a &lt; b") && text.ends_with("</svg>"), "{text}");
    }
}
