//! What is printed.

use crate::run::Taken;
use crate::shape::Shape;

pub(crate) const HEAD: &str = "\
| work | `LocalFileSystem` | ours | ratio | with O_DIRECT | ratio |
| --- | --- | --- | --- | --- | --- |";

/// The row of a shape.
pub(crate) fn row(shape: &Shape, is_cold: bool, [local, ours, direct]: &[Taken; 3]) -> String {
    let (ratio, ratio_direct) = (ratio(local, ours), ratio(local, direct));
    let direct = match shape.reads() {
        true => format!("{} | {ratio_direct:.2}", shown(direct)),
        false => " | ".to_owned(),
    };
    let name = named(shape, is_cold);
    format!("| {name} | {} | {} | {ratio:.2} | {direct} |", shown(local), shown(ours))
}

/// Where it is slower, or takes more processor time. O_DIRECT is for what is not cached.
pub(crate) fn losses(
    shape: &Shape,
    is_cold: bool,
    [local, ours, direct]: &[Taken; 3],
) -> Vec<String> {
    let mut losses = Vec::new();
    let directs = is_cold.then_some(("with O_DIRECT", direct));
    for (how, ours) in [("as it is", ours)].into_iter().chain(directs) {
        let name = named(shape, is_cold);
        if ratio(local, ours) < 1.0 {
            losses.push(format!("{name}, {how}: {:.2} in time", ratio(local, ours)));
        }
        if ours.processor > local.processor {
            let ratio = local.processor / ours.processor;
            losses.push(format!("{name}, {how}: {ratio:.2} in processor time"));
        }
    }
    losses
}

fn named(shape: &Shape, is_cold: bool) -> String {
    match shape.reads() {
        true => format!("{}, {}", shape.name, if is_cold { "cold" } else { "hot" }),
        false => shape.name.to_owned(),
    }
}

fn ratio(local: &Taken, ours: &Taken) -> f64 {
    local.milliseconds / ours.milliseconds
}

fn shown(taken: &Taken) -> String {
    format!("{:.1} [{:.1}]", taken.milliseconds, taken.processor)
}
