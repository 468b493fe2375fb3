//! Many files at once, and configuration files.

use std::num::NonZeroUsize;

use aiofile_util::{ConfigOptions, ConfigValue, FilePart, PipelineOptions};

use crate::job::{Job, begins, holds, lines, old, untouched};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "pipeline_read",
        run: |directory| {
            Box::pin(async move {
                let paths = NAMES.map(|name| directory.join(name));
                let mut files = PipelineOptions::new().max_bytes(15_000).read(paths);
                for expected in [old(), lines().into_bytes(), old()] {
                    assert_eq!(files.next().await.unwrap().result?, expected);
                }
                assert!(files.next().await.is_none());
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "pipeline_chunks",
        run: |directory| {
            Box::pin(async move {
                let options = PipelineOptions::new().ordered(false).jobs(TWO);
                let options = options.chunk_size(NonZeroUsize::new(3000).unwrap());
                let mut chunks = options.chunks(NAMES.map(|name| directory.join(name)));
                let (mut found, mut ends) = (0, 0);
                while let Some(part) = chunks.next().await {
                    match part.result? {
                        FilePart::Chunk { bytes, .. } => found += bytes.len() as u64,
                        FilePart::End { length } => ends += length,
                    }
                }
                assert_eq!((found, ends), (2 * 10_000 + lines().len() as u64, found));
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "pipeline_process",
        run: |directory| {
            Box::pin(async move {
                let paths = NAMES.map(|name| directory.join(name));
                let mut copies =
                    PipelineOptions::new().jobs(TWO).process(paths, |path| async move {
                        let bytes = aiofile::fs::read(&path).await?;
                        aiofile::fs::write_atomic(path.with_extension("bak"), bytes).await
                    });
                while let Some(copied) = copies.next().await {
                    copied.result?;
                }
                Ok(())
            })
        },
        check: |directory, done| {
            untouched(directory, done)?;
            for (name, whole) in
                [("old.bak", old()), ("lines.bak", lines().into_bytes()), ("tree/a.bak", old())]
            {
                // A name stands for a whole file.
                if done || directory.join(name).exists() {
                    holds(directory, name, &[&whole])?;
                }
            }
            Ok(())
        },
    },
    Job {
        name: "config",
        run: |directory| {
            Box::pin(async move {
                let options = ConfigOptions::new().environment("local");
                let mut config = ConfigValue::default();
                config.set("port", 80)?;
                options.save(directory.join("new.local.json"), &config).await?;
                options.save(directory.join("new.json"), &ConfigValue::default()).await?;
                let loaded = options.load::<ConfigValue>(directory.join("new.json")).await?;
                assert_eq!(loaded, config);
                Ok(())
            })
        },
        check: |directory, done| {
            untouched(directory, done)?;
            // A name stands for a whole file, and the second one for the first, too.
            let exists = |name| directory.join(name).exists();
            if done || exists("new.local.json") {
                let text = std::fs::read_to_string(directory.join("new.local.json"));
                let text = text.map_err(crate::job::told)?;
                if serde_json::from_str::<serde_json::Value>(&text).is_err() {
                    return Err(format!("new.local.json holds {text:?}"));
                }
            }
            match exists("new.json") && !exists("new.local.json") {
                true => Err("the second file is there without the first".to_owned()),
                false => begins(directory, "new.json", b"{}\n"),
            }
        },
    },
];

const NAMES: [&str; 3] = ["old", "lines", "tree/a"];

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
