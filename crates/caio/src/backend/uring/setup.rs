//! Making a ring: as much as the kernel offers, as large as memory allows.

use std::io;

use io_uring::{Builder, IoUring};
use nix::errno::Errno;

use super::options::Options;
use super::refusal::{lacking, refused};
use crate::error::Result;

/// The smallest submission queue that is tried where memory is short.
const ENTRIES_MIN: u32 = 8;

/// A fresh ring, and what it has room for.
pub(super) struct Made {
    pub(super) io: IoUring,
    /// How many requests may be in flight on it.
    pub(super) requests_max: usize,
}

/// A fresh ring.
pub(super) fn make(options: &Options) -> Result<Made> {
    let io = largest(options).map_err(|error| refused("io_uring_setup", error))?;
    if !io.params().is_feature_nodrop() {
        return Err(lacking("IORING_FEAT_NODROP, by which no completion is lost"));
    }
    if !io.params().is_feature_submit_stable() {
        return Err(lacking("IORING_FEAT_SUBMIT_STABLE, by which submissions are copied"));
    }
    if options.kernel_workers_max > 0 {
        let share = (options.kernel_workers_max as usize / options.rings).max(1);
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        // Linux before 5.15 has no such cap; it does without.
        let _ = io.submitter().register_iowq_max_workers(&mut [share, share]);
    }
    // Each request completes once, so that the completion queue never overflows.
    let requests_max = options.requests_max.min(io.params().cq_entries() as usize);
    Ok(Made { io, requests_max })
}

fn largest(options: &Options) -> io::Result<IoUring> {
    let requests = u32::try_from(options.requests_max).unwrap_or(u32::MAX);
    let mut entries = options.entries;
    let mut completions = requests.max(2 * entries);
    loop {
        match newest(options, entries, completions) {
            Err(error) if is(&error, Errno::ENOMEM) && entries > ENTRIES_MIN => {
                entries /= 2;
                completions = (completions / 2).max(2 * entries);
            }
            result => return result,
        }
    }
}

/// Tries the flags of ever older kernels: without the submission array since 6.6, submitting on
/// past an invalid entry since 5.18, sizes cut to what is possible since 5.6.
///
/// `SINGLE_ISSUER` and `DEFER_TASKRUN` are not among them: they bind a ring to one thread.
/// `COOP_TASKRUN` is not either: it saves an interrupt where the submitter computes meanwhile, and
/// lets all others wait for the completion until it enters the kernel for another reason.
fn newest(options: &Options, entries: u32, completions: u32) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.dontfork().setup_clamp().setup_cqsize(completions);
    if let Some(idle_ms) = options.sqpoll_idle_ms {
        builder.setup_sqpoll(idle_ms);
    }
    let oldest = builder.clone();
    let older = builder.setup_submit_all().clone();
    let newest = builder.setup_no_sqarray();
    let unknown =
        |result: &io::Result<IoUring>| result.as_ref().is_err_and(|error| is(error, Errno::EINVAL));
    let build = |builder: &Builder| builder.build(entries);
    let mut result = build(newest);
    for builder in [&older, &oldest] {
        if unknown(&result) {
            result = build(builder);
        }
    }
    result
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}
