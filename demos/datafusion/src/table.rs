//! What is printed: a table of Markdown for each temperature, and the losing cells.

use crate::measure::{Measured, Taken, Temperature};
use crate::way::Way;

/// The head of the table, and what its cells mean.
pub(crate) fn head(temperature: Temperature) -> String {
    let [local, ours, direct] = Way::ALL.map(Way::name);
    format!(
        "Milliseconds, in brackets those of the processor, and page faults, minor + major: \
         medians. A ratio above 1 is that much faster than {local}.\n\n\
         | {} | {local} | {ours} | ratio | {direct} | ratio |\n\
         | --- | --- | --- | --- | --- | --- |",
        temperature.name()
    )
}

pub(crate) fn row(measured: &Measured) -> String {
    let [local, ours, direct] = &measured.taken;
    format!(
        "| {} | {} | {} | {:.2} | {} | {:.2} |",
        measured.query,
        shown(local),
        shown(ours),
        ratio(local, ours),
        shown(direct),
        ratio(local, direct)
    )
}

/// How many times as fast as the first the second is.
pub(crate) fn ratio(local: &Taken, ours: &Taken) -> f64 {
    local.milliseconds / ours.milliseconds
}

fn shown(taken: &Taken) -> String {
    let Taken { milliseconds, processor, minor_faults, major_faults } = taken;
    format!("{milliseconds:.1} [{processor:.1}] {minor_faults:.0} + {major_faults:.0}")
}

/// Where ours is slower, or takes more of the processor. O_DIRECT counts where nothing is cached,
/// which is what it is for.
pub(crate) fn losses(all: &[Measured]) -> String {
    let (mut losing, mut cells) = (Vec::new(), 0);
    for measured in all {
        let counted = match measured.temperature {
            Temperature::Cold => Way::ALL.len(),
            Temperature::Hot => Way::ALL.len() - 1,
        };
        let local = &measured.taken[0];
        for (way, ours) in Way::ALL.iter().zip(&measured.taken).take(counted).skip(1) {
            cells += 2;
            let cell =
                format!("{}, {}, {}", measured.query, measured.temperature.name(), way.name());
            if ours.milliseconds > local.milliseconds {
                losing.push(format!("- {cell}: {:.2} in time", ratio(local, ours)));
            }
            if ours.processor > local.processor {
                let ratio = local.processor / ours.processor;
                losing.push(format!("- {cell}: {ratio:.2} in processor time"));
            }
        }
    }
    let lines = losing.iter().map(|line| format!("\n{line}")).collect::<String>();
    format!("{} of {cells} cells are lost:\n{lines}", losing.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_and_a_win_is_not() {
        let of = |milliseconds| Taken { milliseconds, processor: 1.0, ..Taken::default() };
        let taken = [of(10.0), of(5.0), of(20.0)];
        let cell = |temperature| Measured { query: "sums", temperature, taken };
        let losses = losses(&[cell(Temperature::Cold), cell(Temperature::Hot)]);
        assert!(losses.starts_with("1 of 6 cells are lost:"), "{losses}");
        assert!(losses.ends_with("- sums, cold, aiofile, O_DIRECT: 0.50 in time"), "{losses}");
    }
}
