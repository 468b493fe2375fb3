//! Listing: the files below a directory, in rounds of many, and no directory that is not asked for.

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aiofile::fs::{Walk, WalkEntry, WalkError};
use futures_util::stream::{Stream, StreamExt};

use crate::error::{Error, Result};
use crate::names::is_object;
use crate::store::Store;

/// A file or a directory in the store, by its path below the root.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
}

impl Store {
    /// All objects below a prefix, which is a directory, or those of them whose location comes
    /// behind an offset. In no order. A hop for up to 1,024.
    pub(crate) fn list(
        &self,
        prefix: &str,
        offset: Option<&str>,
    ) -> impl Stream<Item = Result<Listed>> + Send + 'static {
        let entries = self.walk(prefix, offset).entries();
        self.listed(entries).filter(|listed| {
            let is_directory = listed.as_ref().is_ok_and(|listed| listed.metadata.is_dir());
            std::future::ready(!is_directory)
        })
    }

    /// The objects and the directories right below a prefix. A hop for up to 1,024.
    pub(crate) async fn list_directory(&self, prefix: &str) -> Result<Vec<Listed>> {
        let entries = self.walk(prefix, None).max_depth(1).entries();
        let mut listed = std::pin::pin!(self.listed(entries));
        let mut all = Vec::new();
        while let Some(one) = listed.next().await {
            all.push(one?);
        }
        Ok(all)
    }

    fn walk(&self, prefix: &str, offset: Option<&str>) -> Walk {
        let mut walk = Walk::new(self.root.join(prefix));
        walk.min_depth(1).follow_links(true).metadata(true);
        let (root, offset) = (self.root.clone(), offset.map(str::to_owned));
        walk.filter_entry(move |entry| is_wanted(entry, &root, offset.as_deref()));
        if let Some(context) = self.named_context() {
            walk.context(context);
        }
        walk
    }

    fn listed(
        &self,
        entries: impl Stream<Item = Result<WalkEntry, WalkError>> + Send + 'static,
    ) -> impl Stream<Item = Result<Listed>> + Send + 'static {
        let root = self.root.clone();
        entries.filter_map(move |entry| {
            let root = root.clone();
            async move {
                match entry {
                    // It has gone meanwhile, was never there, or is a link to nothing.
                    Err(error) if is_missing(error.kind()) => None,
                    Err(error) => {
                        let path = error.path().to_owned();
                        Some(Err(Error::looking(error, &path)))
                    }
                    Ok(entry) => Some(listed(entry, &root).await),
                }
            }
        })
    }
}

async fn listed(entry: WalkEntry, root: &Path) -> Result<Listed> {
    let metadata = entry.metadata().await?;
    let path = below(entry.path(), root).to_owned();
    Ok(Listed { path, metadata })
}

fn is_missing(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether an entry is an object, or a directory that may have some. Nothing but its name is looked
/// at.
fn is_wanted(entry: &WalkEntry, root: &Path, offset: Option<&str>) -> bool {
    let path = below(entry.path(), root).as_os_str().as_bytes();
    if entry.file_type().is_dir() {
        return offset.is_none_or(|offset| may_have_behind(path, offset.as_bytes()));
    }
    entry.file_type().is_file()
        && is_object(&entry.file_name().to_string_lossy())
        && offset.is_none_or(|offset| path > offset.as_bytes())
}

/// Whether a location in a directory can come behind the offset.
fn may_have_behind(directory: &[u8], offset: &[u8]) -> bool {
    let first = [directory, b"/"].concat();
    first.as_slice() > offset || offset.starts_with(&first)
}

fn below<'a>(path: &'a Path, root: &Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_end_before_the_offset_are_not_read() {
        for (directory, offset, expected) in [
            ("b", "a", true),
            ("b", "b", true),
            ("b", "b/c", true),
            ("b", "b/", true),
            ("b", "c", false),
            // '-' comes before '/', and '0' behind it.
            ("b", "b-c", true),
            ("b", "b0", false),
        ] {
            let found = may_have_behind(directory.as_bytes(), offset.as_bytes());
            assert_eq!(found, expected, "{directory} behind {offset}");
        }
    }
}
