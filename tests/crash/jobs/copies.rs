//! Copies of files and of trees, files put together, and files that move.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use aiofile::fs::{CopyOptions, Reflink, Replace, rename_or_copy};
use aiofile_util::{MergeOptions, SyncOptions};

use crate::job::{Job, LeftOut, Place, STEPS, Seen, prepare, told};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "copied",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                for step in 0..STEPS {
                    prepare(&place.path("source"), &place.content(step))?;
                    place.begin(step);
                    copying(&place, step)
                        .copy(place.path("source"), place.path(&name(step)))
                        .await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            seen.only(|found| found == "source" || (0..STEPS).any(|step| name(step) == found))?;
            let mut new = seen.acknowledged.iter().filter(|step| is_new(**step));
            new.try_for_each(|step| seen.holds(&name(*step), *step))?;
            seen.holds_latest("replaced", is_replaced)?;
            // What is being overwritten is not whole.
            let last = seen.last(is_overwritten);
            match (0..seen.begun).rfind(|step| is_overwritten(*step)) == last {
                true => seen.holds_latest("overwritten", is_overwritten),
                false => Ok(()),
            }
        },
    },
    Job {
        name: "tree_copied",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                for step in 0..STEPS / 3 {
                    let source = place.outside.join(format!("{}-{step}", place.job));
                    grow(&place, &source, step)?;
                    place.begin(step);
                    let mut options = CopyOptions::new();
                    options.durable(place.syncs()).context(&place.context);
                    let copied = options.copy_dir(&source, place.path(&format!("{step}"))).await?;
                    assert_eq!(copied.failures(), 0, "{copied:?}");
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            let mut steps = seen.acknowledged.iter();
            steps.try_for_each(|step| like(seen, &format!("{step}"), *step, *step + 1))
        },
    },
    Job {
        name: "tree_copied_into_another",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                for step in 0..STEPS / 3 {
                    // Names alone, in directories that are there by then.
                    let source = place.outside.join(format!("{}-{step}", place.job));
                    fs::create_dir_all(source.join(format!("below/directory-{step}")))?;
                    symlink("somewhere", source.join(format!("below/link-{step}")))?;
                    place.begin(step);
                    let mut options = CopyOptions::new();
                    options.durable(place.syncs()).context(&place.context);
                    let copied = options.copy_dir(&source, place.path("target")).await?;
                    assert_eq!(copied.failures(), 0, "{copied:?}");
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            let below = seen.directory.join("target/below");
            let is_there = |step: &&u64| {
                below.join(format!("directory-{step}")).is_dir()
                    && below.join(format!("link-{step}")).is_symlink()
            };
            match seen.acknowledged.iter().find(|step| !is_there(step)) {
                Some(step) => Err(format!("a name of step {step} is not there")),
                None => Ok(()),
            }
        },
    },
    Job {
        name: "tree_synchronised",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                let source = place.outside.join(place.job);
                let options = SyncOptions::new().context(&place.context).delete(true);
                for step in 0..STEPS / 2 {
                    if step > 0 {
                        fs::remove_dir_all(&source)?;
                    }
                    grow(&place, &source, step)?;
                    place.begin(step);
                    let options = options.clone().durable(place.syncs());
                    let report = options.sync(&source, place.path("target")).await?;
                    assert!(report.errors.is_empty(), "{report:?}");
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| match seen.last(|_| true) {
            Some(last) => like(seen, "target", last, seen.begun),
            None => Ok(()),
        },
    },
    Job {
        name: "merged",
        needs: &[LeftOut::Sync],
        run: |place| {
            Box::pin(async move {
                for step in 0..STEPS {
                    let content = place.content(step);
                    let (one, other) = content.split_at(content.len() / 3);
                    prepare(&place.path("one"), one)?;
                    prepare(&place.path("other"), other)?;
                    place.begin(step);
                    let merge = MergeOptions::new().context(&place.context).durable(place.syncs());
                    let sources = [place.path("one"), place.path("other")];
                    match step % 3 {
                        // Behind nothing.
                        0 => {
                            let target = place.path(&format!("new-{step}"));
                            merge.append(true).merge(sources, target).await?
                        }
                        _ => merge.merge(sources, place.path("file")).await?,
                    };
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            let mut new = seen.acknowledged.iter().filter(|step| is_new(**step));
            new.try_for_each(|step| seen.holds(&name(*step), *step))?;
            seen.holds_latest("file", |step| !is_new(step))
        },
    },
    Job {
        name: "moved_between_file_systems",
        // Its sync is its own: who moves a file must not lose it.
        needs: &[],
        run: |place| {
            Box::pin(async move {
                for step in 0..STEPS {
                    let source = place.outside.join(format!("{}-{step}", place.job));
                    prepare(&source, &place.content(step))?;
                    place.begin(step);
                    rename_or_copy(source, place.path(&format!("{step}"))).await?;
                    place.acknowledge(step);
                }
                Ok(())
            })
        },
        check: |seen| {
            let mut steps = seen.acknowledged.iter();
            steps.try_for_each(|step| seen.holds(&format!("{step}"), *step))
        },
    },
];

fn is_new(step: u64) -> bool {
    step.is_multiple_of(3)
}

fn is_replaced(step: u64) -> bool {
    step % 3 == 1
}

fn is_overwritten(step: u64) -> bool {
    step % 3 == 2
}

/// What the copy of a step is called.
fn name(step: u64) -> String {
    match step % 3 {
        0 => format!("new-{step}"),
        1 => "replaced".to_owned(),
        _ => "overwritten".to_owned(),
    }
}

fn copying(place: &Place, step: u64) -> CopyOptions {
    let mut options = CopyOptions::new();
    options.context(&place.context).durable(place.syncs()).block_size(4096);
    options.replace(if is_replaced(step) { Replace::ByRename } else { Replace::InPlace });
    // Blocks that are shared, the kernel's copy, and our own.
    options.reflink(if step < STEPS / 3 { Reflink::Auto } else { Reflink::Never });
    options.copy_file_range(step < STEPS * 2 / 3);
    options
}

/// What the tree of a step has at one name.
#[derive(PartialEq)]
enum Thing {
    Nothing,
    File(u64, Vec<u8>),
    Link(u64),
    Directory,
}

/// The names in a tree, and what they are in a step. Some trees have no files, whose syncs would
/// put on the device what is made before.
fn tree(content: impl Fn(u64) -> Vec<u8>, step: u64) -> Vec<(&'static str, Thing)> {
    let file = |is_there: bool, mode: u64, bytes: Vec<u8>| match is_there && step % 4 != 3 {
        true => Thing::File(mode, bytes),
        false => Thing::Nothing,
    };
    let directory = |is_there| if is_there { Thing::Directory } else { Thing::Nothing };
    let mut things = vec![
        ("empty", Thing::Directory),
        ("link", Thing::Link(step)),
        ("below", Thing::Directory),
        ("below/deep", Thing::Directory),
        ("below/deep/file", file(true, 0o600, content(step))),
        // Its contents and its time stay.
        ("mode", file(true, 0o600 + step % 2 * 0o40, b"same".to_vec())),
        ("of-this-step", directory(step.is_multiple_of(2))),
    ];
    for (number, name) in (0..).zip(["one", "two", "three"]) {
        things.push((name, file(!(step + number).is_multiple_of(3), 0o600, content(step))));
    }
    things
}

/// Makes the tree of a step.
fn grow(place: &Place, directory: &Path, step: u64) -> io::Result<()> {
    fs::create_dir(directory)?;
    for (name, thing) in tree(|step| place.content(step), step) {
        let path = directory.join(name);
        match thing {
            Thing::Nothing => {}
            Thing::Directory => fs::create_dir(path)?,
            Thing::Link(leads) => symlink(format!("to-{leads}"), path)?,
            Thing::File(mode, bytes) => {
                prepare(&path, &bytes)?;
                let file = fs::File::options().write(true).open(&path)?;
                file.set_permissions(fs::Permissions::from_mode(mode as u32))?;
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 + step);
                let same = std::time::UNIX_EPOCH;
                file.set_modified(if bytes == b"same" { same } else { time })?;
            }
        }
    }
    Ok(())
}

/// Each name is as in one of these steps.
fn like(seen: &Seen, directory: &str, first: u64, until: u64) -> Result<(), String> {
    for (index, (name, _)) in tree(|_| Vec::new(), 0).iter().enumerate() {
        let path = seen.directory.join(directory).join(name);
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Thing::Nothing,
            Err(error) => return Err(format!("{name}: {error}")),
            Ok(metadata) if metadata.is_dir() => Thing::Directory,
            Ok(metadata) if metadata.is_symlink() => {
                let leads = fs::read_link(&path).map_err(told)?;
                let step = leads.to_str().and_then(|leads| leads.strip_prefix("to-")?.parse().ok());
                Thing::Link(step.unwrap_or(u64::MAX))
            }
            Ok(metadata) => {
                let mode = metadata.permissions().mode() & 0o777;
                Thing::File(u64::from(mode), fs::read(&path).map_err(told)?)
            }
        };
        let is_of = |step: u64| tree(|step| seen.content(step), step)[index].1 == found;
        if !(first..until).any(is_of) {
            let found = match found {
                Thing::Nothing => "nothing".to_owned(),
                Thing::File(mode, bytes) => {
                    format!("a file with mode {mode:o}, {} bytes", bytes.len())
                }
                Thing::Link(step) => format!("a link of step {step}"),
                Thing::Directory => "a directory".to_owned(),
            };
            return Err(format!("{directory}/{name} is {found}, not as in {first}..{until}"));
        }
    }
    Ok(())
}
