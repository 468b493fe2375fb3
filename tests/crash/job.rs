//! A job: what it does durably, step by step, and what has to be there of it after a loss of power.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use aiofile::{AioFile, Context};
use caio_testkit::Random;

/// How many steps each job has.
pub(crate) const STEPS: u64 = 12;

/// The most bytes of one step's contents.
const LENGTH_MAX: usize = 20_000;

/// The number of the step and the length, in front of its contents.
const HEAD_BYTES: usize = 16;

/// What a job does.
pub(crate) type Running = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

pub(crate) struct Job {
    pub(crate) name: &'static str,
    /// What it needs so that nothing is lost. Each of that is left out once, and then something is.
    pub(crate) needs: &'static [LeftOut],
    pub(crate) run: fn(Place) -> Running,
    /// Whether all is there that has to be, and nothing that must not.
    pub(crate) check: fn(&Seen) -> Result<(), String>,
}

/// The defect that is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Nothing,
    Sync,
    DirectorySync,
    /// A file is written over, and not replaced by another one.
    Replacement,
}

/// What is noted of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// From now on, something of it may be there.
    Begun,
    /// From now on, all of it has to be there.
    Acknowledged,
}

/// Takes a note: the job, what, and the step.
pub(crate) type Tell = Arc<dyn Fn(&'static str, Mark, u64) + Send + Sync>;

/// Where a job works.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) job: &'static str,
    pub(crate) seed: u64,
    pub(crate) directory: PathBuf,
    /// A directory in another file system, which is not looked at afterwards.
    pub(crate) outside: PathBuf,
    pub(crate) context: Context,
    pub(crate) left_out: LeftOut,
    pub(crate) tell: Tell,
}

impl Place {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn begin(&self, step: u64) {
        (self.tell)(self.job, Mark::Begun, step);
    }

    pub(crate) fn acknowledge(&self, step: u64) {
        (self.tell)(self.job, Mark::Acknowledged, step);
    }

    pub(crate) fn content(&self, step: u64) -> Vec<u8> {
        content(self.job, self.seed, step, None)
    }

    pub(crate) fn content_of(&self, step: u64, length: usize) -> Vec<u8> {
        content(self.job, self.seed, step, Some(length))
    }

    /// Whether files are to be synced.
    pub(crate) fn syncs(&self) -> bool {
        self.left_out != LeftOut::Sync
    }

    /// Whether directories are to be synced.
    fn syncs_directories(&self) -> bool {
        ![LeftOut::Sync, LeftOut::DirectorySync].contains(&self.left_out)
    }

    /// Makes the names in it durable, unless that is left out.
    pub(crate) async fn sync_directory(&self) -> io::Result<()> {
        if self.syncs_directories() {
            AioFile::open(&self.directory, "r").await?.fsync().await?;
        }
        Ok(())
    }
}

/// What is left of a job after a loss of power, and what was noted before.
pub(crate) struct Seen {
    pub(crate) job: &'static str,
    pub(crate) seed: u64,
    pub(crate) directory: PathBuf,
    pub(crate) acknowledged: BTreeSet<u64>,
    /// The steps that were begun are those before this one.
    pub(crate) begun: u64,
}

impl Seen {
    /// The last step that was acknowledged of those which are meant.
    pub(crate) fn last(&self, meant: impl Fn(u64) -> bool) -> Option<u64> {
        self.acknowledged.iter().copied().rfind(|step| meant(*step))
    }

    pub(crate) fn content(&self, step: u64) -> Vec<u8> {
        content(self.job, self.seed, step, None)
    }

    /// The file; `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match fs::read(self.directory.join(name)) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{name}: {error}")),
        }
    }

    /// Which step's contents these are, as a whole.
    pub(crate) fn version(&self, found: &[u8]) -> Result<u64, String> {
        let step = found.first_chunk().map_or(u64::MAX, |head| u64::from_le_bytes(*head));
        match step < STEPS && content(self.job, self.seed, step, Some(found.len())) == found {
            true => Ok(step),
            false => Err(format!("these {} bytes are no step's: {step}", found.len())),
        }
    }

    /// The file holds this step's contents.
    pub(crate) fn holds(&self, name: &str, step: u64) -> Result<(), String> {
        match self.read(name)? {
            Some(found) if found == self.content(step) => Ok(()),
            Some(found) => {
                Err(format!("{name} has {} bytes that are not step {step}'s", found.len()))
            }
            None => Err(format!("{name} of step {step} is not there")),
        }
    }

    /// The file holds the contents of one step of those that are meant, whole: what was
    /// acknowledged last, or something later.
    pub(crate) fn holds_latest(
        &self,
        name: &str,
        meant: impl Fn(u64) -> bool,
    ) -> Result<(), String> {
        let last = self.last(&meant);
        let Some(found) = self.read(name)? else {
            return match last {
                Some(last) => Err(format!("{name} is not there, but for step {last}")),
                None => Ok(()),
            };
        };
        let version = self.version(&found).map_err(|error| format!("{name}: {error}"))?;
        let is_whole = found == self.content(version);
        match is_whole && meant(version) && last <= Some(version) && version < self.begun {
            true => Ok(()),
            false => {
                let whole = if is_whole { "whole" } else { "half" };
                Err(format!("{name} is {whole}, and of step {version}, {last:?} is acknowledged"))
            }
        }
    }

    /// Nothing but these names is there, and temporary ones.
    pub(crate) fn only(&self, is_known: impl Fn(&str) -> bool) -> Result<(), String> {
        for entry in fs::read_dir(&self.directory).map_err(told)? {
            let name = entry.map_err(told)?.file_name();
            if !aiofile::fs::is_temporary_name(&name) && !name.to_str().is_some_and(&is_known) {
                return Err(format!("there is {}", name.display()));
            }
        }
        Ok(())
    }
}

pub(crate) fn told(error: io::Error) -> String {
    error.to_string()
}

/// Writes a file without syncing it.
pub(crate) fn prepare(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)
}

/// What a step writes, of a length of its own or of this one.
fn content(job: &str, seed: u64, step: u64, length: Option<usize>) -> Vec<u8> {
    let named = job.bytes().fold(seed, |named, byte| named.wrapping_mul(131) + u64::from(byte));
    let mut random = Random::new(named.wrapping_mul(1000).wrapping_add(step));
    let own = random.within(HEAD_BYTES..LENGTH_MAX);
    let length = length.unwrap_or(own);
    let mut bytes = step.to_le_bytes().to_vec();
    bytes.extend((own as u64).to_le_bytes());
    bytes.extend(random.bytes(length.saturating_sub(HEAD_BYTES)));
    bytes
}
