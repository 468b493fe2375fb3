//! The thread that may wait: io_submit does a buffered transfer before it returns.
//!
//! There is at most one for each backend, started by the first request that needs it. It is also
//! the one that outlives the backend until the kernel has let go of everything.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::books::{Blocks, Task};
use super::engine::{Engine, Submitter};
use super::entry::complete;
use crate::own_thread;

pub(super) fn start(engine: Arc<Engine>) -> io::Result<()> {
    thread::Builder::new().name("caio-aio-submit".into()).spawn(move || run(&engine)).map(drop)
}

fn run(engine: &Arc<Engine>) {
    const WAIT: Duration = Duration::from_millis(100);
    own_thread::begin();
    let mut blocks = Blocks::default();
    loop {
        match engine.next_task(&mut blocks) {
            Task::Submit => engine.send(blocks.as_mut(), Submitter::Thread),
            Task::Cancelled(request) => {
                complete(request, Err(io::Error::from_raw_os_error(libc::ECANCELED)));
            }
            Task::WaitForEvents => {
                engine.drain(WAIT);
            }
            Task::End => return outlive(engine),
        }
    }
}

/// Whoever drops the last share of the engine waits for the kernel to take the queue back. The
/// backend, which is just being dropped, is still about to drop its share: that must not be it.
fn outlive(engine: &Arc<Engine>) {
    const LOOK_AGAIN: Duration = Duration::from_millis(1);
    while Arc::strong_count(engine) > 1 {
        thread::sleep(LOOK_AGAIN);
    }
}
