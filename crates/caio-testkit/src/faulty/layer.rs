//! Faults around the operations of a context, whatever its backend and their route.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use caio::{Admission, Error, Layer, OpInfo, OpKind, Stage};

use super::decision::Decision;
use super::plan::Plan;

/// A layer that has operations fail or come late, by a [`Plan`]: its errnos and its delays. Short
/// transfers, full queues, other orders and full disks need a backend, which is [`Faulty`].
///
/// Other than that one it also meets what is done in place, what goes to the pool beside the
/// backend, and closures, and it can be put around a default context. An operation that it has fail
/// was not done at all, so it is a fault of a system that refuses, not of one that loses data.
///
/// Which fault meets which operation depends on the plan and on the number of the operation,
/// counted from 0 in the order in which they are let in. Closes are left alone.
///
/// [`Faulty`]: crate::Faulty
///
/// ```
/// # fn main() -> caio::Result<()> { smol::block_on(async {
/// use std::sync::Arc;
/// use caio::OpKind;
/// use caio_testkit::{FaultLayer, Plan};
///
/// let faults = FaultLayer::new(Plan::new(1).fail_once(OpKind::ReadFile, 0, 5));
/// let context = caio::Context::builder().layer(Arc::new(faults)).build()?;
/// let path = "/proc/version".as_ref();
/// assert_eq!(context.read_file(path).await.unwrap_err().raw_os_error(), Some(5));
/// assert!(context.read_file(path).await.is_ok());
/// # Ok(())
/// # }) }
/// ```
#[derive(Debug)]
pub struct FaultLayer {
    plan: Plan,
    number: Arc<AtomicU64>,
}

impl FaultLayer {
    /// Faults by this plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, number: Arc::default() }
    }

    /// How many operations it has seen.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }
}

impl Layer for FaultLayer {
    fn stage(&self) -> Stage {
        Stage::Fault
    }

    fn admit(&self, op: &OpInfo) -> Admission {
        if op.kind() == OpKind::Close {
            return Admission::Now;
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let Decision { errno, hold, .. } = self.plan.decide(number, op.kind());
        let answer = errno.map_or(Ok(()), |errno| Err(Error::system(errno.into())));
        match (hold.filter(|hold| !hold.is_zero()), answer) {
            (None, Ok(())) => Admission::Now,
            (None, Err(error)) => Admission::Refused(error),
            (Some(hold), answer) => {
                let sleep = op.clock().sleep(hold);
                Admission::later(async {
                    sleep.await?;
                    answer
                })
            }
        }
    }
}
