//! [`Info`] as plain words and numbers, for JSON.

use std::path::PathBuf;

use serde::Serialize;

use super::info::{ConfigFile, Info, Refusal, RequestedBy};
use crate::config::Config;

/// The keys of the JSON form. They are part of the interface.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    backend: &'static str,
    requested: String,
    requested_by: Source,
    is_as_requested: bool,
    refused: Vec<Refused>,
    kernel: String,
    operations: Vec<String>,
    classes: Vec<String>,
    requests_max: usize,
    routed: Routed,
    features: Vec<String>,
    limits: Config,
    files: Vec<ConfigFile>,
    ignored: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
enum Source {
    Code,
    Environment,
    File { path: PathBuf, line: Option<usize> },
    Auto,
}

#[derive(Debug, Serialize)]
struct Refused {
    backend: &'static str,
    errno: Option<i32>,
    error: String,
    cure: Option<String>,
}

#[derive(Debug, Serialize)]
struct Routed {
    operations: Vec<String>,
    classes: Vec<String>,
    writes: &'static str,
}

impl From<Info> for Report {
    fn from(info: Info) -> Self {
        Self {
            backend: info.backend.name(),
            is_as_requested: info.is_as_requested(),
            operations: words(info.capability.operations.iter()),
            classes: words(info.capability.classes.iter()),
            requests_max: info.capability.requests_max,
            routed: Routed {
                operations: words(info.routed_operations()),
                classes: words(info.routed_classes()),
                writes: info.routed_writes(),
            },
            requested: info.requested,
            requested_by: info.requested_by.into(),
            refused: info.refused.into_iter().map(Refused::from).collect(),
            kernel: info.kernel,
            features: info.capability.features,
            limits: info.limits,
            files: info.files,
            ignored: info.ignored,
        }
    }
}

impl From<RequestedBy> for Source {
    fn from(by: RequestedBy) -> Self {
        match by {
            RequestedBy::Code => Self::Code,
            RequestedBy::Environment => Self::Environment,
            RequestedBy::File { path, line } => Self::File { path, line },
            RequestedBy::Auto => Self::Auto,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            backend: refusal.backend.name(),
            errno: refusal.error.raw_os_error(),
            cure: refusal.error.cure().map(str::to_owned),
            error: refusal.error.to_string(),
        }
    }
}

fn words<T: ToString>(items: impl Iterator<Item = T>) -> Vec<String> {
    items.map(|item| item.to_string()).collect()
}
