//! tokio's cooperative budget: how much a task does before it lets others run.

use std::cell::Cell;
use std::task::{Context, Poll};

use tokio::task::coop;

/// So many bytes in place cost as much as one operation that uses up a unit of the budget.
const BYTES_OF_A_UNIT: usize = 32 * 1024;

/// So many refusals in a row on one thread, and nothing fills the budget up between them.
const REFUSALS_MAX: u32 = 32;

thread_local! {
    static REFUSALS: Cell<u32> = const { Cell::new(0) };
}

/// Charges the budget of the running task, which yields where it has nothing left.
///
/// A worker fills the budget up before it polls a task. A nested `block_on` does not, so that what
/// it polls would wait for ever: there the budget is not heeded any more after a while.
pub(super) fn poll_proceed(cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
    for unit in 0..=bytes / BYTES_OF_A_UNIT {
        match coop::poll_proceed(cx) {
            Poll::Ready(restore) => {
                restore.made_progress();
                REFUSALS.set(0);
            }
            Poll::Pending if unit > 0 || REFUSALS.get() >= REFUSALS_MAX => break,
            Poll::Pending => {
                REFUSALS.set(REFUSALS.get() + 1);
                // tokio wakes the task when the worker has looked after its driver, to which it
                // does not come in a nested `block_on`.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
    Poll::Ready(())
}
