//! What the command line says.

use std::path::PathBuf;

use datafusion::parquet::basic::Compression;

use crate::Result;

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Where the Parquet files are, or are made to stay; else they are made and removed.
    pub(crate) directory: Option<PathBuf>,
    /// Bytes of all files.
    pub(crate) size: u64,
    pub(crate) compression: Compression,
    pub(crate) rounds: usize,
    /// Where the picture goes.
    pub(crate) svg: PathBuf,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            directory: None,
            size: 220 << 20,
            compression: Compression::SNAPPY,
            rounds: 7,
            svg: "datafusion.svg".into(),
        };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--size" => parsed.size = bytes(&value()?)?,
                "--rounds" => parsed.rounds = value()?.parse::<usize>()?.max(1),
                "--svg" => parsed.svg = value()?.into(),
                "--uncompressed" => parsed.compression = Compression::UNCOMPRESSED,
                "--quick" => (parsed.size, parsed.rounds) = (4 << 20, 1),
                _ if word.starts_with('-') => {
                    return Err(format!(
                        "{word} is no option; there are --size, --rounds, --uncompressed, --quick \
                         and --svg"
                    )
                    .into());
                }
                _ => parsed.directory = Some(word.into()),
            }
        }
        Ok(parsed)
    }
}

/// `220M`, `64k`, `1G`, or bytes.
fn bytes(word: &str) -> Result<u64> {
    let digits = word.trim_end_matches(['k', 'K', 'M', 'G']);
    let shift = match &word[digits.len()..] {
        "" => 0,
        "k" | "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err(format!("{word} is no size; say 220M, for example").into()),
    };
    let number: u64 = digits.parse().map_err(|wrong| format!("{word} is no size: {wrong}"))?;
    number.checked_shl(shift).filter(|size| size >> shift == number).ok_or_else(|| {
        let error: Box<dyn std::error::Error + Send + Sync> = format!("{word} is too much").into();
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_said_is_taken_and_nonsense_is_refused() -> Result<()> {
        let all = parse("--size 3M --rounds 2 --uncompressed --svg a.svg here")?;
        assert_eq!((all.size, all.rounds), (3 << 20, 2));
        assert_eq!(all.directory, Some("here".into()));
        for wrong in ["--size", "--size 3X", "--size 99999999999999G", "--rounds no", "--what"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
