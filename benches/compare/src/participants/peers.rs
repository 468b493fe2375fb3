//! The other runtimes on io_uring, each with a ring for each thread.

mod compio;
mod glommio;
mod monoio;
mod tokio_uring;

use std::ops::Range;

use aiofile_bench::participants::own_ring;
use aiofile_bench::{Cell, Class, Participant, Work};

/// All of them, on one thread and on two.
pub fn all() -> Vec<Participant> {
    use Class::{OneThreadPeer, Peer};
    let (one, two) = (has_form, |cell: &Cell| has_form(cell) && cell.in_flight > 1);
    let new =
        |name, class, does, takes, run| Participant::new(name, class, does, "io_uring", takes, run);
    // They have no call that reads a whole file.
    let one_lacks_files: fn(&Cell) -> bool = |cell| has_form(cell) && cell.work != Work::WholeFiles;
    let two_lacks_files: fn(&Cell) -> bool =
        |cell| has_form(cell) && cell.work != Work::WholeFiles && cell.in_flight > 1;
    vec![
        new("tokio-uring", OneThreadPeer, "tokio-uring, one thread", one_lacks_files, |job| {
            own_ring::run::<tokio_uring::Runtime>(job, 1)
        }),
        new("tokio-uring-2", Peer, "the same on two", two_lacks_files, |job| {
            own_ring::run::<tokio_uring::Runtime>(job, 2)
        }),
        new("compio", OneThreadPeer, "compio, one thread", one, |job| {
            own_ring::run::<compio::Runtime>(job, 1)
        }),
        new("compio-2", Peer, "the same on two", two, |job| {
            own_ring::run::<compio::Runtime>(job, 2)
        }),
        new("monoio", OneThreadPeer, "monoio, one thread", one, |job| {
            own_ring::run::<monoio::Runtime>(job, 1)
        }),
        new("monoio-2", Peer, "the same on two", two, |job| {
            own_ring::run::<monoio::Runtime>(job, 2)
        }),
        new("glommio", OneThreadPeer, "glommio, one thread", one_lacks_files, |job| {
            own_ring::run::<glommio::Runtime>(job, 1)
        }),
        new("glommio-2", Peer, "the same on two", two_lacks_files, |job| {
            own_ring::run::<glommio::Runtime>(job, 2)
        }),
    ]
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
