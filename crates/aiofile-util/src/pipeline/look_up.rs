//! How long a file is, and what is done with it once there is room for that.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::Arc;

use aiofile::{AioFile, Context, OpenOptions};
use bytes::Bytes;

use super::contents::Whole;
use super::process::{Boxed, Found};
use super::retry::Attempts;
use crate::steps::context_or_default;

/// A file that a closure makes something of. Where its length cannot be had, the closure finds out
/// why.
pub(super) fn of_path<T, W, F>(
    context: Option<Context>,
    attempts: u32,
    work: W,
) -> impl Fn(Arc<Path>) -> Boxed<Found<T>> + Send + 'static
where
    T: Send + 'static,
    W: Fn(Arc<Path>) -> F + Send + Sync + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let work = Arc::new(work);
    move |path| {
        let (context, work, of) = (context.clone(), Arc::clone(&work), Arc::clone(&path));
        let mut tries = Attempts::new(context.as_ref(), attempts);
        let work = async move {
            loop {
                match work(Arc::clone(&of)).await {
                    Err(error) if tries.again(&error).await => {}
                    result => return (result, tries.made),
                }
            }
        };
        Box::pin(async move {
            let bytes = length(context.as_ref(), &path).await.unwrap_or(0);
            Found { path, bytes, work: Box::pin(work) }
        })
    }
}

/// A file that is opened, and read whole later.
pub(super) fn of_contents(
    context: Option<Context>,
    attempts: u32,
    bytes_max: Option<u64>,
) -> impl Fn(Arc<Path>) -> Boxed<Found<Bytes>> + Send + 'static {
    move |path| {
        let context = context.clone();
        Box::pin(async move {
            let mut tries = Attempts::new(context.as_ref(), attempts);
            let opened = loop {
                match open(context.as_ref(), &path).await {
                    Err(error) if tries.again(&error).await => {}
                    opened => break opened,
                }
            };
            match opened {
                Ok((file, metadata)) => {
                    let bytes = metadata.len();
                    let whole = Whole::new(file, &metadata, bytes_max);
                    Found { path, bytes, work: Box::pin(read(whole, metadata.is_file(), tries)) }
                }
                Err(error) => {
                    let work = Box::pin(async move { (Err(error), tries.made) });
                    Found { path, bytes: 0, work }
                }
            }
        })
    }
}

async fn length(context: Option<&Context>, path: &Path) -> io::Result<u64> {
    let context = context_or_default(context).await?;
    let metadata = context.path_metadata(path, true).await?;
    Ok(metadata.len())
}

async fn open(context: Option<&Context>, path: &Path) -> io::Result<(AioFile, Metadata)> {
    let context = context_or_default(context).await?;
    let file = OpenOptions::new().read(true).context(&context).open_aio(path).await?;
    let metadata = file.metadata().await?;
    Ok((file, metadata))
}

/// What a stream has given and was lost by an error does not come again.
async fn read(whole: Whole, is_regular: bool, mut tries: Attempts) -> (io::Result<Bytes>, u32) {
    loop {
        match whole.read().await {
            Err(error) if is_regular && tries.again(&error).await => {}
            result => return (result, tries.made),
        }
    }
}
