//! Results made by hand, for these tests and those of the tables.

use super::*;
use crate::participant::find;
use crate::participants;
use crate::suite;

/// A cell in which these did so many operations a second.
pub(crate) fn measured(cell: &Cell, rates: &[(&str, &[u64])]) -> Measured {
    let all = participants::all();
    let row = |&(name, rates): &(&str, &[u64])| {
        let mut row = Row::new(name, find(&all, name).unwrap().class);
        for operations in rates {
            let mut report = Report { operations: *operations, ..Report::default() };
            (report.seconds, report.bytes) = (1.0, operations * cell.block as u64);
            (report.user_us, report.value) = (report.operations as f64, Some(*operations as f64));
            let mut latencies = Latencies::default();
            (0..2000).for_each(|_| latencies.record(1_000_000_000 / operations));
            report.set_latencies(latencies);
            row.add(Ok(report));
        }
        row
    };
    Measured::new(cell, rates.iter().map(row).collect())
}

#[test]
fn our_best_is_compared_with_the_best_of_the_others() {
    let cell = suite::disk(true).remove(0);
    let measured = measured(
        &cell,
        &[
            ("uring", &[100, 900, 200]),
            ("thread", &[150]),
            ("pread", &[400]),
            ("tokio-fs", &[50]),
            ("rust-alone", &[9000]),
        ],
    );
    let verdict = measured.verdict().unwrap();
    assert_eq!((verdict.winner, verdict.ours), ("pread", "uring"));
    assert!((verdict.ratio - 0.5).abs() < 1e-9 && verdict.is_loss());
}

#[test]
fn the_best_has_the_most_or_the_least_and_stands_first() {
    for cell in suite::comparison(true) {
        let mut measured = measured(&cell, &[("uring", &[100]), ("pread", &[900])]);
        measured.rows.insert(0, Row::new("refused", Class::Plain));
        let names: Vec<_> = measured.ranked().iter().map(|row| &row.participant).collect();
        // Of cells with a value of their own, less is better; elsewhere more a second is.
        let by_value = measured.cell.is_waiting() || measured.cell.work == crate::Work::Idle;
        let expected = if by_value { ["uring", "pread"] } else { ["pread", "uring"] };
        assert_eq!(names, [expected[0], expected[1], "refused"], "{}", cell.name);
        assert_eq!(measured.best(|_| true).unwrap().0, expected[0], "{}", cell.name);
    }
}

#[test]
fn without_the_others_there_is_no_verdict() {
    let cell = suite::disk(true).remove(0);
    assert_eq!(measured(&cell, &[("uring", &[1])]).verdict(), None);
}

#[test]
fn a_run_that_failed_is_left_out_and_a_row_of_them_is_refused() {
    let cell = suite::disk(true).remove(0);
    let mut row = Row::new("pread", Class::Plain);
    row.add(Err("ran on \"x\"".into()));
    assert!(row.cannot_run());
    let refused = Measured::new(&cell, vec![row.clone()]);
    assert_eq!(refused.rows[0].refused.as_deref(), Some("ran on \"x\""));
    assert_eq!(refused.figure("pread"), None);
    let run = || Ok(Report { operations: 1, seconds: 1.0, ..Report::default() });
    row.add(run());
    row.add(run());
    assert!(Measured::new(&cell, vec![row]).figure("pread").is_some());
}

#[test]
fn what_was_written_is_read_again() {
    let cells = vec![measured(&suite::disk(true)[0], &[("uring", &[900]), ("pread", &[300])])];
    let participants = vec![Described::new(&participants::all()[0], Err("not here".to_owned()))];
    let settings = BTreeMap::from([("seed".to_owned(), "1".to_owned())]);
    let results = Results { machine: Machine::default(), settings, participants, cells };
    let value = results.json().unwrap();
    assert_eq!(value["cells"][0]["winner"], "uring");
    assert_eq!(value["cells"][0]["rows"][0]["rate"]["median"], 900.0);
    let back = Results::from_json(&value.to_string()).unwrap();
    assert_eq!(back.json().unwrap(), value);
}
