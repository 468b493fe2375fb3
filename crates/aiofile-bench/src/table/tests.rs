//! What the tables say.

use super::*;
use crate::machine::Machine;
use crate::participants;
use crate::results::Described;
use crate::results::tests::measured;
use crate::suite;

fn results() -> Results {
    let cells = suite::disk(true);
    let lost = [("uring", &[500][..]), ("thread", &[900]), ("pread", &[1000])];
    let won = [("uring", &[3000, 5000, 4000][..]), ("tokio-fs", &[1000]), ("rust-alone", &[7])];
    let mut refused = measured(&cells[2], &[("linux", &[1])]);
    refused.rows[0].refuse("ran on \"thread\", not on \"linux\"".to_owned());
    Results {
        machine: Machine::default(),
        settings: [("seed".to_owned(), "1".to_owned())].into(),
        participants: participants::all()
            .iter()
            .map(|one| Described::new(one, Ok(String::new())))
            .collect(),
        cells: vec![measured(&cells[0], &lost), measured(&cells[1], &won), refused],
    }
}

#[test]
fn winners_ratios_and_losses_are_marked() {
    let text = text(&results(), false);
    let line = |title: &str| text.lines().find(|line| line.starts_with(title)).unwrap();
    let lost: Vec<_> = line("random read, cached, 4 KiB × 1 ").split_whitespace().skip(7).collect();
    assert_eq!(lost, ["500", "-", "900", "*1.00k", "-", "pread", "0.90", "LOST"]);
    let won = line("random read, cached, 4 KiB × 64 ");
    assert!(won.contains("*4.00k") && won.ends_with("uring        4.00"), "{won}");
    assert!(text.contains("rust-alone"), "{text}");
}

#[test]
fn a_refused_row_has_a_reason_and_no_figure() {
    let text = text(&results(), true);
    assert!(text.contains("  ran on \"thread\", not on \"linux\"\n    linux in "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("linux  refused: ran on")), "{text}");
}

#[test]
fn a_section_has_the_ratios_the_losses_and_what_is_said() {
    let text = markdown(&results(), &["pread"], "Something.\n");
    assert!(text.contains("- seed: 1\n"), "{text}");
    assert!(text.contains("| pread **0.90** | - | - | pread **0.90** |"), "{text}");
    assert!(text.contains("| tokio-fs 4.00 | tokio-fs 4.00 | - | - |"), "{text}");
    assert!(text.contains("- `random-read-cached-4k-q1`: 0.90 of pread\n\nSomething.\n"), "{text}");
    assert!(text.contains("\n| pread | 1.00k |"), "{text}");
}
