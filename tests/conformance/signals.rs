//! Signals interrupt system calls; nothing above the backend sees it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aiofile::AioFile;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

use crate::harness::{Case, cases};
use crate::support::{Env, disk, pattern};

pub(crate) const CASES: &[Case] = cases![alone a_storm_of_signals_interrupts_nothing,];

/// Trap B14. The handler is tokio's, which asks for restarts: that spares read(2) and write(2),
/// and neither poll(2) nor io_uring_enter(2) nor io_getevents(2). (The pools' own tests use a
/// handler without it.)
fn a_storm_of_signals_interrupts_nothing(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(64 * 1024));
    let (reader, writer) = std::io::pipe().unwrap();
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        env.run(async {
            let _handler = signal(SignalKind::user_defined1()).unwrap();
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    kill(Pid::this(), Signal::SIGUSR1).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_micros(100));
                }
            });
            let adopt = |descriptor: OwnedFd| {
                AioFile::from_std_in(&env.context, File::from(descriptor)).unwrap()
            };
            let (reader, writer) = (adopt(reader.into()), adopt(writer.into()));
            let file = env.file(&path, "r+").await;
            let on_disk = async {
                for round in 0..300u64 {
                    let offset = round % 16 * 4096;
                    let expected = &pattern(64 * 1024)[round as usize % 16 * 4096..][..4096];
                    let found = file.read_exact_at(4096, offset).await;
                    assert_eq!(found.unwrap_or_else(|error| panic!("{error}")), expected);
                    file.write_all_at(expected.to_vec(), offset).await.unwrap();
                }
                file.fsync().await.unwrap();
            };
            let through_the_pipe = async {
                for number in 0..300u32 {
                    let (read, written) = tokio::join!(
                        reader.read_exact_at(4, 0),
                        writer.write_all_at(number.to_le_bytes().to_vec(), 0),
                    );
                    written.unwrap();
                    assert_eq!(read.unwrap(), number.to_le_bytes()[..]);
                }
            };
            tokio::join!(on_disk, through_the_pipe);
            while sent.load(Ordering::Relaxed) <= 20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            done.store(true, Ordering::Relaxed);
        });
    });
}
