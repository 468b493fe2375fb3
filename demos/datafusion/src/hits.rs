//! The Parquet files: some columns of ClickBench's table `hits`, with contents that follow from a
//! seed and lie in the order of time.

mod random;

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, Date32Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use random::Random;

use crate::Result;

const FILES: u64 = 8;
const BATCH_ROWS: i64 = 8192;

/// As few rows as this, so that each file has several groups.
const GROUP_ROWS: usize = 64 << 10;

/// 2013-07-01, in days since 1970. There is one row for each second.
const FIRST_DAY: i64 = 15_887;
const DAY_SECONDS: i64 = 86_400;

/// Makes files with so many bytes together, unless the directory is there: then it is taken as it
/// is.
pub(crate) fn provide(directory: &Path, size: u64, compression: Compression) -> Result<()> {
    if directory.exists() {
        return Ok(());
    }
    fs::create_dir_all(directory)?;
    let mut random = Random(0x5EED);
    let mut second = 0;
    for number in 0..FILES {
        let file = File::create(directory.join(format!("hits-{number}.parquet")))?;
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(GROUP_ROWS));
        let mut rows = batch(second, &mut random)?;
        let mut writer = ArrowWriter::try_new(&file, rows.schema(), Some(properties.build()))?;
        loop {
            writer.write(&rows)?;
            second += BATCH_ROWS;
            if (writer.bytes_written() + writer.in_progress_size()) as u64 >= size / FILES {
                break;
            }
            rows = batch(second, &mut random)?;
        }
        writer.close()?;
        file.sync_all()?;
    }
    Ok(())
}

/// The rows of the seconds that begin with this one.
fn batch(first: i64, random: &mut Random) -> Result<RecordBatch> {
    let seconds = || (first..first + BATCH_ROWS).map(|second| FIRST_DAY * DAY_SECONDS + second);
    let times = seconds().map(|second| second * 1000);
    let days = seconds().map(|second| (second / DAY_SECONDS) as i32);
    let mut column = Column(random);
    let columns: [(&str, Arc<dyn Array>); 14] = [
        ("WatchID", column.of::<Int64Array, _>(|random| (random.word() >> 1) as i64)),
        ("EventTime", Arc::new(TimestampMillisecondArray::from_iter_values(times))),
        ("EventDate", Arc::new(Date32Array::from_iter_values(days))),
        ("CounterID", column.of::<Int32Array, _>(|random| random.skewed(10_000) as i32)),
        ("RegionID", column.of::<Int32Array, _>(|random| random.skewed(1000) as i32)),
        ("UserID", column.of::<Int64Array, _>(|random| 1_000_000_007 * random.skewed(50_000))),
        ("IsRefresh", column.of::<Int16Array, _>(|random| i16::from(random.one_in(10)))),
        ("Age", column.of::<Int16Array, _>(|random| random.below(80) as i16)),
        ("ResolutionWidth", column.of::<Int16Array, _>(|random| random.width())),
        ("AdvEngineID", column.of::<Int16Array, _>(|random| random.advertiser())),
        ("URL", column.of::<StringArray, _>(|random| random.url())),
        ("Referer", column.of::<StringArray, _>(|random| random.referer())),
        ("Title", column.of::<StringArray, _>(|random| random.words(7))),
        ("SearchPhrase", column.of::<StringArray, _>(|random| random.phrase())),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// Makes columns of random values.
struct Column<'a>(&'a mut Random);

impl Column<'_> {
    fn of<A, T>(&mut self, value: impl Fn(&mut Random) -> T) -> Arc<dyn Array>
    where
        A: Array + From<Vec<T>> + 'static,
    {
        let values: Vec<T> = (0..BATCH_ROWS).map(|_| value(self.0)).collect();
        Arc::new(A::from(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_follow_from_the_seed() -> Result<()> {
        let of = |seed| batch(0, &mut Random(seed));
        assert_eq!(of(1)?, of(1)?);
        assert_ne!(of(1)?, of(2)?);
        Ok(())
    }
}
