//! Files that were put aside are compressed, and removed where there are too many of them.
//!
//! Each run looks at what is there, so that it also does what a killed process has left.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use caio::Result;

#[cfg(feature = "gzip")]
use super::gzip;
use super::options::Settings;
use super::rotated::{Names, Rotated, list};
use super::shared::Shared;
use super::state::State;
use crate::driven::Driven;
use crate::names::remove_file;

/// Has the files with these names seen to, now or once more when that is being done.
pub(super) fn ask(shared: &Arc<Shared>, names: &Names) {
    let runs = shared.with(|state| {
        state.upkeep.again = true;
        state.upkeep.last = names.last();
        std::mem::replace(&mut state.upkeep.runs, true)
    });
    if !runs {
        Driven::new(run(Arc::clone(shared), names.path().to_owned())).run();
    }
}

async fn run(shared: Arc<Shared>, path: PathBuf) {
    let _over = Over(&shared);
    while shared.with(goes_on) {
        if let Err(error) = see_to(&shared, &path).await {
            shared.with(|state| {
                state.upkeep.error.get_or_insert(error);
            });
        }
    }
}

/// Whether there is something to be seen to; else this is over.
fn goes_on(state: &mut State) -> bool {
    state.upkeep.runs = std::mem::take(&mut state.upkeep.again);
    state.upkeep.runs
}

/// Lets those go that wait for the end of it, however it ends.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.tell(|state| state.upkeep.runs = false);
    }
}

/// Removes what is too old or too much, also before anything is compressed for nothing.
async fn see_to(shared: &Shared, path: &Path) -> Result<()> {
    let removed = thin_out(shared, path).await;
    #[cfg(feature = "gzip")]
    if let Some(level) = shared.settings.gzip {
        let compressed = gzip::compress_all(shared, path, level).await;
        return removed.and(compressed).and(thin_out(shared, path).await);
    }
    removed
}

/// The files that were put aside and are not written to any more. One hop.
pub(super) async fn complete(shared: &Shared, path: &Path) -> Result<Vec<Rotated>> {
    let last = shared.with(|state| state.upkeep.last);
    let mut files = list(&shared.context, path).await?;
    files.retain(|file| file.number <= last);
    Ok(files)
}

/// One hop, and one for each file that goes.
async fn thin_out(shared: &Shared, path: &Path) -> Result<()> {
    let files = complete(shared, path).await?;
    let mut result = Ok(());
    for file in surplus(&files, &shared.settings, SystemTime::now()) {
        match remove_file(&shared.context, &file.path).await {
            Ok(()) => shared.with(|state| state.report.removed += 1),
            Err(error) => result = result.and(Err(error)),
        }
    }
    result
}

/// Those that are not to be kept, the oldest first.
fn surplus<'a>(
    files: &'a [Rotated],
    settings: &Settings,
    now: SystemTime,
) -> impl Iterator<Item = &'a Rotated> {
    let is_old = |file: &Rotated| {
        let age = file.changed.and_then(|changed| now.duration_since(changed).ok());
        matches!((age, settings.keep_for), (Some(age), Some(limit)) if age > limit)
    };
    let (mut kept, mut bytes) = (0, 0_u64);
    let mut keeps = 0;
    for (number, file) in files.iter().rev().enumerate() {
        // The file that is being compressed is there twice for a moment.
        let is_another = number == 0 || files[files.len() - number].number != file.number;
        kept += usize::from(is_another);
        bytes = bytes.saturating_add(file.bytes);
        let is_too_much = settings.keep_files.is_some_and(|files| kept > files)
            || settings.keep_bytes.is_some_and(|limit| bytes > limit);
        if is_too_much || is_old(file) {
            break;
        }
        keeps += 1;
    }
    files[..files.len() - keeps].iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn file(number: u64, bytes: u64, changed: u64) -> Rotated {
        let changed = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(changed));
        Rotated { number, is_compressed: false, path: PathBuf::new(), bytes, changed }
    }

    fn numbers(files: &[Rotated], settings: &Settings, now: u64) -> Vec<u64> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        surplus(files, settings, now).map(|file| file.number).collect()
    }

    #[test]
    fn the_oldest_go_by_number_bytes_and_age() {
        let files = [file(3, 10, 100), file(4, 10, 200), file(6, 5, 300)];
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings
        };
        let of = |change| numbers(&files, &with(change), 310);
        assert!(of(|_| {}).is_empty());
        assert_eq!(of(|settings| settings.keep_files = Some(2)), [3]);
        assert_eq!(of(|settings| settings.keep_files = Some(0)), [3, 4, 6]);
        assert_eq!(of(|settings| settings.keep_bytes = Some(15)), [3]);
        assert_eq!(of(|settings| settings.keep_bytes = Some(14)), [3, 4]);
        assert_eq!(of(|settings| settings.keep_for = Some(Duration::from_secs(110))), [3]);
        assert_eq!(of(|settings| settings.keep_for = Some(Duration::from_secs(1))), [3, 4, 6]);
        // A clock that was set back makes nothing old.
        let settings = with(|settings| settings.keep_for = Some(Duration::ZERO));
        assert!(numbers(&files, &settings, 50).is_empty());
    }

    #[test]
    fn a_file_that_is_there_twice_counts_once() {
        let files =
            [file(1, 1, 1), file(2, 1, 1), Rotated { is_compressed: true, ..file(2, 1, 1) }];
        let settings = Settings { keep_files: Some(2), ..Settings::default() };
        assert!(numbers(&files, &settings, 2).is_empty());
        let settings = Settings { keep_files: Some(1), ..Settings::default() };
        assert_eq!(numbers(&files, &settings, 2), [1]);
    }
}
