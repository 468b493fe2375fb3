//! The calls on paths that are compared: what each does with a small file and a place of its own.

use serde::{Deserialize, Serialize};

/// One call of `fs`, or the few that belong together so that everything is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathCall {
    /// `metadata`.
    Metadata,
    /// `symlink_metadata`.
    SymlinkMetadata,
    /// `try_exists` of a file that is not there.
    Missing,
    /// `canonicalize`.
    Canonicalize,
    /// `File::open`, and drop.
    Open,
    /// `read`.
    Read,
    /// `write` of a block into an existing file.
    Write,
    /// `set_permissions`.
    SetPermissions,
    /// `rename` there and back.
    Rename,
    /// `create_dir` and `remove_dir`.
    CreateDir,
    /// `hard_link` and `remove_file`.
    HardLink,
    /// `read_dir` of a thousand entries, with the type of each.
    ReadDir,
    /// `copy` of a small file.
    Copy,
}

impl PathCall {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Metadata, "metadata"),
        (Self::SymlinkMetadata, "symlink-metadata"),
        (Self::Missing, "missing"),
        (Self::Canonicalize, "canonicalize"),
        (Self::Open, "open"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::SetPermissions, "set-permissions"),
        (Self::Rename, "rename"),
        (Self::CreateDir, "create-dir"),
        (Self::HardLink, "hard-link"),
        (Self::ReadDir, "read-dir"),
        (Self::Copy, "copy"),
    ];
}
