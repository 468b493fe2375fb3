//! compio.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use aiofile_bench::participants::own_ring::OwnRing;
use aiofile_bench::transfers::Transfer;
use aiofile_bench::{Job, Result};
use compio::BufResult;
use compio::buf::{IntoInner, IoBuf};
use compio::driver::{DriverType, ProactorBuilder};
use compio::fs::{File, OpenOptions};
use compio::io::{AsyncRead, AsyncReadAt, AsyncWriteAt, AsyncWriteExt};
use compio::runtime::RuntimeBuilder;

use super::Buffer;

/// One of its runtimes a thread.
pub struct Runtime;

/// A file of it.
pub struct Open(File);

impl OwnRing for Runtime {
    type File = Open;
    type Socket = compio::net::UnixStream;

    fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        let mut proactor = ProactorBuilder::new();
        proactor.single_issuer(true).defer_taskrun(true).driver_type(DriverType::IoUring);
        RuntimeBuilder::new().with_proactor(proactor).build()?.block_on(future)
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<T>> + 'static {
        let task = compio::runtime::spawn(future);
        async { task.await.map_err(|_| "a task panicked".into()) }
    }

    async fn open(job: &Job) -> io::Result<Open> {
        let flags = if job.cell.is_direct() { libc::O_DIRECT } else { 0 };
        let writes = job.cell.writes();
        let mut options = OpenOptions::new();
        options.read(true).write(writes).custom_flags(flags);
        Ok(Open(options.open(job.path()).await?))
    }

    async fn read_file(path: &Path) -> io::Result<usize> {
        Ok(compio::fs::read(path).await?.len())
    }

    fn sleep(time: Duration) -> impl Future {
        compio::time::sleep(time)
    }

    fn sockets() -> io::Result<(Self::Socket, Self::Socket)> {
        let (one, other) = UnixStream::pair()?;
        let socket = compio::net::UnixStream::from_std;
        Ok((socket(one)?, socket(other)?))
    }

    async fn send(socket: &mut Self::Socket) -> io::Result<()> {
        socket.write_all([1]).await.0
    }

    async fn receive(socket: &mut Self::Socket) -> io::Result<usize> {
        socket.read([0]).await.0
    }
}

impl Transfer for Open {
    type Buffer = Buffer;

    fn buffer(&self, block: usize) -> Buffer {
        Buffer::new(block)
    }

    async fn read(
        &self,
        Buffer { vector, range }: Buffer,
        offset: u64,
    ) -> (io::Result<usize>, Buffer) {
        let BufResult(result, slice) = self.0.read_at(vector.slice(range.clone()), offset).await;
        (result, Buffer { vector: slice.into_inner(), range })
    }

    async fn write(
        &self,
        Buffer { vector, range }: Buffer,
        offset: u64,
    ) -> (io::Result<usize>, Buffer) {
        let BufResult(result, slice) =
            (&mut &self.0).write_at(vector.slice(range.clone()), offset).await;
        (result, Buffer { vector: slice.into_inner(), range })
    }

    async fn sync(&self) -> io::Result<()> {
        self.0.sync_data().await
    }
}
