//! The plots, each an SVG that is legible at the width of a phone.

use super::svg::{GRID, INK, LOSS, MUTED, Scale, Side, Svg, WIN, colour};
use crate::measure::short;
use crate::results::{Measured, Row};

const WIDTH: i32 = 400;

/// A bar for each row, to the right of the line where we win and to its left where we lose, as
/// long as the ratio is large: twice as fast is as far as half as fast.
pub(crate) fn summary(cells: &[&Measured]) -> String {
    const ROW: i32 = 44;
    let judged: Vec<_> = cells.iter().filter_map(|cell| Some((*cell, cell.verdict()?))).collect();
    let height = 24 + ROW * i32::try_from(judged.len()).unwrap_or(0);
    let farthest = judged.iter().map(|(_, verdict)| verdict.ratio.ln().abs()).fold(0.7, f64::max);
    let farthest = farthest.exp() * 1.05;
    let scale = Scale::logarithmic((1.0 / farthest, farthest), (4, WIDTH - 4));
    let mut svg = Svg::new(WIDTH, height, "our best against the best of the others, row by row");
    for mark in [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 30.0, 100.0] {
        if mark > farthest || mark < 1.0 / farthest {
            continue;
        }
        let (x, colour) = (scale.at(mark), if mark == 1.0 { MUTED } else { GRID });
        // Not through the titles.
        for top in (0..).map(|index| 24 + index * ROW).take(judged.len()) {
            svg.line(&[(x, top + 20), (x, top + 38)], colour, 1);
        }
        svg.text(&format!("×{mark}"), (x, 10), Side::Middle, MUTED);
    }
    for (index, (measured, verdict)) in (0_i32..).zip(&judged) {
        let top = 24 + index * ROW;
        let (end, middle) = (scale.at(verdict.ratio), scale.at(1.0));
        let (left, right) = (end.min(middle), end.max(middle).max(end.min(middle) + 2));
        svg.text(&measured.cell.title, (4, top + 11), Side::Right, INK);
        let words = format!("{} ×{:.2} of {}", verdict.ours, verdict.ratio, verdict.rival);
        // On the side of the line that the bar leaves free.
        let (colour, x, side) = match verdict.is_loss() {
            true => (LOSS, middle + 8, Side::Right),
            false => (WIN, middle - 8, Side::Left),
        };
        svg.text(&words, (x, top + 29), side, colour);
        svg.bar([(left, top + 23), (right, top + 35)], colour, 0.85);
    }
    svg.end()
}

/// A bar for each participant of a cell, with the spread of its runs.
pub(crate) fn bars(measured: &Measured) -> String {
    const ROW: i32 = 24;
    let rows = &measured.rows;
    let height = ROW * i32::try_from(rows.len()).unwrap_or(0) + 4;
    let fastest = rows.iter().filter_map(|row| row.figure(&measured.cell)).map(|figure| figure.max);
    let scale = Scale::even((0.0, fastest.fold(1e-9, f64::max)), (110, WIDTH - 70));
    let mut svg = Svg::new(WIDTH, height, &measured.cell.title);
    for (index, row) in (0_i32..).zip(rows) {
        let middle = 14 + index * ROW;
        svg.text(&row.participant, (104, middle), Side::Left, INK);
        let Some(speed) = row.figure(&measured.cell) else {
            svg.text("refused", (112, middle), Side::Right, MUTED);
            continue;
        };
        let end = scale.at(speed.median).max(112);
        let opacity = if row.class.is_aside() { 0.45 } else { 0.9 };
        svg.bar([(110, middle - 8), (end, middle + 8)], colour(&row.participant), opacity);
        let (least, most) = (scale.at(speed.min), scale.at(speed.max));
        svg.line(&[(least, middle), (most, middle)], INK, 1);
        for x in [least, most] {
            svg.line(&[(x, middle - 3), (x, middle + 3)], INK, 1);
        }
        let value = measured.cell.measure.short(speed.median);
        svg.text(&value, (end.max(most) + 5, middle), Side::Right, INK);
    }
    svg.end()
}

/// The latencies of each participant of a cell on a scale of factors: a bar from the median to
/// the p99.9, and dots at p50, p99 and p99.9.
pub(crate) fn latencies(measured: &Measured) -> String {
    const ROW: i32 = 24;
    let rows: Vec<&Row> = measured.rows.iter().filter(|row| !row.runs.is_empty()).collect();
    let of = |row: &Row| [row.p50_us, row.p99_us, row.p999_us];
    let found: Vec<f64> = rows.iter().flat_map(|row| of(row)).flatten().collect();
    let low = found.iter().copied().fold(f64::MAX, f64::min).clamp(0.01, 1e9) * 0.8;
    let high = found.iter().copied().fold(0.0, f64::max).max(low * 12.0) * 1.15;
    let scale = Scale::logarithmic((low, high), (116, WIDTH - 20));
    let height = ROW * i32::try_from(rows.len()).unwrap_or(0) + 26;
    let label = format!("latencies: {}", measured.cell.title);
    let mut svg = Svg::new(WIDTH, height, &label);
    for mark in scale.marks(4) {
        let x = scale.at(mark);
        svg.line(&[(x, 0), (x, height - 20)], GRID, 1);
        svg.text(&microseconds(mark), (x, height - 9), Side::Middle, MUTED);
    }
    for (index, row) in (0_i32..).zip(&rows) {
        let (middle, colour) = (14 + index * ROW, colour(&row.participant));
        svg.text(&row.participant, (104, middle), Side::Left, INK);
        let places: Vec<_> = of(row).into_iter().flatten().map(|us| scale.at(us)).collect();
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            svg.bar([(*first, middle - 3), (*last, middle + 3)], colour, 0.35);
        }
        for (x, radius) in places.iter().zip([6, 5, 4]) {
            svg.dot((*x, middle), radius, colour);
        }
    }
    svg.end()
}

/// A curve for each participant over cells that differ in one thing: `label` says its value, and
/// `value` what is drawn of a speed.
pub(crate) fn curves(
    title: &str,
    cells: &[&Measured],
    participants: &[&str],
    label: impl Fn(&Measured) -> String,
    value: impl Fn(&Measured, f64) -> f64,
) -> String {
    const HEIGHT: i32 = 250;
    let (left, right, bottom) = (52, WIDTH - 14, HEIGHT - 26);
    let of = |measured: &Measured, participant: &str| {
        measured.figure(participant).map(|speed| value(measured, speed.median))
    };
    let all = cells.iter().flat_map(|cell| participants.iter().map(|one| of(cell, one)));
    let top = all.flatten().fold(1e-9, f64::max) * 1.05;
    let up = Scale::even((0.0, top), (bottom, 8));
    let last = cells.len().saturating_sub(1).max(1);
    let across = Scale::even((0.0, last as f64), (left + 10, right - 10));
    let mut svg = Svg::new(WIDTH, HEIGHT, title);
    for mark in up.marks(5) {
        let y = up.at(mark);
        svg.line(&[(left, y), (right, y)], GRID, 1);
        svg.text(&plain(mark), (left - 6, y), Side::Left, MUTED);
    }
    for (index, cell) in cells.iter().enumerate() {
        let x = across.at(index as f64);
        svg.text(&label(cell), (x, bottom + 14), Side::Middle, MUTED);
    }
    for participant in participants {
        draw_curve(&mut svg, cells, participant, across, |cell| {
            of(cell, participant).map(|value| up.at(value))
        });
    }
    svg.end()
}

fn draw_curve(
    svg: &mut Svg,
    cells: &[&Measured],
    participant: &str,
    across: Scale,
    height: impl Fn(&Measured) -> Option<i32>,
) {
    let place = |(index, cell): (usize, &&Measured)| Some((across.at(index as f64), height(cell)?));
    let points: Vec<_> = cells.iter().enumerate().filter_map(place).collect();
    let colour = colour(participant);
    for point in &points {
        svg.dot(*point, 4, colour);
    }
    svg.line(&points, colour, 2);
}

/// A round number without the digits that say nothing: `40k`, not `40.0k`.
fn plain(value: f64) -> String {
    let text = short(value);
    let (number, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
    match number.contains('.') {
        true => format!("{}{unit}", number.trim_end_matches('0').trim_end_matches('.')),
        false => text,
    }
}

fn microseconds(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{} s", us / 1e6),
        us if us >= 1e3 => format!("{} ms", us / 1e3),
        us => format!("{us} µs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_say_no_more_than_they_know() {
        let shown = [0.0, 0.5, 50.0, 40_000.0, 3e9, 250_000.0].map(plain);
        assert_eq!(shown, ["0", "0.5", "50", "40k", "3G", "250k"]);
    }
}
