//! A virtual machine without hardware to help it: how it is started, what it is to do, and what it
//! says by its serial console.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use aiofile::BackendKind;

use crate::device::Device;
use crate::disk::SECTOR_BYTES;
use crate::job::LeftOut;
use crate::jobs;

/// An emulated machine is slow, but says something sooner than that.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How often one is started that does not come to its work.
const BOOTS_MAX: usize = 3;

/// What a virtual machine is to do, as its kernel's command line gives it to the first process.
pub(crate) struct Order {
    pub(crate) file_system: String,
    pub(crate) backend: BackendKind,
    pub(crate) seed: u64,
    pub(crate) left_out: LeftOut,
}

const ORDER: &str = "CAIO_POWER_GUEST";

impl Order {
    pub(crate) fn text(&self) -> String {
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

/// What a machine starts with.
pub(crate) struct Machine {
    kernel: PathBuf,
    /// The first file system, in memory: this program, its libraries and the kernel's modules.
    initrd: PathBuf,
}

impl Machine {
    pub(crate) fn from_environment() -> Option<Self> {
        let path = |variable: &str| env::var_os(variable).map(PathBuf::from);
        Some(Self { kernel: path("CAIO_POWER_KERNEL")?, initrd: path("CAIO_POWER_INITRD")? })
    }

    /// A machine that has begun its work, and what kernel it has. An emulator that has too little
    /// of the processor may not come that far, and is started again.
    pub(crate) fn boot(&self, device: &Device, order: &Order) -> (Child, Receiver<Said>, String) {
        for _ in 0..BOOTS_MAX {
            device.served.load(device.fresh.clone());
            let mut child = self.start(device, order);
            let (told, begun) = (listen(&mut child), Instant::now());
            while let Ok(said) = told.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                match said {
                    Said::Kernel(kernel) => return (child, told, kernel),
                    Said::Other(line) => println!("{}: {line}", order.text()),
                    Said::Acknowledged(..) | Said::Done => {}
                }
            }
            child.kill().unwrap();
            child.wait().unwrap();
            println!("{}: the machine has not started", order.text());
        }
        panic!("{}: no machine has started", order.text());
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
pub(crate) enum Said {
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
