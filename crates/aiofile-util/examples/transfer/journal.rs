//! Which blocks of a file are there already, noted in a file beside it.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use aiofile::{AioFile, fs};

/// One line says what is transferred; each further line is the number of a block.
pub(crate) struct Journal {
    file: AioFile,
    path: PathBuf,
    done: BTreeSet<u64>,
}

impl Journal {
    /// The journal at `path` if it is about the same version of the same file, else a new one.
    pub(crate) async fn open(path: PathBuf, version: &str) -> io::Result<Self> {
        let noted = match fs::read(&path).await {
            Ok(noted) => noted,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let done = blocks(&String::from_utf8_lossy(&noted), version);
        // Written anew, since a line that was torn must not run into the next one.
        let lines: String = done.iter().map(|block| format!("{block}\n")).collect();
        fs::write_atomic(&path, format!("{version}\n{lines}")).await?;
        Ok(Self { file: AioFile::open(&path, "a").await?, path, done })
    }

    /// The blocks that were there when it was opened.
    pub(crate) fn done(&self) -> &BTreeSet<u64> {
        &self.done
    }

    /// Notes a block, which has to be on the disk.
    pub(crate) async fn note(&self, block: u64) -> io::Result<()> {
        self.file.append(format!("{block}\n")).await
    }

    /// Removes it.
    pub(crate) async fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path).await
    }

    /// Beside the file that it is about.
    pub(crate) fn path_for(file: &Path) -> PathBuf {
        let mut path = file.as_os_str().to_owned();
        path.push(".journal");
        path.into()
    }
}

fn blocks(noted: &str, version: &str) -> BTreeSet<u64> {
    let mut lines = noted.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    if lines.next() != Some(version) {
        return BTreeSet::new();
    }
    lines.filter_map(|line| line.parse().ok()).collect()
}
