//! The reader that parquet asks for ranges of a file.

use std::ops::Range;
use std::sync::Arc;

use aiofile::{AioFile, RangeOptions};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// So many bytes at the end of a file hold the metadata of most.
const FOOTER_BYTES: usize = 64 << 10;

/// A Parquet file for parquet's [`ParquetRecordBatchStreamBuilder`], which reads all column chunks
/// that a row group needs at once.
///
/// What is cached is read on the calling thread without a hop; the rest takes one hop for all
/// ranges of a call. Each range is whole in memory, as parquet has it. Clones share the open file,
/// so that several streams can read it at the same time.
///
/// # Errors
/// Of the file they are [`ParquetError::External`] with an [`io::Error`](std::io::Error) that says
/// what was being done to which file; of one that is shorter than its metadata say it is
/// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof). Of metadata that make no sense they are
/// parquet's own, behind the path.
///
/// # Cancel safety
/// Any of its futures may be dropped; the reads that it waited for are cancelled, and the next call
/// works.
///
/// [`ParquetRecordBatchStreamBuilder`]: parquet::arrow::ParquetRecordBatchStreamBuilder
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use aiofile::{AioFile, RangeOptions};
/// use aiofile_parquet::ParquetReader;
/// use parquet::arrow::async_reader::AsyncFileReader;
///
/// // For a network file system: what lies closer than 64 KiB is read together.
/// let near = RangeOptions::new().gap_max(64 << 10);
/// let file = AioFile::open("/proc/self/exe", "r").await?;
/// let mut reader = ParquetReader::new(file).with_range_options(near);
/// let parts = reader.get_byte_ranges(vec![0..4, 9000..9010]).await?;
/// assert_eq!((&parts[0][..], parts[1].len()), (&b"\x7fELF"[..], 10));
///
/// let error = reader.get_metadata(None).await.unwrap_err();
/// assert!(error.to_string().contains("/proc/self/exe"), "it is no Parquet file: {error}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ParquetReader {
    file: AioFile,
    ranges: RangeOptions,
    footer_bytes: usize,
}

impl ParquetReader {
    /// Reads this file, in whatever context and with whatever options it was opened.
    #[must_use]
    pub fn new(file: AioFile) -> Self {
        Self { file, ranges: RangeOptions::new(), footer_bytes: FOOTER_BYTES }
    }

    /// So many bytes at the end of the file are read at first; 64 KiB unless set. Where the
    /// metadata and the page index fit in, that read is the only one for them; else there are two
    /// or three, one after the other.
    #[must_use]
    pub fn with_footer_size_hint(mut self, bytes: usize) -> Self {
        self.footer_bytes = bytes;
        self
    }

    /// How ranges that lie close to each other are read together.
    #[must_use]
    pub fn with_range_options(mut self, ranges: RangeOptions) -> Self {
        self.ranges = ranges;
        self
    }

    /// The file that is read.
    #[must_use]
    pub fn file(&self) -> &AioFile {
        &self.file
    }

    async fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = self.file.read_ranges_with(ranges, &self.ranges).await;
        read.map_err(|error| ParquetError::External(error.into()))
    }

    async fn metadata(&mut self, options: Option<&ArrowReaderOptions>) -> Result<ParquetMetaData> {
        let length = self.file.len().await.map_err(|error| ParquetError::External(error.into()))?;
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
        let reader = reader.with_prefetch_hint(Some(self.footer_bytes));
        let loaded = reader.load_and_finish(&mut *self, length).await;
        loaded.map_err(|error| self.named(error))
    }

    /// What parquet says of the contents, with the path, which it does not know.
    fn named(&self, error: ParquetError) -> ParquetError {
        let Some(path) = self.file.path() else { return error };
        let path = path.display();
        match error {
            ParquetError::External(error) => ParquetError::External(error),
            ParquetError::EOF(words) => ParquetError::EOF(format!("{path}: {words}")),
            ParquetError::General(words) => ParquetError::General(format!("{path}: {words}")),
            other => ParquetError::General(format!("{path}: {other}")),
        }
    }
}

impl AsyncFileReader for ParquetReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        Box::pin(async move {
            let mut read = self.read(&[range]).await?;
            Ok(read.pop().unwrap_or_default())
        })
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        Box::pin(async move { self.read(&ranges).await })
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        Box::pin(async move { Ok(Arc::new(self.metadata(options).await?)) })
    }
}
