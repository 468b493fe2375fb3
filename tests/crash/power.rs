//! Power cuts: a virtual machine with a kernel of its own works on the disk, and is killed.
//!
//! What the guest has in its memory is gone then, as with a loss of power. What it had written to
//! the disk and not flushed is in the emulator's hands, which has passed it on: so that this is
//! lost as well, the disk is ours, and lets go a part of what came after the last flush.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::BackendKind;
use caio_testkit::Random;

use crate::alone;
use crate::device::{Device, FILE_SYSTEMS};
use crate::disk::SECTOR_BYTES;
use crate::examine::{Examined, examine};
use crate::job::{Job, LeftOut, Mark, STEPS};
use crate::jobs;
use crate::state::{Replay, State};
use crate::trace::{Note, Trace};
use crate::workload::Workload;

/// An emulated machine is slow, but says something sooner than that.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many machines run at the same time, at most.
const LANES_MAX: usize = 2;

/// How long after its last word a machine is killed, in milliseconds, at most.
const DELAY_MAX: usize = 30;

/// What a virtual machine is to do, as its kernel's command line gives it to the first process.
pub(crate) struct Order {
    pub(crate) file_system: String,
    pub(crate) backend: BackendKind,
    pub(crate) seed: u64,
    pub(crate) left_out: LeftOut,
}

const ORDER: &str = "CAIO_POWER_GUEST";

impl Order {
    fn text(&self) -> String {
        let Self { file_system, backend, seed, left_out } = self;
        format!("{file_system}:{backend}:{seed}:{}", *left_out == LeftOut::Nothing)
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(':').collect();
        let [file_system, backend, seed, is_complete] = parts[..] else { return None };
        Some(Self {
            file_system: file_system.to_owned(),
            backend: BackendKind::ALL.into_iter().find(|kind| kind.name() == backend)?,
            seed: seed.parse().ok()?,
            left_out: if is_complete == "true" { LeftOut::Nothing } else { LeftOut::Sync },
        })
    }
}

/// What is to be done, where this is the machine.
pub(crate) fn order() -> Option<Order> {
    env::var(ORDER).ok().as_deref().and_then(Order::parse)
}

/// Cuts as many machines as are wanted, and some without syncs.
pub(crate) fn cut() {
    let Some(machine) = Machine::from_environment() else {
        return println!("SKIPPED: power cuts: .ci/power-cuts makes what a machine needs");
    };
    let (first, cuts) = (number("CAIO_POWER_SEED", 1), number("CAIO_POWER_CUTS", 4));
    let begun = Instant::now();
    let (next, told) = (AtomicU64::new(first), Mutex::new(Told::default()));
    // Each machine keeps about one processor busy.
    let lanes = thread::available_parallelism().map_or(1, usize::from).min(LANES_MAX);
    thread::scope(|scope| {
        for _ in 0..lanes {
            _ = scope.spawn(|| machine.cut_some(&next, first + cuts, &told));
        }
    });
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "gate=power_cuts kernel={} cuts={} acknowledged={} lost={} seconds={:.1}",
        told.kernel,
        told.cuts,
        told.acknowledged,
        told.lost.len(),
        begun.elapsed().as_secs_f64(),
    );
    let again = "again: CAIO_POWER_SEED=seed .ci/power-cuts 1";
    assert!(told.lost.is_empty(), "{}\n{again}", told.lost.join("\n"));
    for (file_system, _) in FILE_SYSTEMS {
        let Some(device) = alone::device(file_system) else { continue };
        let (backend, left_out) = (BackendKind::Thread, LeftOut::Sync);
        let order = Order { file_system: file_system.to_owned(), backend, seed: first, left_out };
        let (examined, kernel) = machine.cut(&device, &order);
        let (lost, caught) = match examined.lost.len() {
            0 => (0, "no"),
            lost => (lost, "yes"),
        };
        println!(
            "gate=power_cuts planted=no_sync kernel={kernel} filesystem={file_system} \
             lost={lost} caught={caught}",
        );
        assert!(lost > 0, "nothing was lost without any sync");
    }
}

/// What came of all cuts.
#[derive(Default)]
struct Told {
    kernel: String,
    cuts: u64,
    acknowledged: u64,
    lost: Vec<String>,
}

/// A number from the environment.
fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// What a machine starts with.
struct Machine {
    kernel: PathBuf,
    /// The first file system, in memory: this program, its libraries and the kernel's modules.
    initrd: PathBuf,
}

impl Machine {
    fn from_environment() -> Option<Self> {
        let path = |variable: &str| env::var_os(variable).map(PathBuf::from);
        Some(Self { kernel: path("CAIO_POWER_KERNEL")?, initrd: path("CAIO_POWER_INITRD")? })
    }

    /// Cuts machines with the next seeds, each file system and each backend in turn.
    fn cut_some(&self, next: &AtomicU64, until: u64, told: &Mutex<Told>) {
        let names = FILE_SYSTEMS.iter().map(|(name, _)| name);
        let devices: Vec<_> = names.filter_map(|name| alone::device(name)).collect();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= until || devices.is_empty() {
                return;
            }
            let place = seed as usize;
            let device = &devices[place % devices.len()];
            let backend = BackendKind::ALL[place / devices.len() % BackendKind::ALL.len()];
            let file_system = device.file_system.to_owned();
            let order = Order { file_system, backend, seed, left_out: LeftOut::Nothing };
            let (examined, kernel) = self.cut(device, &order);
            let lost = examined.lost.iter();
            let lost = lost.map(|(job, error)| format!("{}: {job}: {error}", order.text()));
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.cuts += 1;
            told.acknowledged += examined.acknowledged;
            told.lost.extend(lost);
            told.kernel = kernel;
        }
    }

    /// Lets a machine work for a while, kills it, and looks at its disk. What it was is told, too.
    fn cut(&self, device: &Device, order: &Order) -> (Examined, String) {
        device.served.load(device.fresh.clone());
        let jobs: Vec<&Job> = jobs::all().collect();
        let mut random = Random::new(order.seed);
        let many = random.within(1..jobs.len() * STEPS as usize);
        let mut child = self.start(device, order);
        let told = listen(&mut child);
        let (mut notes, mut kernel) = (Vec::new(), String::new());
        while notes.len() < many {
            match told.recv_timeout(PATIENCE) {
                Ok(Said::Acknowledged(job, step)) => notes.push((job, step)),
                Ok(Said::Kernel(name)) => kernel = name,
                Ok(Said::Done) => break,
                Ok(Said::Other(line)) => println!("{}: {line}", order.text()),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    child.kill().unwrap();
                    panic!("{}: the machine says nothing any more", order.text());
                }
            }
        }
        thread::sleep(Duration::from_millis(random.below(DELAY_MAX) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it was killed counts, too.
        for said in told {
            if let Said::Acknowledged(job, step) = said {
                notes.push((job, step));
            }
        }
        let events = device.served.take_events();
        let at = events.len();
        let acknowledged =
            notes.into_iter().map(|(job, step)| Note { job, mark: Mark::Acknowledged, step, at });
        // It may have begun anything that it had not told yet.
        let begun =
            jobs.iter().map(|job| Note { job: job.name, mark: Mark::Begun, step: STEPS - 1, at });
        let notes: Vec<_> = acknowledged.chain(begun).collect();
        let workload = Workload { jobs, seed: order.seed, left_out: order.left_out };
        let base = device.fresh.clone();
        let trace = Trace { workload, base, events, begins: at, notes };
        let state = State::at_the_end(&trace);
        let disk = Replay::new(&trace).to(&state);
        let jobs = &trace.workload.jobs;
        let examined = examine(device, disk.clone(), jobs, order.seed, &trace.notes);
        if !examined.lost.is_empty() && order.left_out == LeftOut::Nothing {
            let image = disk.keep(&format!("power-{}.img", order.text()));
            println!("{}: the disk is {}", order.text(), image.display());
        }
        (examined, kernel)
    }

    fn start(&self, device: &Device, order: &Order) -> Child {
        let disk = device.served.path();
        let drive = format!("if=none,id=disk,format=raw,cache=writeback,file={}", disk.display());
        let disk = format!(
            "virtio-blk-pci,drive=disk,write-cache=on,\
             logical_block_size={SECTOR_BYTES},physical_block_size={SECTOR_BYTES}"
        );
        let name = "what_was_acknowledged_outlives_a_power_cut";
        let command = format!(
            "console=ttyS0 loglevel=1 panic=-1 rdinit=/init RUST_BACKTRACE=0 {ORDER}={} \
             -- {name} --exact --nocapture --quiet",
            order.text(),
        );
        Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "768", "-nodefaults"])
            .args(["-display", "none", "-no-reboot", "-serial", "stdio"])
            .args(["-drive", &drive, "-device", &disk, "-append", &command])
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initrd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// What a machine says.
enum Said {
    Acknowledged(&'static str, u64),
    Kernel(String),
    Done,
    Other(String),
}

/// Hands on what comes by the console, line by line. A line that was cut off is none.
fn listen(child: &mut Child) -> Receiver<Said> {
    let (tell, told) = channel();
    let mut console = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || {
        let mut line = Vec::new();
        while console.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            if line.ends_with(b"\n")
                && let Some(said) = parse(&text)
                && tell.send(said).is_err()
            {
                break;
            }
            line.clear();
        }
    });
    told
}

fn parse(line: &str) -> Option<Said> {
    let Some((_, note)) = line.split_once("note ") else {
        // Such as a panic of the kernel's, though not what the test harness says.
        let is_news = !line.is_empty() && !line.starts_with("running ");
        return is_news.then(|| Said::Other(line.to_owned()));
    };
    let words: Vec<_> = note.split(' ').collect();
    Some(match words[..] {
        ["acknowledged", job, step] => {
            let job = jobs::all().find(|known| known.name == job)?;
            Said::Acknowledged(job.name, step.parse().ok()?)
        }
        ["kernel", name] => Said::Kernel(name.to_owned()),
        ["all", "is", "done"] => Said::Done,
        _ => Said::Other(note.to_owned()),
    })
}
