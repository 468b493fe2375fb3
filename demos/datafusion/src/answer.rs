//! What a query answers, in few bytes.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::prelude::SessionContext;
use futures_util::{StreamExt, TryStreamExt};

use crate::Result;
use crate::queries::Query;

/// How many rows came, and the sum of their hashes: the rows of a query without an order come in
/// any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) rows: usize,
    pub(crate) hash: u64,
}

impl Answer {
    /// The answer to a query.
    pub(crate) async fn of(query: &Query, session: &SessionContext) -> Result<Self> {
        let mut batches = session.sql(query.sql).await?.execute_stream().await?;
        let mut answer = Self::default();
        while let Some(batch) = batches.try_next().await? {
            answer.add(&batch)?;
        }
        Ok(answer)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let fields = batch.schema_ref().fields();
        let fields = fields.iter().map(|field| SortField::new(field.data_type().clone()));
        let rows = RowConverter::new(fields.collect())?.convert_columns(batch.columns())?;
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        for row in &rows {
            self.hash = self.hash.wrapping_add(hasher.hash_one(row));
        }
        self.rows += batch.num_rows();
        Ok(())
    }
}

/// Answers a query, keeps nothing of it, and says how many rows came.
pub(crate) async fn run(query: &Query, session: &SessionContext) -> Result<usize> {
    let mut batches = session.sql(query.sql).await?.execute_stream().await?;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Array, Int64Array};

    use super::*;

    fn answer(batches: &[&[i64]]) -> Result<Answer> {
        let mut answer = Answer::default();
        for values in batches {
            let column: Arc<dyn Array> = Arc::new(Int64Array::from(values.to_vec()));
            answer.add(&RecordBatch::try_from_iter([("number", column)])?)?;
        }
        Ok(answer)
    }

    #[test]
    fn answers_differ_with_a_value_and_not_with_the_order() -> Result<()> {
        let whole = answer(&[&[1, 2, 3]])?;
        assert_eq!(answer(&[&[3], &[2, 1]])?, whole);
        for other in [[1, 2, 4], [1, 1, 4], [3, 3, 0]] {
            assert_ne!(answer(&[&other])?, whole, "{other:?}");
        }
        assert_ne!(answer(&[&[1, 2]])?, whole);
        Ok(())
    }
}
