//! One query through each store, in turns.

use std::path::{Path, PathBuf};

use aiofile_bench::{Usage, drop_cache};

use crate::Result;
use crate::answer::{Answer, run};
use crate::queries::Query;
use crate::way::Way;

/// What the page cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temperature {
    /// Nothing of the files, and the session is new: what a program pays that starts and answers
    /// one query, its listing and the footers of the files included.
    Cold,
    /// All of it, and the session has answered the query before.
    Hot,
}

impl Temperature {
    pub(crate) const ALL: [Self; 2] = [Self::Cold, Self::Hot];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Hot => "hot",
        }
    }
}

/// What a query took through one store: medians of all rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) milliseconds: f64,
    /// Processor time of all threads, in milliseconds.
    pub(crate) processor: f64,
    pub(crate) minor_faults: f64,
    pub(crate) major_faults: f64,
}

/// What a query took through each store, in the order of [`Way::ALL`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) query: &'static str,
    pub(crate) temperature: Temperature,
    pub(crate) taken: [Taken; 3],
}

/// Measures a query.
///
/// # Errors
/// Where it cannot be answered, and where one store has another answer than the others.
pub(crate) async fn measure(
    query: &Query,
    temperature: Temperature,
    directory: &Path,
    files: &[PathBuf],
    rounds: usize,
) -> Result<Measured> {
    let mut sessions = Vec::new();
    let mut answers = Vec::new();
    for way in Way::ALL {
        let session = way.session(directory).await?;
        answers.push(Answer::of(query, &session).await?);
        sessions.push(session);
    }
    agree(query, &answers)?;
    let mut all = [const { Vec::new() }; 3];
    for round in 0..rounds {
        for turn in 0..Way::ALL.len() {
            let which = (round + turn) % Way::ALL.len();
            let (rows, taken) = match temperature {
                Temperature::Cold => {
                    files.iter().try_for_each(|file| drop_cache(file))?;
                    let begin = async || Way::ALL[which].session(directory).await;
                    timed(async || run(query, &begin().await?).await).await?
                }
                Temperature::Hot => timed(async || run(query, &sessions[which]).await).await?,
            };
            if rows != answers[which].rows {
                return Err(format!("{}: {rows} rows came this time", query.name).into());
            }
            all[which].push(taken);
        }
    }
    Ok(Measured { query: query.name, temperature, taken: all.map(|taken| medians(&taken)) })
}

fn agree(query: &Query, answers: &[Answer]) -> Result<()> {
    for (way, answer) in Way::ALL.iter().zip(answers) {
        if *answer != answers[0] {
            let (way, first) = (way.name(), Way::ALL[0].name());
            let answers = format!("{answer:?}, and {first} {:?}", answers[0]);
            return Err(format!("{}: {way} answers {answers}", query.name).into());
        }
    }
    Ok(())
}

/// What an asynchronous piece of work gives, and what it took.
async fn timed(work: impl AsyncFnOnce() -> Result<usize>) -> Result<(usize, Taken)> {
    let before = Usage::now()?;
    let rows = work().await?;
    let after = Usage::now()?;
    let processor = |usage: &Usage| usage.user_us + usage.system_us;
    let taken = Taken {
        milliseconds: (after.at - before.at).as_secs_f64() * 1e3,
        processor: (processor(&after) - processor(&before)) / 1e3,
        minor_faults: after.minor_faults - before.minor_faults,
        major_faults: after.major_faults - before.major_faults,
    };
    Ok((rows, taken))
}

fn medians(taken: &[Taken]) -> Taken {
    let median = |of: fn(&Taken) -> f64| {
        let mut values: Vec<f64> = taken.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Taken {
        milliseconds: median(|taken| taken.milliseconds),
        processor: median(|taken| taken.processor),
        minor_faults: median(|taken| taken.minor_faults),
        major_faults: median(|taken| taken.major_faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::QUERIES;

    #[test]
    fn a_store_with_another_answer_is_named() {
        let (one, other) = (Answer { rows: 1, ..Answer::default() }, Answer::default());
        assert!(agree(&QUERIES[0], &[one; 3]).is_ok());
        let error = agree(&QUERIES[0], &[one, one, other]).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.starts_with("count: aiofile, O_DIRECT answers")));
    }

    #[test]
    fn a_median_is_in_the_middle() {
        let taken = [5.0, 1.0, 3.0].map(|milliseconds| Taken { milliseconds, ..Taken::default() });
        assert_eq!(medians(&taken).milliseconds, 3.0);
    }
}
