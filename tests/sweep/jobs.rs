//! All jobs.

mod copies;
mod names;
mod streams;
mod temporary;
mod util;
mod whole;

use crate::job::Job;

pub(crate) fn all() -> impl Iterator<Item = &'static Job> {
    let rooms =
        [whole::JOBS, copies::JOBS, streams::JOBS, names::JOBS, temporary::JOBS, util::JOBS];
    rooms.into_iter().flatten()
}
