//! Writes that O_DIRECT would refuse and a second descriptor takes: it is the same file in every
//! respect.

use std::fs::read_link;
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use aiofile::{AioFile, BufferedWriter, Error, OpenOptions, Writer};
use caio::OpKind;
use caio_testkit::{Faulty, Plan};
use nix::libc;

use crate::faults;
use crate::harness::{Case, cases};
use crate::support::{Env, bounded, disk, multi_thread, pattern};

pub(crate) const CASES: &[Case] = cases![
    each an_append_that_bounces_lands_at_the_end,
    each the_second_descriptor_has_the_flags_of_the_first,
    each a_length_is_set_after_the_bounced_writes_before_it,
    once clearing_a_sync_error_clears_it_for_both_descriptors,
];

/// Not a multiple of any block.
const ODD: usize = 5001;

async fn open(env: &Env, path: &Path, options: &mut OpenOptions) -> Option<AioFile> {
    // Where O_DIRECT is refused this notes that it was skipped.
    env.direct(path).await?;
    let options = options.direct(true).bounce(true).context(&env.context);
    Some(options.open_aio(path).await.unwrap())
}

fn an_append_that_bounces_lands_at_the_end(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        let path = place.file("data", &pattern(ODD));
        multi_thread(2).block_on(async {
            let mut appending = OpenOptions::new();
            appending.read(true).append(true);
            let Some(file) = open(env, &path, &mut appending).await else { return };
            let mut expected = pattern(ODD);
            for number in 0..3u8 {
                file.append(vec![number; 7]).await.unwrap();
                expected.extend(vec![number; 7]);
            }
            let writer = Writer::new(&file);
            writer.write_all(vec![11; 9000]).await.unwrap();
            writer.write_all(vec![12; 3]).await.unwrap();
            writer.flush().await.unwrap();
            expected.extend(vec![11; 9000]);
            expected.extend(vec![12; 3]);
            let mut writer = BufferedWriter::new(&file).capacity(4096);
            for number in 20..30u8 {
                writer.write_all(vec![number; 999]).await.unwrap();
                expected.extend(vec![number; 999]);
            }
            writer.flush().await.unwrap();
            assert!(std::fs::read(&path).unwrap() == expected);
        });
    });
}

/// The flags of every descriptor of this process that writes to the file.
fn flags_of_writers(path: &Path) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        if read_link(entry.path()).ok().as_deref() != Some(path) {
            continue;
        }
        let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
        let Ok(info) = std::fs::read_to_string(info) else { continue };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            found.push(flags);
        }
    }
    found
}

fn the_second_descriptor_has_the_flags_of_the_first(env: &Env) {
    env.bounded(|env| {
        let place = disk();
        for (name, flag) in [("dsync", libc::O_DSYNC), ("sync", libc::O_SYNC)] {
            let path = place.file(name, &pattern(ODD)).canonicalize().unwrap();
            multi_thread(2).block_on(async {
                let mut options = OpenOptions::new();
                options.read(true).write(true).custom_flags(flag);
                let Some(file) = open(env, &path, &mut options).await else { return };
                file.write_all_at(vec![1; 7], 3).await.unwrap();
                let writers = flags_of_writers(&path);
                assert!(!writers.is_empty());
                for flags in writers {
                    assert_eq!(flags & flag, flag, "{name}: the flags are {flags:o}");
                }
            });
        }
    });
}

/// The write has begun when the length is set, and ends with bytes far beyond that length.
fn a_length_is_set_after_the_bounced_writes_before_it(env: &Env) {
    const LARGE: usize = (16 << 20) + 1;
    env.bounded(|env| {
        // In place a part of it may be written, and the rest by another operation, later.
        let env = &env.queued();
        let place = disk();
        let path = place.file("data", b"");
        multi_thread(2).block_on(async {
            let mut options = OpenOptions::new();
            options.read(true).write(true);
            let Some(file) = open(env, &path, &mut options).await else { return };
            for _ in 0..3 {
                // The first write that bounces opens the second descriptor.
                file.write_all_at("x", 1).await.unwrap();
                let mut write = pin!(file.write_all_at(vec![1; LARGE], 0));
                let before = env.context.metrics().submitted;
                // It is under way once it is counted; in between a task that had its share yields.
                let ended = loop {
                    let polled = poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await;
                    let now = env.context.metrics().submitted;
                    if polled.is_ready() || now != before {
                        break polled;
                    }
                    tokio::task::yield_now().await;
                };
                file.set_len(7).await.unwrap();
                match ended {
                    Poll::Ready(result) => result.unwrap(),
                    Poll::Pending => write.await.unwrap(),
                }
                assert_eq!(file.len().await.unwrap(), 7);
            }
        });
    });
}

fn clearing_a_sync_error_clears_it_for_both_descriptors() {
    for inner in faults::inner_with_syncs() {
        bounded(|| {
            let place = disk();
            let path = place.file("data", &pattern(ODD));
            let plan = Plan::new(51).fail_once(OpKind::Fdatasync, 0, libc::EIO);
            let builder = aiofile::context().custom(Arc::new(Faulty::new(inner, plan)));
            let context = builder.in_place(false).build().unwrap();
            multi_thread(2).block_on(async {
                let mut options = OpenOptions::new();
                options.read(true).write(true).direct(true).bounce(true);
                let Ok(file) = options.context(&context).open_aio(&path).await else { return };
                file.write_all_at(vec![1; 7], 3).await.unwrap();
                let error = Error::from(file.fdatasync().await.unwrap_err());
                assert_eq!(error.raw_os_error(), Some(libc::EIO), "{error}");
                assert!(file.clone().fsync().await.is_err(), "a failed sync stays failed");
                file.clear_sync_error();
                file.write_all_at(vec![2; 7], 3).await.unwrap();
                file.fdatasync().await.unwrap();
                file.fsync().await.unwrap();
                assert_eq!(std::fs::read(&path).unwrap()[3..10], [2; 7]);
            });
        });
    }
}
