//! tokio, as the engine knows it, by the check for any runtime.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use aiofile::ContextBuilder;
use caio_testkit::{RuntimeUnderTest, check_runtime};
use tokio::runtime::Builder;

const PATIENCE: Duration = Duration::from_secs(120);

struct Tokio(fn() -> Builder);

impl RuntimeUnderTest for Tokio {
    fn context(&self) -> ContextBuilder {
        aiofile::context()
    }

    fn block_on(&self, future: Pin<&mut (dyn Future<Output = ()> + Send)>) {
        let runtime = (self.0)().enable_all().build().expect("a runtime starts");
        runtime.block_on(future);
    }
}

#[test]
fn tokio_on_one_thread_is_a_runtime_as_the_engine_wants_it() {
    assert_eq!(check_runtime(Tokio(Builder::new_current_thread), PATIENCE), Ok(()));
}

#[test]
fn tokio_on_several_threads_is_a_runtime_as_the_engine_wants_it() {
    let two_workers = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    };
    assert_eq!(check_runtime(Tokio(two_workers), PATIENCE), Ok(()));
}
