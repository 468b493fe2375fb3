//! Open files: read and written in pieces, in order and in parallel, by lines and by characters.

use aiofile::fs::File;
use aiofile::text::{TextFile, TextOptions, TextReader};
use aiofile::{AioFile, BufferedWriter, LineReader, OpenOptions, Reader, Writer};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::job::{Job, LINES, begins, holds, lines, new, old, untouched};

pub(super) const JOBS: &[Job] = &[
    Job {
        name: "reader",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("old"), "r").await?;
                let mut reader = Reader::new(&file).chunk_size(1000).read_ahead(3);
                let mut found = Vec::new();
                while let Some(chunk) = reader.next_chunk().await? {
                    found.extend_from_slice(&chunk);
                }
                assert_eq!(found, old());
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "line_reader",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("lines"), "r").await?;
                let mut reader = LineReader::new(&file).chunk_size(700);
                let mut found = 0;
                while let Some(line) = reader.next_line().await? {
                    assert_eq!(line, format!("the line {found}").as_bytes());
                    found += 1;
                }
                assert_eq!(found, LINES);
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "text_reader",
        run: |directory| {
            Box::pin(async move {
                let file = File::open(directory.join("lines")).await?;
                let mut reader = TextReader::new(file, &TextOptions::new());
                let first = reader.read(5).await?;
                assert_eq!(first + &reader.read_to_end().await?, lines());
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "text_file",
        run: |directory| {
            Box::pin(async move {
                let mut file = TextFile::open(directory.join("new"), "w").await?;
                file.write(&lines()).await?;
                file.close().await
            })
        },
        check: |directory, done| match done {
            true => holds(directory, "new", &[lines().as_bytes()]),
            false => begins(directory, "new", lines().as_bytes()),
        },
    },
    Job {
        name: "ranges",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("old"), "r").await?;
                let found = file.read_ranges(&[0..10, 4000..9000, 9990..10_000]).await?;
                let old = old();
                assert_eq!(found, [&old[..10], &old[4000..9000], &old[9990..]]);
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "read_vectored",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("old"), "r").await?;
                let buffers = vec![Vec::with_capacity(3000), Vec::with_capacity(5000)];
                let (read, buffers) = file.read_vectored_at(buffers, 100).await;
                assert_eq!((read?, buffers.concat()), (8000, old()[100..8100].to_vec()));
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "read_direct",
        run: |directory| {
            Box::pin(async move {
                let mut options = OpenOptions::new();
                options.read(true).direct(true).bounce(true);
                let file = options.open_aio(directory.join("old")).await?;
                assert_eq!(file.read_exact_at(5000, 4100).await?, old()[4100..9100]);
                Ok(())
            })
        },
        check: untouched,
    },
    Job {
        name: "writer",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("new"), "w").await?;
                let writer = Writer::new(&file);
                let writes = new();
                let writes: Vec<_> =
                    writes.chunks(900).map(|piece| writer.write_all(piece.to_vec())).collect();
                try_join_all(writes).await?;
                writer.sync().await
            })
        },
        check: |directory, done| match done {
            true => holds(directory, "new", &[&new()]),
            false => Ok(()),
        },
    },
    Job {
        name: "buffered_writer",
        run: |directory| {
            Box::pin(async move {
                let file = AioFile::open(directory.join("new"), "w").await?;
                let mut writer = BufferedWriter::new(&file).capacity(4096);
                let written = write_pieces(&mut writer).await;
                // What is left is thrown away on purpose: its drop would say so.
                if written.is_err() {
                    writer.discard();
                }
                written
            })
        },
        check: |directory, done| match done {
            true => holds(directory, "new", &[&new()]),
            false => begins(directory, "new", &new()),
        },
    },
    Job {
        name: "appended_records",
        run: |directory| {
            Box::pin(async move {
                let mut options = OpenOptions::new();
                options.append(true).create(true);
                let file = options.open_aio(directory.join("new")).await?;
                for record in new().chunks(1000) {
                    file.append(record.to_vec()).await?;
                    file.fdatasync().await?;
                }
                Ok(())
            })
        },
        check: |directory, done| match done {
            true => holds(directory, "new", &[&new()]),
            false => begins(directory, "new", &new()),
        },
    },
    Job {
        name: "handle",
        run: |directory| {
            Box::pin(async move {
                let mut options = OpenOptions::new();
                options.read(true).write(true);
                let mut file = options.open(directory.join("old")).await?;
                let mut start = [0; 100];
                file.read_exact(&mut start).await?;
                assert_eq!(start, old()[..100]);
                file.set_len(100).await?;
                file.write_all(&new()).await?;
                file.rewind().await?;
                let mut found = Vec::new();
                file.read_to_end(&mut found).await?;
                assert_eq!(found, [&old()[..100], &new()].concat());
                file.sync_all().await?;
                file.close().await
            })
        },
        check: |directory, done| {
            let whole = [&old()[..100], &new()].concat();
            match done {
                true => holds(directory, "old", &[&whole]),
                false => {
                    begins(directory, "old", &whole).or_else(|_| holds(directory, "old", &[&old()]))
                }
            }
        },
    },
];

async fn write_pieces(writer: &mut BufferedWriter) -> std::io::Result<()> {
    for piece in new().chunks(700) {
        writer.write_all(piece).await?;
    }
    writer.sync().await
}
