//! fsync(2) and fdatasync(2), shared by all that ask for them meanwhile.

use std::sync::Arc;

use super::Context;
use super::layered::within_deadline;
use super::submit::lost;
use crate::error::{Error, ErrorKind, Result};
use crate::file::SharedFile;
use crate::layer::Attempt;
use crate::op::OpKind;
use crate::pending_count::shut_down;

impl Context {
    /// fsync(2), or with `data_only` fdatasync(2). Covers every write to this file that had
    /// started before, and waits for them first. Calls that come while a sync of the file is
    /// running share the next one: see [`Metrics`](crate::Metrics) for how many were submitted.
    ///
    /// A sync that failed stays failed, whether or not a future still waited for it: the kernel
    /// reports lost data once and forgets it, so later calls repeat the error until
    /// [`SharedFile::clear_sync_error`]. Nothing retries it.
    ///
    /// One hop.
    ///
    /// # Errors
    /// What the system answers, now or at the first failure.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the sync to itself, and says nothing about whether the data
    /// reached the device.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let file = doc::file_with(b"")?;
    /// use caio::Buffer;
    ///
    /// context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await.0?;
    /// context.sync(&file, true).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn sync(&self, file: &SharedFile, data_only: bool) -> Result<()> {
        let kind = if data_only { OpKind::Fdatasync } else { OpKind::Fsync };
        self.check_fork().map_err(|error| error.during(kind).on(file.path()))?;
        self.proceed(0).await;
        if self.inner.layers.is_empty() {
            return self.sync_admitted(file, data_only, None).await;
        }
        // In a box, since without layers it would be the larger part of each sync that waits.
        Box::pin(self.sync_layered(file, data_only)).await
    }

    async fn sync_layered(&self, file: &SharedFile, data_only: bool) -> Result<()> {
        let kind = if data_only { OpKind::Fdatasync } else { OpKind::Fsync };
        let layers = &self.inner.layers;
        let info = layers.describe_sync(&*self.inner.runtime, file, kind);
        let sync = async {
            let admitted = self.inner.closing.or(layers.admit(&info, 1)).await;
            let attempt = admitted
                .unwrap_or_else(|| Err((info.describe(shut_down()), None)))
                .map_err(|(error, _)| error)?;
            let result = self.sync_admitted(file, data_only, Some(&attempt)).await;
            // It has ended already, unless it failed before there was anything to wait for.
            if let Err(error) = &result {
                attempt.end(&Err(error.clone()), None, true);
            }
            result
        };
        within_deadline(layers, &info, sync).await?
    }

    async fn sync_admitted(
        &self,
        file: &SharedFile,
        data_only: bool,
        attempt: Option<&Arc<Attempt>>,
    ) -> Result<()> {
        let kind = if data_only { OpKind::Fdatasync } else { OpKind::Fsync };
        let failed = || {
            let error = Error::system(file.sync_error()?);
            Some(lost(error.during(kind).on(file.path())))
        };
        loop {
            if let Some(error) = failed() {
                return Err(error);
            }
            if self.is_shut_down() {
                return Err(shut_down().during(kind).on(file.path()));
            }
            let wait = file.syncs().join(data_only, attempt, || self.inner.accept_sync(file));
            let wait = wait.map_err(|error| error.during(kind).on(file.path()))?;
            let waits = self.inner.runtime.waits();
            let result = self.inner.given_up.or(wait).await;
            drop(waits);
            let Some(result) = result else {
                return Err(shut_down().during(kind).on(file.path()));
            };
            // A failure that somebody else's sync has met counts here, too.
            if let Some(error) = failed() {
                return Err(error);
            }
            match result {
                // The run was another context's, which has gone.
                Err(error) if error.kind() == ErrorKind::Shutdown && !self.is_shut_down() => {}
                result => return result.map_err(|error| error.during(kind).on(file.path())),
            }
        }
    }
}
