//! What the doctor says, for people and for machines.

use std::fmt;

use aiofile::Error;
use caio::Info;
use serde_json::{Map, Value, json};

use super::self_test::Test;
use super::survey::Finding;

pub(super) struct Report<'a> {
    /// The context that a program would get here, or why it would get none.
    pub(super) info: Result<&'a Info, &'a Error>,
    /// Whether the backend was asked for with `--backend`.
    pub(super) by_option: bool,
    pub(super) survey: Vec<Finding>,
    pub(super) tests: Vec<Test>,
}

impl Report<'_> {
    /// Why the exit code is not 0, if so.
    pub(super) fn trouble(&self) -> Option<String> {
        let info = match self.info {
            Ok(info) => info,
            Err(error) => return Some(error.to_string()),
        };
        if !info.is_as_requested() {
            let (used, wanted) = (info.backend, &info.requested);
            return Some(format!("{used} is in use, not the first of {wanted} that was asked for"));
        }
        let failed =
            self.tests.iter().find_map(|test| test.outcome.as_ref().err().map(|e| (test, e)));
        failed.map(|(test, error)| format!("the test of {} failed: {error}", test.name))
    }

    /// The keys of the context's report, and those of the doctor beside them. They are part of the
    /// interface.
    pub(super) fn json(&self) -> Value {
        let mut all = match self.info {
            Ok(info) => match serde_json::to_value(info) {
                Ok(Value::Object(keys)) => keys,
                _ => Map::new(),
            },
            Err(error) => {
                let keys = [("backend", Value::Null), ("is_as_requested", Value::Bool(false))];
                let keys = keys.map(|(key, value)| (key.to_owned(), value));
                keys.into_iter().chain([("error".to_owned(), trouble(error))]).collect()
            }
        };
        if self.by_option && self.info.is_ok() {
            all.insert("requested_by".to_owned(), json!({ "source": "option" }));
        }
        all.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
        all.insert("backends".to_owned(), self.survey.iter().map(finding).collect());
        all.insert("self_test".to_owned(), self.tests.iter().map(test).collect());
        Value::Object(all)
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "backend": finding.backend.name(),
        "works": finding.refusal.is_none(),
        "error": finding.refusal.as_ref().map(trouble),
    })
}

fn test(test: &Test) -> Value {
    json!({
        "name": test.name,
        "passed": test.outcome.is_ok(),
        "detail": test.outcome.as_ref().map_or_else(ToString::to_string, Clone::clone),
    })
}

fn trouble(error: &Error) -> Value {
    json!({
        "message": error.to_string(),
        "errno": error.raw_os_error(),
        "cure": error.cure(),
    })
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "version", env!("CARGO_PKG_VERSION"))?;
        match self.info {
            Ok(info) => {
                write!(f, "{info}")?;
                if self.by_option {
                    row(f, "the program", "is this command, told so by --backend")?;
                }
            }
            Err(error) => row(f, "backend", format_args!("none: {error}"))?,
        }
        for finding in &self.survey {
            match &finding.refusal {
                None => row(f, "available", finding.backend)?,
                Some(error) => {
                    let text = error.to_string();
                    // The errors of a backend start with its name already.
                    let name = format!("{}: ", finding.backend);
                    let reason = text.strip_prefix(&name).unwrap_or(&text);
                    row(f, "unavailable", format_args!("{name}{reason}"))?;
                }
            }
        }
        for test in &self.tests {
            match &test.outcome {
                Ok(detail) => row(f, "test passed", format_args!("{}: {detail}", test.name))?,
                Err(error) => row(f, "test failed", format_args!("{}: {error}", test.name))?,
            }
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<13} {value}")
}
