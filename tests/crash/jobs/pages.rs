//! Pages of a file that are written over, each of which was acknowledged by itself.

use std::io;

use aiofile::fs::{OpenOptions, allocate};
use aiofile::{AioFile, AlignedBuffer, with_context};
use futures_util::future::try_join_all;

use crate::disk::SECTOR_BYTES;
use crate::job::{Job, LeftOut, Place, STEPS, Seen};

/// How many tasks share a file, each with a page of its own.
const TASKS: u64 = 4;

/// The flag by which a write returns when it is durable: `O_DSYNC` of Linux.
const O_DSYNC: i32 = 0o10_000;

const PAGES: u64 = 5;

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "written_over",
        needs: &[LeftOut::Sync],
        run: |place| Box::pin(async move { one_by_one(&place, options(), false).await }),
        check: |seen| pages(seen, scattered),
    },
    Job {
        name: "written_with_dsync",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let mut options = options();
                if place.syncs() {
                    options.custom_flags(O_DSYNC);
                }
                let file = opened(&place, &options).await?;
                for step in 0..STEPS {
                    place.begin(step);
                    file.write_all_at(page(&place, step), scattered(step) * BYTES).await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| pages(seen, scattered),
    },
    Job {
        name: "written_directly",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let mut options = options();
                options.direct(true);
                one_by_one(&place, options, false).await
            })
        },
        check: |seen| pages(seen, scattered),
    },
    Job {
        name: "written_to_what_was_allocated",
        needs: &[LeftOut::Sync],
        run: |place| Box::pin(async move { one_by_one(&place, options(), true).await }),
        check: |seen| pages(seen, scattered),
    },
    Job {
        name: "vectored",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let file = opened(&place, &options()).await?;
                for first in (0..STEPS).step_by(2) {
                    place.begin(first + 1);
                    let buffers = vec![page(&place, first), page(&place, first + 1)];
                    let (written, _) = file.write_vectored_at(buffers, paired(first) * BYTES).await;
                    assert_eq!(written? as u64, 2 * BYTES);
                    if place.syncs() {
                        file.fdatasync().await?;
                    }
                    place.acknowledge(first);
                    place.acknowledge(first + 1);
                }
                Ok(())
            })
        },
        check: |seen| pages(seen, paired),
    },
    Job {
        name: "shared",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                // Through two descriptors, of which each is synced by several tasks.
                let one = opened(&place, &options()).await?;
                let other = opened(&place, &options()).await?;
                let tasks = (0..TASKS).map(|task| {
                    let file = if task % 2 == 0 { one.clone() } else { other.clone() };
                    let (place, context) = (place.clone(), place.context.clone());
                    let writing = async move {
                        for step in (task..STEPS).step_by(TASKS as usize) {
                            place.begin(step);
                            file.write_all_at(page(&place, step), task * BYTES).await?;
                            if place.syncs() {
                                file.fdatasync().await?;
                            }
                            place.acknowledge(step);
                        }
                        Ok::<_, io::Error>(())
                    };
                    let spawned = tokio::spawn(with_context(&context, writing));
                    async { spawned.await.map_err(io::Error::other)? }
                });
                try_join_all(tasks).await.map(drop)
            })
        },
        check: |seen| pages(seen, |step| step % TASKS),
    },
];

const BYTES: u64 = SECTOR_BYTES as u64;

/// The page of a step.
fn scattered(step: u64) -> u64 {
    step * 3 % PAGES
}

/// The same, where two steps are written together.
fn paired(step: u64) -> u64 {
    step % 6
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options
}

async fn opened(place: &Place, options: &OpenOptions) -> io::Result<AioFile> {
    let file = options.open_aio(place.path("file")).await?;
    place.sync_directory().await?;
    Ok(file)
}

/// O_DIRECT takes it as well.
fn page(place: &Place, step: u64) -> AlignedBuffer {
    AlignedBuffer::copy_of(&place.content_of(step, SECTOR_BYTES), SECTOR_BYTES)
}

async fn one_by_one(place: &Place, options: OpenOptions, allocated: bool) -> io::Result<()> {
    let file = opened(place, &options).await?;
    if allocated {
        allocate(&file, 0..PAGES * BYTES).await?;
    }
    for step in 0..STEPS {
        place.begin(step);
        file.write_all_at(page(place, step), scattered(step) * BYTES).await?;
        match step % 2 {
            _ if !place.syncs() => {}
            0 => file.fdatasync().await?,
            _ => file.fsync().await?,
        }
        place.acknowledge(step);
    }
    Ok(())
}

/// Each page holds what was acknowledged last for it, or something later, as a whole.
fn pages(seen: &Seen, page_of: fn(u64) -> u64) -> Result<(), String> {
    let found = seen.read("file")?.unwrap_or_default();
    for page in 0..=(0..STEPS).map(page_of).max().unwrap_or(0) {
        let last = seen.last(|step| page_of(step) == page);
        let start = found.len().min(page as usize * SECTOR_BYTES);
        let there = &found[start..found.len().min(start + SECTOR_BYTES)];
        if there.iter().all(|byte| *byte == 0) && last.is_none() {
            continue;
        }
        let version = seen.version(there).map_err(|error| format!("page {page}: {error}"))?;
        let is_there = there.len() == SECTOR_BYTES && page_of(version) == page;
        if !is_there || last > Some(version) || version >= seen.begun {
            return Err(format!("page {page} is step {version}'s, {last:?} is acknowledged"));
        }
    }
    Ok(())
}
