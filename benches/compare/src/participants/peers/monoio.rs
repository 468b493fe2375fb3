//! monoio, its io_uring driver without the fall-back.

use std::io;
use std::path::Path;
use std::time::Duration;

use aiofile_bench::participants::own_ring::OwnRing;
use aiofile_bench::transfers::Transfer;
use aiofile_bench::{Job, Result};
use monoio::buf::{IoBuf, IoBufMut};
use monoio::fs::File;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::{IoUringDriver, RuntimeBuilder};

use super::Buffer;

/// One of its runtimes a thread.
pub struct Runtime;

/// A file of it.
pub struct Open(File);

impl OwnRing for Runtime {
    type File = Open;
    type Socket = monoio::net::UnixStream;

    fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        let builder = RuntimeBuilder::<IoUringDriver>::new().with_entries(256);
        builder.enable_timer().build()?.block_on(future)
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<T>> + 'static {
        let task = monoio::spawn(future);
        async { Ok(task.await) }
    }

    async fn open(job: &Job) -> io::Result<Open> {
        Ok(Open(File::from_std(job.open()?)?))
    }

    async fn read_file(path: &Path) -> io::Result<usize> {
        Ok(monoio::fs::read(path).await?.len())
    }

    fn sleep(time: Duration) -> impl Future {
        monoio::time::sleep(time)
    }

    fn sockets() -> io::Result<(Self::Socket, Self::Socket)> {
        monoio::net::UnixStream::pair()
    }

    async fn send(socket: &mut Self::Socket) -> io::Result<()> {
        socket.write_all(vec![1]).await.0.map(|_| ())
    }

    async fn receive(socket: &mut Self::Socket) -> io::Result<usize> {
        socket.read(vec![0]).await.0
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
        let (result, slice) = self.0.read_at(vector.slice_mut(range.clone()), offset).await;
        (result, Buffer { vector: slice.into_inner(), range })
    }

    async fn write(
        &self,
        Buffer { vector, range }: Buffer,
        offset: u64,
    ) -> (io::Result<usize>, Buffer) {
        let (result, slice) = self.0.write_at(vector.slice(range.clone()), offset).await;
        (result, Buffer { vector: slice.into_inner(), range })
    }

    async fn sync(&self) -> io::Result<()> {
        self.0.sync_data().await
    }
}
