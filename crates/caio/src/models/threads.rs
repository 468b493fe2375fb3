//! Threads for a pool in a model.

use std::io;

use crate::backend::{BackendKind, pool};
use crate::sync::thread;

/// The model's threads.
#[derive(Debug)]
pub(super) enum Threads {}

impl pool::Threads for Threads {
    const KIND: BackendKind = BackendKind::Other("model");

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
    }
}
