//! A program in which a panic ends the process: every runtime with and without its drivers, and
//! none at all.

use std::path::Path;

use aiofile::{AioFile, OpenOptions};
use caio::{Context, Result};
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

async fn work(context: &Context, path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).context(context);
    let file: AioFile = options.open_aio(path).await?;
    let writes = (0..20).map(|number| file.write_all_at(vec![7; 3000], number * 3000));
    for written in join_all(writes).await {
        written?;
    }
    file.fdatasync().await?;
    for read in join_all((0..20).map(|number| file.read_exact_at(3000, number * 3000))).await {
        read?;
    }
    // Futures that are dropped before they end.
    for number in 0..20 {
        let dropped = Box::pin(file.read_at(3000, number));
        drop(futures_util::future::select(dropped, std::future::ready(())).await);
    }
    Ok(())
}

fn runtimes() -> std::io::Result<Vec<Runtime>> {
    let workers = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    };
    Ok(vec![
        Builder::new_current_thread().enable_all().build()?,
        Builder::new_current_thread().enable_time().build()?,
        Builder::new_current_thread().build()?,
        workers().enable_all().build()?,
        workers().enable_time().build()?,
        workers().build()?,
    ])
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("the path of a file is missing")?;
    let path = Path::new(&path);
    for in_place in [true, false] {
        for runtime in runtimes()? {
            let context = aiofile::context().in_place(in_place).build()?;
            runtime.block_on(work(&context, path))?;
            runtime.block_on(async {
                let (context, path) = (context.clone(), path.to_owned());
                tokio::spawn(async move { work(&context, &path).await }).await
            })??;
            // The default context of each runtime, and of none.
            runtime.block_on(async { aiofile::fs::read(path).await })?;
        }
        let context = aiofile::context().in_place(in_place).build()?;
        futures_executor::block_on(work(&context, path))?;
    }
    futures_executor::block_on(aiofile::fs::read(path))?;
    Ok(())
}
