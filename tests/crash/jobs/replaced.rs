//! Files that are replaced at once: the old one or the new one is there, and whole.

use std::io;

use aiofile::AioFile;
use aiofile::fs::{AtomicWriteOptions, Durability};
use aiofile::tempfile::Builder;
use tokio::io::AsyncWriteExt;

use crate::job::{Job, LeftOut, Place, STEPS, Seen};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "written_atomically",
        // Nothing of it is durable.
        needs: &[],
        run: |place| Box::pin(async move { write(&place, Durability::None).await }),
        check: |seen| {
            only(seen)?;
            seen.read("file")?.map_or(Ok(()), |found| not_mixed(seen, &found))
        },
    },
    Job {
        name: "written_atomically_with_data",
        // That the name leads to whole contents is durable, but not which.
        needs: &[LeftOut::Replacement],
        run: |place| {
            Box::pin(async move {
                match place.left_out {
                    LeftOut::Replacement => write_over(&place).await,
                    _ => write(&place, Durability::Data).await,
                }
            })
        },
        check: |seen| {
            only(seen)?;
            seen.read("file")?.map_or(Ok(()), |found| whole(seen, &found))
        },
    },
    Job {
        name: "written_atomically_in_full",
        needs: &[LeftOut::Sync, LeftOut::DirectorySync],
        run: |place| {
            Box::pin(async move {
                let durability = full(&place);
                write(&place, durability).await
            })
        },
        check: |seen| {
            only(seen)?;
            seen.holds_latest("file", |_| true)
        },
    },
    Job {
        name: "atomic_file",
        needs: &[LeftOut::Sync, LeftOut::DirectorySync],
        run: |place| {
            Box::pin(async move {
                let mut options = AtomicWriteOptions::new();
                options.durability(full(&place));
                for step in 0..STEPS {
                    place.begin(step);
                    let mut file = options.open(place.path("file")).await?;
                    for piece in place.content(step).chunks(3000) {
                        AsyncWriteExt::write_all(&mut *file, piece).await?;
                    }
                    file.commit().await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            only(seen)?;
            seen.holds_latest("file", |_| true)
        },
    },
    Job {
        name: "temporary_persisted",
        needs: &[LeftOut::Sync, LeftOut::DirectorySync],
        run: |place| {
            Box::pin(async move {
                for step in 0..STEPS {
                    place.begin(step);
                    let mut builder = Builder::new();
                    builder.prefix("scratch").directory(&place.directory);
                    let mut file = builder.named().await?;
                    file.write_all(&place.content(step)).await?;
                    file.flush().await?;
                    if place.syncs() {
                        file.as_file().sync_all().await?;
                    }
                    file.persist(place.path("file")).await?;
                    place.sync_directory().await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            seen.only(|name| name == "file" || name.starts_with("scratch"))?;
            seen.holds_latest("file", |_| true)
        },
    },
];

fn full(place: &Place) -> Durability {
    match place.left_out {
        LeftOut::Nothing | LeftOut::Replacement => Durability::Full,
        LeftOut::DirectorySync => Durability::Data,
        LeftOut::Sync => Durability::None,
    }
}

async fn write(place: &Place, durability: Durability) -> io::Result<()> {
    let mut options = AtomicWriteOptions::new();
    options.durability(durability);
    for step in 0..STEPS {
        place.begin(step);
        options.write(place.path("file"), place.content(step)).await?;
        place.acknowledge(step);
    }
    Ok(())
}

/// In two parts, between which the file is neither the old nor the new one.
async fn write_over(place: &Place) -> io::Result<()> {
    let file = AioFile::create(place.path("file")).await?;
    for step in 0..STEPS {
        let content = place.content(step);
        let half = content.len() / 2;
        for (offset, part) in [(0, &content[..half]), (half, &content[half..])] {
            place.begin(step);
            file.write_all_at(part.to_vec(), offset as u64).await?;
            file.fsync().await?;
        }
        place.acknowledge(step);
    }
    Ok(())
}

fn only(seen: &Seen) -> Result<(), String> {
    seen.only(|name| name == "file")
}

fn whole(seen: &Seen, found: &[u8]) -> Result<(), String> {
    let version = seen.version(found)?;
    match version < seen.begun && found == seen.content(version) {
        true => Ok(()),
        false => Err(format!("{} bytes of step {version} are there", found.len())),
    }
}

/// Of one step alone, though what was not written is missing, or zeros.
fn not_mixed(seen: &Seen, found: &[u8]) -> Result<(), String> {
    let is_of = |step: u64| {
        let content = seen.content(step);
        let is_right = |(found, written): (&u8, &u8)| found == written || *found == 0;
        found.len() <= content.len() && found.iter().zip(&content).all(is_right)
    };
    match (0..seen.begun).any(is_of) {
        true => Ok(()),
        false => Err(format!("{} bytes are there that are no step's", found.len())),
    }
}
