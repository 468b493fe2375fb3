//! The ratios as a picture: for each query a bar for each of our ways, from the line where both are
//! equally fast to the right, or to the left where it is slower.

use crate::measure::{Measured, Temperature};
use crate::table::ratio;
use crate::way::Way;

const WIDTH: i32 = 720;
const NAMES: i32 = 170;
const ROW: i32 = 34;
const TOP: i32 = 64;
const COLOURS: [&str; 2] = ["#3b82f6", "#ea881c"];

/// An SVG that stands by itself, on light and on dark.
pub(crate) fn picture(all: &[Measured]) -> String {
    let panels = Temperature::ALL.map(|temperature| {
        all.iter().filter(|measured| measured.temperature == temperature).collect::<Vec<_>>()
    });
    let rows = panels.iter().map(Vec::len).max().unwrap_or_default();
    let height = TOP + ROW * i32::try_from(rows).unwrap_or_default() + 8;
    let width = (WIDTH - NAMES) / 2;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"how many times as fast as LocalFileSystem\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (way, (colour, x)) in Way::ALL.iter().skip(1).zip(COLOURS.iter().zip([NAMES, NAMES + 110]))
    {
        svg += &bar((x, 10), (12, 12), colour);
        svg += &text((x + 18, 20), "start", way.name());
    }
    for (left, panel) in [NAMES, NAMES + width].into_iter().zip(&panels) {
        let scale = Scale { left: left + 8, width: width - 48 };
        if let Some(first) = panel.first() {
            svg += &text((scale.at(1.0), 44), "middle", first.temperature.name());
        }
        for mark in [0.5, 1.0, 2.0, 4.0] {
            svg += &text((scale.at(mark), 58), "middle", &format!("×{mark}"));
            let colour = if mark == 1.0 { "#5b6675" } else { "#dfe4ea" };
            svg += &bar((scale.at(mark), TOP), (1, height - TOP), colour);
        }
        for (row, measured) in (0..).zip(panel) {
            let y = TOP + row * ROW;
            if left == NAMES {
                svg += &text((NAMES - 8, y + 20), "end", measured.query);
            }
            let local = &measured.taken[0];
            for ((ours, colour), y) in measured.taken[1..].iter().zip(COLOURS).zip([y + 4, y + 18])
            {
                let (ratio, middle) = (ratio(local, ours), scale.at(1.0));
                let end = scale.at(ratio);
                svg += &bar((end.min(middle), y), ((end - middle).abs().max(1), 12), colour);
                svg += &text((end.max(middle) + 4, y + 10), "start", &format!("{ratio:.2}"));
            }
        }
    }
    svg + "</svg>\n"
}

/// From ×0.4 to ×4, by the logarithm; what is beyond is at the ends.
struct Scale {
    left: i32,
    width: i32,
}

impl Scale {
    fn at(&self, ratio: f64) -> i32 {
        let share = (ratio.clamp(0.4, 4.0) / 0.4).log10();
        self.left + (share * f64::from(self.width)).round() as i32
    }
}

fn bar((x, y): (i32, i32), (width, height): (i32, i32), colour: &str) -> String {
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>\n")
}

fn text((x, y): (i32, i32), anchor: &str, words: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"#16202e\">{words}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Taken;

    #[test]
    fn a_bar_goes_to_the_side_of_who_is_faster() {
        let of = |milliseconds| Taken { milliseconds, ..Taken::default() };
        let taken = [of(10.0), of(5.0), of(20.0)];
        let svg = picture(&[Measured { query: "sums", temperature: Temperature::Cold, taken }]);
        let scale = Scale { left: NAMES + 8, width: (WIDTH - NAMES) / 2 - 48 };
        let [slow, even, fast] = [0.5, 1.0, 2.0].map(|ratio| scale.at(ratio));
        let won = format!("<rect x=\"{even}\" y=\"{}\" width=\"{}\"", TOP + 4, fast - even);
        let lost = format!("<rect x=\"{slow}\" y=\"{}\" width=\"{}\"", TOP + 18, even - slow);
        assert!(svg.contains(&won) && svg.contains(&lost), "{svg}");
        assert!(svg.ends_with("</svg>\n"));
    }
}
