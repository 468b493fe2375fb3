//! The work that is cut off: all jobs in one file system, one after the other or several at once.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use aiofile::{Context, with_context};
use caio_testkit::Random;
use nix::unistd::syncfs;
use tokio::runtime::Builder;

use crate::job::{Job, LeftOut, Place, Tell};

pub(crate) struct Workload {
    pub(crate) jobs: Vec<&'static Job>,
    /// The order of the jobs and what they write.
    pub(crate) seed: u64,
    pub(crate) left_out: LeftOut,
    /// How many jobs are under way at the same time, at most.
    pub(crate) lanes_max: usize,
}

/// As many as disturb each other and still come to an end soon.
pub(crate) const LANES_MAX: usize = 3;

impl Workload {
    /// Makes a directory for each job, durably.
    pub(crate) fn prepare(&self, directory: &Path) -> io::Result<()> {
        for job in &self.jobs {
            fs::create_dir(directory.join(job.name))?;
        }
        Ok(syncfs(File::open(directory)?)?)
    }

    /// Does all of it. What another job syncs may make durable what this one has not synced, so
    /// some seeds have one job at a time.
    pub(crate) fn run(
        &self,
        directory: &Path,
        outside: &Path,
        context: &Context,
        tell: &Tell,
    ) -> io::Result<()> {
        let mut random = Random::new(self.seed);
        let lanes = random.within(1..self.lanes_max + 1);
        let mut jobs = self.jobs.clone();
        for index in 1..jobs.len() {
            jobs.swap(index, random.below(index + 1));
        }
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let lanes: Vec<_> = jobs
            .chunks(jobs.len().div_ceil(lanes))
            .map(|jobs| {
                let places: Vec<_> = jobs
                    .iter()
                    .map(|job| Place {
                        job: job.name,
                        seed: self.seed,
                        directory: directory.join(job.name),
                        outside: outside.to_owned(),
                        context: context.clone(),
                        left_out: self.left_out,
                        tell: tell.clone(),
                    })
                    .collect();
                let work = jobs.iter().map(|job| job.run).zip(places);
                let work: Vec<_> = work.collect();
                let lane = async move {
                    for (run, place) in work {
                        let name = place.job;
                        let told = |error| io::Error::other(format!("{name}: {error}"));
                        run(place).await.map_err(told)?;
                    }
                    Ok::<_, io::Error>(())
                };
                runtime.spawn(with_context(context, lane))
            })
            .collect();
        lanes.into_iter().try_for_each(|lane| runtime.block_on(lane).map_err(io::Error::other)?)
    }
}
