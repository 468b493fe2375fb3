//! Temporary files and directories, which are gone when they are dropped.

use aiofile::tempfile::Builder;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::job::{Job, PREPARED, holds, new, old};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "temporary_persisted",
        run: |directory| {
            Box::pin(async move {
                let mut file =
                    Builder::new().prefix("scratch").directory(&directory).named().await?;
                file.write_all(&new()).await?;
                file.as_file().sync_all().await?;
                file.persist(directory.join("old")).await?;
                Ok(())
            })
        },
        check: |directory, done| {
            only_what_was_there(directory)?;
            match done {
                true => holds(directory, "old", &[&new()]),
                false => holds(directory, "old", &[&old(), &new()]),
            }
        },
    },
    Job {
        name: "temporary_directory",
        run: |directory| {
            Box::pin(async move {
                let scratch =
                    Builder::new().prefix("scratch").directory(&directory).tempdir().await?;
                aiofile::fs::write(scratch.path().join("one"), new()).await?;
                aiofile::fs::create_dir(scratch.path().join("two")).await?;
                scratch.close().await
            })
        },
        check: |directory, _done| only_what_was_there(directory),
    },
    Job {
        name: "spooled",
        run: |directory| {
            Box::pin(async move {
                let mut file = Builder::new().directory(&directory).spooled(5_000);
                for piece in new().chunks(1_000) {
                    file.write_all(piece).await?;
                }
                assert!(file.is_rolled());
                file.rewind().await?;
                let mut found = Vec::new();
                file.read_to_end(&mut found).await?;
                assert_eq!(found, new());
                Ok(())
            })
        },
        check: |directory, _done| only_what_was_there(directory),
    },
];

fn only_what_was_there(directory: &std::path::Path) -> Result<(), String> {
    for entry in std::fs::read_dir(directory).map_err(crate::job::told)? {
        let name = entry.map_err(crate::job::told)?.file_name();
        if !PREPARED.iter().any(|known| name == *known) {
            return Err(format!("{} is left behind", name.display()));
        }
    }
    Ok(())
}
