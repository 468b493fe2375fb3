//! Describing a context before it exists.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use super::driver::Driver;
use super::{Context, Inner};
use crate::backend::{Backend, BackendKind};
use crate::config::{Config, Reactor};
use crate::error::Result;
use crate::file::OpenFiles;
use crate::layer::{Chain, Layer};
use crate::runtime::{NoRuntime, Runtime};
use crate::select::{self, Choice};
use crate::semaphore::Semaphore;
use crate::sys::process::Process;

/// A context in the making.
///
/// ```
/// use caio::{BackendKind, Context};
///
/// let context = Context::builder().backend(BackendKind::Rust).max_requests(64).build()?;
/// assert_eq!(context.info().backend, BackendKind::Rust);
/// # Ok::<(), caio::Error>(())
/// ```
#[derive(Default)]
#[must_use = "a builder builds nothing until `build` is called"]
pub struct ContextBuilder {
    config: Option<Config>,
    changes: Vec<Change>,
    choice: Option<Choice>,
    custom: Option<Arc<dyn Backend>>,
    runtime: Option<Arc<dyn Runtime>>,
    layers: Vec<LayersOf>,
}

/// A setting that code makes, over whatever the files say.
type Change = Box<dyn FnOnce(&mut Config)>;

/// Layers that may depend on the settings.
type LayersOf = Box<dyn FnOnce(&Config) -> Vec<Arc<dyn Layer>>>;

impl ContextBuilder {
    /// This backend and no other: where it does not work, [`build`](Self::build) fails and says
    /// why.
    ///
    /// ```
    /// use caio::{BackendKind, Context};
    ///
    /// let context = Context::builder().backend(BackendKind::Rust).build()?;
    /// assert_eq!(context.info().backend, BackendKind::Rust);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn backend(self, backend: BackendKind) -> Self {
        self.choice(Choice::only(backend))
    }

    /// This choice, instead of `CAIO_IMPL` and the configuration files.
    ///
    /// ```
    /// use caio::{BackendKind, Choice, Context};
    ///
    /// let first_that_works = Choice::Ordered(vec![BackendKind::Uring, BackendKind::Rust]);
    /// let context = Context::builder().choice(first_that_works).build()?;
    /// assert_eq!(context.info().requested, "uring,rust");
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn choice(mut self, choice: Choice) -> Self {
        self.choice = Some(choice);
        self
    }

    /// A backend from outside this crate.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::backend::pool::ThreadPool;
    /// use caio::{Config, Context};
    ///
    /// let pool = ThreadPool::open(&Config::from_toml("max_requests = 8", "built in".as_ref())?)?;
    /// let context = Context::builder().custom(Arc::new(pool)).build()?;
    /// assert_eq!(context.info().capability.requests_max, 8);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn custom(mut self, backend: Arc<dyn Backend>) -> Self {
        self.custom = Some(backend);
        self
    }

    /// These limits, instead of those of the configuration files.
    ///
    /// ```
    /// use caio::{Config, Context};
    ///
    /// let config = Config::from_toml("threads_max = 8", "built in".as_ref())?;
    /// let context = Context::builder().config(config).build()?;
    /// assert_eq!(context.config().threads_max, 8);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Any change of the limits, over whatever the configuration files say.
    ///
    /// ```
    /// let context = caio::Context::builder()
    ///     .configure(|config| config.threads_max = 8)
    ///     .build()?;
    /// assert_eq!(context.config().threads_max, 8);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn configure(mut self, change: impl FnOnce(&mut Config) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The most operations in flight at once, transfers and all others counted apart; further ones
    /// wait. Reads and writes of streams are not limited. 512 unless said.
    ///
    /// ```
    /// let context = caio::Context::builder().max_requests(64).build()?;
    /// assert_eq!(context.config().max_requests, 64);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn max_requests(self, requests: usize) -> Self {
        self.configure(move |config| config.max_requests = requests)
    }

    /// The most bytes that the transfers in flight move together. 256 MiB unless said.
    ///
    /// ```
    /// let context = caio::Context::builder().max_bytes_in_flight(16 << 20).build()?;
    /// assert_eq!(context.config().max_bytes_in_flight, 16 << 20);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn max_bytes_in_flight(self, bytes: usize) -> Self {
        self.configure(move |config| config.max_bytes_in_flight = bytes)
    }

    /// The most files open at once. Opening more waits for those that are being opened or read
    /// whole; where all are open, so that only closing one would help, it is an error at once.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// use caio::{Context, flags};
    ///
    /// let context = Context::builder().max_open_files(1).build()?;
    /// let file = context.open("/dev/zero".as_ref(), flags::O_RDONLY, 0).await?;
    /// let refused = context.open("/dev/null".as_ref(), flags::O_RDONLY, 0).await.unwrap_err();
    /// assert!(refused.to_string().contains("max_open_files"));
    /// context.close(file, true).await?;
    /// assert!(context.open("/dev/null".as_ref(), flags::O_RDONLY, 0).await.is_ok());
    /// # Ok(())
    /// # });
    /// ```
    pub fn max_open_files(self, files: usize) -> Self {
        self.configure(move |config| config.max_open_files = files)
    }

    /// How many threads of a pool stay without work, and how many there are at most.
    ///
    /// ```
    /// let context = caio::Context::builder().threads(1, 8).build()?;
    /// assert_eq!((context.config().threads_min, context.config().threads_max), (1, 8));
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn threads(self, min: usize, max: usize) -> Self {
        self.configure(move |config| (config.threads_min, config.threads_max) = (min, max))
    }

    /// Whether what need not wait is done at once, on the calling thread. True unless said.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let file = doc::file_with(b"some text")?;
    /// use caio::{Buffer, Context};
    ///
    /// let context = Context::builder().in_place(false).build()?;
    /// let buffer = Buffer::from(Vec::with_capacity(9));
    /// context.read(&file, buffer, 0..9, 0).await.0?;
    /// assert_eq!(context.metrics().in_place, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub fn in_place(self, in_place: bool) -> Self {
        self.configure(move |config| config.in_place = in_place)
    }

    /// What waits for completions: the runtime's reactor or a thread.
    ///
    /// ```
    /// use caio::{Context, Reactor};
    ///
    /// let context = Context::builder().reactor(Reactor::Never).build()?;
    /// assert_eq!(context.config().reactor, Reactor::Never);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn reactor(self, reactor: Reactor) -> Self {
        self.configure(move |config| config.reactor = reactor)
    }

    /// The services of the runtime that the context lives in. [`NoRuntime`] unless said.
    pub fn runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// One more layer around every operation. Where in the chain it stands depends on its
    /// [`Stage`](crate::Stage), not on the order of these calls.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use caio::{Context, Layer};
    ///
    /// #[derive(Debug)]
    /// struct Nothing;
    /// impl Layer for Nothing {}
    ///
    /// let context = Context::builder().layer(Arc::new(Nothing)).build()?;
    /// # drop(context);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn layer(self, layer: Arc<dyn Layer>) -> Self {
        self.layers(move |_| vec![layer])
    }

    /// More layers, made from the settings that the files and this builder come to.
    ///
    /// ```
    /// use caio::Context;
    ///
    /// let context = Context::builder()
    ///     .max_requests(8)
    ///     .layers(|config| {
    ///         assert_eq!(config.max_requests, 8);
    ///         Vec::new()
    ///     })
    ///     .build()?;
    /// # drop(context);
    /// # Ok::<(), caio::Error>(())
    /// ```
    pub fn layers(mut self, layers: impl FnOnce(&Config) -> Vec<Arc<dyn Layer>> + 'static) -> Self {
        self.layers.push(Box::new(layers));
        self
    }

    /// The context. Backend and limits come from this builder, else from `CAIO_IMPL` and the
    /// configuration files, else from what works here (see `CAIO_IMPL.md`).
    ///
    /// Reads small files and probes the backend with a real operation, so it takes around a
    /// millisecond: make one context and share it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a value that cannot be right, with the
    /// file and the line it stands in; [`ErrorKind::Backend`](crate::ErrorKind::Backend) for a
    /// backend that does not work here, with the reason and the cure.
    ///
    /// ```
    /// use caio::{Context, ErrorKind};
    ///
    /// let error = Context::builder().max_requests(0).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// assert!(error.to_string().contains("max_requests is 0"));
    /// ```
    pub fn build(self) -> Result<Context> {
        let change = |config: &mut Config| {
            self.changes.into_iter().for_each(|change| change(config));
        };
        let (backend, config, info) = match self.custom {
            Some(backend) => select::custom(backend, self.config, change)?,
            None => select::open(self.choice, self.config, change)?,
        };
        let layers = self.layers.into_iter().flat_map(|layers| layers(&config)).collect();
        let layers = Chain::new(layers);
        let requests_max = config.max_requests.min(backend.capability().requests_max);
        let inner = Arc::new_cyclic(|inner: &Weak<Inner>| {
            let opening = inner.clone();
            let resume = move || {
                opening.upgrade().into_iter().for_each(|inner| inner.resume_opening());
            };
            Inner {
                backend,
                pool: OnceLock::new(),
                runtime: self.runtime.unwrap_or_else(|| Arc::new(NoRuntime)),
                channels: Default::default(),
                metrics: Default::default(),
                pending: Default::default(),
                transfers: Semaphore::new(requests_max, config.max_bytes_in_flight),
                streams: Semaphore::new(usize::MAX, usize::MAX),
                others: Semaphore::new(config.max_requests, usize::MAX),
                admitting: Default::default(),
                reaping: Default::default(),
                retries: Default::default(),
                resubmitting: Default::default(),
                open_files: OpenFiles::new(config.max_open_files, resume),
                opening: Default::default(),
                closing: Default::default(),
                given_up: Default::default(),
                driver: Driver::new(config.reactor),
                owner: Process::current(),
                in_place: config.in_place && layers.is_empty() && !info.capability.own_files,
                layers,
                config,
                info,
            }
        });
        Ok(Context { inner })
    }
}

impl fmt::Debug for ContextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextBuilder")
            .field("choice", &self.choice)
            .field("custom", &self.custom)
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}
