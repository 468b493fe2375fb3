//! What the copy keeps of its source beside the contents: permissions and times.

use std::fs::{File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use aiofile::AioFile;

use crate::blocking::blocking;
use crate::failure::Failure;

/// The bits that lend a program its owner's rights.
const SET_ID: u32 = 0o6000;

/// Gives the copy its source's permissions and times, after the last write.
///
/// # Errors
/// What the system answers.
pub(super) async fn keep(copy: &AioFile, source: Metadata) -> Result<(), Failure> {
    let shared = copy.clone();
    let kept = blocking(move || apply(&shared, &source)).await;
    kept.map_err(|error| {
        let path = copy.path().unwrap_or("".as_ref()).display();
        Failure::during(format_args!("set permissions and times of {path}"), error)
    })
}

fn apply(copy: &AioFile, source: &Metadata) -> io::Result<()> {
    let file = File::from(copy.as_fd().try_clone_to_owned()?);
    let own = file.metadata()?;
    let mut mode = source.mode() & 0o7777;
    if (own.uid(), own.gid()) != (source.uid(), source.gid()) {
        // They would lend another owner's rights than the source does.
        mode &= !SET_ID;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    let times = FileTimes::new().set_accessed(source.accessed()?);
    file.set_times(times.set_modified(source.modified()?))
}
