//! How a command ends when it does not succeed.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::output;
use crate::signals;

/// Why a command ends early, and with which exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An operation failed; the text goes to stderr.
    Failed(String),
    /// An operation failed, and that was said already.
    Reported,
    /// Flags that do not go together.
    Usage(String),
    /// What was typed is no command.
    Parse(Box<clap::Error>),
    /// Help or the version was asked for and printed, which is no failure.
    Answered,
    /// The reader of what this writes has gone, which is no error.
    BrokenPipe,
    /// A signal of this number ended it.
    Interrupted(u8),
}

impl Failure {
    /// A failure of `undertaking`, with its cause.
    pub(crate) fn during(undertaking: impl Display, cause: impl Display) -> Self {
        Self::Failed(format!("{undertaking}: {cause}"))
    }

    /// What happened to standard output.
    pub(crate) fn of_stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::during("write standard output", error),
        }
    }

    /// Says it on stderr where there is something to say, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Failed(text) => {
                output::complain(&text);
                ExitCode::from(1)
            }
            Self::Reported => ExitCode::from(1),
            Self::Usage(text) => {
                output::complain(&text);
                ExitCode::from(2)
            }
            Self::Parse(error) => {
                // In vain where stderr is closed; the code says it too.
                let _ = error.print();
                ExitCode::from(2)
            }
            Self::BrokenPipe | Self::Answered => ExitCode::SUCCESS,
            Self::Interrupted(signal) => signals::die(signal),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<aiofile::Error> for Failure {
    fn from(error: aiofile::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
