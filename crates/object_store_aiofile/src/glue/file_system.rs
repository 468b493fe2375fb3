//! The store as the trait of one version of object_store wants it. This file is a module of each.

#[path = "convert.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod convert;
#[path = "low_level.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod low_level;
#[path = "upload.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod upload;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use aiofile::Context;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::{get_result, list_result, object_store, put_result};
use crate::list::Listed;
use crate::staged::Target;
use crate::store::Store;
use convert::{STORE, location, object_meta, tag};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, RenameTargetMode, Result,
};

/// So many objects are deleted in one hop.
const DELETED_AT_ONCE: usize = 64;

/// Files below a directory as an object store: see the [crate](crate)'s documentation.
#[derive(Debug, Clone)]
pub struct AioFileSystem {
    store: Store,
}

impl AioFileSystem {
    /// A store of all files there are: the location of `/data/a.parquet` is `data/a.parquet`.
    #[must_use]
    pub fn new() -> Self {
        Self { store: Store::new("/".as_ref()) }
    }

    /// A store of the files below a directory. Resolves its path on the calling thread.
    ///
    /// # Errors
    /// Where the directory is not there.
    pub fn new_with_prefix(directory: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(Self { store: Store::with_root(directory.as_ref())? })
    }

    /// The context that does the operations; unless set, the default one of each task.
    #[must_use]
    pub fn with_context(mut self, context: &Context) -> Self {
        self.store.set_context(context);
        self
    }

    /// Whether reads go past the page cache (`O_DIRECT`): right for data that is read once, or is
    /// larger than the memory. The file system has to support it.
    #[must_use]
    pub fn with_direct(mut self, direct: bool) -> Self {
        self.store.set_direct(direct);
        self
    }

    /// Whether all that was changed is on the device before a call returns: the contents before
    /// they get their name, and the names in the directories after that.
    ///
    /// Applies to puts, uploads when they are completed, copies, renames, deletions, and to the
    /// directories that are made on the way. A call that fails in its last sync has made its
    /// change, of which nobody knows whether it outlives a loss of power.
    #[must_use]
    pub fn with_durable(mut self, durable: bool) -> Self {
        self.store.is_durable = durable;
        self
    }

    /// Reads two ranges of one `get_ranges` together where no more than so many bytes lie between
    /// them; 4 KiB unless set. More is right for rotating disks and network file systems.
    #[must_use]
    pub fn with_gap_max(mut self, bytes: u64) -> Self {
        self.store.ranges = self.store.ranges.gap_max(bytes);
        self
    }

    /// How many files stay open from one read to the next; 64 unless set, and 0 for none.
    ///
    /// An open file is used again while the system says that the path still leads to it, and that
    /// its length and its times are what they were. The space of one that another program deletes
    /// is given back when it is closed, which its next read does, or 64 other files.
    #[must_use]
    pub fn with_open_files_max(mut self, files: usize) -> Self {
        self.store.set_open_files(files);
        self
    }

    /// Whether [`get_opts`](ObjectStore::get_opts) gives the open file
    /// ([`GetResultPayload::File`]), as `LocalFileSystem` does, for programs that read it
    /// themselves. Unless set, it gives a stream, which reads large pieces ahead.
    #[must_use]
    pub fn with_file_payload(mut self, file: bool) -> Self {
        self.store.gives_files = file;
        self
    }

    /// Whether directories that become empty when an object is deleted or renamed are removed.
    #[must_use]
    pub fn with_automatic_cleanup(mut self, cleanup: bool) -> Self {
        self.store.cleans_up = cleanup;
        self
    }

    /// The path of an object's file.
    ///
    /// # Errors
    /// Where the location is that of no object, see the [crate](crate)'s documentation.
    pub fn path_to_filesystem(&self, location: &Path) -> Result<PathBuf> {
        Ok(self.store.path(location.as_ref())?)
    }

    fn not_implemented(&self, operation: &str) -> Error {
        Error::NotImplemented { operation: operation.into(), implementer: self.to_string() }
    }

    fn listing(
        &self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.map_or("", AsRef::as_ref);
        let listed = self.store.list(prefix, offset.map(AsRef::as_ref));
        listed.map(|listed| object(&listed?)).boxed()
    }
}

impl Default for AioFileSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for AioFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STORE}({})", self.store.root.display())
    }
}

#[async_trait]
impl ObjectStore for AioFileSystem {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let target = match options.mode {
            PutMode::Overwrite => Target::Any,
            PutMode::Create => Target::New,
            PutMode::Update(_) => {
                return Err(self.not_implemented("`put_opts` with mode `PutMode::Update`"));
            }
        };
        if !options.attributes.is_empty() {
            return Err(self.not_implemented("`put_opts` with attributes"));
        }
        let path = self.path_to_filesystem(location)?;
        let put = self.store.put(&path, payload.into_iter().collect(), target).await?;
        Ok(put_result(tag(&put)))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            return Err(self.not_implemented("`put_multipart_opts` with attributes"));
        }
        let path = self.path_to_filesystem(location)?;
        Ok(Box::new(self.store.begin(&path).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = self.path_to_filesystem(location)?;
        let examine = |metadata| examine(location, &metadata, &options);
        if options.head {
            let (meta, range) = examine(self.store.metadata(&path).await?)?;
            return Ok(get_result(GetResultPayload::Stream(stream::empty().boxed()), meta, range));
        }
        if self.store.gives_files {
            let (file, metadata) = self.store.open_std(&path).await?;
            let (meta, range) = examine(metadata)?;
            return Ok(get_result(GetResultPayload::File(file, path), meta, range));
        }
        let (file, metadata) = self.store.open(&path).await?;
        let (meta, range) = examine(metadata)?;
        let body = self.store.body(file, range.clone()).map_err(Error::from).boxed();
        Ok(get_result(GetResultPayload::Stream(body), meta, range))
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let path = self.path_to_filesystem(location)?;
        Ok(self.store.ranges(&path, ranges).await?)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.store.clone();
        let delete = move |locations| delete(store.clone(), locations);
        locations.ready_chunks(DELETED_AT_ONCE).then(delete).flat_map(stream::iter).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let listed = self.store.list_directory(prefix.map_or("", AsRef::as_ref)).await?;
        let (mut prefixes, mut objects) = (BTreeSet::new(), Vec::new());
        for listed in &listed {
            if listed.metadata.is_dir() {
                prefixes.insert(location(listed)?);
            } else {
                objects.push(object(listed)?);
            }
        }
        Ok(list_result(prefixes.into_iter().collect(), objects))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let target = match options.mode {
            CopyMode::Overwrite => Target::Any,
            CopyMode::Create => Target::New,
        };
        let (from, to) = (self.path_to_filesystem(from)?, self.path_to_filesystem(to)?);
        Ok(self.store.copy(&from, &to, target).await?)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let target = match options.target_mode {
            RenameTargetMode::Overwrite => Target::Any,
            RenameTargetMode::Create => Target::New,
        };
        let (from, to) = (self.path_to_filesystem(from)?, self.path_to_filesystem(to)?);
        Ok(self.store.rename(&from, &to, target).await?)
    }
}

/// What is known of an object that meets the conditions, and which part of it is wanted.
fn examine(
    location: &Path,
    metadata: &std::fs::Metadata,
    options: &GetOptions,
) -> Result<(ObjectMeta, Range<u64>)> {
    let meta = object_meta(location.clone(), metadata);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        None => 0..meta.size,
        Some(range) => range.as_range(meta.size).map_err(|wrong| {
            let message = format!("{location}: {wrong}");
            Error::Generic { store: STORE, source: message.into() }
        })?,
    };
    Ok((meta, range))
}

fn object(listed: &Listed) -> Result<ObjectMeta> {
    Ok(object_meta(location(listed)?, &listed.metadata))
}

/// Deletes the objects of these locations, and tells of each what came of it.
async fn delete(store: Store, locations: Vec<Result<Path>>) -> Vec<Result<Path>> {
    let located = locations.into_iter().map(|location| {
        let location = location?;
        let path = store.path(location.as_ref())?;
        Ok((location, path))
    });
    let located: Vec<Result<_>> = located.collect();
    let paths = located.iter().flatten().map(|(_, path)| path.clone()).collect();
    let mut deleted = match store.delete(paths).await {
        Ok(deleted) => deleted.into_iter(),
        Err(error) => {
            let failed: Error = error.into();
            return vec![Err(failed)];
        }
    };
    let tell = |located: Result<(Path, PathBuf)>| {
        let (location, _) = located?;
        deleted.next().unwrap_or(Ok(()))?;
        Ok(location)
    };
    located.into_iter().map(tell).collect()
}
