//! Buffered writes on the calling thread where a program has asked for them: the same bytes, the
//! same order, and the pool where one would wait.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

use std::path::Path;

use aiofile::{BufferedWrites, Context, OpenOptions};

/// The files of a test lie beside the build, which is on a disk where temporary files often are
/// not.
fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn context(writes: BufferedWrites) -> Context {
    aiofile::context().configure(move |config| config.buffered_writes = writes).build().unwrap()
}

fn new_file(context: &Context) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).context(context);
    options
}

/// Writes to a file and looks at it; how many writes were done in place.
async fn writes(context: &Context, options: &OpenOptions, path: &Path) -> u64 {
    let file = options.open_aio(path).await.unwrap();
    let before = context.metrics().in_place;
    for number in 0..64_u8 {
        file.write_all_at(vec![number; 1000], u64::from(number) * 1000).await.unwrap();
    }
    let in_place = context.metrics().in_place - before;
    for number in 0..64_u8 {
        let read = file.read_exact_at(1000, u64::from(number) * 1000).await.unwrap();
        assert_eq!(read, [number; 1000][..]);
    }
    in_place
}

/// Whether writes are done in place at last, on a machine that may be busy with others.
async fn are_in_place_at_last(context: &Context, options: &OpenOptions, directory: &Path) -> bool {
    for round in 0..200 {
        if writes(context, options, &directory.join(format!("file-{round}"))).await > 0 {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_context_or_one_file_has_them() {
    let directory = temporary();
    let context = context(BufferedWrites::InPlace);
    if !are_in_place_at_last(&context, &new_file(&context), directory.path()).await {
        println!("skipped: the system has much to write out, or files lie on another file system");
        return;
    }
    let path = directory.path().join("by-pool");
    let file = caio::SharedFile::new(std::fs::File::create(&path).unwrap(), &path).unwrap();
    if file.file_system() != caio::FileSystem::Ext4 {
        println!("skipped: {:?} has others in place", file.file_system());
        return;
    }
    let mut by_pool = new_file(&context);
    by_pool.buffered_writes(BufferedWrites::Pool);
    assert_eq!(writes(&context, &by_pool, &path).await, 0, "a file has its own way");

    let plain = self::context(BufferedWrites::Auto);
    assert_eq!(writes(&plain, &new_file(&plain), &path).await, 0, "ext4 has no other in place");
    let mut in_place = new_file(&plain);
    in_place.buffered_writes(BufferedWrites::InPlace);
    assert!(are_in_place_at_last(&plain, &in_place, directory.path()).await);
}

#[tokio::test]
async fn a_configuration_can_say_it() {
    let config = aiofile::Config::from_toml("buffered_writes = 'in_place'", "caio.toml".as_ref());
    assert_eq!(config.unwrap().buffered_writes, BufferedWrites::InPlace);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_several_appenders_stay_whole() {
    const RECORDS: u8 = 100;
    const BYTES: usize = 100_000;
    let directory = temporary();
    let path = directory.path().join("log");
    let context = context(BufferedWrites::InPlace);
    let appenders: Vec<_> = (0..4_u8)
        .map(|appender| {
            let (path, mut options) = (path.clone(), OpenOptions::new());
            options.append(true).create(true).context(&context);
            tokio::spawn(async move {
                let log = options.open_aio(&path).await.unwrap();
                for number in 0..RECORDS {
                    // No two of them begin or end at the same place in a page.
                    let mut record = vec![appender; BYTES + usize::from(number)];
                    record[0] = 255;
                    record[1] = number;
                    log.append(record).await.unwrap();
                }
            })
        })
        .collect();
    for appender in appenders {
        appender.await.unwrap();
    }
    let contents = std::fs::read(&path).unwrap();
    let (mut rest, mut next) = (&contents[..], [0; 4]);
    while let [255, number, ..] = rest {
        let (record, others) = rest.split_at(BYTES + usize::from(*number));
        let appender = record[2];
        assert!(record[2..].iter().all(|byte| *byte == appender), "a record is whole");
        assert_eq!(*number, next[usize::from(appender)], "an appender's come in its order");
        next[usize::from(appender)] += 1;
        rest = others;
    }
    assert!(rest.is_empty());
    assert_eq!(next, [RECORDS; 4]);
}

#[tokio::test]
async fn what_was_written_by_either_way_is_synced_and_cut() {
    let directory = temporary();
    let context = context(BufferedWrites::InPlace);
    let file = new_file(&context).open_aio(directory.path().join("file")).await.unwrap();
    for round in 0..50_u64 {
        // Longer than what one call in place takes, so that the pool may have some of it.
        let long = vec![round as u8 + 1; 3 << 20];
        let (long, short) =
            tokio::join!(file.write_all_at(long, 4096), file.write_all_at(vec![255; 100], 0));
        long.unwrap();
        short.unwrap();
        file.fdatasync().await.unwrap();
        file.set_len(round * 100).await.unwrap();
        assert_eq!(file.len().await.unwrap(), round * 100);
        let expected = round.min(1) as usize * 100;
        assert_eq!(file.read_at(100, 0).await.unwrap().len(), expected);
    }
}
