//! Files that the kernel knows by their places in a table of the ring.
//!
//! An operation that names a place saves the kernel looking up the descriptor and counting the
//! file. The price: the table keeps the file open. So a file takes a place when a request for it
//! first comes, and leaves it when its last share goes, before its descriptor is closed. By then no
//! request for it can be under way, since each holds a share.
//!
//! Where all places are taken, files go by their descriptors, as without a table.

use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, Weak};

use super::books::Books;
use super::io::Io;
use crate::file::{FileId, Follower, SharedFile};
use crate::sync::lock;

/// Which file has which place, for the books; a file without one could not be put into the table.
pub(super) type Places = HashMap<FileId, Option<u32>>;

/// The places that nobody has. Its lock is taken before that of the books, and held while the
/// kernel changes the table, so that the two always agree.
#[derive(Debug)]
pub(super) struct Files {
    free: Mutex<Free>,
}

#[derive(Debug)]
struct Free {
    places: Vec<u32>,
    /// Places whose files the kernel did not let go, for want of memory. It is asked again.
    stuck: Vec<u32>,
}

impl Files {
    /// A table with this many places; `None` for none.
    pub(super) fn new(places: u32) -> Option<Self> {
        let free = Free { places: (0..places).rev().collect(), stuck: Vec::new() };
        (places > 0).then_some(Self { free: Mutex::new(free) })
    }

    /// Gives places to those of the files that have none yet, as far as there are any.
    pub(super) fn admit<'a>(
        &self,
        files: impl Iterator<Item = &'a SharedFile>,
        io: &Io,
        books: &Mutex<Books>,
        follower: &Weak<impl Follower + 'static>,
    ) {
        for file in files {
            if lock(books).places.contains_key(&file.id()) {
                continue;
            }
            let mut free = lock(&self.free);
            free.retry(io);
            // Another thread may have been faster.
            if lock(books).places.contains_key(&file.id()) {
                continue;
            }
            let Some(place) = free.places.pop() else { return };
            let result = io.set_file(place, Some(file.as_raw_fd()));
            if result.is_err() {
                free.places.push(place);
            }
            lock(books).places.insert(file.id(), result.is_ok().then_some(place));
            let follower: Weak<dyn Follower> = Weak::clone(follower) as _;
            file.add_follower(follower);
        }
    }

    /// Takes a file's place away.
    pub(super) fn dismiss(&self, file: FileId, io: &Io, books: &Mutex<Books>) {
        let mut free = lock(&self.free);
        let place = lock(books).places.remove(&file);
        if let Some(Some(place)) = place {
            free.stuck.push(place);
        }
        free.retry(io);
    }
}

impl Free {
    /// Has the kernel let go of what nobody uses any more.
    fn retry(&mut self, io: &Io) {
        let Self { places, stuck } = self;
        places.extend(stuck.extract_if(.., |place| io.set_file(*place, None).is_ok()));
    }
}
