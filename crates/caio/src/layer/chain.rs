//! The layers of one context, in their order.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::attempt::Attempt;
use super::info::OpInfo;
use super::{Admission, Clock, Layer, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::op::{Op, OpKind};
use crate::runtime::Runtime;
use crate::sync::Exclusive;

/// The layers of a context, outermost first.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    layers: Arc<[Arc<dyn Layer>]>,
    /// For operations whose runtime has no other clock.
    system: Arc<dyn Clock>,
}

impl Chain {
    /// Of these layers, in the order of their stages.
    pub(crate) fn new(mut layers: Vec<Arc<dyn Layer>>) -> Self {
        layers.sort_by_key(|layer| layer.stage());
        Self { layers: layers.into(), system: Arc::new(SystemClock) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    pub(super) fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }

    /// What layers are told of an operation that begins on this thread.
    pub(crate) fn describe(
        &self,
        runtime: &dyn Runtime,
        file: Option<&SharedFile>,
        op: &Op,
    ) -> OpInfo {
        OpInfo::new(file, op, self.clock(runtime))
    }

    /// The same of a sync, which is no operation of its own until a run begins.
    pub(crate) fn describe_sync(
        &self,
        runtime: &dyn Runtime,
        file: &SharedFile,
        kind: OpKind,
    ) -> OpInfo {
        OpInfo::without_op(Some(file), kind, self.clock(runtime))
    }

    /// Waits until all layers have let an attempt in.
    ///
    /// # Errors
    /// The refusal of the first that does not, and the pause before another attempt, if there is to
    /// be one.
    ///
    /// # Cancel safety
    /// Those that have let it in are told that it was given up.
    pub(crate) async fn admit(
        &self,
        info: &OpInfo,
        number: u32,
    ) -> Result<Arc<Attempt>, (Error, Option<Duration>)> {
        let mut attempt = Attempt::new(self.clone(), info.clone(), number);
        for layer in self.layers.iter() {
            let later = match ask(layer, info) {
                Admission::Now => Ok(None),
                _ if info.kind() == OpKind::Close => Ok(None),
                Admission::Refused(error) => Err(error),
                Admission::Later(future) => Ok(Some(Exclusive::new(future))),
            };
            let admitted = match later {
                Ok(Some(mut future)) => {
                    poll_fn(|cx| {
                        let poll = || Pin::new(&mut future).poll(cx);
                        catch_unwind(AssertUnwindSafe(poll))
                            .unwrap_or_else(|_| Poll::Ready(Err(panicked())))
                    })
                    .await
                }
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = admitted {
                let error = info.describe(error);
                attempt.end(&Err(error.clone()), None, true);
                return Err((error, attempt.retry_after()));
            }
            attempt.enter();
        }
        attempt.begin();
        Ok(Arc::new(attempt))
    }

    /// The same, if no layer has to wait for anything.
    pub(crate) fn admit_now(&self, info: &OpInfo) -> Option<Arc<Attempt>> {
        let mut attempt = Attempt::new(self.clone(), info.clone(), 1);
        for layer in self.layers.iter() {
            let Admission::Now = ask(layer, attempt.info()) else { return None };
            attempt.enter();
        }
        attempt.begin();
        Some(Arc::new(attempt))
    }

    pub(super) fn retry(&self, info: &OpInfo, number: u32, error: &Error) -> Option<Duration> {
        self.layers.iter().find_map(|layer| {
            let retry = || layer.retry(info, number, error);
            catch_unwind(AssertUnwindSafe(retry)).unwrap_or_default()
        })
    }

    /// The shortest deadline that a layer sets.
    pub(crate) fn deadline(&self, info: &OpInfo) -> Option<Duration> {
        let deadlines = self.layers.iter().filter_map(|layer| {
            catch_unwind(AssertUnwindSafe(|| layer.deadline(info))).unwrap_or_default()
        });
        deadlines.min()
    }

    /// The clock of what begins on this thread.
    pub(crate) fn clock(&self, runtime: &dyn Runtime) -> Arc<dyn Clock> {
        runtime.clock().unwrap_or_else(|| Arc::clone(&self.system))
    }
}

fn ask(layer: &Arc<dyn Layer>, info: &OpInfo) -> Admission {
    let admit = || layer.admit(info);
    catch_unwind(AssertUnwindSafe(admit)).unwrap_or_else(|_| Admission::Refused(panicked()))
}

fn panicked() -> Error {
    Error::new(ErrorKind::Refused, "a layer of the context panicked instead of letting it begin")
}
