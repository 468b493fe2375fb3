//! Configuration files: read into a type of the program's, laid over each other, saved, and read
//! again when they change.

mod format;
mod locate;
mod sources;
mod strict;
mod value;
mod watch;

use std::io;
use std::path::{Path, PathBuf};

use aiofile::Context;
use aiofile::fs::AtomicWriteOptions;
use caio::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use format::ConfigFormat;
pub use value::ConfigValue;
pub use watch::{ConfigChange, ConfigWatch};

use crate::steps::context_or_default;
use crate::watch::WatchOptions;
use watch::Files;

/// A file of more bytes is none that a person wrote.
const BYTES_MAX: u64 = 1 << 20;

/// How configuration files are read and written.
///
/// The format is that of the name's ending. What is read becomes any type that serde can make, or a
/// [`ConfigValue`]. With an [`environment`](Self::environment), the file of that environment is
/// laid over the one that is named.
///
/// ```
/// # #[tokio::main] async fn main() -> std::io::Result<()> {
/// # let place = tempfile::tempdir()?; std::env::set_current_dir(&place)?;
/// use aiofile_util::ConfigOptions;
///
/// #[derive(serde::Deserialize)]
/// struct Config { port: u16, workers: usize }
///
/// std::fs::write("app.json", r#"{"port": 80, "workers": 2}"#)?;
/// std::fs::write("app.production.json", r#"{"workers": 16}"#)?;
/// let options = ConfigOptions::new().environment("production");
/// let config: Config = options.load("app.json").await?;
/// assert_eq!((config.port, config.workers), (80, 16));
///
/// std::fs::write("app.json", "{\n  \"port\": \"http\",\n  \"workers\": 2\n}")?;
/// let error = options.load::<Config>("app.json").await.err().unwrap();
/// let message = error.to_string();
/// assert!(message.starts_with("parse app.json: line 2, column 16: port: invalid type"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ConfigOptions {
    context: Option<Context>,
    environment: Option<String>,
    format: Option<ConfigFormat>,
    bytes_max: u64,
    watching: WatchOptions,
}

impl ConfigOptions {
    /// No environment, the format of the ending, at most a MiB, and the default context.
    #[must_use]
    pub fn new() -> Self {
        Self {
            context: None,
            environment: None,
            format: None,
            bytes_max: BYTES_MAX,
            watching: WatchOptions::new(),
        }
    }

    /// In this context.
    #[must_use]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// Lays `app.production.json` over `app.json` where that file is there, for the environment
    /// `production`; see [`ConfigValue::merge`].
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.environment = Some(name.into());
        self
    }

    /// In this format, whatever the name's ending says.
    #[must_use]
    pub fn format(mut self, format: ConfigFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Refuses a file of more bytes, before they are in memory: a MiB unless said.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// How [`watch`](Self::watch) watches, as by the time after which changes are told.
    #[must_use]
    pub fn watch_options(mut self, options: WatchOptions) -> Self {
        self.watching = options;
        self
    }

    /// Reads the file, and that of the environment.
    ///
    /// Costs: one hop for each file that is not cached.
    ///
    /// # Errors
    /// `InvalidData` for a text that is not of this format or not of this type, with file, line and
    /// column (in characters); also for a key that is there twice, a number that is not finite,
    /// what is no table, and too large a file. `InvalidInput` where the ending names no format, and
    /// for an environment that is no part of a name. Else what opening and reading answer.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn load<T: DeserializeOwned>(&self, path: impl AsRef<Path>) -> io::Result<T> {
        let files = self.files(path.as_ref()).await?;
        let sources = files.read().await?;
        Ok(sources.value(files.format)?)
    }

    /// Reads the same, and tells what it has become whenever it changes. Files may be written,
    /// replaced, removed and put back, and the environment's may appear. While they are bad or
    /// missing, the configuration is the last good one. A file that is written in place is read
    /// once nothing has happened to it for the time of [`WatchOptions::debounce`].
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let place = tempfile::tempdir()?; let path = place.path().join("app.json");
    /// use aiofile_util::{ConfigOptions, ConfigValue};
    ///
    /// std::fs::write(&path, r#"{"level": "info"}"#)?;
    /// let mut config = ConfigOptions::new().watch::<ConfigValue>(&path).await?;
    /// aiofile::fs::write_atomic(&path, r#"{"level": "debug"}"#).await?;
    ///
    /// let change = config.next().await.unwrap()?;
    /// assert_eq!(change.old.get::<String>("level")?.as_deref(), Some("info"));
    /// assert_eq!(change.new.get::<String>("level")?.as_deref(), Some("debug"));
    /// assert_eq!(config.current(), change.new);
    /// # Ok(()) }
    /// ```
    ///
    /// Costs: as [`load`](Self::load), at each change in the directory of the file.
    ///
    /// # Errors
    /// As for [`load`](Self::load) and [`WatchOptions::watch`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the watching.
    #[doc(alias = "reload")]
    pub async fn watch<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        path: impl AsRef<Path>,
    ) -> io::Result<ConfigWatch<T>> {
        ConfigWatch::begin(self.files(path.as_ref()).await?, &self.watching).await
    }

    /// Writes a configuration to exactly this file, at once: who reads it finds the old one or the
    /// new one, also after a crash. The file keeps its mode. Comments are lost.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> std::io::Result<()> {
    /// # let place = tempfile::tempdir()?; let path = place.path().join("app.json");
    /// use aiofile_util::{ConfigOptions, ConfigValue};
    ///
    /// let mut config = ConfigValue::default();
    /// config.set("server.port", 80)?;
    /// ConfigOptions::new().save(&path, &config).await?;
    /// assert_eq!(ConfigOptions::new().load::<ConfigValue>(&path).await?, config);
    /// # Ok(()) }
    /// ```
    ///
    /// Costs: one hop, which waits for the device.
    ///
    /// # Errors
    /// `InvalidInput` where the ending names no format, and for a value that the format has no form
    /// for, such as nothing in TOML. Else as for [`aiofile::fs::write_atomic`].
    ///
    /// # Cancel safety
    /// As for [`aiofile::fs::write_atomic`].
    pub async fn save(&self, path: impl AsRef<Path>, value: &impl Serialize) -> io::Result<()> {
        let path = path.as_ref();
        let text = self.format_of(path)?.write(value).map_err(|message| {
            Error::new(ErrorKind::InvalidInput, message).doing("write").on(path)
        })?;
        let mut options = AtomicWriteOptions::new();
        if let Some(context) = &self.context {
            options.context(context);
        }
        options.write(path, text).await
    }

    async fn files(&self, path: &Path) -> io::Result<Files> {
        let format = self.format_of(path)?;
        let mut paths = vec![path.to_owned()];
        if let Some(environment) = &self.environment {
            paths.push(path_in(path, environment)?);
        }
        let context = context_or_default(self.context.as_ref()).await?;
        Ok(Files { context, paths, format, bytes_max: self.bytes_max })
    }

    fn format_of(&self, path: &Path) -> Result<ConfigFormat> {
        self.format.or_else(|| ConfigFormat::of(path)).ok_or_else(|| {
            let message = "the ending of the name tells no format";
            let error = Error::new(ErrorKind::InvalidInput, message).doing("parse").on(path);
            error.hint(
                "name it .json, .toml or .yaml; the last two need the features `toml` and `yaml` \
                 of aiofile-util",
            )
        })
    }
}

impl Default for ConfigOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The file of an environment: its name stands before the ending.
fn path_in(path: &Path, environment: &str) -> Result<PathBuf> {
    let is_part_of_a_name = !environment.is_empty() && !environment.contains(['/', '\0']);
    let Some(stem) = path.file_stem().filter(|_| is_part_of_a_name) else {
        let message = format!("the environment {environment:?} makes no name of a file");
        return Err(Error::new(ErrorKind::InvalidInput, message).doing("parse").on(path));
    };
    let mut name = stem.to_owned();
    name.push(".");
    name.push(environment);
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    Ok(path.with_file_name(name))
}
