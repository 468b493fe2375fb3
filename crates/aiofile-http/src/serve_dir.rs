//! The service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};

use aiofile::Context;
use http::{Request, Response};
use tower_service::Service;

use crate::answer::answer;
use crate::body::Body;
use crate::encoding::Encoding;

/// Serves the files of a directory: a service of tower's, cheap to clone.
///
/// It answers GET and HEAD. What is no regular file, does not exist or lies outside of the
/// directory is answered with 404, a path that leads upwards with 400, and a file that may not be
/// read with 403; a symbolic link is followed within the directory, and what is opened is looked at
/// again, so that a link that changes meanwhile leads nowhere else.
///
/// Ranges (one each request), `If-Match`, `If-None-Match`, `If-Modified-Since`,
/// `If-Unmodified-Since` and `If-Range` are answered as RFC 9110 has them. An entity tag is made of
/// the file's number, length and time, and is weak while the time is younger than two seconds.
///
/// # Costs
/// A file whose path and contents are cached is answered without a hop. Up to 64 KiB are read
/// before the answer; more is read in chunks of 256 KiB as fast as the client takes them, so that
/// a slow one costs a few of them and no thread.
///
/// # Errors
/// None: what cannot be done is a status. A file that is cut while it is sent ends the connection.
///
/// # Cancel safety
/// A response that is dropped ends its reads.
#[derive(Clone)]
pub struct ServeDir {
    pub(crate) settings: Arc<Settings>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) directory: PathBuf,
    /// The same without symbolic links, once it was asked for.
    pub(crate) root: OnceLock<PathBuf>,
    pub(crate) context: Option<Context>,
    pub(crate) index: Option<String>,
    pub(crate) encodings: Vec<Encoding>,
}

/// What [`ServeDir`] answers.
pub type ResponseFuture =
    Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send + 'static>>;

impl ServeDir {
    /// Of this directory. It is looked for with each request until it is there.
    #[must_use]
    pub fn new(directory: impl AsRef<Path>) -> Self {
        let settings = Settings {
            directory: directory.as_ref().to_owned(),
            root: OnceLock::new(),
            context: None,
            index: None,
            encodings: Vec::new(),
        };
        Self { settings: Arc::new(settings) }
    }

    /// The context that does the operations; unless set, the default one of each task.
    #[must_use]
    pub fn context(self, context: &Context) -> Self {
        self.with(|settings| settings.context = Some(context.clone()))
    }

    /// The file that is served where the path ends with a slash and is that of a directory, such
    /// as `index.html`. Without one, and where it is not there, a directory is answered with 404.
    /// A directory whose path does not end with a slash is redirected to the one that does.
    #[must_use]
    pub fn index_file(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with(|settings| settings.index = Some(name))
    }

    /// Serves `name.br`, `name.gz` or `name.zst` in place of `name` to clients that accept it: the
    /// first of these encodings that the client accepts and whose file is there. One that is older
    /// than `name` is served as well: whoever makes them keeps them in step.
    #[must_use]
    pub fn precompressed(self, encodings: impl IntoIterator<Item = Encoding>) -> Self {
        let encodings = encodings.into_iter().collect();
        self.with(|settings| settings.encodings = encodings)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<B> Service<Request<B>> for ServeDir {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let settings = Arc::clone(&self.settings);
        let (request, _) = request.into_parts();
        Box::pin(async move { Ok(answer(&settings, &request).await) })
    }
}

impl fmt::Debug for ServeDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServeDir").field(&self.settings.directory).finish()
    }
}
