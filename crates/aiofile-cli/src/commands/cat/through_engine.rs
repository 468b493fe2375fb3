//! Files to standard output, read by the backend that was asked for.

use std::io::{Seek, SeekFrom};
use std::path::Path;

use aiofile::{Context, Error};
use caio::{SharedFile, flags};

use super::sink::{BLOCK_BYTES, Sink};
use super::{Stop, is_own_output, is_stdin, refuse_own_output, stdin, stdin_path};
use crate::failure::Failure;

pub(super) struct Engine {
    context: Context,
    sink: Sink,
}

impl Engine {
    /// Starts to write.
    ///
    /// # Errors
    /// Where no thread can be had for it.
    pub(super) fn new(context: Context) -> Result<Self, Failure> {
        Ok(Self { context, sink: Sink::open()? })
    }

    pub(super) async fn print(&mut self, path: &Path) -> Result<(), Stop> {
        if is_stdin(path) {
            return self.print_stdin().await;
        }
        let file = self.context.open(path, flags::O_RDONLY, 0).await?;
        self.refuse_own_output(&file, path).await?;
        self.copy(&file, 0).await.map(drop)
    }

    /// Standard input stands behind what was read in the end.
    async fn print_stdin(&mut self) -> Result<(), Stop> {
        let mut stdin = stdin()?;
        let start = stdin.stream_position().unwrap_or(0);
        let on_stdin = |error| Error::system(error).doing("read").on(stdin_path());
        let shared = SharedFile::new(stdin.try_clone().map_err(on_stdin)?, stdin_path())?;
        self.refuse_own_output(&shared, stdin_path()).await?;
        let end = self.copy(&shared, start).await?;
        // What has no position, such as a pipe, has moved on by itself.
        let _ = stdin.seek(SeekFrom::Start(end));
        Ok(())
    }

    async fn refuse_own_output(&mut self, file: &SharedFile, path: &Path) -> Result<(), Stop> {
        if is_own_output(file) {
            self.sink.flush().await.ok_or_else(|| self.output_ended())?;
        }
        Ok(refuse_own_output(file, path)?)
    }

    /// Reads from `offset` to the end of the file, which is returned.
    async fn copy(&mut self, file: &SharedFile, mut offset: u64) -> Result<u64, Stop> {
        loop {
            let buffer = self.sink.buffer().await.ok_or_else(|| self.output_ended())?;
            let (read, buffer) =
                self.context.read(file, buffer.into(), 0..BLOCK_BYTES, offset).await;
            let buffer = caio::OwnedBuffer::from_buffer(buffer);
            match read {
                Ok(0) => {
                    self.sink.give_back(buffer);
                    return Ok(offset);
                }
                Ok(bytes) => offset += bytes as u64,
                Err(error) => {
                    self.sink.give_back(buffer);
                    return Err(error.into());
                }
            }
            self.sink.send(buffer).await.ok_or_else(|| self.output_ended())?;
        }
    }

    /// The writer has ended by itself, and says why in [`finish`](Self::finish).
    fn output_ended(&self) -> Stop {
        Stop::Output(Failure::Reported)
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// What happened to standard output.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.sink.finish()
    }
}
