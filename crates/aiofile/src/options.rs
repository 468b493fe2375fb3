//! How a file is opened.

mod flags;
mod from_std;
mod rw_flags;

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use caio::{BufferedWrites, Context, Error};

use crate::aio_file::AioFile;
use crate::file::File;
use crate::mode::Mode;
use crate::runtime::chosen_context;
use flags::contradiction;

/// Options for opening a file, as those of std and tokio.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> aiofile::Result<()> {
/// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
/// use aiofile::OpenOptions;
///
/// let mut options = OpenOptions::new();
/// options.write(true).create_new(true).mode(0o600);
/// let file = options.open_aio(&path).await?;
/// file.write_all_at("secret", 0).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "options open nothing until `open` is called"]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    direct: bool,
    bounce: bool,
    custom_flags: i32,
    mode: u32,
    buffered_writes: Option<BufferedWrites>,
    dont_cache: bool,
    atomic_writes: bool,
    context: Option<Context>,
    /// Options of std's that these were, and what was set since.
    std: Option<fs::OpenOptions>,
}

impl OpenOptions {
    /// Nothing set: [`open`](Self::open) needs at least one of read, write and append.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::OpenOptions;
    ///
    /// let mut options = OpenOptions::new();
    /// assert!(options.open("/proc/version").await.is_err());
    /// assert!(options.read(true).open("/proc/version").await.is_ok());
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// For reading.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::OpenOptions;
    ///
    /// let file = OpenOptions::new().read(true).open_aio("/proc/version").await?;
    /// assert_eq!(file.read_at(5, 0).await?, "Linux");
    /// assert!(file.write_at("Minix", 0).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self.set_in_std(|std| std.read(read))
    }

    /// For writing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("data");
    /// # std::fs::write(&path, "hello")?;
    /// use aiofile::OpenOptions;
    ///
    /// let file = OpenOptions::new().write(true).open_aio(&path).await?; // hello
    /// file.write_all_at("J", 0).await?;
    /// assert_eq!(aiofile::fs::read_to_string(&path).await?, "Jello");
    /// # Ok(()) }
    /// ```
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self.set_in_std(|std| std.write(write))
    }

    /// For writing at the end, wherever that is when a write takes place. Positional writes are
    /// refused on such a file: Linux would ignore their offset.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// use aiofile::OpenOptions;
    ///
    /// let log = OpenOptions::new().append(true).create(true).open_aio(&path).await?;
    /// log.append("started\n").await?;
    /// log.append("stopped\n").await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"started\nstopped\n");
    /// assert!(log.write_at("S", 0).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self.set_in_std(|std| std.append(append))
    }

    /// Cut off former contents. Needs `write`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("report");
    /// # std::fs::write(&path, "too long")?;
    /// use aiofile::OpenOptions;
    ///
    /// let file = OpenOptions::new().write(true).truncate(true).open_aio(&path).await?; // too long
    /// file.write_all_at("short", 0).await?;
    /// assert_eq!(aiofile::fs::read_to_string(&path).await?, "short");
    /// # Ok(()) }
    /// ```
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self.set_in_std(|std| std.truncate(truncate))
    }

    /// Create the file where it is missing. Needs `write` or `append`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("new");
    /// use aiofile::OpenOptions;
    ///
    /// let mut options = OpenOptions::new();
    /// options.write(true);
    /// assert!(options.open_aio(&path).await.is_err());
    /// options.create(true);
    /// assert!(options.open_aio(&path).await.is_ok(), "it is made");
    /// assert!(options.open_aio(&path).await.is_ok(), "it is there");
    /// # Ok(()) }
    /// ```
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self.set_in_std(|std| std.create(create))
    }

    /// Create the file, and fail where something of that name exists. Needs `write` or `append`.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("lock");
    /// use aiofile::OpenOptions;
    ///
    /// let mut options = OpenOptions::new();
    /// options.write(true).create_new(true);
    /// let lock = options.open_aio(&path).await?;
    /// let error = options.open_aio(&path).await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// # Ok(()) }
    /// ```
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self.set_in_std(|std| std.create_new(create_new))
    }

    /// Bypass the page cache (`O_DIRECT`). Reads of any offset and length, into any memory and also
    /// into several buffers, work: they are widened to the blocks around them where that is needed.
    /// Writes must be aligned, each buffer of a vectored one by itself, unless
    /// [`bounce`](Self::bounce) is set; with `append` so must be the end of the file.
    /// On Linux only: elsewhere opening such a file is refused.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("blocks");
    /// use aiofile::{AlignedBuffer, OpenOptions};
    ///
    /// let mut options = OpenOptions::new();
    /// options.read(true).write(true).create(true).direct(true);
    /// # // EINVAL is the answer of a file system that has no O_DIRECT.
    /// # let refusal = options.open_aio(&path).await.err().map(|error| error.kind());
    /// # if refusal == Some(std::io::ErrorKind::InvalidInput) { return Ok(()) }
    /// let file = options.open_aio(&path).await?;
    /// file.write_all_at(AlignedBuffer::copy_of(&[b'x'; 8192], 4096), 0).await?;
    /// assert_eq!(file.read_at(4, 4094).await?, "xxxx");
    /// assert!(file.write_at("misaligned", 5).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn direct(&mut self, direct: bool) -> &mut Self {
        self.direct = direct;
        let all = self.custom_flags | self.direct_flag();
        self.set_in_std(|std| std.custom_flags(all))
    }

    /// Let misaligned writes to an O_DIRECT file go through the page cache instead of refusing
    /// them. Such a write is as good as any, but it is a buffered one: slower, and on the device
    /// only after a sync.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("blocks");
    /// use aiofile::OpenOptions;
    ///
    /// let mut options = OpenOptions::new();
    /// options.read(true).write(true).create(true).direct(true);
    /// # // EINVAL is the answer of a file system that has no O_DIRECT.
    /// # let refusal = options.open_aio(&path).await.err().map(|error| error.kind());
    /// # if refusal == Some(std::io::ErrorKind::InvalidInput) { return Ok(()) }
    /// let file = options.bounce(true).open_aio(&path).await?;
    /// file.write_all_at("misaligned", 5).await?;
    /// assert_eq!(file.read_at(100, 5).await?, "misaligned");
    /// # Ok(()) }
    /// ```
    pub fn bounce(&mut self, bounce: bool) -> &mut Self {
        self.bounce = bounce;
        self
    }

    /// More `O_*` flags for open(2).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("link");
    /// # std::os::unix::fs::symlink("/proc/version", &path)?;
    /// use aiofile::OpenOptions;
    /// use aiofile::flags::O_NOFOLLOW;
    ///
    /// let mut options = OpenOptions::new();
    /// options.read(true);
    /// assert!(options.open_aio(&path).await.is_ok()); // a symbolic link
    /// assert!(options.custom_flags(O_NOFOLLOW).open_aio(&path).await.is_err());
    /// # Ok(()) }
    /// ```
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.custom_flags = flags;
        let all = flags | self.direct_flag();
        self.set_in_std(|std| std.custom_flags(all))
    }

    /// The mode of a file that this creates, before the umask. `0o666` unless set.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("key");
    /// use aiofile::OpenOptions;
    /// use std::os::unix::fs::PermissionsExt;
    ///
    /// let mut options = OpenOptions::new();
    /// options.write(true).create_new(true).mode(0o600);
    /// let file = options.open_aio(&path).await?;
    /// assert_eq!(file.metadata().await?.permissions().mode() & 0o777, 0o600);
    /// # Ok(()) }
    /// ```
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self.set_in_std(|std| std.mode(mode))
    }

    /// What does the buffered writes of this file, where that is not to be as in its context.
    /// [`BufferedWrites::InPlace`] saves their hop on ext4, at a risk that its documentation tells.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("log");
    /// use aiofile::{BufferedWrites, OpenOptions};
    ///
    /// let mut options = OpenOptions::new();
    /// options.append(true).create(true).buffered_writes(BufferedWrites::InPlace);
    /// let log = options.open_aio(&path).await?;
    /// log.append("started\n").await?;
    /// assert_eq!(aiofile::fs::read(&path).await?, b"started\n");
    /// # Ok(()) }
    /// ```
    pub fn buffered_writes(&mut self, writes: BufferedWrites) -> &mut Self {
        self.buffered_writes = Some(writes);
        self
    }

    /// The context to open it with; the runtime's default context unless set.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::OpenOptions;
    ///
    /// let context = aiofile::context().max_requests(8).build()?;
    /// let file = OpenOptions::new().read(true).context(&context).open_aio("/proc/version").await?;
    /// file.read_exact_at(5, 0).await?;
    /// assert_eq!(context.metrics().bytes_read, 5);
    /// # Ok(()) }
    /// ```
    pub fn context(&mut self, context: &Context) -> &mut Self {
        self.context = Some(context.clone());
        self
    }

    /// What a mode string says; the other options stay as they are.
    ///
    /// # Errors
    /// [`InvalidInput`](caio::ErrorKind::InvalidInput) for a bad mode string.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// # let directory = tempfile::tempdir().unwrap(); let path = directory.path().join("new");
    /// use aiofile::OpenOptions;
    ///
    /// let mut options = OpenOptions::new();
    /// options.access("x+")?.mode(0o600);
    /// let file = options.open_aio(&path).await?;
    /// file.write_all_at("new", 0).await?;
    /// assert_eq!(file.read_at(3, 0).await?, "new");
    /// assert!(options.open_aio(&path).await.is_err(), "x is for a file that is not there yet");
    /// # Ok(()) }
    /// ```
    pub fn access<M: TryInto<Mode, Error: Into<Error>>>(
        &mut self,
        mode: M,
    ) -> io::Result<&mut Self> {
        Ok(self.set_access(mode.try_into().map_err(Into::into)?))
    }
    pub(crate) fn set_access(&mut self, mode: Mode) -> &mut Self {
        self.read = mode.reads();
        self.append = mode.appends();
        self.write = mode.writes() && !mode.appends();
        self.truncate = mode.truncates();
        self.create = mode.creates() && !mode.is_exclusive();
        self.create_new = mode.is_exclusive();
        let Self { read, write, append, truncate, create, create_new, .. } = *self;
        self.set_in_std(|std| {
            std.read(read).write(write).append(append);
            std.truncate(truncate).create(create).create_new(create_new)
        })
    }

    fn set_in_std(
        &mut self,
        set: impl FnOnce(&mut fs::OpenOptions) -> &mut fs::OpenOptions,
    ) -> &mut Self {
        if let Some(std) = &mut self.std {
            set(std);
        }
        self
    }

    /// Opens the file, with a cursor at its start: one hop, in which it is also examined, and with
    /// [`bounce`](Self::bounce) one more. A FIFO that is opened for reading is open at once, and
    /// its first read waits for a writer; one that is opened for writing is open when it has a
    /// reader.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for options that contradict each other, before the file is
    /// touched; what [`default_context`](crate::default_context) says where it cannot be made; else
    /// what open(2) answers.
    ///
    /// # Cancel safety
    /// Dropping the future leaks no descriptor. A file may have been created or truncated.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::{Error, OpenOptions};
    /// use std::path::Path;
    /// use tokio::io::AsyncReadExt;
    ///
    /// let mut options = OpenOptions::new();
    /// options.read(true);
    /// let mut word = [0; 5];
    /// options.open("/proc/version").await?.read_exact(&mut word).await?;
    /// assert_eq!(&word, b"Linux");
    ///
    /// let error = options.open("/nowhere").await.unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// assert_eq!(Error::of(&error).and_then(Error::path), Some(Path::new("/nowhere")));
    /// # Ok(()) }
    /// ```
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let file = self.open_aio(path).await?;
        let mode = match &self.std {
            Some(_) => Mode::of(file.file()?),
            None => self.as_mode(),
        };
        Ok(File::new(file, mode, 0))
    }

    /// As [`open`](Self::open), without a cursor: addressed by offset.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    ///
    /// # Cancel safety
    /// As for [`open`](Self::open).
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> aiofile::Result<()> {
    /// use aiofile::OpenOptions;
    ///
    /// let file = OpenOptions::new().read(true).open_aio("/proc/version").await?;
    /// assert_eq!(file.read_at(5, 0).await?, "Linux");
    /// # Ok(()) }
    /// ```
    pub async fn open_aio(&self, path: impl AsRef<Path>) -> io::Result<AioFile> {
        let path = path.as_ref();
        if self.direct && caio::flags::DIRECT.is_none() {
            return Err(contradiction("O_DIRECT exists on Linux only").on(path).into());
        }
        let (context, file) = match &self.std {
            Some(std) => {
                let context = chosen_context(self.context.as_ref()).await?;
                let file = from_std::open(&context, std.clone(), path).await?;
                (context, file)
            }
            None => {
                let flags = self.flags().map_err(|error| error.on(path))?;
                let context = chosen_context(self.context.as_ref()).await?;
                let file = context.open(path, flags, self.mode).await?;
                (context, file)
            }
        };
        if let Some(writes) = self.buffered_writes {
            file.set_buffered_writes(writes);
        }
        self.set_rw_flags(&file)?;
        let bounce = match self.bounce && file.is_direct() && file.is_writable() {
            true => Some(context.reopen_buffered(&file).await?),
            false => None,
        };
        Ok(AioFile::new(context, file, bounce))
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            direct: false,
            bounce: false,
            custom_flags: 0,
            mode: 0o666,
            buffered_writes: None,
            dont_cache: false,
            atomic_writes: false,
            context: None,
            std: None,
        }
    }
}
