//! All jobs.

mod copies;
mod logs;
mod names;
mod pipelines;
mod streams;
mod temporary;
mod trees;
mod util;
mod whole;

use crate::job::Job;

pub(crate) fn all() -> impl Iterator<Item = &'static Job> {
    let of_files = [whole::JOBS, copies::JOBS, streams::JOBS, names::JOBS, temporary::JOBS];
    let on_top = [util::JOBS, trees::JOBS, logs::JOBS, pipelines::JOBS];
    of_files.into_iter().chain(on_top).flatten()
}
