//! Files that are no regular files simply work, on every backend.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use aiofile::{AioFile, Error};
use nix::pty::openpty;
use nix::sys::stat::Mode;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use crate::harness::{Case, cases, skipped};
use crate::support::{Env, HANGS, disk, pattern};

pub(crate) const CASES: &[Case] = cases![
    each files_of_proc_and_sys_are_read_whole,
    each devices_behave_as_their_manuals_say,
    each a_pipe_passes_everything_in_order,
    each a_fifo_opens_from_both_ends,
    each a_terminal_passes_what_is_typed,
    each a_silent_pipe_holds_up_nobody,
];

fn files_of_proc_and_sys_are_read_whole(env: &Env) {
    env.run(async {
        let file = env.file("/proc/cpuinfo", "r").await;
        let found = String::from_utf8(file.read_to_end(0).await.unwrap().into()).unwrap();
        let expected = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        // The clock speed is another one each time.
        let steady = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.contains("MHz")).map(str::to_owned).collect()
        };
        assert_eq!(steady(&found), steady(&expected));

        let file = env.file("/proc/self/status", "r").await;
        let found = file.read_to_end(0).await.unwrap();
        let found = String::from_utf8_lossy(&found);
        // A worker of the kernel's would be another process's status.
        let own = format!("Pid:\t{}\n", std::process::id());
        assert!(found.contains(&own), "{found}");

        let file = env.file("/proc/self/maps", "r").await;
        assert!(file.read_to_end(0).await.unwrap().len() > 4096);
        for path in
            ["/sys/devices/system/cpu/online", "/sys/kernel/mm/transparent_hugepage/enabled"]
        {
            let Ok(expected) = std::fs::read(path) else {
                skipped(&format!("sysfs: there is no {path}"));
                continue;
            };
            let file = env.file(path, "r").await;
            assert_eq!(file.read_to_end(0).await.unwrap(), expected, "{path}");
            assert_eq!(file.read_at(3, 1).await.unwrap(), expected[1..expected.len().min(4)]);
        }
    });
}

fn devices_behave_as_their_manuals_say(env: &Env) {
    env.run(async {
        let null = env.file("/dev/null", "r+").await;
        assert_eq!(null.write_at(vec![1; 100_000], 0).await.unwrap(), 100_000);
        assert!(null.read_to_end(0).await.unwrap().is_empty());

        let zero = env.file("/dev/zero", "r").await;
        assert_eq!(zero.read_exact_at(100_000, 7).await.unwrap(), vec![0; 100_000]);

        let full = env.file("/dev/full", "r+").await;
        let error = Error::from(full.write_at("data", 0).await.unwrap_err());
        assert_eq!(error.raw_os_error(), Some(nix::libc::ENOSPC), "{error}");

        let random = env.file("/dev/urandom", "r").await;
        let (one, other) =
            tokio::join!(random.read_exact_at(1000, 0), random.read_exact_at(1000, 0));
        assert_ne!(one.unwrap(), other.unwrap());
    });
}

fn adopt(env: &Env, descriptor: impl Into<OwnedFd>) -> AioFile {
    AioFile::from_std_in(&env.context, File::from(descriptor.into())).unwrap()
}

fn a_pipe_passes_everything_in_order(env: &Env) {
    let (reader, writer) = std::io::pipe().unwrap();
    let data = pattern(300_000);
    env.run(async {
        let (reader, writer) = (adopt(env, reader), adopt(env, writer));
        let write = async {
            for piece in data.chunks(70_000) {
                // Offsets mean nothing here.
                writer.write_all_at(piece.to_vec(), 12_345).await.unwrap();
            }
            drop(writer);
        };
        let (found, ()) = tokio::join!(reader.read_to_end(0), write);
        assert!(found.unwrap() == data);
        assert!(reader.read_at(10, 0).await.unwrap().is_empty());
    });
}

fn a_fifo_opens_from_both_ends(env: &Env) {
    let place = disk();
    let path = place.path("fifo");
    nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let other = path.clone();
    // The other end is another program's as far as the backend can tell: even a pool of one thread
    // is free to wait for it.
    let writer = std::thread::spawn(move || {
        let mut file = File::options().write(true).open(other).unwrap();
        file.write_all(b"through the fifo").unwrap();
    });
    env.run(async {
        let file = env.file(&path, "r").await;
        assert_eq!(file.read_to_end(0).await.unwrap(), "through the fifo");
    });
    writer.join().unwrap();
}

fn a_terminal_passes_what_is_typed(env: &Env) {
    let Ok(pty) = openpty(None, None) else {
        skipped("pty: none can be had here");
        return;
    };
    let mut raw = tcgetattr(&pty.slave).unwrap();
    cfmakeraw(&mut raw);
    tcsetattr(&pty.slave, SetArg::TCSANOW, &raw).unwrap();
    let mut keyboard = File::from(pty.master);
    let terminal = pty.slave;
    env.run(async {
        let terminal = adopt(env, terminal);
        let (line, ()) = tokio::join!(terminal.read_at(100, 0), async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            keyboard.write_all(b"typed").unwrap();
        });
        assert_eq!(line.unwrap(), "typed");
        terminal.write_all_at("shown", 0).await.unwrap();
        let mut screen = [0; 5];
        keyboard.read_exact(&mut screen).unwrap();
        assert_eq!(&screen, b"shown");
    });
}

/// Trap B11: a backend that waits in its submission holds up the executor, or a pool of one thread
/// everybody else.
fn a_silent_pipe_holds_up_nobody(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(4096));
    let (reader, writer) = std::io::pipe().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = env.file(&path, "r+").await;
        let pipe = adopt(env, reader);
        let silent = tokio::time::timeout(HANGS, pipe.read_at(10, 0));
        let others = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert_eq!(file.read_at(4096, 0).await.unwrap(), pattern(4096));
                file.write_all_at(pattern(4096), 0).await.unwrap();
            }
            drop(writer);
        };
        let (silent, ()) = tokio::join!(silent, others);
        assert!(silent.expect("the end of the pipe shows").unwrap().is_empty());
    });
}
