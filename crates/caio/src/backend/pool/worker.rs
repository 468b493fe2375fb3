//! What a thread of a pool does from its start to its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;

use super::execute::{Executed, execute};
use super::idle::Unparked;
use super::queue::Job;
use super::{Shared, State};
use crate::error::{Error, ErrorKind};
use crate::sync::atomic::Ordering;
use crate::sync::{MutexGuard, now, planted, thread};
use crate::worker_thread;

/// Does what is queued, until there has been nothing for long or the pool is closed.
pub(super) fn run(shared: &Arc<Shared>) {
    worker_thread::block_signals();
    let (mut spin, mut done) = (Spin::default(), None);
    let mut state = shared.lock();
    state.idle.found();
    loop {
        if let Some(job) = state.queue.next(done.take()) {
            shared.release(state);
            done = Some(job.place);
            let began = now();
            shared.serve(job);
            spin.last_took(now() - began);
            state = shared.lock();
            continue;
        }
        match shared.spin_then_park(state, &mut spin) {
            Some(found) => state = found,
            None => return,
        }
    }
}

impl Shared {
    /// Does the operation and completes the request, or leaves it to the poll loop.
    fn serve(self: &Arc<Self>, Job { mut request, delay, .. }: Job) {
        if request.is_cancelled() {
            return self.complete(request, Err(Errno::ECANCELED.into()));
        }
        let (op, file) = request.parts_mut();
        match catch_unwind(AssertUnwindSafe(|| execute(op, file))) {
            Ok(Executed::Completed(result)) => self.complete(request, result),
            Ok(Executed::NoReader) => self.wait_for_reader(request, delay),
            Err(panic) => self.complete(request, Err(panicked(&*panic).into())),
        }
    }

    /// Waits until there may be something to do; `None` when this thread is to end.
    fn spin_then_park<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        spin: &mut Spin,
    ) -> Option<MutexGuard<'a, State>> {
        self.is_ready.store(false, Ordering::Release);
        if spin.pays() && state.idle.spin() {
            drop(state);
            spin.until(|| self.is_ready.load(Ordering::Acquire));
            state = self.lock();
            state.idle.found();
            if state.queue.is_ready() && !planted("pool_spin") {
                return Some(state);
            }
        }
        if !state.idle.park() {
            return None;
        }
        let mut timeout = Some(self.idle_timeout);
        loop {
            drop(state);
            let has_token = self.parker.park(timeout);
            state = self.lock();
            match state.idle.unparked(has_token) {
                Unparked::Search => return Some(state),
                Unparked::Park => timeout = None,
                Unparked::End => return None,
            }
        }
    }
}

/// Whether a thread without work stays awake for the next request.
///
/// Where one request follows the other, the next one is there within some 20 µs, and to wake a
/// parked thread for it costs both sides more than the operation. Where they come slower, spinning
/// is a waste: each time that it was in vain, it is left out for twice as many times. Beside an
/// operation that takes long, such as making a file, a wake-up is little, and whoever spins takes
/// the processor from what the kernel does for it elsewhere.
#[derive(Debug, Default)]
struct Spin {
    /// Whether the last operation took longer than a thread spins.
    was_long: bool,
    /// How many times to leave out after the next one in vain.
    penalty: u32,
    /// How many times are left out yet.
    left_out: u32,
}

/// How long a thread spins, letting others run meanwhile.
const SPIN: Duration = Duration::from_micros(50);

impl Spin {
    fn last_took(&mut self, time: Duration) {
        self.was_long = time > SPIN;
    }

    fn pays(&mut self) -> bool {
        if self.was_long {
            return false;
        }
        let pays = self.left_out == 0;
        self.left_out = self.left_out.saturating_sub(1);
        pays
    }

    fn until(&mut self, found: impl Fn() -> bool) {
        let began = now();
        while !found() {
            if now() - began > SPIN {
                self.left_out = self.penalty;
                self.penalty = (2 * self.penalty + 1).min(u32::from(u8::MAX));
                return;
            }
            thread::yield_now();
        }
        self.penalty = 0;
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    Error::new(ErrorKind::Abandoned, format!("the operation panicked: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn spinning_in_vain_is_left_out_twice_as_often_each_time_and_pays_again_after_a_find() {
        let mut spin = Spin::default();
        let mut left_out = || {
            assert!(spin.pays());
            let began = Instant::now();
            spin.until(|| false);
            assert!(began.elapsed() >= SPIN);
            (0..).take_while(|_| spin.left_out > 0 && !spin.pays()).count()
        };
        assert_eq!([left_out(), left_out(), left_out(), left_out()], [0, 1, 3, 7]);
        assert!(spin.pays());
        spin.until(|| true);
        assert!(spin.pays() && spin.penalty == 0);
    }
}
