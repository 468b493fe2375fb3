//! All jobs, by what they work on.

mod copies;
mod logs;
mod names;
mod objects;
mod pages;
mod replaced;
mod streams;

use crate::job::Job;

pub(crate) fn all() -> impl Iterator<Item = &'static Job> {
    let files = [streams::JOBS, pages::JOBS, replaced::JOBS, copies::JOBS];
    files.into_iter().chain([logs::JOBS, names::JOBS, objects::JOBS]).flatten()
}
