//! Several whole files in one hop: what a thread of the pool finds in memory it opens, reads and
//! closes at once, and the rest is left to others.

use std::path::PathBuf;
use std::sync::Arc;

use super::{IN_PLACE_BYTES_MAX, read_cached};
use crate::context::Context;
use crate::error::Result;

impl Context {
    /// The contents of those of these files that can be read without waiting, in the order of the
    /// paths, in one hop: what [`read_file`](Self::read_file) does on the calling thread, a thread
    /// of the pool does for all of them, so that none waits for another.
    ///
    /// It stops at the first that is another: that and what comes behind it is `None`, to be read
    /// by [`read_file`](Self::read_file), whose answer counts. With layers around the context,
    /// which are to see each file, and on a backend with files of its own all are `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Shutdown`](crate::ErrorKind::Shutdown).
    ///
    /// # Cancel safety
    /// A future that is dropped before a thread has begun opens nothing; once begun, the thread
    /// reads to the end, and closes what it opened.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/support.rs")); }
    /// # doc::run(async {
    /// # let context = caio::Context::builder().build()?;
    /// # let path = doc::fresh_path();
    /// # std::fs::write(&path, "some text")?;
    /// let paths = vec![path.clone(), path.clone()];
    /// for read in context.read_files(paths).await? {
    ///     let contents = match read {
    ///         Some(contents) => contents,
    ///         None => context.read_file(&path).await?,
    ///     };
    ///     assert_eq!(contents, b"some text");
    /// }
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read_files(&self, paths: Vec<PathBuf>) -> Result<Vec<Option<Vec<u8>>>> {
        let is_seen = !self.inner.layers.is_empty() || self.info().capability.own_files;
        if is_seen || paths.is_empty() {
            return Ok(paths.into_iter().map(|_| None).collect());
        }
        let open_files = Arc::clone(&self.inner.open_files);
        let read = move || {
            // An open file beyond the limit waits for its place where requests wait, and an error
            // here is no verdict.
            let one = |path: &PathBuf| {
                let _place = open_files.try_open().ok()?;
                read_cached(path, IN_PLACE_BYTES_MAX).ok()?
            };
            let mut read: Vec<_> = paths.iter().map_while(|path| one(path).map(Some)).collect();
            // What comes behind one that is waited for is waited for at the same time.
            read.resize_with(paths.len(), || None);
            Ok(read)
        };
        let read = self.run("read", read).await?;
        for contents in read.iter().flatten() {
            self.inner.metrics.read_by_closure(contents.len());
        }
        Ok(read)
    }
}
