//! What is done to one path that is no directory of the source.

use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aiofile::fs::{CopyPhase, Fs, temporary_name};
use caio::{Error, ErrorKind, Result};
use futures_util::future::{AbortHandle, Abortable};
use rustix::fs::{AtFlags, linkat, renameat, symlinkat, unlinkat};

use super::attributes::Attributes;
use super::links::Id;
use super::report::{Action, SyncEvent};
use super::side::{OpenDirectory, Place, kind};
use super::task::{Entry, Found, What, Work};
use super::xattrs;
use crate::hash::{HashKind, hash_opened};
use crate::steps::{Doing, stopped};

/// Does it. What was done to the path, if anything.
pub(super) async fn entry(
    work: &Arc<Work>,
    entry: &Entry,
    found: &mut Found,
) -> Result<Option<Action>> {
    let what = match &entry.what {
        What::Compare { attributes, are_same } => match has_contents(work, entry).await? {
            true if *are_same => return Ok(None),
            true => What::Attributes { attributes: *attributes, is_link: false },
            false => What::Copy,
        },
        What::HardLink { first, .. } if is_linked(work, entry, first).await? => return Ok(None),
        what => what.clone(),
    };
    let is_attributes = matches!(what, What::Attributes { .. });
    let action = if is_attributes { Action::Attributes } else { entry.action };
    let is_copy = matches!(what, What::Copy);
    if let (true, Some(id)) = (is_copy, entry.id) {
        work.links.replace(id);
    }
    if work.settings.dry_run {
        found.bytes += if is_copy { entry.bytes } else { 0 };
        return Ok(Some(action));
    }
    let place = target(work, entry, !is_attributes).await?;
    if is_copy {
        copy(work, entry, place, found).await?;
        return Ok(Some(action));
    }
    let (working, path) = (Arc::clone(work), entry.path.clone());
    let change = move || change(&working, &path, &what, &place);
    work.context.run_on("sync", &work.shown_target(&entry.path), change).await?;
    Ok(Some(action))
}

/// Whether source and target have the same contents.
async fn has_contents(work: &Arc<Work>, entry: &Entry) -> Result<bool> {
    let hash = |shown: PathBuf, place: fn(&Work, &Path) -> Result<Place<OpenDirectory>>| {
        let (working, path) = (Arc::clone(work), entry.path.clone());
        let open = move || place(&working, &path)?.open();
        async move { hash_opened(&work.context, HashKind::Blake3, &shown, open).await }
    };
    let source = hash(work.from.shown(&entry.path), |work, path| work.from.place(path)).await?;
    Ok(source == hash(work.shown_target(&entry.path), Work::target).await?)
}

/// Whether the target is a name of the file that `first` is, and will be.
async fn is_linked(work: &Arc<Work>, entry: &Entry, first: &Path) -> Result<bool> {
    if work.to.is_none() || entry.id.is_none_or(|id| work.links.is_replaced(id)) {
        return Ok(false);
    }
    let (working, path, first) = (Arc::clone(work), entry.path.clone(), first.to_owned());
    let compare = move || {
        // Where a directory is missing, it is no name of anything.
        let id = |path| working.target(path).and_then(|place| place.stat()).ok().flatten();
        let ids = (id(&path).as_ref().map(Id::of), id(&first).as_ref().map(Id::of));
        Ok(ids.0.is_some() && ids.0 == ids.1)
    };
    work.context.run_on("stat", &work.shown_target(&entry.path), compare).await
}

/// The place of the target, where no directory is in the way any more, if nothing is to be.
async fn target(work: &Arc<Work>, entry: &Entry, clears: bool) -> Result<Place<OpenDirectory>> {
    let (working, path) = (Arc::clone(work), entry.path.clone());
    let look = move || {
        let place = working.target(&path)?;
        let is_directory = clears && place.stat()?.is_some_and(|there| kind(&there).is_dir());
        Ok((place, is_directory))
    };
    let shown = work.shown_target(&entry.path);
    let (place, is_directory) = work.context.run_on("stat", &shown, look).await?;
    if is_directory {
        let fs = Fs::new(&work.context);
        match fs.remove_dir_all_at(&place.directory, &place.shown).await {
            // Somebody else was faster.
            Err(error) if error.kind() == IoErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(place)
}

/// Copies the contents and the attributes of a file.
async fn copy(
    work: &Arc<Work>,
    entry: &Entry,
    place: Place<OpenDirectory>,
    found: &mut Found,
) -> Result<()> {
    let (working, path) = (Arc::clone(work), entry.path.clone());
    let (look, shown) = (move || working.from.place(&path), work.from.shown(&entry.path));
    let source = work.context.run_on("open", &shown, look).await?;
    let (told, telling) = (Arc::new(AtomicU64::new(0)), Arc::clone(&work.telling));
    let (abort, registration) = AbortHandle::new_pair();
    let so_far = Arc::clone(&told);
    let mut options = work.copying.clone();
    options.progress(move |progress| {
        let before = match progress.phase {
            CopyPhase::Copying => so_far.fetch_max(progress.bytes, Ordering::Relaxed),
            _ => progress.bytes,
        };
        if progress.bytes > before {
            telling.tell(&SyncEvent::Copied(progress.bytes - before));
        }
        if telling.proceed().is_err() {
            abort.abort();
        }
    });
    let (from, to) = ((&source.directory, &source.shown), (&place.directory, &place.shown));
    let copying = Abortable::new(options.copy_at(from, to), registration).await;
    let copied = copying.map_err(|_| stopped())??;
    // Blocks that are shared, and holes, are told of when all is done.
    let rest = copied.len().saturating_sub(told.load(Ordering::Relaxed));
    if rest > 0 {
        work.telling.tell(&SyncEvent::Copied(rest));
    }
    found.bytes += copied.len();
    for error in copied.unkept() {
        found.fail(&entry.path, Error::system(error));
    }
    Ok(())
}

/// Does what takes no copying.
fn change(work: &Work, path: &Path, what: &What, place: &Place<OpenDirectory>) -> Result<()> {
    match what {
        What::Link(attributes) => link(work, path, *attributes, place),
        What::HardLink { first, attributes } => hard_link(work, path, first, *attributes, place),
        What::Attributes { attributes, is_link: true } => {
            attributes.apply_to_link(place).doing("set the attributes of", &place.shown)
        }
        What::Attributes { attributes, .. } => {
            let target = place.open()?;
            if work.settings.keep_xattrs {
                let kept = xattrs::keep(&work.from.place(path)?.open()?, &target);
                kept.doing("set the extended attributes of", &place.shown)?;
            }
            let applied = attributes.apply(&target, false);
            applied.doing("set the attributes of", &place.shown)?;
            match work.settings.durable {
                true => rustix::fs::fsync(&target).doing("fsync", &place.shown),
                false => Ok(()),
            }
        }
        What::Delete | What::Copy | What::Compare { .. } => match place.stat()? {
            None => Ok(()),
            Some(_) => place.unlink(),
        },
    }
}

/// Makes a link like that of the source.
fn link(
    work: &Work,
    path: &Path,
    attributes: Attributes,
    place: &Place<OpenDirectory>,
) -> Result<()> {
    let leads = work.from.place(path)?.read_link()?;
    put(place, |temporary| {
        let made = symlinkat(leads, temporary.directory, &temporary.name);
        made.doing("symlink", &place.shown)?;
        attributes.apply_to_link(temporary).doing("set the attributes of", &place.shown)
    })
}

/// Gives the file that `first` is in the target this name as well.
fn hard_link(
    work: &Work,
    path: &Path,
    first: &Path,
    attributes: Attributes,
    place: &Place<OpenDirectory>,
) -> Result<()> {
    let (source, first) = (work.from.place(path)?, work.target(first)?);
    let is_complete = match (source.stat()?, first.stat()?) {
        (Some(source), Some(first)) => {
            kind(&first).is_file()
                && first.st_size == source.st_size
                && attributes.has_time_of(&first)
        }
        _ => false,
    };
    if !is_complete {
        let message = "its other name, to which it is a hard link, could not be made";
        let error = Error::new(ErrorKind::InvalidData, message).doing("link");
        return Err(error.on(&first.shown).to(&place.shown));
    }
    put(place, |temporary| {
        let (from, to) = (&first.directory, &temporary.directory);
        let made = linkat(from, &first.name, to, &temporary.name, AtFlags::empty());
        made.doing("link", &place.shown)
    })
}

/// Makes something under a temporary name, and gives it the name of the place.
fn put(
    place: &Place<OpenDirectory>,
    make: impl FnOnce(&Place<&OpenDirectory>) -> Result<()>,
) -> Result<()> {
    let directory = &place.directory;
    let (name, shown) = (temporary_name(), place.shown.clone());
    let temporary = Place { directory, name, shown };
    let put = make(&temporary).and_then(|()| {
        renameat(directory, &temporary.name, directory, &place.name).doing("rename", &place.shown)
    });
    // Where it failed; and where both were names of one file by then, which a rename leaves.
    let _ = unlinkat(directory, &temporary.name, AtFlags::empty());
    put
}
