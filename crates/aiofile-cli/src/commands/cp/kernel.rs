//! Copying within the kernel: copy_file_range, which saves a copy of every byte.
//!
//! Neither io_uring nor kernel AIO has it, so that no backend could serve it. One thread makes all
//! the calls: each keeps a pipe for it, and its pages, and what was just copied is in its caches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aiofile::AioFile;
use rustix::fs::copy_file_range;

use super::extents::Extents;
use super::progress::Progress;
use super::shrunk;
use crate::blocking::blocking;
use crate::failure::Failure;

/// The most that one call copies: milliseconds, after which the progress shows and an interruption
/// is heeded.
const PIECE_BYTES: u64 = 16 << 20;

/// Copies the extents; what lies between them is a hole in the target. False where the kernel does
/// not copy between these two files, with nothing copied.
pub(super) async fn copy(
    source: &AioFile,
    target: &AioFile,
    size: u64,
    extents: &Extents,
    progress: &Progress,
) -> Result<bool, Failure> {
    progress.expect(extents.bytes());
    let interrupted = Interrupted::default();
    let copy = Copy {
        source: source.clone(),
        target: target.clone(),
        extents: extents.clone(),
        progress: progress.clone(),
        interrupted: Arc::clone(&interrupted.0),
    };
    match blocking(move || copy.run()).await {
        End::Whole => {
            target.set_len(size).await?;
            Ok(true)
        }
        End::Elsewhere => Ok(false),
        End::Shrunk { at } => Err(shrunk(source, size, at).into()),
        End::Failed(error) => {
            let path = target.path().unwrap_or("".as_ref()).display();
            Err(Failure::during(format_args!("copy_file_range to {path}"), error))
        }
    }
}

/// Tells the thread, when it is dropped, that its result is not waited for any more.
#[derive(Default)]
struct Interrupted(Arc<AtomicBool>);

impl Drop for Interrupted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the thread needs.
struct Copy {
    source: AioFile,
    target: AioFile,
    extents: Extents,
    progress: Progress,
    interrupted: Arc<AtomicBool>,
}

/// How it ended.
enum End {
    Whole,
    /// Nothing was copied. Other file systems, one of the kernel's own, or a seccomp filter:
    /// reading and writing either works there or says why it does not.
    Elsewhere,
    /// The source ends there by now.
    Shrunk {
        at: u64,
    },
    Failed(io::Error),
}

impl Copy {
    fn run(self) -> End {
        let mut begun = false;
        for extent in self.extents.iter() {
            let mut at = extent.start;
            while at < extent.end && !self.interrupted.load(Ordering::Relaxed) {
                match self.piece(at, extent.end.min(at + PIECE_BYTES)) {
                    Ok(0) if begun => return End::Shrunk { at },
                    Err(error) if begun => return End::Failed(error),
                    Ok(0) | Err(_) => return End::Elsewhere,
                    Ok(copied) => {
                        at += copied;
                        self.progress.add(copied);
                    }
                }
                begun = true;
            }
        }
        End::Whole
    }

    /// One call. Returns the bytes copied, which may be fewer than asked for.
    fn piece(&self, start: u64, end: u64) -> io::Result<u64> {
        let length = usize::try_from(end - start).expect("a piece fits in memory");
        let copied = rustix::io::retry_on_intr(|| {
            let (mut from, mut to) = (start, start);
            copy_file_range(&self.source, Some(&mut from), &self.target, Some(&mut to), length)
        })?;
        Ok(copied as u64)
    }
}
