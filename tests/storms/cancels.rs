//! Futures that are dropped at any poll. The kernel may still use their buffers then, and nobody
//! else may; when it has finished, they come back.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aiofile::Context;
use caio::{Buffer, SharedFile, Transfer};
use caio_testkit::{Guards, Random};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nix::libc;

use crate::hasty::Hasty;
use crate::in_use::eventually;
use crate::settled::settled;
use crate::{PATIENCE, backends, caught, gate, in_use, number, place, runtime, seeds};

/// The bytes of a transfer.
pub(crate) const BLOCK: usize = 4096;

/// The blocks of the file.
pub(crate) const BLOCKS: usize = 64;

/// Transfers at the same time.
const AT_ONCE: usize = 16;

/// More than this are not dropped in one runtime.
const PART: u64 = 50_000;

/// What a storm, or a part of it, has done.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// Futures that were polled, waited, and were dropped then.
    cancels: u64,
    /// Futures that were dropped before any poll.
    unpolled: u64,
    finished: u64,
}

/// `CAIO_STORM_CANCELS` is how many futures are dropped for each backend on a cached file; on one
/// that bypasses the cache, it is the tenth part.
#[test]
fn dropped_futures() {
    let _alone = in_use::alone();
    drop(runtime());
    let wanted = number("CAIO_STORM_CANCELS", 5_000);
    for kind in backends::all() {
        for (cache, wanted) in [("cached", wanted), ("direct", wanted / 10)] {
            let (begun, before) = (Instant::now(), in_use::now());
            let place = place();
            let path = place.path().join("data");
            let Some(file) = blocks(&path, cache == "direct") else {
                println!("SKIPPED dropped futures without the cache: O_DIRECT is refused");
                continue;
            };
            let (mut sum, mut in_flight) = (Counts::default(), 0);
            for seed in seeds() {
                let context = backends::context(kind);
                let left = (wanted - sum.cancels).min(PART);
                let part = storm(&context, &file, &Guards::new(BLOCK, 64), left, seed);
                let counts = part.unwrap_or_else(|error| panic!("{kind}, seed {seed}: {error}"));
                sum.add(&counts);
                in_flight += context.metrics().cancelled;
                if sum.cancels >= wanted {
                    break;
                }
            }
            drop(file);
            in_use::given_back(&before, PATIENCE).unwrap_or_else(|error| panic!("{kind}: {error}"));
            let figures: [(&str, &dyn std::fmt::Display); 5] = [
                ("file", &cache),
                ("cancels", &sum.cancels),
                ("in_flight", &in_flight),
                ("unpolled", &sum.unpolled),
                ("finished", &sum.finished),
            ];
            gate("cancels", kind.name(), &figures, begun);
        }
    }
}

#[test]
fn a_buffer_that_is_given_back_too_early_is_found() {
    let _alone = in_use::alone();
    let find = |is_hasty| {
        let (place, guards) = (place(), Guards::new(BLOCK, 64));
        let file = blocks(&place.path().join("data"), false).unwrap();
        let hasty = Arc::new(Hasty::new(is_hasty));
        let context = backends::queued().custom(Arc::<Hasty>::clone(&hasty)).build().unwrap();
        let found = storm(&context, &file, &guards, 200, 1).map(drop);
        // What it transfers late is still ours.
        hasty.wait();
        found
    };
    assert_eq!(find(false), Ok(()));
    caught("cancels", "early_release", &find(true));
}

/// A file of blocks; `None` where it cannot be opened so.
pub(crate) fn blocks(path: &Path, is_direct: bool) -> Option<SharedFile> {
    let contents: Vec<u8> = (0..BLOCKS).flat_map(|block| [value(block, 0); BLOCK]).collect();
    std::fs::write(path, contents).unwrap();
    let flags = if is_direct { libc::O_DIRECT } else { 0 };
    let file = File::options().read(true).write(true).custom_flags(flags).open(path);
    file.ok().map(|file| SharedFile::new(file, path).unwrap())
}

/// Block after block has values of its own, and none is the paint of buffers.
fn value(block: usize, turn: usize) -> u8 {
    (block * 2 + turn) as u8
}

/// Whether these bytes may be in that block.
fn belongs(block: usize, bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| usize::from(byte / 2) == block)
}

/// Whether the file has nothing but what was to be written.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let contents = std::fs::read(path).unwrap();
    for (block, bytes) in contents.chunks(BLOCK).enumerate() {
        if !belongs(block, bytes) {
            return Err(format!("block {block} has what was never to be written there"));
        }
    }
    match contents.len() == BLOCKS * BLOCK {
        true => Ok(()),
        false => Err(format!("the file has {} bytes", contents.len())),
    }
}

/// A read or a write of some block.
pub(crate) fn transfer(
    context: &Context,
    file: &SharedFile,
    guards: &Guards,
    random: &mut Random,
) -> (usize, BoxFuture<'static, Transfer>) {
    let (context, file) = (context.clone(), file.clone());
    let block = random.below(BLOCKS);
    let offset = (block * BLOCK) as u64;
    let mut buffer = guards.lend();
    let future = match random.chance(0.5) {
        true => {
            buffer.extend_from_slice(&[value(block, random.below(2)); BLOCK]);
            async move { context.write(&file, Buffer::from(buffer), 0..BLOCK, offset).await }
                .boxed()
        }
        false => {
            async move { context.read(&file, Buffer::from(buffer), 0..BLOCK, offset).await }.boxed()
        }
    };
    (block, future)
}

/// Drops so many futures, in a runtime or in none.
fn storm(
    context: &Context,
    file: &SharedFile,
    guards: &Guards,
    wanted: u64,
    seed: u64,
) -> Result<Counts, String> {
    let counts = match seed % 2 {
        0 => futures_executor::block_on(drop_futures(context, file, guards, wanted, seed)),
        _ => runtime().block_on(drop_futures(context, file, guards, wanted, seed)),
    }?;
    settled(context, PATIENCE)?;
    eventually(PATIENCE, || match guards.lent() {
        0 => Ok(()),
        lent => Err(format!("{lent} buffers did not come back")),
    })?;
    guards.look()?;
    check(file.path())?;
    let metrics = context.metrics();
    if metrics.failed > 0 {
        return Err(format!("some failed: {metrics:?}"));
    }
    Ok(counts)
}

async fn drop_futures(
    context: &Context,
    file: &SharedFile,
    guards: &Guards,
    wanted: u64,
    seed: u64,
) -> Result<Counts, String> {
    let mut random = Random::new(seed);
    let mut counts = Counts::default();
    let mut begun: Vec<(usize, BoxFuture<'static, Transfer>)> = Vec::new();
    for round in 0u64.. {
        if counts.cancels >= wanted {
            break;
        }
        let next = transfer(context, file, guards, &mut random);
        if random.chance(0.02) {
            counts.unpolled += 1;
            continue;
        }
        begun.push(next);
        let newest = begun.len() - 1;
        poll(&mut begun, newest, &mut counts)?;
        // One of them is polled again, or not any more.
        if !begun.is_empty() {
            let any = random.below(begun.len());
            match begun.len() > AT_ONCE || random.chance(0.4) {
                true => {
                    drop(begun.swap_remove(any));
                    counts.cancels += 1;
                }
                false => poll(&mut begun, any, &mut counts)?,
            }
        }
        if round % 16 == 0 {
            yield_now().await;
        }
        if round % 64 == 0 {
            guards.look()?;
        }
    }
    Ok(counts)
}

/// Polls the one at this place, which goes when it has ended.
fn poll(
    begun: &mut Vec<(usize, BoxFuture<'static, Transfer>)>,
    at: usize,
    counts: &mut Counts,
) -> Result<(), String> {
    let (block, future) = &mut begun[at];
    let Some((result, buffer)) = future.now_or_never() else { return Ok(()) };
    let moved = result.map_err(|error| error.to_string())?;
    if moved != BLOCK || !belongs(*block, buffer.as_slice()) {
        return Err(format!("a transfer of block {block} moved {moved} bytes, or others"));
    }
    drop(begun.swap_remove(at));
    counts.finished += 1;
    Ok(())
}

/// Lets others run: the runtime's driver, where there is one.
async fn yield_now() {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::task::yield_now().await,
        Err(_) => std::thread::yield_now(),
    }
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.cancels += other.cancels;
        self.unpolled += other.unpolled;
        self.finished += other.finished;
    }
}
