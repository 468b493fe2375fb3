//! The one error type: what was being done, to which file, what the system answered, what helps.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::op::OpKind;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in one word.
///
/// ```
/// use caio::{Buffer, ErrorKind, Op};
///
/// let error = Op::read(Buffer::from(vec![0; 8]), 0..9, 0).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system refused or failed the operation; [`Error::raw_os_error`] has its errno.
    System,
    /// The arguments cannot be right for this file; nothing was sent to the system.
    InvalidInput,
    /// The file ended before the requested bytes were there.
    UnexpectedEof,
    /// The system accepted no byte of a write and gave no reason.
    WriteZero,
    /// The file handle was closed.
    Closed,
    /// The context was shut down.
    Shutdown,
    /// The operation was cancelled before it finished.
    Cancelled,
    /// The operation did not end by the deadline that a layer set. What has begun goes on.
    TimedOut,
    /// A layer of the context let it not begin.
    Refused,
    /// The backend dropped the operation without finishing it. Its buffer is not returned.
    Abandoned,
    /// No backend of the requested name exists or works here.
    Backend,
    /// A configuration file or variable cannot be understood.
    Config,
    /// The data read is not what was asked for (not UTF-8, a line beyond the limit).
    InvalidData,
}

/// An error with its operation, its file and its cause.
///
/// Converts into [`io::Error`] and travels in it, with the kind that std's error would have had;
/// [`Error::of`] shows it there.
///
/// ```
/// use caio::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::InvalidInput, "an offset of i64::MAX + 2 bytes overflows");
/// assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::InvalidInput);
/// ```
#[derive(Clone)]
pub struct Error(Box<Detail>);

#[derive(Debug, Clone)]
struct Detail {
    kind: ErrorKind,
    operation: Option<OpKind>,
    /// The operation's name, where that says more than its kind.
    name: Option<&'static str>,
    path: Option<PathBuf>,
    /// The second path of an operation that has two.
    target: Option<PathBuf>,
    offset: Option<u64>,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    source: Option<Arc<io::Error>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    ///
    /// ```
    /// use caio::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Closed, "the file is closed");
    /// assert_eq!(error.to_string(), "the file is closed");
    /// ```
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Detail {
            kind,
            operation: None,
            name: None,
            path: None,
            target: None,
            offset: None,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// The system's answer, as an error. Our own errors that travelled as `io::Error` come back
    /// as they were.
    ///
    /// ```
    /// use std::io;
    /// use caio::{Error, ErrorKind};
    ///
    /// let error = Error::system(io::Error::from_raw_os_error(2));
    /// assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::System, Some(2)));
    ///
    /// let own = io::Error::from(Error::new(ErrorKind::Closed, "the file is closed"));
    /// assert_eq!(Error::system(own).kind(), ErrorKind::Closed);
    /// ```
    #[must_use]
    pub fn system(source: io::Error) -> Self {
        match source.downcast::<Error>() {
            Ok(own) => own,
            Err(source) => {
                let mut error = Self::new(ErrorKind::System, "");
                error.0.source = Some(Arc::new(source));
                error
            }
        }
    }

    /// Adds the system's answer that is behind it.
    #[must_use]
    pub(crate) fn caused_by(mut self, source: io::Error) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Says which operation failed, unless that is known already.
    ///
    /// ```
    /// use caio::{Error, ErrorKind, OpKind};
    ///
    /// let error = Error::new(ErrorKind::Closed, "the file is closed").during(OpKind::Read);
    /// assert_eq!(error.to_string(), "read: the file is closed");
    /// assert_eq!(error.during(OpKind::Open).operation(), Some(OpKind::Read));
    /// ```
    #[must_use]
    pub fn during(mut self, operation: OpKind) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Says by name what was being done, unless that is known already.
    ///
    /// ```
    /// use std::{io, path::Path};
    /// use caio::Error;
    ///
    /// let error = Error::system(io::Error::from_raw_os_error(18)).doing("rename");
    /// let error = error.on(Path::new("/tmp/a")).to(Path::new("/home/a"));
    /// assert_eq!(
    ///     error.to_string(),
    ///     "rename /tmp/a to /home/a: Invalid cross-device link (os error 18)"
    /// );
    /// ```
    #[must_use]
    pub fn doing(mut self, name: &'static str) -> Self {
        if matches!(self.0.operation, None | Some(OpKind::Path | OpKind::Run)) {
            self.0.name.get_or_insert(name);
        }
        self
    }

    /// Says to which second path, for an operation that has two.
    #[must_use]
    pub fn to(mut self, path: &Path) -> Self {
        if self.0.target.is_none() {
            self.0.target = Some(path.to_owned());
        }
        self
    }

    /// Says which file it happened to, unless that is known already.
    ///
    /// ```
    /// use std::path::Path;
    /// use caio::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::InvalidData, "not UTF-8").on(Path::new("/etc/motd"));
    /// assert_eq!(error.to_string(), "/etc/motd: not UTF-8");
    /// ```
    #[must_use]
    pub fn on(mut self, path: &Path) -> Self {
        if self.0.path.is_none() {
            self.0.path = Some(path.to_owned());
        }
        self
    }

    /// Says at which byte offset it happened, unless that is known already.
    ///
    /// ```
    /// use caio::{Error, ErrorKind, OpKind};
    ///
    /// let error = Error::new(ErrorKind::UnexpectedEof, "the file ended").during(OpKind::Read);
    /// assert_eq!(error.at(4096).to_string(), "read at offset 4096: the file ended");
    /// ```
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Adds what the user can do about it.
    ///
    /// ```
    /// use caio::{Error, ErrorKind};
    ///
    /// let error = Error::new(ErrorKind::Backend, "no ring").hint("raise `ulimit -l`");
    /// assert_eq!(error.to_string(), "no ring (raise `ulimit -l`)");
    /// ```
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says first in which larger undertaking it happened.
    #[must_use]
    pub(crate) fn within(mut self, undertaking: &str) -> Self {
        self.0.message = match &*self.0.message {
            "" => undertaking.to_owned().into(),
            message => format!("{undertaking}: {message}").into(),
        };
        self
    }

    /// The same cause, as the reason why a backend cannot be had.
    pub(crate) fn into_refusal(mut self, undertaking: &str) -> Self {
        self.0.kind = ErrorKind::Backend;
        self.within(undertaking)
    }

    /// The error that travels in an [`io::Error`] of this library's; `None` for any other.
    ///
    /// ```
    /// use std::io;
    /// use caio::{Error, OpKind};
    ///
    /// let inner = Error::system(io::Error::from_raw_os_error(28)).during(OpKind::Write);
    /// let outer = io::Error::from(inner);
    /// assert_eq!(outer.kind(), io::ErrorKind::StorageFull);
    /// let inner = Error::of(&outer).unwrap();
    /// assert_eq!((inner.operation(), inner.raw_os_error()), (Some(OpKind::Write), Some(28)));
    /// ```
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Whether the same operation may succeed a moment later: the system was interrupted, was
    /// busy, or had no memory, no descriptor or no time left. Of a write it is not known how much
    /// was done.
    ///
    /// ```
    /// use std::io;
    /// use caio::Error;
    ///
    /// let of = |errno| Error::system(io::Error::from_raw_os_error(errno));
    /// assert!(of(16).is_transient(), "EBUSY");
    /// assert!(!of(2).is_transient(), "ENOENT");
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.raw_os_error(),
            Some(
                libc::EINTR
                    | libc::EAGAIN
                    | libc::EBUSY
                    | libc::ETXTBSY
                    | libc::ETIMEDOUT
                    | libc::EMFILE
                    | libc::ENFILE
                    | libc::ENOMEM
            )
        )
    }

    /// What went wrong, in one word.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that failed, where one was under way.
    #[must_use]
    pub fn operation(&self) -> Option<OpKind> {
        self.0.operation
    }

    /// The file it happened to, as far as its path is known (`/dev/fd/N` for a bare descriptor).
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// The byte offset of the failed operation.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// What the user can do about it.
    ///
    /// ```
    /// use caio::Choice;
    ///
    /// let error = "io-uring".parse::<Choice>().unwrap_err();
    /// assert!(error.cure().is_some_and(|cure| cure.starts_with("valid names: uring,")));
    /// ```
    #[must_use]
    pub fn cure(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The errno of the system call at the bottom of this error.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.0.source.as_ref().and_then(|source| source.raw_os_error())
    }

    /// The [`io::ErrorKind`] that this error has after conversion.
    #[must_use]
    pub fn io_kind(&self) -> io::ErrorKind {
        match self.0.kind {
            ErrorKind::System => match &self.0.source {
                Some(source) => source.kind(),
                None => io::ErrorKind::Other,
            },
            ErrorKind::InvalidInput | ErrorKind::Config => io::ErrorKind::InvalidInput,
            ErrorKind::InvalidData => io::ErrorKind::InvalidData,
            ErrorKind::UnexpectedEof => io::ErrorKind::UnexpectedEof,
            ErrorKind::WriteZero => io::ErrorKind::WriteZero,
            ErrorKind::Backend => io::ErrorKind::Unsupported,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::Closed
            | ErrorKind::Shutdown
            | ErrorKind::Cancelled
            | ErrorKind::Abandoned
            | ErrorKind::Refused => io::ErrorKind::Other,
        }
    }
}

/// The errno of an error that the system gave, or that travels in one.
pub(crate) fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| Error::of(error)?.raw_os_error())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = &*self.0;
        let name = detail.name.map(str::to_owned);
        if let Some(name) = name.or_else(|| detail.operation.map(|kind| kind.to_string())) {
            f.write_str(&name)?;
            if let Some(path) = &detail.path {
                write!(f, " {}", path.display())?;
            }
            if let Some(target) = &detail.target {
                write!(f, " to {}", target.display())?;
            }
            if let Some(offset) = detail.offset {
                write!(f, " at offset {offset}")?;
            }
            f.write_str(": ")?;
        } else if let Some(path) = &detail.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&detail.message)?;
        if let Some(source) = &detail.source {
            if !detail.message.is_empty() {
                f.write_str(": ")?;
            }
            write!(f, "{source}")?;
        }
        if let Some(hint) = &detail.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// The sentence, since it is what is seen of an error that leaves `main`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    /// It is carried inside, whole: the kind is std's, [`Error::of`] shows the rest, the errno
    /// too, and [`io::Error::downcast`] gives it back.
    fn from(error: Error) -> Self {
        io::Error::new(error.io_kind(), error)
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::system(source)
    }
}

impl From<Infallible> for Error {
    /// A conversion that cannot fail has no error.
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_names_operation_file_offset_and_cause() {
        let error = Error::system(io::Error::from_raw_os_error(28))
            .during(OpKind::Write)
            .on(Path::new("/var/full"))
            .at(4096)
            .hint("free some space");
        assert_eq!(
            error.to_string(),
            "write /var/full at offset 4096: No space left on device (os error 28) \
             (free some space)"
        );
        assert_eq!(error.raw_os_error(), Some(28));
    }

    #[test]
    fn io_error_keeps_the_kind_and_errors_survive_the_round_trip() {
        let error = Error::system(io::Error::from_raw_os_error(2)).during(OpKind::Open);
        let error = io::Error::from(error);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(errno(&error), Some(2));
        assert_eq!(Error::system(error).raw_os_error(), Some(2));

        let own = Error::new(ErrorKind::Closed, "the file is closed").during(OpKind::Read);
        let back = Error::system(io::Error::from(own));
        assert_eq!(back.kind(), ErrorKind::Closed);
        assert_eq!(back.operation(), Some(OpKind::Read));
    }
}
