//! The stores that DataFusion reads through.

use std::path::Path;
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use object_store_aiofile::v0_13::AioFileSystem;
use object_store_aiofile::v0_13::object_store::ObjectStore;
use object_store_aiofile::v0_13::object_store::local::LocalFileSystem;

use crate::Result;

/// A way to the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Local,
    Ours,
    /// Ours, with O_DIRECT.
    Direct,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Local, Self::Ours, Self::Direct];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Local => "LocalFileSystem",
            Self::Ours => "aiofile",
            Self::Direct => "aiofile, O_DIRECT",
        }
    }

    fn store(self) -> Arc<dyn ObjectStore> {
        match self {
            Self::Local => Arc::new(LocalFileSystem::new()),
            Self::Ours => Arc::new(AioFileSystem::new()),
            Self::Direct => Arc::new(AioFileSystem::new().with_direct(true)),
        }
    }

    /// A new session with the files of the directory as the table `hits`. Nothing is left in it of
    /// what others have read.
    pub(crate) async fn session(self, directory: &Path) -> Result<SessionContext> {
        let session = SessionContext::new();
        let files = ObjectStoreUrl::local_filesystem();
        session.runtime_env().register_object_store(files.as_ref(), self.store());
        let directory = directory.canonicalize()?;
        let directory = directory.to_str().ok_or("the path of the directory is no UTF-8")?;
        let files = format!("{directory}/");
        session.register_parquet("hits", files, ParquetReadOptions::default()).await?;
        Ok(session)
    }
}
