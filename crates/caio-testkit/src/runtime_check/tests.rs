//! Runtimes that break a promise each.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use caio::{BackendKind, Context, ContextBuilder, Reactor, Registration, Runtime, Watch};

use super::{RuntimeUnderTest, check_runtime};

/// What is wrong with a runtime.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Defect {
    NeverReaps,
    WakesNobody,
    ComesBackNever,
    DrivesHalf,
}

#[derive(Debug)]
struct Planted(Defect);

impl Runtime for Planted {
    fn current(&self) -> Option<u64> {
        (self.0 == Defect::NeverReaps).then_some(1)
    }

    fn watch(&self, registration: Registration, _: Reactor) -> Result<Watch, Registration> {
        Ok(Box::new(registration))
    }

    fn poll_proceed(&self, cx: &mut TaskContext<'_>, _bytes: usize) -> Poll<()> {
        match self.0 {
            Defect::NeverReaps | Defect::DrivesHalf => return Poll::Ready(()),
            Defect::WakesNobody => {}
            Defect::ComesBackNever => cx.waker().wake_by_ref(),
        }
        Poll::Pending
    }
}

struct WithDefect(Defect);

impl RuntimeUnderTest for WithDefect {
    fn context(&self) -> ContextBuilder {
        Context::builder().runtime(Arc::new(Planted(self.0)))
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        match self.0 {
            Defect::DrivesHalf => {
                let _ = future.poll(&mut TaskContext::from_waker(Waker::noop()));
            }
            _ => smol::block_on(future),
        }
    }
}

fn found(defect: Defect) -> String {
    check_runtime(WithDefect(defect), Duration::from_secs(3)).expect_err("there is a defect")
}

#[test]
fn a_runtime_that_breaks_a_promise_is_found_out() {
    assert!(found(Defect::WakesNobody).contains("nothing came"));
    assert!(found(Defect::ComesBackNever).contains("nothing came"));
    assert!(found(Defect::DrivesHalf).contains("before the future's end"));
    if Context::builder().backend(BackendKind::Uring).build().is_ok() {
        assert!(found(Defect::NeverReaps).contains("does not reap"));
    }
}
