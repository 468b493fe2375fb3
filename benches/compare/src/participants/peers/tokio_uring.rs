//! tokio-uring: a current-thread runtime of tokio with a ring.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use aiofile_bench::participants::own_ring::OwnRing;
use aiofile_bench::transfers::Transfer;
use aiofile_bench::{Job, Result};
use tokio_uring::buf::BoundedBuf;
use tokio_uring::fs::File;

use super::Buffer;

/// One of its runtimes a thread.
pub struct Runtime;

/// A file of it.
pub struct Open(File);

impl OwnRing for Runtime {
    type File = Open;
    type Socket = tokio_uring::net::UnixStream;

    fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        let mut ring = tokio_uring::uring_builder();
        ring.setup_single_issuer().setup_coop_taskrun();
        tokio_uring::builder().entries(256).uring_builder(&ring).start(future)
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<T>> + 'static {
        let task = tokio_uring::spawn(future);
        async { Ok(task.await?) }
    }

    async fn open(job: &Job) -> io::Result<Open> {
        Ok(Open(File::from_std(job.open()?)))
    }

    fn sleep(time: Duration) -> impl Future {
        tokio::time::sleep(time)
    }

    fn sockets() -> io::Result<(Self::Socket, Self::Socket)> {
        let (one, other) = UnixStream::pair()?;
        let socket = tokio_uring::net::UnixStream::from_std;
        Ok((socket(one), socket(other)))
    }

    async fn send(socket: &mut Self::Socket) -> io::Result<()> {
        socket.write_all(vec![1]).await.0
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
        let (result, slice) = self.0.read_at(vector.slice(range.clone()), offset).await;
        (result, Buffer { vector: slice.into_inner(), range })
    }

    async fn write(
        &self,
        Buffer { vector, range }: Buffer,
        offset: u64,
    ) -> (io::Result<usize>, Buffer) {
        let (result, slice) = self.0.write_at(vector.slice(range.clone()), offset).submit().await;
        (result, Buffer { vector: slice.into_inner(), range })
    }

    async fn sync(&self) -> io::Result<()> {
        self.0.sync_data().await
    }
}
