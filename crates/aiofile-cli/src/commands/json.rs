//! Objects for machines, one a line.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

/// An object with a path in it, and with further members. A path that is no text comes with its
/// bytes, too.
pub(super) fn of_path(path: &Path, more: Value) -> String {
    let mut object = json!({ "path": path.to_string_lossy() });
    if path.to_str().is_none() {
        object["path_bytes"] = json!(path.as_os_str().as_bytes());
    }
    if let Value::Object(more) = more {
        more.into_iter().for_each(|(name, value)| object[name] = value);
    }
    line(&object)
}

pub(super) fn line(object: &Value) -> String {
    format!("{object}\n")
}
