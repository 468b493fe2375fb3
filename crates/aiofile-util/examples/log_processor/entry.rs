//! What one line of a log says beside its message: how grave it is, and when it was written.

use std::fmt;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::Value;

/// How grave an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Which entries are wanted.
#[derive(Args, Clone, Copy)]
pub(crate) struct Filter {
    /// Only entries of this level or a graver one
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Only entries from this time on: 2026-11-27T10:15:00, or the beginning of such a time
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    since: Option<Time>,
    /// Only entries before this time
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    until: Option<Time>,
}

/// The time of an entry to the second, as the log has it: times of different zones do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time([u8; 19]);

/// A line that was understood, as far as it was.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) level: Option<Level>,
    pub(crate) time: Option<Time>,
    /// The line begins as JSON and is none.
    pub(crate) is_malformed: bool,
}

/// The fields that the usual libraries write.
#[derive(Deserialize)]
struct Fields {
    level: Option<Value>,
    severity: Option<Value>,
    time: Option<Value>,
    timestamp: Option<Value>,
    ts: Option<Value>,
}

impl Level {
    fn parse(word: &[u8]) -> Option<Self> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is("trace") => Some(Self::Trace),
            () if is("debug") => Some(Self::Debug),
            () if is("info") => Some(Self::Info),
            () if is("warn") || is("warning") => Some(Self::Warn),
            () if is("error") || is("err") => Some(Self::Error),
            () if is("fatal") || is("critical") => Some(Self::Fatal),
            () => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

impl Filter {
    /// Whether every line is wanted, so that none need be understood.
    pub(crate) fn is_empty(&self) -> bool {
        self.level.is_none() && self.since.is_none() && self.until.is_none()
    }

    pub(crate) fn wants(&self, entry: &Entry) -> bool {
        self.level.is_none_or(|least| entry.level.is_some_and(|level| level >= least))
            && self.since.is_none_or(|since| entry.time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| entry.time.is_some_and(|time| time < until))
    }
}

impl Time {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";

    /// The time that a line begins with, within brackets too.
    fn of(line: &[u8]) -> Option<Self> {
        let line = line.strip_prefix(b"[").unwrap_or(line);
        let mut time = Self(*line.first_chunk()?);
        if time.0[10] == b' ' {
            time.0[10] = b'T';
        }
        let fits = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        };
        time.0.iter().zip(Self::SHAPE).all(fits).then_some(time)
    }

    /// What a user writes, which may leave the end out.
    fn parse(text: &str) -> Result<Self, String> {
        let rest = Self::SHAPE.get(text.len()..).unwrap_or_default();
        let whole = [text.as_bytes(), rest].concat();
        Self::of(&whole).ok_or_else(|| "write a time as 2026-11-27T10:15:00, or 2026-11-27".into())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Entry {
    /// Takes a line of JSON, or a plain one: a time at its beginning, a level among its first
    /// words.
    pub(crate) fn parse(line: &[u8]) -> Self {
        if line.first() == Some(&b'{') {
            let Ok(fields) = serde_json::from_slice::<Fields>(line) else {
                return Self { is_malformed: true, ..Self::default() };
            };
            let text = |value: Option<Value>| Some(value?.as_str()?.to_owned());
            let level = text(fields.level.or(fields.severity));
            let time = text(fields.time.or(fields.timestamp).or(fields.ts));
            return Self {
                level: level.and_then(|level| Level::parse(level.as_bytes())),
                time: time.and_then(|time| Time::of(time.as_bytes())),
                is_malformed: false,
            };
        }
        let words = line.split(|byte| !byte.is_ascii_alphanumeric());
        let words = words.filter(|word| word.first().is_some_and(u8::is_ascii_alphabetic));
        let level = words.take(4).find_map(Level::parse);
        Self { level, time: Time::of(line), is_malformed: false }
    }
}
