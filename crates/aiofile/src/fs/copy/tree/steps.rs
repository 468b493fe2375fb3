//! What is left to do of a tree, in pieces that one thread does at once.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::FileType;

use super::directory::Directory;
use super::links::Claim;

/// Fewer files are not shared with another thread, which needs a while to begin.
const SHARED: usize = 16;

/// A piece of it.
pub(super) enum Step {
    /// To open a directory of this one, and to begin to list it.
    Enter(Arc<Directory>, OsString),
    /// To list a directory, from this position on.
    List(Arc<Directory>, u64),
    /// To copy files of a directory, and then to list it from this position on.
    Files(Arc<Directory>, Vec<OsString>, Option<u64>),
    /// To make an entry without contents.
    Other(Arc<Directory>, OsString, FileType),
    Whole(Box<Whole>),
    /// Nothing is left to be done in a directory.
    Finish(Arc<Directory>),
    /// To be done when nothing else is left: another name of the file is being copied.
    Later(Box<Step>),
}

/// A file with options, or over something, that take more than one thread.
pub(super) struct Whole {
    /// It is complete when this file is.
    pub(super) directory: Arc<Directory>,
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    pub(super) claim: Option<Claim>,
}

/// All that is left. What was found last comes first, so that as few as possible wait.
pub(super) struct Steps {
    now: Vec<Step>,
    later: Vec<Step>,
}

impl Steps {
    pub(super) fn new(first: Step) -> Self {
        Self { now: vec![first], later: Vec::new() }
    }

    pub(super) fn extend(&mut self, more: Vec<Step>) {
        for step in more {
            match step {
                Step::Later(step) => self.later.push(*step),
                step => self.now.push(step),
            }
        }
    }

    /// The next one, where a thread is `free`. The files of one directory stay together, since
    /// threads that make files in one directory wait for each other; but none is idle meanwhile.
    pub(super) fn next(&mut self, free: usize) -> Option<Step> {
        let mut next = if free == 0 { None } else { self.now.pop() };
        if let Some(Step::Files(directory, names, _)) = &mut next
            && self.now.is_empty()
        {
            let others = share(names, free);
            if !others.is_empty() {
                self.now.push(Step::Files(Arc::clone(directory), others, None));
            }
        }
        next
    }

    /// Goes on with what had to wait until all else was done; says whether there is anything.
    pub(super) fn again(&mut self) -> bool {
        self.now.append(&mut self.later);
        !self.now.is_empty()
    }
}

/// Leaves one of `free` threads its share, and returns what is for the others.
fn share(names: &mut Vec<OsString>, free: usize) -> Vec<OsString> {
    let own = names.len().div_ceil(free).max(SHARED);
    names.split_off(own.min(names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_free_thread_gets_a_share_that_is_worth_it() {
        for (files, free, shares) in
            [(200, 4, vec![50; 4]), (200, 1, vec![200]), (40, 4, vec![16, 16, 8]), (9, 4, vec![9])]
        {
            let mut left = vec![OsString::from("name"); files];
            let mut got = Vec::new();
            for free in (1..=free).rev() {
                if left.is_empty() {
                    break;
                }
                let others = share(&mut left, free);
                got.push(std::mem::replace(&mut left, others).len());
            }
            assert_eq!(got, shares, "{files} files for {free} threads");
        }
    }
}
