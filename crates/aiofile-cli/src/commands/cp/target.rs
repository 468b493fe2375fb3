//! Where the copy goes: under the name that was typed, or into the directory of that name.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aiofile::Context;

use crate::args::CpArgs;
use crate::failure::Failure;

/// What is to be made.
pub(super) struct Target {
    pub(super) path: PathBuf,
    /// The source is a directory, and may be copied.
    pub(super) is_tree: bool,
}

/// Finds the path of the copy.
///
/// # Errors
/// Where it goes into a directory, and the source has no name of its own.
pub(super) async fn resolve(context: &Context, args: &CpArgs) -> Result<Target, Failure> {
    let (source, path) = (args.source.clone(), args.target.clone());
    let look = move || Ok((source.is_dir(), path.is_dir()));
    let (from_directory, to_directory) = context.run("stat", look).await?;
    let is_tree = from_directory && args.recursive();
    let shown = args.source.display();
    if from_directory && !is_tree {
        return Err(Failure::during(shown, "is a directory, which is copied with -r only"));
    }
    if !to_directory {
        return Ok(Target { path: args.target.clone(), is_tree });
    }
    match args.source.file_name().filter(|_| !is_contents(&args.source)) {
        Some(name) => Ok(Target { path: args.target.join(name), is_tree }),
        // The contents of `.`, `..` and `directory/.` go where they are sent.
        None if is_tree => Ok(Target { path: args.target.clone(), is_tree }),
        None => Err(Failure::during(shown, "has no name to copy it under")),
    }
}

/// Whether the path ends in `/.`, of which `Path` takes no notice.
fn is_contents(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/.")
}
