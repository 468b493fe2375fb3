//! Walks of a tree of small files by `aiofile::fs::walk`.

use std::hint::black_box;
use std::io;
use std::sync::{Arc, OnceLock};

use super::on_tokio::on_tokio;
use super::path_calls::our_backend;
use crate::Result;
use crate::cell::Work;
use crate::client::Client;
use crate::job::{Job, Report};

/// Runs the job on tokio's multi-thread runtime, in order or by as many threads as it has.
///
/// # Errors
/// Where an entry failed, or one is missing.
pub fn by_aiofile(job: &Job) -> Result<Report> {
    let used = OnceLock::new();
    let mut report = on_tokio(job, async |job| {
        let name = our_backend()?;
        used.get_or_init(|| name);
        let job = Arc::new(job.clone());
        Ok(move |client| walks(client, Arc::clone(&job)))
    })?;
    used.into_inner().into_iter().for_each(|name| report.backend = name);
    Ok(report)
}

async fn walks(mut client: Client, job: Arc<Job>) -> io::Result<Client> {
    while client.begin().is_some() {
        let mut walk = aiofile::fs::walk(job.path());
        if job.cell.work == Work::ParallelWalk {
            walk.parallel(job.workers);
        }
        let (mut entries, mut seen) = (walk.entries(), 0);
        while let Some(entry) = entries.next().await {
            black_box(entry?);
            seen += 1;
        }
        job.check_walk(seen)?;
        client.finish_whole();
    }
    Ok(client)
}
