//! Walks by the crate walkdir, on one thread.

use std::hint::black_box;

use aiofile_bench::{Job, Report, Result, threads};
use walkdir::WalkDir;

/// Runs the job.
pub fn by_walkdir(job: &Job) -> Result<Report> {
    threads::run(job, 1, 1, |thread| {
        let mut clients = thread.ready();
        for client in &mut clients {
            while client.begin().is_some() {
                let mut seen = 0;
                for entry in WalkDir::new(job.path()) {
                    black_box(entry?);
                    seen += 1;
                }
                job.check_walk(seen)?;
                client.finish_whole();
            }
        }
        Ok(clients)
    })
}
