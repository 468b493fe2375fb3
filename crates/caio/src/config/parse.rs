//! A `caio.toml` as it stands in the file, and what is said of its mistakes.

use std::ops::Range;

use serde::Deserialize;
use toml::de::DeTable;

use super::{Config, validate};
use crate::error::{Error, ErrorKind, Result};
use crate::select::is_name;

/// The configuration in `text`, or what is wrong with it and on which line.
pub(super) fn parse(text: &str) -> Result<Config> {
    let not_toml = |error: toml::de::Error| {
        let rest = error.span().and_then(|span| text.get(span.start..)?.lines().next());
        let message = match rest {
            Some(rest) if rest.trim_start().is_empty() || rest.trim_start().starts_with('#') => {
                "something is missing here, such as a value".to_owned()
            }
            _ => error.message().trim().replace('\n', ", "),
        };
        located(text, error.span(), &message)
    };
    let document = toml::Deserializer::parse(text).map_err(not_toml)?;
    check_shapes(text)?;
    let config = Config::deserialize(document)
        .map_err(|error| located(text, error.span(), &plain(error.message())))?;
    match validate::check(&config) {
        Ok(()) => Ok(config),
        Err(fault) => Err(located(text, span_of(text, fault.field), &fault.message)),
    }
}

/// What is no section where one is wanted, or no name. serde would take an array for a section, its
/// values for those of the first keys.
fn check_shapes(text: &str) -> Result<()> {
    let Ok(root) = DeTable::parse(text) else { return Ok(()) };
    for (key, value) in root.get_ref() {
        let key: &str = key.get_ref();
        let (is_right, wanted) = match (key, value.get_ref()) {
            (
                "uring" | "limits" | "rates" | "retry" | "breaker" | "timeouts" | "metrics",
                value,
            ) => {
                let wanted = format!("a section: write [{key}] on a line, and its keys below it");
                (value.as_table().is_some(), wanted)
            }
            ("reactor", value) => (value.is_str(), "'auto', 'always' or 'never'".to_owned()),
            ("buffered_writes", value) => {
                (value.is_str(), "'auto', 'backend', 'pool' or 'in_place'".to_owned())
            }
            ("backend", value) => {
                let names = value
                    .as_array()
                    .is_some_and(|all| all.iter().all(|one| one.get_ref().is_str()));
                (value.is_str() || names, "a backend name, or a list of them".to_owned())
            }
            _ => continue,
        };
        if !is_right {
            let message = format!("{key} must be {wanted}");
            return Err(located(text, Some(value.span()), &message));
        }
    }
    Ok(())
}

/// What serde calls the types that values must have, and what to write.
const WANTED: [(&str, &str); 4] = [
    ("usize", "a whole number from 0 to 9223372036854775807"),
    ("u64", "a whole number from 0 to 9223372036854775807"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("a boolean", "true or false"),
];

/// What serde says of a key or a value, without what it repeats of the file, unless that looks like
/// a name, and in words of the file's. The keys and values that it expected are no secret.
fn plain(message: &str) -> String {
    let message = without_contents(message);
    for (named, wanted) in WANTED {
        if let Some(found) = message.strip_suffix(&format!(", expected {named}")) {
            return format!("{found}, expected {wanted}");
        }
    }
    message
}

fn without_contents(message: &str) -> String {
    const ABOUT_CONTENTS: [&str; 5] = [
        "unknown field ",
        "unknown variant ",
        "duplicate field ",
        "invalid type: ",
        "invalid value: ",
    ];
    let (found, expected) = match message.rfind(", expected ") {
        Some(end) => message.split_at(end),
        None => (message, ""),
    };
    let repeated = found.split_once(['`', '"']).and_then(|(before, rest)| {
        let contents = rest.strip_suffix(['`', '"']).unwrap_or(rest);
        (!is_name(contents)).then_some(before.trim_end())
    });
    match repeated {
        Some(before) if ABOUT_CONTENTS.iter().any(|start| found.starts_with(start)) => {
            format!("{before}{expected}")
        }
        _ => message.to_owned(),
    }
}

fn located(text: &str, span: Option<Range<usize>>, message: &str) -> Error {
    let message = match span {
        Some(span) => {
            let (line, column) = position(text, span.start);
            format!("line {line}, column {column}: {message}")
        }
        None => message.to_owned(),
    };
    Error::new(ErrorKind::Config, message)
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    (line, 1 + before[line_start..].chars().count())
}

/// Where the value of a key stands, the key given with its section.
fn span_of(text: &str, field: &str) -> Option<Range<usize>> {
    let root = DeTable::parse(text).ok()?.into_inner();
    match field.split_once('.') {
        Some((section, key)) => Some(root.get(section)?.get_ref().as_table()?.get(key)?.span()),
        None => Some(root.get(field)?.span()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::backend::BackendKind;
    use crate::config::{BufferedWrites, Reactor, UringConfig};
    use crate::select::Choice;

    fn from(text: &str) -> Result<Config> {
        Config::from_toml(text, Path::new("caio.toml"))
    }

    #[test]
    fn what_is_mentioned_is_taken_and_the_rest_keeps_its_default() {
        let config = from(
            "backend = ['uring', 'python']\nmax_requests = 7\nbuffered_writes = 'pool'\n\
             reactor = 'always'\n[uring]\nentries = 8\nsqpoll_idle_ms = 50\n",
        )
        .unwrap();
        let expected = Config {
            backend: Some(Choice::Ordered(vec![BackendKind::Uring, BackendKind::Rust])),
            max_requests: 7,
            buffered_writes: BufferedWrites::Pool,
            reactor: Reactor::Always,
            uring: UringConfig { entries: 8, sqpoll_idle_ms: Some(50), ..UringConfig::default() },
            ..Config::default()
        };
        assert_eq!(config, expected);
        assert_eq!(from("").unwrap(), Config::default());
        assert_eq!(from("backend = 'auto'").unwrap().backend, Some(Choice::Auto));
    }

    /// What is said of these texts begins so.
    #[track_caller]
    fn are_told(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let error = from(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            let shown = error.to_string();
            assert!(
                shown.starts_with(&format!("caio.toml: {expected}")),
                "{text:?} gave {shown:?}, not {expected:?}"
            );
            assert!(!shown.contains('\n'), "{shown}");
        }
    }

    #[test]
    fn what_has_another_type_is_told_with_what_to_write() {
        are_told(&[
            (
                "limits = 3",
                "line 1, column 10: limits must be a section: write [limits] on a line, and its \
                 keys below it",
            ),
            (
                "\n[[limits]]\nreads = 1",
                "line 2, column 1: limits must be a section: write [limits]",
            ),
            ("limits = []", "line 1, column 10: limits must be a section"),
            ("limits = [4, 2]", "line 1, column 10: limits must be a section"),
            ("uring = []", "line 1, column 9: uring must be a section: write [uring] on"),
            ("rates = [[1]]", "line 1, column 9: rates must be a section"),
            ("retry = 'x'", "line 1, column 9: retry must be a section"),
            ("[[breaker]]", "line 1, column 1: breaker must be a section"),
            ("timeouts = 1979-05-27", "line 1, column 12: timeouts must be a section"),
            ("[limits.more]", "line 1, column 9: unknown field `more`, expected one of `reads`"),
            ("[limits]\n[limits]", "line 2, column 2: duplicate key"),
            ("[retry]\njitter = true\njitter = true", "line 3, column 1: duplicate key"),
            (
                "[timeouts]\nreads_ms = nan",
                "line 2, column 12: invalid type: floating point, expected a whole number from 0 \
                 to 9223372036854775807",
            ),
            (
                "[breaker]\nfailures = 5000000000",
                "line 2, column 12: invalid value: integer `5000000000`, expected a whole number \
                 from 0 to 4294967295",
            ),
            (
                "[rates]\nbytes_per_second = 99999999999999999999",
                "line 2, column 20: invalid type: integer, expected a whole number from 0 to",
            ),
            (
                "[rates]\nbytes_per_second = 9223372036854775807",
                "line 2, column 20: rates.bytes_per_second is 9223372036854775807; it must be at \
                 most 1000000000000",
            ),
            (
                "[retry]\nattempts = 2\njitter = 'no'",
                "line 3, column 10: invalid type: string \"no\", expected true or false",
            ),
            ("[limits]\nreads = # many", "line 2, column 9: something is missing here, such as"),
            ("reactor = 1", "line 1, column 11: reactor must be 'auto', 'always' or 'never'"),
            ("buffered_writes = {}", "line 1, column 19: buffered_writes must be 'auto', "),
            ("backend = 1", "line 1, column 11: backend must be a backend name, or a list of"),
            ("backend = ['uring', 1]", "line 1, column 11: backend must be a backend name, or"),
        ]);
    }

    #[test]
    fn every_mistake_has_its_line_and_column() {
        are_told(&[
            ("\nmax_requests = 0", "line 2, column 16: max_requests is 0; it must be at least 1"),
            (
                "[uring]\n# wide\nentries = 99999",
                "line 3, column 11: uring.entries is 99999; it must be at most 4096",
            ),
            (
                "threads_max = 2\nthreads_min = 3",
                "line 2, column 15: threads_min is 3, which is more than threads_max, 2",
            ),
            ("max_requests = 5\nmax_request = 5", "line 2, column 1: unknown field `max_request`"),
            ("max_requests = -1", "line 1, column 16: invalid value: integer `-1`"),
            ("max_requests = 'many'", "line 1, column 16: invalid type: string \"many\""),
            ("in_place = true\nmax_requests =", "line 2, column 15: "),
            ("backend = 'posix'", "line 1, column 11: unknown backend \"posix\" (valid names: "),
            ("backend = []", "line 1, column 11: an empty list of backends"),
            ("[uring]\nring = 1", "line 2, column 1: unknown field `ring`"),
            (
                "[uring]\nregistered_files = 64",
                "line 2, column 1: unknown field `registered_files`",
            ),
            ("[uring]\niopoll = true", "line 2, column 1: unknown field `iopoll`"),
            ("buffered_writes = 'never'", "line 1, column 19: unknown variant `never`"),
            ("[limits]\nreads = 0", "line 2, column 9: limits.reads is 0; it must be at least 1"),
            ("[limits]\nopens = 1", "line 2, column 1: unknown field `opens`"),
            ("[rates]\nbytes_per_second = -5", "line 2, column 20: invalid value: integer `-5`"),
            (
                "[rates]\noperations_burst = 5",
                "line 2, column 20: rates.operations_burst means nothing without \
                 rates.operations_per_second",
            ),
            ("[retry]\nattempts = 101", "line 2, column 12: retry.attempts is 101; it must be at"),
            (
                "[retry]\nattempts = 2\npause_ms = 50\npause_max_ms = 20",
                "line 3, column 12: retry.pause_ms is 50, which is more than \
                 retry.pause_max_ms, 20",
            ),
            ("[breaker]\nfailures = 'few'", "line 2, column 12: invalid type: string \"few\""),
            ("[timeouts]\nreads_ms = 0", "line 2, column 12: timeouts.reads_ms is 0; it must be"),
            ("[metrics]\nenabled = 1", "line 2, column 11: invalid type: integer `1`"),
            ("metrics = true", "line 1, column 11: metrics must be a section"),
            ("reactor = 'pool'", "line 1, column 11: unknown variant `pool`"),
        ]);
    }

    #[test]
    fn a_mistake_repeats_no_more_than_a_name() {
        let secret = "Tr0ub4dor";
        for text in [
            "SECRET",
            "SECRET = 1",
            "'SECRET' = 1",
            "\"a` SECRET `, expected\" = 1",
            "\"a\\\" SECRET \\\"b\" = 1",
            "max_requests = 'SECRET'",
            "max_requests = 'a\", SECRET, expected \"b'",
            "max_requests = SECRET",
            "max_requests = [ 'SECRET' ]",
            "in_place = 'SECRET'",
            "in_place = true SECRET",
            "buffered_writes = 'SECRET'",
            "buffered_writes = { SECRET = 1 }",
            "backend = 'SECRET'",
            "backend = 'uring,SECRET'",
            "backend = ['SECRET']",
            "backend = { SECRET = 1 }",
            "uring = 'SECRET'",
            "[uring]\nSECRET = 1",
            "[SECRET]",
            "[SECRET]\n[SECRET]",
            "SECRET.SECRET = 1\nSECRET = 2",
            "root:$6$SECRET:19000:0:99999:7:::",
        ] {
            let error = from(&text.replace("SECRET", secret)).expect_err(text).to_string();
            assert!(!error.contains(secret), "{text:?} gave {error}");
            assert!(error.starts_with("caio.toml: line "), "{error}");
        }
    }

    #[test]
    fn the_example_parses_and_has_every_key() {
        let text = include_str!("../../caio.example.toml");
        let config = from(text).unwrap();
        assert_eq!(config.backend, Some(Choice::Auto));
        // What is unknown is refused with a list of what there is.
        let keys = |text: &str| {
            let error = from(text).unwrap_err().to_string();
            let (_, expected) = error.split_once(", expected ").unwrap();
            let names: Vec<_> = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            assert!(!names.is_empty(), "{error}");
            names
        };
        let table: toml::Table = text.parse().unwrap();
        for key in keys("x = 1") {
            let value = table.get(&key).unwrap_or_else(|| panic!("the example lacks {key}"));
            let Some(section) = value.as_table() else { continue };
            for own in keys(&format!("[{key}]\nx = 1")) {
                assert!(section.contains_key(&own), "the example lacks {key}.{own}");
            }
        }
    }
}
