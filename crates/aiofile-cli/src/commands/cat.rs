//! `aiofile cat`: files to standard output, read through the engine.

mod sink;

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use aiofile::{AioFile, Context, Error, OpenOptions};
use caio::Choice;
use rustix::fs::{FileType, fstat};

use crate::args::CatArgs;
use crate::failure::Failure;
use crate::output;

use sink::Sink;

pub(super) async fn run(backend: Option<Choice>, args: CatArgs) -> Result<(), Failure> {
    let context = super::context(backend)?;
    let mut sink = Sink::open()?;
    let mut failed = false;
    for path in &args.files {
        match print(&context, path, &mut sink).await {
            Ok(()) => {}
            Err(Stop::Input(error)) => {
                output::complain(error);
                failed = true;
            }
            Err(Stop::Output) => break,
        }
    }
    sink.finish().await?;
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Why a file is not printed to its end.
enum Stop {
    /// It cannot be read; the next one may be.
    Input(io::Error),
    /// Nothing can be written any more; the sink knows why.
    Output,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Input(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Input(error.into())
    }
}

async fn print(context: &Context, path: &Path, sink: &mut Sink) -> Result<(), Stop> {
    if path.as_os_str() == "-" {
        return print_stdin(context, sink).await;
    }
    let file = OpenOptions::new().read(true).context(context).open_aio(path).await?;
    refuse_own_output(&file, path)?;
    copy(&file, 0, sink).await.map(drop)
}

/// Standard input goes on where it stands, and stands behind what was read in the end: a process
/// that shares it may read on.
async fn print_stdin(context: &Context, sink: &mut Sink) -> Result<(), Stop> {
    let on_stdin = |error: io::Error| Error::system(error).on(Path::new("standard input"));
    let descriptor = io::stdin().as_fd().try_clone_to_owned().map_err(on_stdin)?;
    let mut stdin = File::from(descriptor);
    let start = stdin.stream_position().unwrap_or(0);
    let shared = stdin.try_clone().map_err(on_stdin)?;
    let file = AioFile::from_std_in(context, shared)?;
    refuse_own_output(&file, &PathBuf::from("-"))?;
    let end = copy(&file, start, sink).await?;
    // What has no position, such as a pipe, has moved on by itself.
    let _ = stdin.seek(SeekFrom::Start(end));
    Ok(())
}

/// Reads from `offset` to the end of the file, which is returned.
async fn copy(file: &AioFile, mut offset: u64, sink: &mut Sink) -> Result<u64, Stop> {
    loop {
        let buffer = sink.buffer().await.ok_or(Stop::Output)?;
        let (read, buffer) = file.read_into(buffer, offset).await;
        match read {
            Ok(0) => {
                sink.give_back(buffer);
                return Ok(offset);
            }
            Ok(bytes) => offset += bytes as u64,
            Err(error) => {
                sink.give_back(buffer);
                return Err(error.into());
            }
        }
        sink.send(buffer).await.ok_or(Stop::Output)?;
    }
}

/// A regular file that is printed to its own end would never end.
fn refuse_own_output(file: &AioFile, path: &Path) -> Result<(), Error> {
    let (Ok(input), Ok(output)) = (fstat(file.as_fd()), fstat(io::stdout())) else { return Ok(()) };
    let same = (input.st_dev, input.st_ino) == (output.st_dev, output.st_ino);
    if same && FileType::from_raw_mode(input.st_mode).is_file() && input.st_size > 0 {
        let message = "it is the output as well, so that it would never end";
        return Err(Error::new(aiofile::ErrorKind::InvalidInput, message).on(path));
    }
    Ok(())
}
