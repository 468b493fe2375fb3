//! Contexts of every backend that works here.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::path::Path;

use aiofile::{AioFile, BackendKind, Context, File, OpenOptions, async_open};
use caio_testkit::required_backend;
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use tokio::runtime::Runtime;

/// A context of this backend, or nothing and a word about it where it does not work here, unless
/// `CAIO_REQUIRE` names it.
pub(crate) fn context(kind: BackendKind, in_place: bool) -> Option<Context> {
    context_or_skip(kind, in_place, required_backend(kind))
}

fn context_or_skip(kind: BackendKind, in_place: bool, is_required: bool) -> Option<Context> {
    match aiofile::context().backend(kind).in_place(in_place).build() {
        Ok(context) => Some(context),
        Err(error) => {
            assert!(!is_required, "{kind} is required, and was skipped: {error}");
            println!("skipped {kind}: {error}");
            None
        }
    }
}

/// A directory on the disk of the build; where that is read-only, a temporary one.
pub(crate) fn disk() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).unwrap()
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

pub(crate) async fn open(context: &Context, path: impl AsRef<Path>, mode: &str) -> File {
    let mut options = OpenOptions::new();
    options.context(context).access(mode).unwrap();
    async_open(options.open_aio(path).await.unwrap(), mode).await.unwrap()
}

/// A handle in this context on something that is open already.
pub(crate) async fn over(context: &Context, descriptor: OwnedFd, mode: &str) -> File {
    let file = AioFile::from_std_in(context, descriptor.into()).unwrap();
    async_open(file, mode).await.unwrap()
}

pub(crate) async fn pipe_reader(context: &Context, reader: PipeReader) -> File {
    over(context, reader.into(), "r").await
}

pub(crate) async fn pipe_writer(context: &Context, writer: PipeWriter) -> File {
    over(context, writer.into(), "w").await
}

#[test]
fn a_required_backend_that_does_not_work_is_a_failure() {
    let forbidden = |is_required| {
        // The filter holds for this thread alone.
        let in_vain = std::thread::spawn(move || {
            let calls = [(libc::SYS_io_uring_setup, Vec::new())].into_iter().collect();
            let architecture = TargetArch::try_from(std::env::consts::ARCH).unwrap();
            let answer = SeccompAction::Errno(libc::EPERM.unsigned_abs());
            let filter = SeccompFilter::new(calls, SeccompAction::Allow, answer, architecture);
            apply_filter(&BpfProgram::try_from(filter.unwrap()).unwrap()).unwrap();
            context_or_skip(BackendKind::Uring, true, is_required).is_some()
        });
        in_vain.join()
    };
    assert!(!forbidden(false).unwrap(), "io_uring works where it is forbidden");
    let text = forbidden(true).unwrap_err();
    assert!(text.downcast_ref::<String>().unwrap().contains("uring is required, and was skipped"));
}
