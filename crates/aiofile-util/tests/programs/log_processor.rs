//! Summaries and searches of logs.

use std::fmt::Write;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use crate::support::{failure, file, place, program, stdout, strange_name, unreadable};

/// A log of several blocks, whose lines have very different lengths.
fn log(lines: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        let level = ["DEBUG", "INFO", "WARN", "ERROR"][line / 4 % 4];
        let second = format!("{:02}:{:02}:{:02}", line / 3600 % 24, line / 60 % 60, line % 60);
        let padding = "x".repeat(if line % 500 == 0 { 70_000 } else { line % 90 });
        let end = if line % 3 == 0 { "\r\n" } else { "\n" };
        let _ = match line % 4 {
            0 => {
                let time = format!("2026-11-27T{second}Z");
                let message = format!("n {line} {padding}");
                let fields = format!(r#""level":"{level}","time":"{time}","msg":"{message}""#);
                write!(text, "{{{fields}}}{end}")
            }
            1 => write!(text, "{end}"),
            _ => write!(text, "2026-11-27 {second}.123 [{level}] number {line} {padding}{end}"),
        };
    }
    text
}

/// The same search, line by line.
fn expected(text: &str, pattern: &str, level: Option<&str>) -> String {
    let regex = regex::RegexBuilder::new(pattern).crlf(true).multi_line(true).build().unwrap();
    let lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n').unwrap_or(line));
    let lines = lines.filter(|line| regex.is_match(line.trim_end_matches('\r')));
    let lines = lines.filter(|line| level.is_none_or(|level| line.contains(level)));
    lines.fold(String::new(), |found, line| found + line + "\n")
}

fn search(arguments: &[&str], path: &Path) -> String {
    stdout(program("log_processor").arg("search").args(arguments).arg(path))
}

#[test]
fn a_search_finds_what_a_search_line_by_line_finds() {
    let place = place();
    let text = log(9000);
    assert!(text.len() > 1 << 20, "several blocks");
    let path = file(place.path(), "app.log", &text);
    let patterns = [
        "number 4[0-9]*7 ",
        "^$",
        "x$",
        "ERROR",
        r"\s",
        "",
        r"(?s)number.*",
        "^2026",
        "[^a-z]+$",
        "never",
    ];
    for pattern in patterns {
        let found = search(&[pattern], &path);
        assert!(found == expected(&text, pattern, None), "{pattern:?}");
        let lines = found.matches('\n').count();
        assert_eq!(search(&["--count", pattern], &path), format!("{}: {lines}\n", path.display()));
    }
    let found = search(&["--level", "error", "7"], &path);
    assert!(!found.is_empty() && found == expected(&text, "7", Some("ERROR")));
}

#[test]
fn lines_that_begin_with_a_block_are_counted_once() {
    let place = place();
    let line = format!("{:>63}\n", "ERROR");
    // Blocks have a power of two of bytes, and so have the lines.
    let path = file(place.path(), "log", line.repeat(20_000));
    assert!(search(&["--count", "ERROR"], &path).ends_with(": 20000\n"));
    assert!(stdout(program("log_processor").arg("summary").arg(&path)).contains("20000 lines"));
}

#[test]
fn a_last_line_without_its_end_is_a_line() {
    let place = place();
    for text in ["one\ntwo", "one\ntwo\n", "two"] {
        assert_eq!(search(&["two"], &file(place.path(), "log", text)), "two\n");
    }
    for (text, lines) in [("", 0), ("\n", 1), ("\n\n", 2), ("a\n\nb", 1)] {
        let path = file(place.path(), "log", text);
        assert_eq!(
            search(&["--count", "^$"], &path).ends_with(&format!(": {lines}\n")),
            lines > 0 || !text.is_empty(),
            "{text:?}"
        );
    }
}

#[test]
fn a_summary_tells_levels_times_and_first_errors() {
    let place = place();
    let json = r#"{"time":"2026-01-02T11:30:00Z","level":"error","msg":"disk"}"#;
    let text = format!(
        "2026-01-02 10:00:00 INFO started\n{json}\n{{\"level\":\"info\", torn\n\
         [2026-01-02T09:00:00] [ERROR] second\r\n\
         2026-01-02 12:00:00 WARNING an ERROR in words\n\n"
    );
    let path = file(place.path(), "app.log", text);
    let summary = |arguments: &[&str]| {
        let printed = stdout(program("log_processor").arg("summary").args(arguments).arg(&path));
        let lines = printed.lines().map(str::trim).map(str::to_owned);
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        summary(&["--first-errors", "1"]),
        [
            "6 lines",
            "2 error",
            "1 warn",
            "1 info",
            "2 without a level",
            "1 begin as JSON and are none",
            "from 2026-01-02T09:00:00 to 2026-01-02T12:00:00",
            &format!("first errors: {}: {json}", path.display()),
        ]
    );
    let of_an_hour = summary(&["--since", "2026-01-02T10", "--until", "2026-01-02T11:30:00"]);
    assert_eq!(of_an_hour[..2], ["1 lines", "1 info"]);
    let (_, said) =
        failure(program("log_processor").args(["summary", "--since", "noon"]).arg(&path), 2);
    assert!(said.contains("2026-11-27T10:15:00"), "{said}");
}

#[test]
fn directories_are_taken_whole_and_in_order() {
    let place = place();
    let root = place.path();
    std::fs::create_dir_all(root.join("b/deep")).unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    file(root, "c.log", "ERROR c\n");
    file(&root.join("b/deep"), "one.log", "ERROR b\n");
    std::fs::write(root.join(strange_name()), b"ERROR \xff\n").unwrap();
    for number in 0..300 {
        file(root, &format!("a{number:03}"), format!("ERROR {number}\nINFO\n"));
    }
    symlink("c.log", root.join("link")).unwrap();
    let output = program("log_processor").args(["search", "^ERROR"]).arg(root).output().unwrap();
    let mut expected: Vec<_> =
        (0..300).map(|number| format!("ERROR {number}\n").into_bytes()).collect();
    expected.extend([b"ERROR b\n".to_vec(), b"ERROR c\n".to_vec(), b"ERROR \xff\n".to_vec()]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(output.stdout, expected.concat());
    let summary = stdout(program("log_processor").arg("summary").arg(root));
    assert!(summary.contains("603 lines") && summary.contains("303 error"), "{summary}");
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_done() {
    let place = place();
    let root = place.path();
    let good = file(root, "good", "ERROR good\n");
    // Longer than what is kept in memory, in the middle of a block.
    let mut huge = b"ERROR before\n".to_vec();
    huge.resize(17 << 20, b'E');
    huge.extend_from_slice(b"\nERROR behind\n");
    let huge = file(root, "huge", huge);
    let mut command = program("log_processor");
    command.args(["search", "ERROR"]).arg(root.join("missing")).arg(&huge).arg("/dev/null");
    let unreadable = unreadable(root);
    let (found, said) = failure(command.args(&unreadable).arg(&good), 1);
    assert_eq!(found, "ERROR before\nERROR behind\nERROR good\n");
    assert!(said.contains("missing") && said.contains("No such file"), "{said}");
    assert!(said.contains("the line at offset 13"), "{said}");
    assert!(said.contains("/dev/null: neither a regular file"), "{said}");
    assert_eq!(said.contains("Permission denied"), unreadable.is_some(), "{said}");
}

#[test]
fn a_long_line_within_the_limit_is_found() {
    let place = place();
    let line = format!("{} NEEDLE {}", "a".repeat(3 << 20), "b".repeat(3 << 20));
    let path = file(place.path(), "log", format!("first\n{line}\nlast NEEDLE\n"));
    assert!(search(&["NEEDLE"], &path) == format!("{line}\nlast NEEDLE\n"));
}

#[test]
fn a_wrong_pattern_is_refused() {
    for pattern in ["(", r"\Abegin", r"end\z"] {
        let (found, said) = failure(program("log_processor").args(["search", pattern, "/"]), 1);
        assert!(found.is_empty() && said.starts_with("log_processor: "), "{said}");
    }
    failure(program("log_processor").args(["search", "pattern"]), 2);
    // A backslash before the letter is no such end.
    let place = place();
    assert_eq!(search(&[r"a\\A"], &file(place.path(), "log", "a\\A\n")), "a\\A\n");
}

#[test]
fn a_reader_that_wants_no_more_is_no_error() {
    let place = place();
    let path = file(place.path(), "log", "ERROR\n".repeat(1 << 20));
    let mut command = program("log_processor");
    command.args(["search", "ERROR"]).arg(path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 6]).unwrap();
    drop(output);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
