//! A drawing surface in the page's own ink: what is drawn in one of these colours gets its real
//! one from the style sheet, which knows whether the page is light or dark.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

use crate::Result;

/// Text.
pub(crate) const INK: RGBColor = RGBColor(1, 1, 1);
/// Text that matters less.
pub(crate) const MUTED: RGBColor = RGBColor(2, 2, 2);
/// Lines to read by.
pub(crate) const GRID: RGBColor = RGBColor(3, 3, 3);
/// A row we win.
pub(crate) const WIN: RGBColor = RGBColor(4, 4, 4);
/// A row we lose.
pub(crate) const LOSS: RGBColor = RGBColor(5, 5, 5);

/// The colour of a participant, legible on light and on dark.
pub(crate) fn colour(participant: &str) -> RGBColor {
    match participant.trim_end_matches("-alone") {
        "uring" => RGBColor(0x3b, 0x82, 0xf6),
        "linux" => RGBColor(0x0d, 0xa2, 0x94),
        "thread" => RGBColor(0x8b, 0x5c, 0xf6),
        "rust" => RGBColor(0xea, 0x88, 0x1c),
        "pread" => RGBColor(0x7c, 0x87, 0x96),
        _ => RGBColor(0xdb, 0x3a, 0x7c),
    }
}

/// A picture of `width` by `height`, drawn by `draw`, as SVG to stand in a page.
///
/// # Errors
/// What the drawing library answers.
pub(crate) fn picture(
    width: i32,
    height: i32,
    label: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let mut text = String::new();
    {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let canvas = Canvas { area };
        draw(&canvas)?;
        canvas.area.present().map_err(unable)?;
    }
    let label = super::escape(label);
    Ok(text.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1))
}

/// Where is drawn, in pixels from the upper left corner.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// On which side of its point a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Right,
    Left,
    Middle,
}

impl Canvas<'_> {
    /// A text beside, or around, this point.
    pub(crate) fn text(
        &self,
        words: &str,
        point: (i32, i32),
        side: Side,
        size: i32,
        colour: RGBColor,
    ) -> Result<()> {
        let horizontal = match side {
            Side::Right => HPos::Left,
            Side::Left => HPos::Right,
            Side::Middle => HPos::Center,
        };
        let style = TextStyle::from(("sans-serif", size).into_font()).color(&colour);
        let style = style.pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(words.to_owned(), point, style)).map_err(unable)
    }

    /// A filled box; `opacity` from 0 to 1.
    pub(crate) fn bar(
        &self,
        corners: [(i32, i32); 2],
        colour: RGBColor,
        opacity: f64,
    ) -> Result<()> {
        self.area.draw(&Rectangle::new(corners, colour.mix(opacity).filled())).map_err(unable)
    }

    /// A line through these points.
    pub(crate) fn line(
        &self,
        points: Vec<(i32, i32)>,
        colour: RGBColor,
        width: u32,
        opacity: f64,
    ) -> Result<()> {
        let style = ShapeStyle::from(colour.mix(opacity)).stroke_width(width);
        self.area.draw(&PathElement::new(points, style)).map_err(unable)
    }

    /// A filled dot.
    pub(crate) fn dot(&self, point: (i32, i32), radius: i32, colour: RGBColor) -> Result<()> {
        self.area.draw(&Circle::new(point, radius, colour.filled())).map_err(unable)
    }
}

fn unable(error: impl std::fmt::Display) -> Box<dyn std::error::Error + Send + Sync> {
    error.to_string().into()
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
        let draw = |canvas: &Canvas<'_>| canvas.text("a < b", (5, 5), Side::Right, 12, INK);
        let text = picture(10, 10, "less & more", draw).unwrap();
        assert!(text.starts_with("<svg role=\"img\" aria-label=\"less &amp; more\""), "{text}");
        assert!(text.contains("#010101") && text.contains("a &lt; b"), "{text}");
    }
}
