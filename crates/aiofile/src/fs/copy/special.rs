//! Opening files of which one at least is a device, a FIFO or a socket: that may wait, and no
//! thread waits for it.

use std::fs::Metadata;
use std::sync::Arc;

use caio::{Context, FileClass, Result, SharedFile, flags};
use rustix::fs::{OFlags, SeekFrom, seek};

use super::begin::{Opened, Work};
use super::extents::Extents;
use super::job::{Job, shared};
use super::outcome::CopyPhase;
use super::spot::{Landing, Spot};
use super::{answered, refused};

/// A terminal that is copied from or to does not become this process's own.
const NO_TERMINAL: i32 = OFlags::NOCTTY.bits().cast_signed();

/// Opens the source, and then the target: what is in that spot, or else what is no regular file.
///
/// # Errors
/// For options that cannot be obeyed with such files; else what the system answers.
pub(super) async fn open(
    context: &Context,
    job: &Arc<Job>,
    kind: &Metadata,
    spot: Option<Spot>,
) -> Result<(Box<Opened>, Work)> {
    let direct = OFlags::DIRECT.bits().cast_signed();
    let direct = if job.settings.direct { direct } else { 0 };
    if job.settings.direct && !kind.is_file() && !has_blocks(kind) {
        return Err(refused("O_DIRECT moves blocks, and this has none", &job.from));
    }
    let source = context.open(&job.from, flags::O_RDONLY | NO_TERMINAL | direct, 0).await?;
    let metadata = context.metadata(&source).await?;
    let is_special = spot.is_none();
    let (target, landing) = match spot {
        Some(spot) => in_spot(context, job, metadata.clone(), spot).await?,
        None => {
            let flags = flags::O_WRONLY | NO_TERMINAL | direct;
            (context.open(&job.to, flags, 0).await?, Landing::default())
        }
    };
    let can_sync = matches!(target.class(), FileClass::Regular | FileClass::Block);
    if job.settings.durable && !can_sync {
        return Err(refused("it has nothing that could be synced", &job.to));
    }
    if job.settings.direct && !can_sync {
        return Err(refused("O_DIRECT moves blocks, and this has none", &job.to));
    }
    let len = length(job, &source, &metadata)?;
    let work = match len {
        // A device keeps what was there where nothing is written, so that holes are zeros.
        Some(len) if can_sync => {
            job.meter.begin(CopyPhase::Copying, len);
            Work::Blocks { rest: Extents::whole(len), bytes: len, len }
        }
        _ if job.settings.direct => {
            return Err(refused("it has no size, so that O_DIRECT cannot read it", &job.from));
        }
        _ => Work::Stream,
    };
    Ok((Box::new(Opened { source, metadata, target, landing, is_special }), work))
}

async fn in_spot(
    context: &Context,
    job: &Arc<Job>,
    source: Metadata,
    spot: Spot,
) -> Result<(SharedFile, Landing)> {
    let opening = Arc::clone(job);
    let open = move || {
        let job = opening;
        let (file, landing) = spot.open(&job, &source)?;
        Ok((shared(file, &job.to)?, landing))
    };
    context.run_on("copy", &job.to, open).await
}

/// How much there is to copy, where that is known before.
fn length(job: &Job, source: &SharedFile, metadata: &Metadata) -> Result<Option<u64>> {
    match source.class() {
        FileClass::Regular => Ok(Some(metadata.len()).filter(|len| *len > 0)),
        FileClass::Block => {
            let end = seek(source.file(), SeekFrom::End(0));
            end.map(Some).map_err(|answer| answered(answer, "find the size of", &job.from))
        }
        _ => Ok(None),
    }
}

fn has_blocks(kind: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.file_type().is_block_device()
}
