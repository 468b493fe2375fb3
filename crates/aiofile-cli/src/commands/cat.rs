//! `aiofile cat`: files to standard output.
//!
//! By the kernel or one thread's reads and writes, since one output takes all of it in order; with
//! a backend that was asked for, read through the engine while the last block is written.

mod plain;
mod sink;
mod through_engine;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use aiofile::Error;
use caio::Choice;
use rustix::fs::{FileType, fstat};

use crate::args::CatArgs;
use crate::failure::Failure;
use crate::output;
use crate::streams;

use through_engine::Engine;

/// Why a file is not printed to its end.
enum Stop {
    /// It cannot be read; the next one may be.
    Input(Error),
    /// Nothing can be written any more.
    Output(Failure),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Input(error)
    }
}

pub(super) async fn run(backend: Option<Choice>, args: CatArgs) -> Result<(), Failure> {
    streams::check(io::stdout()).map_err(|error| Failure::of_stdout(&error))?;
    // The variable asks for a backend, too.
    let is_asked_for = backend.is_some() || std::env::var_os("CAIO_IMPL").is_some();
    let mut engine = match is_asked_for {
        true => Some(Engine::new(super::context(backend)?)?),
        false => {
            if std::env::var_os("CAIO_CONFIG").is_some() {
                // A file that was named and is wrong is told, though nothing of it is needed here.
                super::context(None)?;
            }
            None
        }
    };
    let mut failed = false;
    let mut ended = Ok(());
    for path in &args.files {
        let printed = match &mut engine {
            Some(engine) => engine.print(path).await,
            None => plain::print(path),
        };
        match printed {
            Ok(()) => {}
            Err(Stop::Input(error)) => {
                output::complain(error);
                failed = true;
            }
            Err(Stop::Output(failure)) => {
                ended = Err(failure);
                break;
            }
        }
    }
    if let Some(engine) = engine {
        // It knows why the writing ended, if it did.
        ended = engine.finish();
    }
    match ended {
        Ok(()) | Err(Failure::BrokenPipe) if failed => Err(Failure::Reported),
        ended => ended,
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input, to be read where it stands: a process that shares it may read on behind what was
/// read.
fn stdin() -> Result<File, Error> {
    let on_stdin = |error: io::Error| Error::system(error).doing("read").on(stdin_path());
    streams::check(io::stdin()).map_err(on_stdin)?;
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(on_stdin)
}

/// How messages call it.
fn stdin_path() -> &'static Path {
    Path::new("standard input")
}

/// Whether it is the file that is written to.
fn is_own_output(input: impl AsFd) -> bool {
    let (Ok(input), Ok(output)) = (fstat(input), fstat(io::stdout())) else { return false };
    (input.st_dev, input.st_ino) == (output.st_dev, output.st_ino)
}

/// A regular file that is printed to its own end would never end. To be asked when all before it is
/// written.
fn refuse_own_output(input: impl AsFd, path: &Path) -> Result<(), Error> {
    let Ok(found) = fstat(&input) else { return Ok(()) };
    let has_contents = FileType::from_raw_mode(found.st_mode).is_file() && found.st_size > 0;
    if has_contents && is_own_output(input) {
        let message = "it is the output as well, so that it would never end";
        return Err(Error::new(aiofile::ErrorKind::InvalidInput, message).on(path));
    }
    Ok(())
}
