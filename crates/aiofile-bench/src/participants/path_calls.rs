//! Calls on paths: the same lines once for `aiofile::fs` and once for `tokio::fs`.

use std::fs::Permissions;
use std::future::Future;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::on_tokio::on_tokio;
use crate::Result;
use crate::cell::Work;
use crate::client::Client;
use crate::job::{Job, Report};
use crate::path_call::PathCall;

/// The places that a client has for itself.
struct Own {
    file: PathBuf,
    other: PathBuf,
    block: Vec<u8>,
}

impl Own {
    fn new(job: &Job, number: usize) -> io::Result<Self> {
        let place = |kind: &str| job.directory.join(format!("own-{kind}-{number}"));
        // A copy has its source among the small files.
        let length = if job.cell.work == Work::Path(PathCall::Copy) { 0 } else { job.cell.block };
        let own = Self { file: place("file"), other: place("other"), block: vec![7; length] };
        std::fs::write(&own.file, &own.block)?;
        Ok(own)
    }

    fn remove(&self) -> io::Result<()> {
        let _ = std::fs::remove_file(&self.other);
        std::fs::remove_file(&self.file)
    }
}

macro_rules! participant {
    ($name:ident, $backend:expr, $($fs:ident)::+) => {
        /// Runs the job on tokio's multi-thread runtime, a task for each client.
        ///
        /// # Errors
        /// Where a call failed.
        pub fn $name(job: &Job) -> Result<Report> {
            use $($fs)::+ as fs;

            async fn call(call: PathCall, path: &Path, own: &Own) -> io::Result<()> {
                match call {
                    PathCall::Metadata => _ = fs::metadata(path).await?,
                    PathCall::SymlinkMetadata => _ = fs::symlink_metadata(path).await?,
                    PathCall::Missing => _ = fs::try_exists(&own.other).await?,
                    PathCall::Canonicalize => _ = fs::canonicalize(path).await?,
                    PathCall::Open => drop(fs::File::open(path).await?),
                    PathCall::Read => _ = black_box(fs::read(path).await?),
                    PathCall::Write => fs::write(&own.file, &own.block).await?,
                    PathCall::SetPermissions => {
                        fs::set_permissions(&own.file, Permissions::from_mode(0o600)).await?;
                    }
                    PathCall::Rename => {
                        fs::rename(&own.file, &own.other).await?;
                        fs::rename(&own.other, &own.file).await?;
                    }
                    PathCall::CreateDir => {
                        fs::create_dir(&own.other).await?;
                        fs::remove_dir(&own.other).await?;
                    }
                    PathCall::HardLink => {
                        fs::hard_link(&own.file, &own.other).await?;
                        fs::remove_file(&own.other).await?;
                    }
                    PathCall::ReadDir => {
                        let mut entries = fs::read_dir(path.parent().unwrap_or(path)).await?;
                        while let Some(entry) = entries.next_entry().await? {
                            black_box(entry.file_type().await?);
                        }
                    }
                    PathCall::Copy => _ = fs::copy(path, &own.other).await?,
                }
                Ok(())
            }

            run(job, $backend, |kind, paths, mut client, own| async move {
                while let Some(index) = client.begin() {
                    call(kind, &paths[index as usize], &own).await?;
                    client.finish_whole();
                }
                own.remove()?;
                Ok(client)
            })
        }
    };
}

participant!(by_aiofile, Some(our_backend), aiofile::fs);
participant!(by_tokio, None, tokio::fs);

/// The backend of the context that `aiofile::fs` uses in this runtime.
pub(super) fn our_backend() -> aiofile::Result<String> {
    Ok(aiofile::default_context()?.info().backend.name().to_owned())
}

fn run<F>(
    job: &Job,
    backend: Option<fn() -> aiofile::Result<String>>,
    calls: fn(PathCall, Arc<Vec<PathBuf>>, Client, Own) -> F,
) -> Result<Report>
where
    F: Future<Output = io::Result<Client>> + Send + 'static,
{
    let (number, used) = (AtomicUsize::new(0), OnceLock::new());
    let mut report = on_tokio(job, async |job| {
        let Work::Path(call) = job.cell.work else { return Err("a cell of another kind".into()) };
        if let Some(backend) = backend {
            let name = backend()?;
            used.get_or_init(|| name);
        }
        let paths = Arc::new(job.small_paths());
        let mut owns = Vec::new();
        for _ in 0..job.cell.in_flight {
            owns.push(Own::new(job, number.fetch_add(1, Ordering::Relaxed))?);
        }
        Ok(move |client| {
            let own = owns.pop().expect("there is one for each client");
            calls(call, Arc::clone(&paths), client, own)
        })
    })?;
    used.into_inner().into_iter().for_each(|name| report.backend = name);
    Ok(report)
}
