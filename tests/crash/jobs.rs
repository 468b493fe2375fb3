//! All jobs, by what they work on.

mod copies;
mod logs;
mod names;
mod pages;
mod replaced;
mod streams;

use crate::job::Job;

pub(crate) fn all() -> impl Iterator<Item = &'static Job> {
    [streams::JOBS, pages::JOBS, replaced::JOBS, copies::JOBS, logs::JOBS, names::JOBS]
        .into_iter()
        .flatten()
}
