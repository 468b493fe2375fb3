//! A random program: tasks in runtimes, over contexts and files, and what interrupts them. The same
//! seed gives the same program; a shorter one keeps some of its steps.

use std::fmt;
use std::str::FromStr;

use caio_testkit::Random;

/// How the tasks of one runtime are driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    CurrentThread,
    MultiThread(usize),
    /// A runtime of one thread that is left alone again and again.
    Undriven,
    /// A runtime of one thread whose clock is paused: it goes on when nothing else does.
    Paused,
    /// No runtime of tokio's.
    Smol,
}

/// What a shared file lies on, and how it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Disk,
    Direct,
    Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Bytes of the task's own region of a file.
    Write {
        file: usize,
        at: usize,
        length: usize,
        way: WriteWay,
    },
    Read {
        file: usize,
        at: usize,
        length: usize,
        way: ReadWay,
    },
    Sync {
        file: usize,
        data_only: bool,
    },
    /// A descriptor of the task's own in the place of the one that it had.
    Reopen {
        file: usize,
    },
    /// A record at the end of the file that all tasks append to.
    Append {
        length: usize,
    },
    /// A file of the task's own, replaced whole, and read.
    Replace {
        length: usize,
    },
    ReadWhole,
    /// The lock of the program, held for so many microseconds.
    Lock {
        held: u64,
    },
    /// Bytes through a pipe.
    Pipe {
        length: usize,
    },
    /// Keeps the thread busy, or asleep, for so many microseconds.
    Compute(u64),
    Block(u64),
    /// The end of the task's context.
    Shutdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteWay {
    All,
    From,
    Vectored,
    Writer,
    BufferedWriter,
    File,
    /// The buffer's destructor panics where the engine has to drop it.
    Explosive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadWay {
    Exact,
    Into,
    Vectored,
    Ranges,
    Reader,
    File,
}

/// What happens to the future of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    None,
    /// Dropped where it is not ready after so many polls more than the first.
    DropAfter(usize),
    /// Dropped after so many microseconds.
    Timeout(u64),
    /// Polled first with a waker that panics.
    PanickingWaker,
    /// Driven by another executor on the thread of this one.
    Nested,
    /// Polled once, and put aside while the thread is busy for so many microseconds.
    Aside(u64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Its number in the whole program, from 1.
    pub(crate) number: usize,
    pub(crate) action: Action,
    pub(crate) interruption: Interruption,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) runtime: usize,
    pub(crate) context: usize,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) runtimes: Vec<Driver>,
    pub(crate) contexts: usize,
    pub(crate) files: Vec<Place>,
    pub(crate) tasks: Vec<Task>,
}

/// How much of a shared file belongs to one task.
pub(crate) const REGION: usize = 64 * 1024;

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let runtimes: Vec<_> = (0..random.within(1..4)).map(|_| driver(random)).collect();
        let contexts = random.within(1..3);
        let files: Vec<_> = (0..random.within(1..4)).map(|_| place(random)).collect();
        let mut number = 0;
        let tasks = (0..random.within(1..7)).map(|_| Task {
            runtime: random.below(runtimes.len()),
            context: random.below(contexts),
            steps: (0..random.within(3..15))
                .map(|_| {
                    number += 1;
                    step(random, number, files.len())
                })
                .collect(),
        });
        let tasks = tasks.collect();
        Self { runtimes, contexts, files, tasks }
    }

    /// The steps that there are, in order.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let steps = self.tasks.iter().flat_map(|task| &task.steps);
        steps.map(|step| Kept { number: step.number, calm: false }).collect()
    }

    /// The same program with these steps alone.
    pub(crate) fn with(&self, kept: &[Kept]) -> Self {
        let mut shorter = self.clone();
        for task in &mut shorter.tasks {
            task.steps.retain_mut(|step| {
                let found = kept.iter().find(|kept| kept.number == step.number);
                if found.is_some_and(|kept| kept.calm) {
                    step.interruption = Interruption::None;
                }
                found.is_some()
            });
        }
        shorter
    }

    /// Whether a task ends this context before the others are done with it.
    pub(crate) fn shuts_down(&self, context: usize) -> bool {
        let of_it = self.tasks.iter().filter(|task| task.context == context);
        of_it.flat_map(|task| &task.steps).any(|step| step.action == Action::Shutdown)
    }
}

fn step(random: &mut Random, number: usize, files: usize) -> Step {
    let (action, interruption) = (action(random, files), interruption(random));
    match (action, interruption) {
        // Who has the lock may be a task of this very thread.
        (Action::Lock { .. }, Interruption::Nested) => {
            Step { number, action, interruption: Interruption::None }
        }
        _ => Step { number, action, interruption },
    }
}

fn driver(random: &mut Random) -> Driver {
    match random.below(10) {
        0..3 => Driver::CurrentThread,
        3..5 => Driver::MultiThread(2),
        5 => Driver::MultiThread(1),
        6 => Driver::MultiThread(8),
        7 => Driver::Undriven,
        8 => Driver::Paused,
        _ => Driver::Smol,
    }
}

fn place(random: &mut Random) -> Place {
    match random.below(4) {
        0..2 => Place::Disk,
        2 => Place::Direct,
        _ => Place::Memory,
    }
}

fn action(random: &mut Random, files: usize) -> Action {
    let file = random.below(files);
    match random.below(100) {
        0..26 => {
            let (at, length) = range(random);
            Action::Write { file, at, length, way: write_way(random) }
        }
        26..54 => {
            let (at, length) = range(random);
            Action::Read { file, at, length, way: read_way(random) }
        }
        54..62 => Action::Sync { file, data_only: random.chance(0.5) },
        62..66 => Action::Reopen { file },
        66..76 => Action::Append { length: random.within(0..3000) },
        76..80 => Action::Replace { length: random.within(1..40_000) },
        80..84 => Action::ReadWhole,
        84..88 => Action::Lock { held: random.below(500) as u64 },
        88..91 => Action::Pipe { length: random.within(1..100_000) },
        91..96 => Action::Compute(random.below(3000) as u64),
        96..99 => Action::Block(random.below(3000) as u64),
        _ => Action::Shutdown,
    }
}

fn write_way(random: &mut Random) -> WriteWay {
    match random.below(10) {
        0..2 => WriteWay::All,
        2..4 => WriteWay::From,
        4 => WriteWay::Vectored,
        5 => WriteWay::Writer,
        6 => WriteWay::BufferedWriter,
        7 => WriteWay::File,
        _ => WriteWay::Explosive,
    }
}

fn read_way(random: &mut Random) -> ReadWay {
    match random.below(8) {
        0..2 => ReadWay::Exact,
        2..4 => ReadWay::Into,
        4 => ReadWay::Vectored,
        5 => ReadWay::Reader,
        6 => ReadWay::File,
        _ => ReadWay::Ranges,
    }
}

/// A range of a region: mostly small and anywhere, now and then in whole pages, or large.
fn range(random: &mut Random) -> (usize, usize) {
    match random.below(10) {
        0..5 => (random.below(REGION - 5000), random.within(1..5000)),
        5..8 => (random.below(12) * 4096, random.within(1..5) * 4096),
        _ => (0, random.within(1..REGION + 1)),
    }
}

fn interruption(random: &mut Random) -> Interruption {
    match random.below(20) {
        0..10 => Interruption::None,
        10..13 => Interruption::DropAfter(random.below(3)),
        13..15 => Interruption::Timeout(random.below(2000) as u64),
        15 => Interruption::PanickingWaker,
        16 => Interruption::Nested,
        _ => Interruption::Aside(random.below(2000) as u64),
    }
}

/// A step of a shorter program: its number, and whether nothing interrupts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) number: usize,
    pub(crate) calm: bool,
}

/// What to replay: `uring:17` is a whole program, `uring:17:3,5!` two of its steps, of which the
/// second is not interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) variant: String,
    pub(crate) seed: u64,
    pub(crate) kept: Option<Vec<Kept>>,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.variant, self.seed)?;
        for (index, kept) in self.kept.iter().flatten().enumerate() {
            let before = if index == 0 { ":" } else { "," };
            write!(f, "{before}{}{}", kept.number, if kept.calm { "!" } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for Replay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let variant = parts.next().unwrap_or_default().to_owned();
        let seed = parts.next().and_then(|seed| seed.parse().ok()).ok_or("variant:seed:steps")?;
        let kept = |kept: &str| {
            let calm = kept.ends_with('!');
            let number = kept.trim_end_matches('!').parse().map_err(|_| kept.to_owned())?;
            Ok::<_, String>(Kept { number, calm })
        };
        let kept = parts.next().map(|steps| steps.split(',').map(kept).collect()).transpose()?;
        Ok(Self { variant, seed, kept })
    }
}

#[test]
fn a_replay_is_read_as_it_is_printed() {
    for text in ["uring:17", "rust_one:0:3", "linux:18446744073709551615:3,5!,12"] {
        assert_eq!(text.parse::<Replay>().unwrap().to_string(), text);
    }
    assert!("uring".parse::<Replay>().is_err() && "uring:1:x".parse::<Replay>().is_err());
}

#[test]
fn the_same_seed_gives_the_same_program() {
    let shown = |scenario: &Scenario| format!("{scenario:?}");
    assert_eq!(shown(&Scenario::of(7)), shown(&Scenario::of(7)));
    let whole = Scenario::of(7);
    assert_eq!(shown(&whole.with(&whole.kept())), shown(&whole));
    assert!((0..100).any(|seed| Scenario::of(seed).shuts_down(0)));
}
