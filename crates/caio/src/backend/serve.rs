//! What every worker of a pool does around an operation: skip it if nobody waits, survive it if
//! it panics, answer, count it out.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;

use super::held::Held;
use super::pace::Pace;
use crate::error::{Error, ErrorKind};
use crate::file::SharedFile;
use crate::op::{Op, Output};
use crate::request::Request;

/// The way one backend does an operation on the calling thread.
pub(super) type Perform = fn(&mut Op, Option<&SharedFile>) -> io::Result<Output>;

/// Completes the request with what `perform` makes of it. Where a `pace` is given, it is told how
/// long that takes.
pub(super) fn serve(mut request: Request, perform: Perform, held: &Held, pace: Option<&Pace>) {
    let result = if request.is_cancelled() {
        Err(Errno::ECANCELED.into())
    } else {
        let (op, file) = request.parts_mut();
        let perform = || match pace {
            Some(pace) => pace.measure(|| perform(op, file)),
            None => perform(op, file),
        };
        catch_unwind(AssertUnwindSafe(perform)).unwrap_or_else(|panic| Err(panicked(&*panic)))
    };
    answer(request, result, held);
}

/// Completes the request and counts it out. The last owner of a buffer may be user code with a
/// panic in its destructor: the worker outlives that, too.
pub(super) fn answer(request: Request, result: io::Result<Output>, held: &Held) {
    let _ = catch_unwind(AssertUnwindSafe(|| request.complete(result)));
    held.leave(1);
}

/// The same error again: one failure, told to everybody it concerns.
pub(super) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(errno) => io::Error::from_raw_os_error(errno),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> io::Error {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    Error::new(ErrorKind::Abandoned, format!("the operation panicked: {words}")).into()
}
