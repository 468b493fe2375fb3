//! Contexts of every backend that works here.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::Path;

use aiofile::{AioFile, BackendKind, Context, FileHandle, OpenOptions, async_open};
use tokio::runtime::Runtime;

/// A context of this backend, or nothing and a word about it where it does not work here.
pub(crate) fn context(kind: BackendKind, in_place: bool) -> Option<Context> {
    match aiofile::context().backend(kind).in_place(in_place).build() {
        Ok(context) => Some(context),
        Err(error) => {
            println!("skipped {kind}: {error}");
            None
        }
    }
}

/// Every backend that works here, with and without work on the calling thread.
pub(crate) fn contexts() -> Vec<Context> {
    let both = |kind| [context(kind, true), context(kind, false)];
    BackendKind::ALL.into_iter().flat_map(both).flatten().collect()
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a test in every context.
pub(crate) fn each(test: impl AsyncFn(&Context)) {
    for context in contexts() {
        println!("{}, in place: {}", context.info().backend, context.config().in_place);
        runtime().block_on(test(&context));
    }
}

pub(crate) async fn open(context: &Context, path: impl AsRef<Path>, mode: &str) -> FileHandle {
    let options = OpenOptions::new().context(context).mode(mode).unwrap();
    async_open(options.open(path).await.unwrap(), mode).await.unwrap()
}

/// A handle in this context on something that is open already.
pub(crate) async fn over(context: &Context, descriptor: OwnedFd, mode: &str) -> FileHandle {
    let file = AioFile::from_std_in(context, descriptor.into()).unwrap();
    async_open(file, mode).await.unwrap()
}

pub(crate) async fn pipe_reader(context: &Context, reader: PipeReader) -> FileHandle {
    over(context, reader.into(), "r").await
}

pub(crate) async fn pipe_writer(context: &Context, writer: PipeWriter) -> FileHandle {
    over(context, writer.into(), "w").await
}
