//! Waiting until it is worth looking again.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use caio::{Context, FileSystem, event};

use crate::AioFile;

/// How long to wait where the system tells of no change: twice as long each time.
const DELAY_MIN: Duration = Duration::from_millis(10);
const DELAY_MAX: Duration = Duration::from_secs(1);

/// More than one event, which is at most 272 bytes long; what they say does not matter.
const EVENT_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Wait {
    changes: Changes,
    delay: Duration,
}

/// What tells of changes of the file and of its directory.
#[derive(Debug)]
enum Changes {
    Untried,
    Watched(AioFile),
    Unknown,
}

impl Default for Wait {
    fn default() -> Self {
        Self { changes: Changes::Untried, delay: DELAY_MIN }
    }
}

impl Wait {
    /// Something has happened, and more may follow soon.
    pub(super) fn hurry(&mut self) {
        self.delay = DELAY_MIN;
    }

    /// Another file has the name.
    pub(super) fn renew(&mut self) {
        *self = Self::default();
    }

    /// Waits for a change of the file or of its name, or for some time. May return early.
    ///
    /// The first time it returns at once, with changes watched from then on: the caller looks once
    /// more, and misses none. A name that is gone is not watched, since what it will lead through
    /// is unknown.
    pub(super) async fn wait(
        &mut self,
        file: &AioFile,
        path: &Path,
        is_gone: bool,
    ) -> io::Result<()> {
        match &self.changes {
            Changes::Untried if !is_gone => {
                self.changes = watch(file, path).await;
                return Ok(());
            }
            Changes::Watched(changes) if !is_gone => match changes.read_at(EVENT_BYTES, 0).await {
                Ok(_) => return Ok(()),
                Err(_) => self.changes = Changes::Unknown,
            },
            _ => {}
        }
        let delay = self.delay;
        self.delay = (2 * delay).min(DELAY_MAX);
        sleep(file.context(), delay).await
    }
}

async fn watch(file: &AioFile, path: &Path) -> Changes {
    let is_remote = file.file().is_ok_and(|file| file.file_system() == FileSystem::Remote);
    if is_remote {
        return Changes::Unknown;
    }
    let owned = path.to_owned();
    let begin = move || {
        let parent = owned.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok(event::changes(&[&owned, parent.unwrap_or(Path::new("."))])?)
    };
    let changes = file.context().run_on("watch", path, begin).await;
    let Ok(changes) = changes else { return Changes::Unknown };
    AioFile::from_std_in(file.context(), changes).map_or(Changes::Unknown, Changes::Watched)
}

/// Waits on any executor.
async fn sleep(context: &Context, time: Duration) -> io::Result<()> {
    let Ok(timer) = event::timer(time) else {
        let sleep = move || {
            thread::sleep(time);
            Ok(())
        };
        return Ok(context.run("wait", sleep).await?);
    };
    AioFile::from_std_in(context, timer)?.read_at(8, 0).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tokio::runtime::Builder;

    /// A file to wait for, and its path.
    async fn file(directory: &tempfile::TempDir) -> (AioFile, std::path::PathBuf) {
        let path = directory.path().join("log");
        fs::write(&path, "").unwrap();
        (AioFile::open(&path, "r").await.unwrap(), path)
    }

    #[test]
    fn where_nothing_is_told_it_looks_ever_less_often() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let (file, path) = file(&directory).await;
            let mut wait = Wait { changes: Changes::Unknown, delay: DELAY_MIN };
            for doubled in [2, 4, 8] {
                wait.wait(&file, &path, false).await.unwrap();
                assert_eq!(wait.delay, doubled * DELAY_MIN);
            }
            wait.delay = DELAY_MAX.mul_f64(0.75);
            wait.wait(&file, &path, true).await.unwrap();
            assert_eq!(wait.delay, DELAY_MAX);
            wait.hurry();
            assert_eq!(wait.delay, DELAY_MIN);
        });
    }

    #[test]
    #[cfg(all(target_os = "linux", not(caio_portable)))]
    fn what_is_told_ends_the_wait() {
        futures_executor::block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let (file, path) = file(&directory).await;
            let mut wait = Wait::default();
            wait.wait(&file, &path, false).await.unwrap();
            let changes: [&dyn Fn(); 3] = [
                &|| fs::write(&path, "longer").unwrap(),
                &|| fs::rename(&path, directory.path().join("other")).unwrap(),
                &|| fs::write(&path, "new").unwrap(),
            ];
            for change in changes {
                change();
                wait.wait(&file, &path, false).await.unwrap();
                assert!(matches!(wait.changes, Changes::Watched(_)));
                assert_eq!(wait.delay, DELAY_MIN, "no time was waited for");
            }
        });
    }
}
