//! glommio. O_DIRECT is its `DmaFile`, whose buffers come from its own pool; a buffered read
//! allocates, and a buffered write takes its vector away: its API has no reuse for them.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use aiofile_bench::participants::own_ring::OwnRing;
use aiofile_bench::transfers::Transfer;
use aiofile_bench::{Job, Result};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use glommio::io::{BufferedFile, DmaBuffer, DmaFile, OpenOptions};
use glommio::{LocalExecutorBuilder, Placement};

/// One of its executors a thread; not pinned, as no other participant is.
pub struct Runtime;

/// A file of either kind, and the block that is read from it.
pub struct File {
    kind: Kind,
    block: usize,
}

enum Kind {
    Direct(DmaFile),
    Buffered(BufferedFile),
}

impl OwnRing for Runtime {
    type File = File;
    type Socket = glommio::net::UnixStream;

    fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        let builder = LocalExecutorBuilder::new(Placement::Unbound).ring_depth(256);
        builder.make().map_err(|error| error.to_string())?.run(future)
    }

    fn spawn<T: 'static>(
        future: impl Future<Output = T> + 'static,
    ) -> impl Future<Output = Result<T>> + 'static {
        let task = glommio::spawn_local(future);
        async { Ok(task.await) }
    }

    async fn open(job: &Job) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(job.cell.writes());
        let kind = match job.cell.is_direct() {
            true => Kind::Direct(options.dma_open(job.path()).await?),
            false => Kind::Buffered(options.buffered_open(job.path()).await?),
        };
        Ok(File { kind, block: job.cell.block })
    }

    fn sleep(time: Duration) -> impl Future {
        glommio::timer::sleep(time)
    }

    fn sockets() -> io::Result<(Self::Socket, Self::Socket)> {
        Ok(glommio::net::UnixStream::pair()?)
    }

    async fn send(socket: &mut Self::Socket) -> io::Result<()> {
        socket.write_all(&[1]).await
    }

    async fn receive(socket: &mut Self::Socket) -> io::Result<usize> {
        socket.read(&mut [0]).await
    }
}

impl Transfer for File {
    /// What is written to a `DmaFile`, which shares it; elsewhere nothing is used again.
    type Buffer = Option<Rc<DmaBuffer>>;

    fn buffer(&self, block: usize) -> Self::Buffer {
        let Kind::Direct(file) = &self.kind else { return None };
        let mut buffer = file.alloc_dma_buffer(block);
        buffer.as_bytes_mut().fill(0xa5);
        Some(Rc::new(buffer))
    }

    async fn read(&self, buffer: Self::Buffer, offset: u64) -> (io::Result<usize>, Self::Buffer) {
        let result = match &self.kind {
            Kind::Direct(file) => file.read_at_aligned(offset, self.block).await,
            Kind::Buffered(file) => file.read_at(offset, self.block).await,
        };
        (result.map(|content| content.len()).map_err(io::Error::from), buffer)
    }

    async fn write(&self, buffer: Self::Buffer, offset: u64) -> (io::Result<usize>, Self::Buffer) {
        let result = match (&self.kind, &buffer) {
            (Kind::Direct(file), Some(full)) => file.write_rc_at(Rc::clone(full), offset).await,
            (Kind::Buffered(file), _) => file.write_at(vec![0xa5; self.block], offset).await,
            (Kind::Direct(_), None) => return (Err(io::ErrorKind::InvalidInput.into()), buffer),
        };
        (result.map_err(io::Error::from), buffer)
    }

    async fn sync(&self) -> io::Result<()> {
        let Kind::Buffered(file) = &self.kind else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        file.fdatasync().await.map_err(io::Error::from)
    }
}
