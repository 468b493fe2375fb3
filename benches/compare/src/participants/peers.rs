//! The other runtimes on io_uring, each with a ring for each thread.

mod compio;
mod glommio;
mod monoio;
mod tokio_uring;

use std::ops::Range;

use aiofile_bench::Class::{OneThreadPeer, Peer};
use aiofile_bench::participants::own_ring;
use aiofile_bench::{Cell, Participant, Work};

/// All of them, on one thread and on two.
pub fn all() -> Vec<Participant> {
    macro_rules! peers {
        ($($name:literal, $two:literal, $does:literal, $runtime:ty, $takes:ident;)*) => {
            vec![$(
                Participant::new($name, OneThreadPeer, $does, "io_uring", $takes, |job| {
                    own_ring::run::<$runtime>(job, 1)
                }),
                Participant::new(
                    $two,
                    Peer,
                    "the same on two",
                    "io_uring",
                    |cell| $takes(cell) && cell.in_flight > 1,
                    |job| own_ring::run::<$runtime>(job, 2),
                ),
            )*]
        };
    }
    peers! {
        "tokio-uring", "tokio-uring-2", "tokio-uring, one thread", tokio_uring::Runtime, no_files;
        "compio", "compio-2", "compio, one thread", compio::Runtime, has_form;
        "monoio", "monoio-2", "monoio, one thread", monoio::Runtime, has_form;
        "glommio", "glommio-2", "glommio, one thread", glommio::Runtime, no_files;
    }
}

/// Without a call that reads a whole file.
fn no_files(cell: &Cell) -> bool {
    has_form(cell) && cell.work != Work::WholeFiles
}

/// Fairness between tasks needs another thread to wait for.
fn has_form(cell: &Cell) -> bool {
    let has_call = cell.is_transfer() || matches!(cell.work, Work::WholeFiles | Work::Ranges);
    has_call && cell.measure != aiofile_bench::Measure::Longest
}

/// A buffer that O_DIRECT accepts, made without `unsafe`: a vector with room to spare, of which the
/// aligned part is used. The vector must not grow.
pub struct Buffer {
    vector: Vec<u8>,
    range: Range<usize>,
}

impl Buffer {
    fn new(length: usize) -> Self {
        const ALIGNMENT: usize = 4096;
        // Not zeroes, so that a block written can be told from one never written.
        let vector = vec![0xa5; length + ALIGNMENT];
        let start = vector.as_ptr().align_offset(ALIGNMENT);
        Self { vector, range: start..start + length }
    }
}
