//! A state that a loss of power can leave: what was flushed, and some of what was written after.

use caio_testkit::Random;

use crate::disk::{Disk, Event, SECTOR_BYTES};
use crate::job::Mark;
use crate::trace::{Note, Trace};

/// A moment at which the power goes, and what the cache of the disk lets go then.
#[derive(Debug)]
pub(crate) struct State {
    /// What replays it, with the seed of the trace.
    pub(crate) number: u64,
    /// How many events had come.
    pub(crate) at: usize,
    /// How many of these are durable: those before the last flush, and it.
    pub(crate) flushed: usize,
    loss: Loss,
    random: Random,
}

/// Which of the writes that were not flushed are lost.
#[derive(Debug)]
enum Loss {
    All,
    /// All but one, which may be the one that mattered.
    One,
    /// Each with the same probability, some of them in part.
    Some,
    /// The last ones, the first of which in part.
    Last,
}

impl State {
    /// The state with this number. Every other one is just when something was told to be durable.
    pub(crate) fn new(trace: &Trace, number: u64) -> Self {
        let mut random = Self::random(trace, number);
        let at = match random.chance(0.5) && !trace.notes.is_empty() {
            true => trace.notes[random.below(trace.notes.len())].at,
            false => random.within(trace.begins..trace.events.len() + 1),
        };
        Self::with(trace, number, at, random)
    }

    /// The state with this number where there is no journal: just when something was told to be
    /// durable, without anything that was not flushed.
    pub(crate) fn bare(trace: &Trace, number: u64) -> Self {
        let told = |note: &&Note| note.mark == Mark::Acknowledged;
        let told: Vec<_> = trace.notes.iter().filter(told).collect();
        let index = Self::random(trace, number).below(told.len());
        let at = told.get(index).map_or(trace.events.len(), |note| note.at);
        Self { number, ..Self::all_lost(trace, at) }
    }

    /// A state in which all events had come.
    pub(crate) fn at_the_end(trace: &Trace) -> Self {
        Self::with(trace, 0, trace.events.len(), Random::new(trace.workload.seed))
    }

    fn random(trace: &Trace, number: u64) -> Random {
        Random::new(trace.workload.seed.wrapping_mul(0x1_0000_0001).wrapping_add(number))
    }

    fn with(trace: &Trace, number: u64, at: usize, mut random: Random) -> Self {
        let loss = match random.below(4) {
            0 => Loss::All,
            1 => Loss::One,
            2 => Loss::Some,
            _ => Loss::Last,
        };
        Self { number, at, flushed: flushed(&trace.events[..at]), loss, random }
    }

    /// When so many events have come, all is lost that was not flushed.
    pub(crate) fn all_lost(trace: &Trace, at: usize) -> Self {
        let (flushed, random) = (flushed(&trace.events[..at]), Random::new(0));
        Self { number: 0, at, flushed, loss: Loss::All, random }
    }

    /// The disk, from what it was when all durable events had come.
    pub(crate) fn disk(&self, durable: &Disk, events: &[Event]) -> Disk {
        let (mut disk, mut random) = (durable.clone(), self.random.clone());
        let writes = &events[self.flushed..self.at];
        let chosen = random.below(writes.len());
        for (index, event) in writes.iter().enumerate() {
            let Event::Write { offset, bytes } = event else { continue };
            let is_torn = match self.loss {
                Loss::All => continue,
                Loss::One if index == chosen => continue,
                Loss::Last if index > chosen => break,
                Loss::Last => index == chosen,
                Loss::One => false,
                Loss::Some if random.chance(0.5) => continue,
                Loss::Some => random.chance(0.25),
            };
            match is_torn {
                true => tear(&mut disk, *offset, bytes, &mut random),
                false => disk.write(*offset, bytes),
            }
        }
        disk
    }
}

/// How many of these are durable.
fn flushed(events: &[Event]) -> usize {
    let last = events.iter().rposition(|event| matches!(event, Event::Flush));
    last.map_or(0, |index| index + 1)
}

/// Writes some of the sectors: the first ones, or any.
fn tear(disk: &mut Disk, offset: u64, bytes: &[u8], random: &mut Random) {
    let sectors = bytes.len().div_ceil(SECTOR_BYTES);
    let (first, is_prefix) = (random.below(sectors + 1), random.chance(0.5));
    for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
        if if is_prefix { index < first } else { random.chance(0.5) } {
            disk.write(offset + (index * SECTOR_BYTES) as u64, sector);
        }
    }
}

/// The disk when the first events had come, for states in the order of their flushes.
pub(crate) struct Replay<'a> {
    events: &'a [Event],
    disk: Disk,
    done: usize,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(trace: &'a Trace) -> Self {
        Self { events: &trace.events, disk: trace.base.clone(), done: 0 }
    }

    pub(crate) fn to(&mut self, state: &State) -> Disk {
        for event in &self.events[self.done..state.flushed] {
            if let Event::Write { offset, bytes } = event {
                self.disk.write(*offset, bytes);
            }
        }
        self.done = state.flushed;
        state.disk(&self.disk, self.events)
    }
}
