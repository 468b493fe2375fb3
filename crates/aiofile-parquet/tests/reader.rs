//! What comes through asynchronous files, held to what parquet's own reader of files gives.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context as TaskContext, Waker};

use aiofile::{Context, OpenOptions};
use aiofile_parquet::ParquetReader;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use caio_testkit::each_backend;
use futures_util::TryStreamExt;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderBuilder, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
    RowFilter,
};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ArrowWriter, ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

const ROWS: i64 = 20_000;
const GROUPS: usize = 10;

/// A file with several row groups in a directory of its own.
struct Written {
    directory: TempDir,
}

impl Written {
    fn new() -> Self {
        let written = Self { directory: TempDir::new().unwrap() };
        let texts = (0..ROWS).map(|number| format!("the text of row {number}"));
        let columns: [(&str, ArrayRef); 3] = [
            ("number", Arc::new(Int64Array::from_iter_values(0..ROWS))),
            ("text", Arc::new(StringArray::from_iter_values(texts))),
            ("rest", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row % 7)))),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(ROWS as usize / GROUPS))
            .build();
        let file = File::create(written.path()).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        written
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("rows.parquet")
    }

    fn length(&self) -> u64 {
        fs::metadata(self.path()).unwrap().len()
    }
}

fn wait<T>(context: &Context, work: impl AsyncFnOnce(&Context) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work(context))
}

async fn reader(context: &Context, path: &Path) -> ParquetReader {
    let mut options = OpenOptions::new();
    let file = options.read(true).context(context).open_aio(path).await.unwrap();
    ParquetReader::new(file)
}

/// What is asked of both readers: two columns, of those rows where the third is 3.
fn ask<T>(builder: ArrowReaderBuilder<T>) -> ArrowReaderBuilder<T> {
    let schema = builder.parquet_schema();
    let wanted = ProjectionMask::columns(schema, ["number", "text"]);
    let tested = ProjectionMask::columns(schema, ["rest"]);
    let is_3 = ArrowPredicateFn::new(tested, |batch: RecordBatch| {
        let rest = batch.column(0).as_primitive::<Int64Type>();
        Ok(BooleanArray::from_unary(rest, |rest| rest == 3))
    });
    builder.with_projection(wanted).with_row_filter(RowFilter::new(vec![Box::new(is_3)]))
}

/// The values of all batches, whatever their borders.
fn values(batches: &[RecordBatch]) -> Vec<(i64, String)> {
    let of = |batch: &RecordBatch| {
        let numbers = batch.column(0).as_primitive::<Int64Type>().clone();
        let texts = batch.column(1).as_string::<i32>().clone();
        let row = |row| (numbers.value(row), texts.value(row).to_owned());
        (0..batch.num_rows()).map(row).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

/// The words of an error and of those behind it.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}

each_backend! {
    in aiofile::context();

    fn all_rows_come_as_from_the_synchronous_reader(context: &Context) {
        wait(context, async |context| {
            let written = Written::new();
            let file = File::open(written.path()).unwrap();
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            let expected: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
            let reader = reader(context, &written.path()).await;
            let builder = ParquetRecordBatchStreamBuilder::new(reader).await.unwrap();
            assert_eq!(builder.metadata().num_row_groups(), GROUPS);
            let read: Vec<_> = builder.build().unwrap().try_collect().await.unwrap();
            assert_eq!(values(&read).len() as i64, ROWS);
            assert_eq!(values(&read), values(&expected));
        });
    }

    fn columns_and_rows_are_chosen_as_by_the_synchronous_reader(context: &Context) {
        wait(context, async |context| {
            let written = Written::new();
            let options = ArrowReaderOptions::new();
            let options = options.with_page_index_policy(PageIndexPolicy::Required);
            let file = File::open(written.path()).unwrap();
            let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(
                file,
                options.clone(),
            );
            let expected: Vec<_> =
                ask(builder.unwrap()).build().unwrap().map(Result::unwrap).collect();
            let reader = reader(context, &written.path()).await;
            let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, options);
            let stream = ask(builder.await.unwrap()).build().unwrap();
            let read: Vec<_> = stream.try_collect().await.unwrap();
            assert_eq!(values(&read).len() as i64, (ROWS + 3) / 7);
            assert_eq!(values(&read), values(&expected));
        });
    }

    fn a_file_that_became_shorter_is_named(context: &Context) {
        wait(context, async |context| {
            let written = Written::new();
            let reader = reader(context, &written.path()).await;
            let builder = ParquetRecordBatchStreamBuilder::new(reader).await.unwrap();
            let file = File::options().write(true).open(written.path()).unwrap();
            file.set_len(written.length() / 2).unwrap();
            let read = builder.build().unwrap().try_collect::<Vec<_>>().await;
            let error = told(&read.unwrap_err());
            assert!(error.contains(written.path().to_str().unwrap()), "{error}");
        });
    }

    fn what_is_no_parquet_file_is_named(context: &Context) {
        wait(context, async |context| {
            let written = Written::new();
            let whole = fs::read(written.path()).unwrap();
            for length in [0, 4, 100, whole.len() - 1] {
                fs::write(written.path(), &whole[..length]).unwrap();
                let mut reader = reader(context, &written.path()).await;
                let error = told(&reader.get_metadata(None).await.unwrap_err());
                assert!(error.contains(written.path().to_str().unwrap()), "{length}: {error}");
            }
        });
    }

    fn a_future_that_is_dropped_does_no_harm(context: &Context) {
        wait(context, async |context| {
            let written = Written::new();
            let bytes = fs::read(written.path()).unwrap();
            let mut reader = reader(context, &written.path()).await;
            let ranges = vec![0..100, 30_000..90_000, 100_000..100_001];
            let mut expected = Vec::new();
            for range in &ranges {
                expected.push(bytes[range.start as usize..range.end as usize].to_vec());
            }
            for _ in 0..20 {
                let mut dropped = reader.get_byte_ranges(ranges.clone());
                let _ = dropped.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
                drop(dropped);
                drop(reader.get_metadata(None));
                assert_eq!(reader.get_byte_ranges(ranges.clone()).await.unwrap(), expected);
            }
        });
    }
}

#[test]
fn the_hint_spares_reads_of_the_footer() {
    let reads = |hint| {
        let context = aiofile::context().in_place(false).build().unwrap();
        wait(&context, async |context| {
            let written = Written::new();
            let reader = reader(context, &written.path()).await;
            let mut reader = reader.with_footer_size_hint(hint);
            let before = context.metrics().submitted;
            let options = ArrowReaderOptions::new();
            let options = options.with_page_index_policy(PageIndexPolicy::Required);
            let metadata = reader.get_metadata(Some(&options)).await.unwrap();
            assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
            context.metrics().submitted - before
        })
    };
    let (one, all) = (reads(64 << 10), reads(8));
    assert!(one < all, "{one} operations, and without a hint {all}");
}

#[test]
fn ranges_that_cannot_be_are_errors() {
    let context = aiofile::context().build().unwrap();
    wait(&context, async |context| {
        let written = Written::new();
        let mut reader = reader(context, &written.path()).await;
        let length = written.length();
        for wrong in [length..length + 1, std::ops::Range { start: 9, end: 3 }, 0..u64::MAX] {
            let error = told(&reader.get_bytes(wrong.clone()).await.unwrap_err());
            assert!(error.contains("rows.parquet"), "{wrong:?}: {error}");
        }
        assert_eq!(reader.get_bytes(7..7).await.unwrap().len(), 0);
    });
}
