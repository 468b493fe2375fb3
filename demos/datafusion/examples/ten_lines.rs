//! Local files in DataFusion through aiofile's object store.
//!
//! ```sh
//! cargo run --release --example ten_lines -- DIRECTORY_OF_PARQUET_FILES/
//! ```

use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use object_store_aiofile::v0_13::AioFileSystem;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("say a directory of Parquet files")?;
    let context = SessionContext::new();
    let files = ObjectStoreUrl::local_filesystem();
    context.runtime_env().register_object_store(files.as_ref(), Arc::new(AioFileSystem::new()));
    // From here on, DataFusion reads and writes local files through it.
    context.register_parquet("hits", directory, ParquetReadOptions::default()).await?;
    context.sql("SELECT count(*) FROM hits").await?.show().await?;
    Ok(())
}
