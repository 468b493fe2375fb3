//! Processes that are stopped and continued at any time while they write and read a file.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aiofile::{BackendKind, Context};
use caio::{AlignedBuffer, Buffer, DEFAULT_ALIGNMENT, SharedFile};
use caio_testkit::Random;
use futures_util::future::join_all;
use nix::libc;
use nix::sys::signal::Signal;

use crate::children::{BEGINS, ENDS, Process, Role, pause, role};
use crate::planted_backend::{Defect, Planted};
use crate::{backends, caught, gate, in_use, number, place, runtime, seeds};

/// The bytes of a transfer.
const PIECE: usize = 16_384;

/// The pieces of a file.
const PIECES: usize = 64;

/// Transfers at the same time.
const AT_ONCE: usize = 8;

const TEST: &str = "stops::stopped_and_continued";

/// `CAIO_STORM_STOPS` is how many processes there are for each backend.
#[test]
fn stopped_and_continued() {
    if let Some(role) = role() {
        return write(&role);
    }
    let _alone = in_use::alone();
    let runs = number("CAIO_STORM_STOPS", 5);
    for kind in backends::all() {
        let (begun, mut stops) = (Instant::now(), 0);
        for seed in seeds().take(runs as usize) {
            let run = run(kind, seed, false);
            stops += run.unwrap_or_else(|error| panic!("{kind}, seed {seed}: {error}"));
        }
        gate("stops", kind.name(), &[("runs", &runs), ("stops", &stops)], begun);
    }
}

#[test]
fn a_lost_write_of_a_stopped_process_is_found() {
    let _alone = in_use::alone();
    let find = || (1..20).try_for_each(|seed| run(BackendKind::Rust, seed, true).map(drop));
    caught("stops", "lost_write", &find());
}

/// One process, and what it wrote. Returns how often it was stopped.
fn run(kind: BackendKind, seed: u64, is_planted: bool) -> Result<u64, String> {
    let place = place();
    let path = place.path().join("data");
    let mut random = Random::new(seed);
    let mut stops = 0;
    Process::start(TEST, kind, is_planted, &path).disturbed(|process| {
        pause(random.below(1500));
        process.signal(Signal::SIGSTOP);
        pause(random.below(1000));
        process.signal(Signal::SIGCONT);
        stops += 1;
    })?;
    check(&path).map(|()| stops)
}

fn check(path: &Path) -> Result<(), String> {
    let contents = std::fs::read(path).unwrap();
    let wrong = (0..PIECES).find(|number| {
        contents.get(number * PIECE..(number + 1) * PIECE) != Some(&piece(*number)[..])
    });
    match wrong {
        None => Ok(()),
        Some(wrong) => Err(format!("piece {wrong} of the file is not what was written")),
    }
}

fn piece(number: usize) -> Vec<u8> {
    Random::new(number as u64).bytes(PIECE)
}

/// The process that is stopped.
fn write(role: &Role) {
    let context = match role.is_planted {
        false => backends::context(role.kind),
        true => {
            let planted = Planted::new(backends::open(role.kind).unwrap(), Defect::LostWrite, 1);
            backends::queued().custom(Arc::new(planted)).build().unwrap()
        }
    };
    let open = |flags| {
        File::options().read(true).write(true).create(true).custom_flags(flags).open(&role.path)
    };
    // Kernel AIO serves nothing else.
    let flags = if role.kind == BackendKind::Linux { libc::O_DIRECT } else { 0 };
    let file = open(flags).or_else(|_| open(0)).unwrap();
    let file = SharedFile::new(file, &role.path).unwrap();
    let pieces: Vec<_> = (0..PIECES).map(|number| (number, piece(number))).collect();
    println!("{BEGINS}");
    runtime().block_on(async {
        for pieces in pieces.chunks(AT_ONCE) {
            join_all(pieces.iter().map(|piece| write_piece(&context, &file, piece))).await;
        }
        context.sync(&file, true).await.unwrap();
        if !role.is_planted {
            for pieces in pieces.chunks(AT_ONCE) {
                join_all(pieces.iter().map(|piece| read_piece(&context, &file, piece))).await;
            }
        }
    });
    println!("{ENDS}");
}

fn aligned(bytes: &[u8]) -> Buffer {
    Buffer::from(AlignedBuffer::copy_of(bytes, DEFAULT_ALIGNMENT))
}

async fn write_piece(context: &Context, file: &SharedFile, (number, bytes): &(usize, Vec<u8>)) {
    let offset = (number * PIECE) as u64;
    let written = match number % 3 {
        0 => {
            context
                .write_vectored(file, bytes.chunks(PIECE / 4).map(aligned).collect(), offset)
                .await
                .0
        }
        _ => context.write(file, aligned(bytes), 0..PIECE, offset).await.0,
    };
    assert_eq!(written.unwrap(), PIECE);
}

async fn read_piece(context: &Context, file: &SharedFile, (number, bytes): &(usize, Vec<u8>)) {
    let buffer = Buffer::from(AlignedBuffer::new(PIECE, DEFAULT_ALIGNMENT));
    let (read, buffer) = context.read(file, buffer, 0..PIECE, (number * PIECE) as u64).await;
    assert_eq!(read.unwrap(), PIECE);
    assert!(buffer.as_slice() == bytes, "piece {number} is read wrongly");
}
