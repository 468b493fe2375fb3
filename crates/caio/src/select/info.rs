//! The answer to "which backend am I on, and why".

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::backend::BackendKind;
use crate::capability::Capability;
use crate::config::{BufferedWrites, Config};
use crate::error::Error;
use crate::file::FileClass;
use crate::op::OpKind;

/// Which backend is in use, what asked for it, what was refused and why, and what it can do.
///
/// Shows as a report of many lines; serializes (with serde) as the same facts for machines.
///
/// ```
/// use caio::Context;
///
/// let context = Context::builder().build()?;
/// let info = context.info();
/// assert!(info.to_string().starts_with("backend "));
/// for refusal in &info.refused {
///     println!("{} does not work here: {}", refusal.backend, refusal.error);
/// }
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Info {
    /// The backend in use.
    pub backend: BackendKind,
    /// Where the choice was made.
    pub requested_by: RequestedBy,
    /// The choice, in the words in which it was made: `auto`, `uring,thread`.
    pub requested: String,
    /// The backends that were tried before and do not work here, in the order of trying.
    pub refused: Vec<Refusal>,
    /// The kernel's release, as `uname -r` has it.
    pub kernel: String,
    /// What the backend can do on this machine.
    pub capability: Capability,
    /// The limits in force.
    pub limits: Config,
    /// The configuration files that were looked for, in order.
    pub files: Vec<ConfigFile>,
    /// The variables of the environment that are set and were ignored, since the program has
    /// rights that its caller lacks (set-user-ID, set-group-ID, file capabilities).
    pub ignored: Vec<&'static str>,
}

/// Where the choice of the backend was made.
///
/// ```
/// use caio::{BackendKind, Context, RequestedBy};
///
/// let context = Context::builder().backend(BackendKind::Rust).build()?;
/// assert_eq!(context.info().requested_by, RequestedBy::Code);
/// assert_eq!(RequestedBy::Environment.to_string(), "CAIO_IMPL");
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
#[non_exhaustive]
pub enum RequestedBy {
    /// The program, through the builder of its context.
    Code,
    /// The variable `CAIO_IMPL`.
    Environment,
    /// A configuration file.
    File {
        /// Which one.
        path: PathBuf,
        /// On which line, in a `default_implementation`.
        line: Option<usize>,
    },
    /// Nowhere: the first that works is used.
    Auto,
}

/// A backend that was tried and does not work here.
///
/// ```
/// use caio::{BackendKind, Choice, Context};
///
/// let choice = Choice::Ordered(vec![BackendKind::Other("mine"), BackendKind::Rust]);
/// let context = Context::builder().choice(choice).build()?;
/// let refusal = &context.info().refused[0];
/// assert_eq!(refusal.backend, BackendKind::Other("mine"));
/// assert!(refusal.to_string().starts_with("mine: no backend of this crate"));
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Refusal {
    /// Which one.
    pub backend: BackendKind,
    /// Why: with the errno and, where there is one, the cure.
    pub error: Error,
}

/// A configuration file that was looked for.
///
/// ```
/// use caio::{Context, FileState};
///
/// for file in &Context::builder().build()?.info().files {
///     match file.state {
///         FileState::Read => assert!(file.path.exists()),
///         FileState::Absent => assert!(!file.path.exists()),
///         other => println!("{}: {other}", file.path.display()),
///     }
/// }
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConfigFile {
    /// Where.
    pub path: PathBuf,
    /// What came of it.
    pub state: FileState,
}

/// What came of looking for a configuration file.
///
/// ```
/// use caio::FileState;
///
/// assert_eq!(FileState::Absent.to_string(), "not there");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileState {
    /// It was read.
    Read,
    /// It is not there.
    Absent,
    /// This user may not read it.
    Forbidden,
    /// It was skipped: it is world-writable, or its directory is, without the sticky bit.
    WorldWritable,
    /// It was skipped: it belongs neither to root nor to the user that the program runs as.
    OtherOwner,
    /// It was not looked for: an earlier file has said what this one could say.
    Shadowed,
}

impl Info {
    /// Whether the backend in use is the first that was asked for. A list that had to be followed
    /// to a later name is not; `auto` asks for no particular one and always is.
    ///
    /// ```
    /// use caio::{BackendKind, Choice, Context};
    ///
    /// let choice = Choice::Ordered(vec![BackendKind::Other("mine"), BackendKind::Rust]);
    /// let context = Context::builder().choice(choice).build()?;
    /// assert!(!context.info().is_as_requested());
    /// let context = Context::builder().backend(BackendKind::Rust).build()?;
    /// assert!(context.info().is_as_requested());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_as_requested(&self) -> bool {
        self.refused.is_empty() || self.is_auto()
    }

    /// Whether no particular backend was asked for.
    ///
    /// ```
    /// use caio::{BackendKind, Choice, Context};
    ///
    /// assert!(Context::builder().choice(Choice::Auto).build()?.info().is_auto());
    /// assert!(!Context::builder().backend(BackendKind::Rust).build()?.info().is_auto());
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn is_auto(&self) -> bool {
        self.requested == "auto"
    }

    /// The classes of file that the context's pool serves, since the backend does not.
    ///
    /// ```
    /// use caio::{BackendKind, Context};
    ///
    /// let context = Context::builder().build()?;
    /// let info = context.info();
    /// assert!(info.routed_classes().all(|class| !info.capability.classes.contains(class)));
    /// // A pool of threads serves everything itself.
    /// let context = Context::builder().backend(BackendKind::Rust).build()?;
    /// assert_eq!(context.info().routed_classes().count(), 0);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn routed_classes(&self) -> impl Iterator<Item = FileClass> {
        let classes = self.capability.classes;
        FileClass::ALL.into_iter().filter(move |class| !classes.contains(*class))
    }

    /// The operations that the context's pool does, since the backend does not.
    ///
    /// ```
    /// use caio::{BackendKind, Context};
    ///
    /// let context = Context::builder().build()?;
    /// let info = context.info();
    /// assert!(info.routed_operations().all(|kind| !info.capability.operations.contains(kind)));
    /// // A pool of threads does everything itself.
    /// let context = Context::builder().backend(BackendKind::Rust).build()?;
    /// assert_eq!(context.info().routed_operations().count(), 0);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn routed_operations(&self) -> impl Iterator<Item = OpKind> {
        let operations = self.capability.operations;
        OpKind::ALL.into_iter().filter(move |kind| !operations.contains(*kind))
    }

    /// Which buffered writes the context's pool does although the backend could; empty for none.
    ///
    /// ```
    /// use caio::{BufferedWrites, Context};
    ///
    /// let context = Context::builder()
    ///     .configure(|config| config.buffered_writes = BufferedWrites::Pool)
    ///     .build()?;
    /// assert_eq!(context.info().routed_writes(), "all buffered writes");
    /// # Ok::<(), caio::Error>(())
    /// ```
    #[must_use]
    pub fn routed_writes(&self) -> &'static str {
        match self.limits.buffered_writes {
            BufferedWrites::Pool => "all buffered writes",
            BufferedWrites::InPlace => "buffered writes that would wait",
            BufferedWrites::Auto if self.capability.writes_buffered_slowly => {
                "buffered writes where the file system has no non-blocking ones (ext4)"
            }
            BufferedWrites::Auto | BufferedWrites::Backend => "",
        }
    }
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "backend", self.backend)?;
        row(f, "asked for", format_args!("{} by {}", self.requested, self.requested_by))?;
        for refusal in &self.refused {
            row(f, "refused", refusal)?;
        }
        row(f, "kernel", &self.kernel)?;
        row(f, "operations", list(self.capability.operations.iter()))?;
        row(f, "file classes", list(self.capability.classes.iter()))?;
        row(f, "routed", self.routed())?;
        for feature in &self.capability.features {
            row(f, "feature", feature)?;
        }
        self.limits(f)?;
        if !self.ignored.is_empty() {
            let names = self.ignored.join(", ");
            row(
                f,
                "ignored",
                format_args!("{names}: the program has rights that its caller lacks"),
            )?;
        }
        for file in &self.files {
            row(f, "looked for", format_args!("{} ({})", file.path.display(), file.state))?;
        }
        Ok(())
    }
}

impl Info {
    fn routed(&self) -> String {
        let operations = list(self.routed_operations());
        let classes = self.routed_classes().map(|class| format!("{class} files"));
        let parts = [operations, list(classes), self.routed_writes().to_owned()];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            "nothing".into()
        } else {
            format!("{} to the pool", parts.join("; "))
        }
    }

    fn limits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = &self.limits;
        row(f, "requests", format_args!("at most {}", limits.max_requests))?;
        row(f, "in flight", format_args!("at most {} bytes", limits.max_bytes_in_flight))?;
        row(f, "open files", format_args!("at most {}", limits.max_open_files))?;
        let (min, max) = (limits.threads_min, limits.threads_max);
        let idle_ms = limits.threads_idle_timeout_ms;
        row(f, "pool threads", format_args!("{min} to {max}, the idle end after {idle_ms} ms"))?;
        if limits.in_place {
            row(f, "in place", format_args!("up to {} bytes", limits.in_place_bytes_max))
        } else {
            row(f, "in place", "nothing")
        }
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<13} {value}")
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    words(items).join(", ")
}

fn words<T: ToString>(items: impl Iterator<Item = T>) -> Vec<String> {
    items.map(|item| item.to_string()).collect()
}

/// Plain words and numbers, for JSON. The keys are part of the interface.
impl Serialize for Info {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Info", 14)?;
        fields.serialize_field("backend", self.backend.name())?;
        fields.serialize_field("requested", &self.requested)?;
        fields.serialize_field("requested_by", &self.requested_by)?;
        fields.serialize_field("is_as_requested", &self.is_as_requested())?;
        fields.serialize_field("refused", &self.refused)?;
        fields.serialize_field("kernel", &self.kernel)?;
        fields.serialize_field("operations", &words(self.capability.operations.iter()))?;
        fields.serialize_field("classes", &words(self.capability.classes.iter()))?;
        fields.serialize_field("requests_max", &self.capability.requests_max)?;
        let routed = Routed {
            operations: words(self.routed_operations()),
            classes: words(self.routed_classes()),
            writes: self.routed_writes(),
        };
        fields.serialize_field("routed", &routed)?;
        fields.serialize_field("features", &self.capability.features)?;
        fields.serialize_field("limits", &self.limits)?;
        fields.serialize_field("files", &self.files)?;
        fields.serialize_field("ignored", &self.ignored)?;
        fields.end()
    }
}

#[derive(Serialize)]
struct Routed {
    operations: Vec<String>,
    classes: Vec<String>,
    writes: &'static str,
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Refusal", 4)?;
        fields.serialize_field("backend", self.backend.name())?;
        fields.serialize_field("errno", &self.error.raw_os_error())?;
        fields.serialize_field("error", &self.error.to_string())?;
        fields.serialize_field("cure", &self.error.cure())?;
        fields.end()
    }
}

impl fmt::Display for RequestedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code => f.write_str("the program"),
            Self::Environment => f.write_str("CAIO_IMPL"),
            Self::File { path, line: Some(line) } => {
                write!(f, "{}, line {line}", path.display())
            }
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::Auto => f.write_str("default"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.error.to_string();
        // The errors of a backend start with its name already.
        match text.strip_prefix(self.backend.name()).and_then(|rest| rest.strip_prefix(": ")) {
            Some(rest) => write!(f, "{}: {rest}", self.backend),
            None => write!(f, "{}: {text}", self.backend),
        }
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Absent => "not there",
            Self::Forbidden => "not readable for this user",
            Self::WorldWritable => "skipped, since it or its directory is world-writable",
            Self::OtherOwner => "skipped, since it belongs to another user",
            Self::Shadowed => "not needed after an earlier file",
        })
    }
}
