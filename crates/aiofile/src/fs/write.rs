//! Writing a file whole, and at its end.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use caio::BackendKind;
use caio::flags::{O_APPEND, O_CREAT, O_TRUNC, O_WRONLY};

use super::Fs;
use crate::AioFile;

/// Contents of up to so many bytes are written over what is there, which is not cut off to nothing
/// before: nobody finds the file empty meanwhile, and the file system has no blocks to free, to
/// find and to write out.
pub(super) const PAGE_BYTES: u64 = 4096;

/// So many bytes are written in one hop, and so many at once are copied to be written.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// So many contents at once are written in pieces: a file stays open as long as its future is
/// there, and the files of a thousand tasks would be more than may be open.
const PIECEWISE_MAX: usize = 8;

/// Makes a file of these contents, in place of the contents that it has. The file is there in part
/// while this goes on: [`write_atomic`](super::write_atomic()) replaces it at once. Up to 4096
/// bytes are written over what is there, of which only what is longer is cut off; for more, the
/// file is empty first.
///
/// # After a power loss
/// Nothing is synced. Up to 4096 bytes over a file that is there: it then has the old contents,
/// whole or cut off to the new length, or the new ones, which may be cut off to the old length; on
/// a device that does not write 4096 bytes as one, perhaps a part of both. Of more than that, the
/// file may have any part, or nothing. Who needs either the old or the new contents takes
/// [`write_atomic`](super::write_atomic()).
///
/// # Costs
/// One hop for up to a MiB: open, write, close. More is written in pieces of a MiB, of which one at
/// a time is copied; each costs what a write to an open file costs. While eight others are written
/// so, all of it is copied and written in one hop.
///
/// # Errors
/// What the system answers. A part may have been written.
///
/// # Cancel safety
/// Dropping the future before a thread has begun leaves all as it was; later, a MiB is written
/// whole, and of more any part.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("greeting");
/// use aiofile::fs;
///
/// fs::write(&path, b"Hello world!").await?;
/// assert_eq!(fs::read_to_string(&path).await?, "Hello world!");
/// # Ok(()) }
/// ```
#[doc(alias("write_bytes"))]
pub async fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    Fs::current().await?.write(path, contents).await
}

/// Writes to the end of a file, which is made if it is not there. Up to a MiB goes as one write of
/// the system's, so that nothing of another process comes in between on a local file system.
///
/// # Costs
/// As for [`write`](write()).
///
/// # Errors
/// What the system answers. A part may have been written.
///
/// # Cancel safety
/// As for [`write`](write()).
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let directory = tempfile::tempdir()?; let path = directory.path().join("log");
/// use aiofile::fs;
///
/// fs::append(&path, "started\n").await?;
/// fs::append(&path, "stopped\n").await?;
/// assert_eq!(fs::read_to_string(&path).await?, "started\nstopped\n");
/// # Ok(()) }
/// ```
pub async fn append(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    Fs::current().await?.append(path, contents).await
}

impl Fs {
    /// As [`fs::write`](write()).
    pub async fn write(
        &self,
        path: impl AsRef<Path>,
        contents: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        self.put("write", path.as_ref(), contents, O_TRUNC).await
    }

    /// As [`fs::append`](append()).
    pub async fn append(
        &self,
        path: impl AsRef<Path>,
        contents: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        self.put("append", path.as_ref(), contents, O_APPEND).await
    }

    async fn put(
        &self,
        name: &'static str,
        path: &Path,
        contents: impl AsRef<[u8]>,
        flag: i32,
    ) -> io::Result<()> {
        let length = contents.as_ref().len();
        // A backend that is not one of the engine's has files of its own, which it alone can write.
        let has_own_files = matches!(self.context().info().backend, BackendKind::Other(_));
        let piecewise = (length > PIECE_BYTES_MAX).then(Piecewise::begin).flatten();
        if piecewise.is_none() && !has_own_files {
            let copy = contents.as_ref().to_vec();
            if self.call(name, path, move |path| put_at_once(path, &copy, flag)).await? {
                return Ok(());
            }
        }
        let file = self.context().open(path, O_WRONLY | O_CREAT | flag, 0o666).await?;
        let mut file = AioFile::new(self.context().clone(), file, None);
        let mut begin = 0;
        while begin < length {
            let end = length.min(begin + PIECE_BYTES_MAX);
            let piece = contents.as_ref().get(begin..end).unwrap_or_default().to_vec();
            match flag {
                O_APPEND => file.append(piece).await.map(drop)?,
                _ => file.write_all_at(piece, begin as u64).await?,
            }
            begin = end;
        }
        file.close().await?;
        Ok(())
    }
}

/// One of the contents that are written in pieces.
struct Piecewise;

/// How many there are.
static PIECEWISE: AtomicUsize = AtomicUsize::new(0);

impl Piecewise {
    fn begin() -> Option<Self> {
        let others = PIECEWISE.fetch_add(1, Ordering::Relaxed);
        let begun = Self;
        (others < PIECEWISE_MAX).then_some(begun)
    }
}

impl Drop for Piecewise {
    fn drop(&mut self) {
        PIECEWISE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Opens, writes and closes a regular file. Nothing is done and `false` is returned where there is
/// anything else: a FIFO, say, might keep this thread waiting for its reader.
fn put_at_once(path: &Path, contents: &[u8], flag: i32) -> io::Result<bool> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Ok(false);
    }
    let mut options = OpenOptions::new();
    let length = contents.len() as u64;
    let writes_over = flag == O_TRUNC && (1..=PAGE_BYTES).contains(&length);
    match flag {
        O_APPEND => options.append(true),
        _ => options.write(true).truncate(!writes_over),
    };
    let mut file = options.create(true).open(path)?;
    if writes_over && file.metadata()?.len() > length {
        file.set_len(length)?;
    }
    file.write_all(contents)?;
    Ok(true)
}
