//! What runs in the virtual machine, as its first process: it mounts the disk and does the work,
//! until the machine is killed. What is acknowledged goes out by the serial console.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};

use crate::job::{Mark, Tell};
use crate::jobs;
use crate::machine::Order;
use crate::workload::{LANES_MAX, Workload};

/// Where the disk is mounted.
const DISK: &str = "/disk";

/// Does what is ordered, and never returns.
pub(crate) fn work(order: &Order) -> ! {
    if let Err(error) = try_work(order) {
        say(&format!("failed: {error}"));
    }
    // The end of the first process would be one of the machine, and in order.
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn try_work(order: &Order) -> io::Result<()> {
    let none = None::<&str>;
    for (kind, at) in [("devtmpfs", "/dev"), ("proc", "/proc"), ("sysfs", "/sys")] {
        fs::create_dir_all(at)?;
        mount(Some(kind), at, Some(kind), MsFlags::empty(), none)?;
    }
    load_modules(&order.file_system)?;
    for directory in [DISK, "/outside"] {
        fs::create_dir(directory)?;
    }
    let kind = order.file_system.as_str();
    mount(Some("/dev/vda"), DISK, Some(kind), MsFlags::empty(), none)?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    say(&format!("kernel {}", kernel.trim()));
    let context = aiofile::context().backend(order.backend).build()?;
    let (jobs, seed, left_out) = (jobs::all().collect(), order.seed, order.left_out);
    let workload = Workload { jobs, seed, left_out, lanes_max: LANES_MAX };
    workload.prepare(Path::new(DISK))?;
    let tell: Tell = Arc::new(|job, mark, step| {
        if mark == Mark::Acknowledged {
            say(&format!("acknowledged {job} {step}"));
        }
    });
    workload.run(Path::new(DISK), Path::new("/outside"), &context, &tell)?;
    say("all is done");
    Ok(())
}

/// Loads what the kernel needs for the disk, in the order of a list.
fn load_modules(file_system: &str) -> io::Result<()> {
    for name in fs::read_to_string(format!("/modules/{file_system}"))?.lines() {
        let file = File::open(format!("/modules/{name}"))?;
        let loaded = finit_module(file, c"", ModuleInitFlags::empty());
        loaded.map_err(|errno| io::Error::other(format!("{name}: {errno}")))?;
    }
    Ok(())
}

/// Prints a whole line at once, on the console.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    // Nothing is left to be told where the console is gone.
    let _ = out.write_all(format!("note {line}\n").as_bytes()).and_then(|()| out.flush());
}
