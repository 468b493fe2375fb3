//! Files that grow, and are synced after each piece.

use aiofile::fs::OpenOptions;
use aiofile::{AioFile, BufferedWriter, Writer};
use futures_util::future::try_join_all;
use tokio::io::AsyncWriteExt;

use crate::job::{Job, LeftOut, Place, STEPS, Seen};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "appended",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let mut options = OpenOptions::new();
                let file = options.append(true).create(true).open_aio(place.path("file")).await?;
                place.sync_directory().await?;
                for step in 0..STEPS {
                    place.begin(step);
                    file.append(place.content(step)).await?;
                    sync(&file, &place, step).await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: grown,
    },
    Job {
        name: "written_with_a_cursor",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let mut options = OpenOptions::new();
                let mut file = options.write(true).create(true).open(place.path("file")).await?;
                place.sync_directory().await?;
                for step in 0..STEPS {
                    place.begin(step);
                    for piece in place.content(step).chunks(3000) {
                        file.write_all(piece).await?;
                    }
                    match step % 2 {
                        _ if !place.syncs() => file.flush().await?,
                        0 => file.sync_data().await?,
                        _ => file.sync_all().await?,
                    }
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: grown,
    },
    Job {
        name: "buffered_writer",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let file = AioFile::create(place.path("file")).await?;
                place.sync_directory().await?;
                let mut writer = BufferedWriter::new(&file).capacity(4096);
                for step in 0..STEPS {
                    place.begin(step);
                    for piece in place.content(step).chunks(700) {
                        writer.write_all(piece).await?;
                    }
                    match place.syncs() {
                        true => writer.sync().await?,
                        false => writer.flush().await?,
                    }
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: grown,
    },
    Job {
        name: "writer",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let file = AioFile::create(place.path("file")).await?;
                place.sync_directory().await?;
                let writer = Writer::new(&file);
                for step in 0..STEPS {
                    place.begin(step);
                    let content = place.content(step);
                    let pieces = content.chunks(2500);
                    let writes = pieces.map(|piece| writer.write_all(piece.to_vec()));
                    try_join_all(writes).await?;
                    if place.syncs() {
                        writer.sync().await?;
                    }
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: grown,
    },
    Job {
        name: "lengths",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let file = AioFile::create(place.path("file")).await?;
                place.sync_directory().await?;
                for step in 0..STEPS {
                    place.begin(step);
                    file.set_len(length(step)).await?;
                    sync(&file, &place, step).await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            let last = seen.last(|_| true);
            let found = seen.read("file")?.map(|found| found.len() as u64);
            let expected = last.unwrap_or(0)..seen.begun;
            match expected.clone().any(|step| found == Some(length(step))) || last.is_none() {
                true => Ok(()),
                false => Err(format!("the length is {found:?}, that of no step in {expected:?}")),
            }
        },
    },
];

/// Also makes it shorter.
fn length(step: u64) -> u64 {
    10_000 + step * 7919 % 13 * 1111
}

/// Both kinds in turn, which keep the length alike.
async fn sync(file: &AioFile, place: &Place, step: u64) -> std::io::Result<()> {
    match step % 2 {
        _ if !place.syncs() => Ok(()),
        0 => file.fdatasync().await,
        _ => file.fsync().await,
    }
}

/// The contents of all steps, one after the other: what was acknowledged is there, and what is
/// behind that is right or was not written.
fn grown(seen: &Seen) -> Result<(), String> {
    let found = seen.read("file")?.unwrap_or_default();
    let mut at = 0;
    for step in 0..seen.begun {
        let content = seen.content(step);
        let part = &found[at.min(found.len())..found.len().min(at + content.len())];
        let is_acknowledged = seen.acknowledged.contains(&step);
        if is_acknowledged && part != content {
            return Err(format!(
                "of step {step}, {} of {} bytes are there, or other ones",
                part.len(),
                content.len()
            ));
        }
        let is_right = |(found, written): (&u8, &u8)| found == written || *found == 0;
        if !part.iter().zip(&content).all(is_right) {
            return Err(format!("in the place of step {step} are bytes that nobody wrote"));
        }
        at += content.len();
    }
    match found.len() > at {
        true => Err(format!("there are {} bytes, and {at} were written", found.len())),
        false => Ok(()),
    }
}
