//! Files that were put aside: their names, and finding them again.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aiofile::Context;
use caio::Result;
use rustix::io::Errno;

use crate::names::{canonicalize, directory_of, entries, rename_new};

/// How many digits a number has at least, so that names sort as their numbers do.
const DIGITS: usize = 6;

/// How the name of a compressed file ends.
const COMPRESSED: &[u8] = b".gz";

/// The names of one writer's files.
#[derive(Debug, Clone)]
pub(super) struct Names {
    path: PathBuf,
    /// The largest number there is.
    last: u64,
}

/// A file that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rotated {
    pub(super) number: u64,
    pub(super) is_compressed: bool,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) changed: Option<SystemTime>,
}

impl Names {
    /// Looks which files there are. What a link leads to is what is renamed. Two hops.
    pub(super) async fn find(context: &Context, path: &Path) -> Result<Self> {
        let path = canonicalize(context, path).await.map_err(|error| error.doing("open"))?;
        let last = list(context, &path).await?.last().map_or(0, |latest| latest.number);
        Ok(Self { path, last })
    }

    /// The largest number that was given.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Where the present file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the present file the next number. One hop.
    pub(super) async fn put_aside(&mut self, context: &Context) -> Result<PathBuf> {
        let exists = Some(Errno::EXIST.raw_os_error());
        loop {
            self.last += 1;
            let aside = numbered(&self.path, self.last);
            match rename_new(context, &self.path, &aside).await {
                Err(error) if error.raw_os_error() == exists => {}
                result => return result.map(|()| aside),
            }
        }
    }

    /// Gives it its name back. One hop.
    pub(super) async fn put_back(&self, context: &Context, aside: &Path) -> Result<()> {
        rename_new(context, aside, &self.path).await
    }
}

/// The files that were put aside, by their numbers; of one that is there twice, the compressed one
/// comes last. One hop.
pub(super) async fn list(context: &Context, path: &Path) -> Result<Vec<Rotated>> {
    let Some(name) = path.file_name() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (entry, metadata) in entries(context, directory_of(path), name).await? {
        let Some((number, is_compressed)) = parse(name, &entry) else { continue };
        // What only has such a name is none.
        if metadata.is_file() {
            let (path, changed) = (path.with_file_name(entry), metadata.modified().ok());
            found.push(Rotated { number, is_compressed, path, bytes: metadata.len(), changed });
        }
    }
    found.sort_by_key(|file| (file.number, file.is_compressed));
    Ok(found)
}

/// The name of a file with this number.
fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number:0DIGITS$}"));
    path.with_file_name(name)
}

/// The number in such a name, and whether it is that of a compressed file.
fn parse(name: &OsStr, other: &OsStr) -> Option<(u64, bool)> {
    let rest = other.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b".")?;
    let (digits, is_compressed) = match rest.strip_suffix(COMPRESSED) {
        Some(digits) => (digits, true),
        None => (rest, false),
    };
    let number = str::from_utf8(digits).ok()?.parse().ok()?;
    // As it is written, and not in any other way.
    (format!("{number:0DIGITS$}").as_bytes() == digits).then_some((number, is_compressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_given_are_known_again() {
        let parse = |other| parse(OsStr::new("log"), OsStr::new(other));
        assert_eq!(parse("log.000001"), Some((1, false)));
        assert_eq!(parse("log.000017.gz"), Some((17, true)));
        assert_eq!(parse("log.1234567"), Some((1_234_567, false)));
        let others = ["log", "log.1", "log.0000001", "log.000001.bz2", "log.+00001", "log.gz"];
        for other in others.into_iter().chain(["log2.000001", "log.000001~", "log..000001"]) {
            assert_eq!(parse(other), None, "{other}");
        }
        let path = numbered(Path::new("/var/log"), 42);
        assert_eq!(path, Path::new("/var/log.000042"));
    }
}
