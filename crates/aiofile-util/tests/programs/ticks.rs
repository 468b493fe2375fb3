//! Trades that are taken in and asked for.

use std::path::Path;

use crate::support::{failure, file, place, program, stdout};

fn ingest(directory: &Path, lines: &str) -> std::process::Command {
    let path = file(directory, "trades.csv", lines);
    let mut command = program("ticks");
    command.arg("ingest").arg(directory.join("db")).arg(path);
    command
}

fn query(directory: &Path, symbol: &str, range: &[&str]) -> String {
    let mut command = program("ticks");
    stdout(command.arg("query").arg(directory.join("db")).arg(symbol).args(range))
}

#[test]
fn every_range_is_what_a_scan_would_find() {
    let place = place();
    // Several trades have one time, and there are gaps between times.
    let trades: Vec<(u64, String)> = (0..5000_u64)
        .map(|index| (100 + index / 3 * 7, format!("{}.{:04},{index}", index % 90, index % 10_000)))
        .collect();
    let lines = trades.iter().flat_map(|(time, rest)| {
        let (price, volume) = rest.split_once(',').unwrap();
        [format!("{time},ACME,{price},{volume}\n"), format!("{time},OTHER,1,1\r\n")]
    });
    let said = stdout(&mut ingest(place.path(), &lines.collect::<String>()));
    assert_eq!(said, "10000 trades of 2 symbols\n");
    let last = trades.last().unwrap().0;
    for (from, to) in [
        (0, last + 1),
        (100, 101),
        (101, 107),
        (107, 108),
        (0, 100),
        (5000, 9000),
        (last, last + 1),
        (last + 1, u64::MAX),
        (900, 100),
    ] {
        let expected: String = trades
            .iter()
            .filter(|(time, _)| (from..to).contains(time))
            .map(|(time, rest)| format!("{time},{rest}\n"))
            .collect();
        let range = ["--from", &from.to_string(), "--to", &to.to_string()];
        assert!(query(place.path(), "ACME", &range) == expected, "{from}..{to}");
    }
    assert_eq!(query(place.path(), "OTHER", &["--to", "101"]), "100,1.0000,1\n".repeat(3));
}

#[test]
fn later_trades_are_appended_also_behind_a_torn_record() {
    let place = place();
    stdout(&mut ingest(place.path(), "5,ACME,1.5,10\n"));
    let path = place.path().join("db/ACME.ticks");
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend_from_slice(b"a part of");
    std::fs::write(&path, torn).unwrap();
    assert_eq!(query(place.path(), "ACME", &[]), "5,1.5000,10\n", "it is passed over");
    stdout(&mut ingest(place.path(), "6,ACME,2,20"));
    assert_eq!(query(place.path(), "ACME", &[]), "5,1.5000,10\n6,2.0000,20\n");
}

#[test]
fn wrong_lines_are_told_and_the_others_are_taken() {
    let place = place();
    let long = "9".repeat(1 << 20);
    let wrong = [
        "",
        "7,ACME,1",
        "x,ACME,1,1",
        "7,../ACME,1,1",
        "7,.ACME,1,1",
        "7,ACME,1.23456,1",
        "7,ACME,-1,1",
        "7,ACME,.5,1",
        "7,ACME,1,1,1",
        "7,ACME,99999999999999999999,1",
        "3,ACME,1,1",
        &long,
    ];
    let lines = format!("5,ACME,1,1\n{}\n8,ACME,2,2\n", wrong.join("\n"));
    let (said, told) = failure(&mut ingest(place.path(), &lines), 1);
    assert_eq!(said, "2 trades of 1 symbols\n");
    let of_lines: Vec<_> = told.lines().filter(|line| line.contains("trades.csv:")).collect();
    assert_eq!(of_lines.len(), wrong.len(), "{told}");
    assert!(of_lines[0].contains("trades.csv:2: not time,symbol,price,volume"), "{told}");
    assert!(told.contains("3 is before the last time, 5"), "{told}");
    assert!(told.ends_with("12 lines were passed over\n"), "{told}");
    assert_eq!(query(place.path(), "ACME", &[]), "5,1.0000,1\n8,2.0000,2\n");

    let path = file(place.path(), "bytes.csv", b"9,ACME,1,1\n9,\xff,1,1\n");
    let mut command = program("ticks");
    let (said, told) = failure(command.arg("ingest").arg(place.path().join("db")).arg(path), 1);
    assert!(said.starts_with("1 trades") && told.contains("not UTF-8"), "{told}");
}

#[test]
fn what_is_not_there_is_told() {
    let place = place();
    let mut command = program("ticks");
    let (_, told) = failure(command.arg("query").arg(place.path()).arg("NONE"), 1);
    assert!(told.contains("NONE.ticks: No such file"), "{told}");
    let mut command = program("ticks");
    let (_, told) = failure(command.arg("query").arg(place.path()).arg("../x"), 1);
    assert!(told.contains("not a symbol"), "{told}");
    let mut command = program("ticks");
    let missing = place.path().join("missing.csv");
    let (_, told) = failure(command.arg("ingest").arg(place.path()).arg(missing), 1);
    assert!(told.contains("No such file"), "{told}");
    assert_eq!(stdout(&mut ingest(place.path(), "")), "0 trades of 0 symbols\n");
}
