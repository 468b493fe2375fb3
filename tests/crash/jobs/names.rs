//! Names that are made, changed and removed, and made durable by a sync of their directory.

use aiofile::AioFile;
use aiofile::fs;

use crate::job::{Job, LeftOut, STEPS, Seen};

/// The kinds of steps.
const KINDS: u64 = 6;

pub(super) const JOBS: &[Job] = &[Job {
    name: "names",
    needs: &[LeftOut::Sync, LeftOut::DirectorySync],
    run: |place| {
        Box::pin(async move {
            for step in 0..STEPS {
                place.begin(step);
                let at = |name: &str, step: u64| place.path(&format!("{name}-{step}"));
                match step % KINDS {
                    0 => fs::create_dir(at("directory", step)).await?,
                    1 => {
                        fs::write(at("new", step), place.content(step)).await?;
                        if place.syncs() {
                            AioFile::open(at("new", step), "r").await?.fsync().await?;
                        }
                        fs::rename(at("new", step), at("renamed", step)).await?;
                    }
                    2 => fs::symlink("somewhere", at("link", step)).await?,
                    3 => fs::hard_link(at("renamed", step - 2), at("hard", step)).await?,
                    4 => fs::remove_file(at("link", step - 2)).await?,
                    _ => fs::rename_noreplace(at("renamed", step - 4), at("again", step)).await?,
                }
                place.sync_directory().await?;
                place.acknowledge(step);
            }
            Ok(())
        })
    },
    check: |seen| seen.acknowledged.iter().try_for_each(|step| named(seen, *step)),
}];

/// What a step has done is there, unless a later one has begun to undo it.
fn named(seen: &Seen, step: u64) -> Result<(), String> {
    let at = |name: &str, step: u64| format!("{name}-{step}");
    let path = |name: String| seen.directory.join(name);
    let is_undone = |later: u64| seen.begun > step + later;
    let is_there = match step % KINDS {
        0 => path(at("directory", step)).is_dir(),
        1 => {
            if path(at("new", step)).exists() {
                return Err(format!("step {step} has its old name"));
            }
            let names = [at("renamed", step), at("hard", step + 2), at("again", step + 4)];
            // A later step gives it another name.
            let names = if is_undone(4) { &names[..] } else { &names[..1] };
            names.iter().any(|name| seen.holds(name, step).is_ok())
        }
        2 => is_undone(2) || path(at("link", step)).read_link().is_ok(),
        3 => return seen.holds(&at("hard", step), step - 2),
        4 => path(at("link", step - 2)).symlink_metadata().is_err(),
        _ => return seen.holds(&at("again", step), step - 4),
    };
    match is_there {
        true => Ok(()),
        false => Err(format!("what step {step} has done is not there")),
    }
}
