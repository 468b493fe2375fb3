//! Files under one configuration, and their orderly end.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::fs::{File, Permissions};
use std::io::ErrorKind as IoErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use aiofile::fs::Fs;
use aiofile::{AioFile, Error, ErrorKind};
use aiofile_util::FileManager;
use caio::backend::pool::ThreadPool;
use caio::{Config, OpKind};
use caio_testkit::{Faulty, Plan, Simulated};
use futures_util::FutureExt;
use futures_util::future::join;

use common::{block_on, file, place};

const SETTINGS: &str = "max_requests = 8
threads_max = 3
[limits]
reads = 2
[rates]
operations_per_second = 100000
[retry]
attempts = 2
[breaker]
failures = 5
[timeouts]
reads_ms = 60000
[metrics]
enabled = true
";

const PATIENT: Duration = Duration::from_secs(60);

/// A file of settings that nobody else may write to, nor to its directory, whatever the umask is.
fn settings(directory: &Path, text: &str) -> PathBuf {
    let path = file(directory, "caio.toml", text);
    for path in [directory, &path] {
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
    path
}

fn manager() -> FileManager {
    let place = place();
    FileManager::open(settings(place.path(), SETTINGS)).unwrap()
}

#[test]
fn one_configuration_says_all() {
    let manager = manager();
    assert_eq!(manager.context().config().threads_max, 3);
    let layers = manager.layers();
    assert!(layers.metrics().is_some() && layers.breaker().is_some() && layers.limit().is_some());
    let read = block_on(Fs::new(manager.context()).read("/proc/version")).unwrap();
    let summaries = layers.metrics().unwrap().summaries();
    assert_eq!(summaries.iter().map(|one| one.bytes).sum::<u64>(), read.len() as u64);
}

#[test]
fn nonsense_is_refused_with_file_line_and_column() {
    let place = place();
    let path = settings(place.path(), "[retry]\nattempts = 'x'\n");
    let error = FileManager::open(&path).unwrap_err();
    assert!(error.to_string().contains("caio.toml: line 2, column 12"), "{error}");
    let missing = FileManager::open(place.path().join("none")).unwrap_err();
    assert_eq!(missing.kind(), IoErrorKind::NotFound);
}

#[test]
fn what_is_no_file_of_settings_is_refused_and_not_waited_for() {
    let place = place();
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
    let path = file(place.path(), "shared.toml", SETTINGS);
    std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let error = FileManager::open(&path).unwrap_err();
    assert!(error.to_string().contains("world-writable (chmod o-w "), "{error}");
    let path = place.path().join("caio.toml");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = FileManager::open(&path).unwrap_err();
    assert!(error.to_string().contains("it is a FIFO, not a regular file"), "{error}");
    let error = FileManager::open("/dev/zero").unwrap_err();
    assert!(error.to_string().contains("it is a device, not a regular file"), "{error}");
}

#[test]
fn what_is_under_way_ends_and_nothing_new_begins() {
    let manager = manager();
    let (end, wait) = channel::<()>();
    let (began, has_begun) = channel();
    let mut slow = Box::pin(manager.context().run("wait", move || {
        began.send(()).unwrap();
        _ = wait.recv();
        Ok(7)
    }));
    assert!((&mut slow).now_or_never().is_none());
    has_begun.recv().unwrap();

    let shutdown = manager.shutdown(PATIENT);
    let others = async {
        let error = Fs::new(manager.context()).read("/proc/version").await.unwrap_err();
        assert_eq!(Error::of(&error).unwrap().kind(), ErrorKind::Shutdown);
        drop(end);
        slow.await
    };
    let (report, slow) = block_on(join(shutdown, others));
    assert_eq!(slow.unwrap(), 7);
    assert_eq!((report.ended, report.given_up.len()), (1, 0), "{report}");
    let again = block_on(manager.shutdown(Duration::MAX));
    assert_eq!((again.ended, again.given_up.len()), (0, 0));
}

#[test]
fn what_does_not_end_is_told() {
    let manager = manager();
    let context = manager.context();
    let (end, wait) = channel::<()>();
    let mut stuck = Box::pin(context.run("wait", move || {
        _ = wait.recv();
        Ok(())
    }));
    assert!((&mut stuck).now_or_never().is_none());
    let (silent, _writer) = std::io::pipe().unwrap();
    let silent = AioFile::from_std_in(context, File::from(OwnedFd::from(silent))).unwrap();
    let mut read = Box::pin(silent.read_at(6, 0));
    assert!((&mut read).now_or_never().is_none());

    let report = block_on(manager.shutdown(Duration::from_millis(50)));
    assert_eq!((report.ended, report.given_up.len()), (0, 2), "{report}");
    let of = |kind| report.given_up.iter().find(|one| one.kind == kind).unwrap();
    let (run, reading) = (of(OpKind::Run), of(OpKind::Read));
    assert_eq!((run.to_string().as_str(), run.path.as_ref()), ("wait", None));
    assert_eq!((reading.bytes, reading.offset), (6, None));
    assert!(reading.path.as_ref().unwrap().starts_with("/dev/fd"), "{report}");
    assert!(report.to_string().starts_with("0 operations ended, 2 were given up\n"), "{report}");
    assert_eq!(block_on(stuck).unwrap_err().kind(), ErrorKind::Shutdown);
    assert!(block_on(read).is_err());
    drop(end);
}

#[test]
fn a_simulated_disk_is_drained_too() {
    let disk = Arc::new(Simulated::new(1));
    let builder = aiofile::context().custom(Arc::<Simulated>::clone(&disk)).in_place(false);
    let manager = FileManager::build(builder).unwrap();
    let journal = disk.create("journal").unwrap();
    let record = || b"record".to_vec().into();
    let mut writes =
        [0, 6, 12].map(|at| Box::pin(manager.context().write(&journal, record(), 0..6, at)));
    for write in &mut writes {
        assert!(write.now_or_never().is_none());
    }
    let report = block_on(manager.shutdown(PATIENT));
    assert_eq!((report.ended, report.given_up.len()), (3, 0), "{report}");
    for write in writes {
        assert_eq!(block_on(write).0.unwrap(), 6);
    }
}

#[test]
fn what_waits_for_a_rate_is_given_up() {
    let place = place();
    let text = "[rates]\noperations_per_second = 1\noperations_burst = 1\n";
    let manager = FileManager::open(settings(place.path(), text)).unwrap();
    let fs = Fs::new(manager.context());
    block_on(fs.read("/proc/version")).unwrap();
    // The last ones have to wait for minutes, however slow the machine is.
    let mut waiting: Vec<_> = (0..600).map(|_| Box::pin(fs.read("/proc/version"))).collect();
    for read in &mut waiting {
        assert!(read.now_or_never().is_none());
    }
    let report = block_on(manager.shutdown(PATIENT));
    assert!((500..=600).contains(&report.given_up.len()), "{report}");
    assert_eq!(report.given_up[0].path.as_deref(), Some("/proc/version".as_ref()));
    // Each is told at once, and not when its turn would have come.
    let refusals: Vec<_> = waiting.into_iter().map(|read| block_on(read).unwrap_err()).collect();
    for error in refusals {
        assert_eq!(Error::of(&error).unwrap().kind(), ErrorKind::Shutdown);
    }
}

/// Short writes, interruptions, a full queue, delays, errors and dropped futures: what was
/// acknowledged is in the file, and the end finds nothing that was forgotten.
#[test]
fn over_a_backend_that_fails_nothing_is_forgotten() {
    const RECORD: usize = 64;
    let plan = Plan::new(5).short(0.3).interrupted(0.1).full_queue(0.1);
    let plan = plan.delay(Duration::ZERO..Duration::from_micros(200));
    let plan = plan.fail_once(OpKind::Write, 40, 5).fail_once(OpKind::Read, 20, 16);
    let pool = ThreadPool::open(&Config::default()).unwrap();
    let faulty = Arc::new(Faulty::new(Arc::new(pool), plan));
    let builder = aiofile::context().custom(faulty.clone()).in_place(false);
    let manager = FileManager::build(builder.configure(|config| {
        config.limits.writes = Some(4);
        config.retry.attempts = Some(3);
        config.timeouts.others_ms = Some(600_000);
        config.metrics.enabled = Some(true);
    }))
    .unwrap();
    let (context, place) = (manager.context(), place());
    let path = file(place.path(), "records", "");
    let std = File::options().read(true).write(true).open(&path).unwrap();
    let records = AioFile::from_std_in(context, std).unwrap();
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    let mut under_way = Vec::new();
    for number in 0..300_u16 {
        let record = number.to_le_bytes().repeat(RECORD / 2);
        let offset = u64::from(number) * RECORD as u64;
        let mut writing = Box::pin(records.write_all_at(record.clone(), offset));
        match number % 5 {
            // It is dropped, or not waited for before the end.
            0 => drop((&mut writing).now_or_never()),
            1 if number >= 290 => {
                if (&mut writing).now_or_never().is_none() {
                    under_way.push(writing);
                }
            }
            _ => match block_on(writing) {
                Ok(()) => acknowledged.push((record, offset)),
                Err(_) => failed += 1,
            },
        }
        // What is busy is tried again.
        assert!(block_on(records.read_at(RECORD, 0)).is_ok());
    }
    let report = block_on(manager.shutdown(PATIENT));
    assert!(report.given_up.is_empty(), "{report}");
    for writing in under_way {
        _ = block_on(writing);
    }
    let injected = faulty.injected();
    assert!(injected.short > 0 && injected.errors > 2 && injected.refused > 0, "{injected:?}");
    assert!(failed <= 1 && acknowledged.len() >= 230, "{failed}, {}", acknowledged.len());
    let contents = std::fs::read(&path).unwrap();
    for (record, offset) in acknowledged {
        let offset = usize::try_from(offset).unwrap();
        assert!(contents[offset..offset + RECORD] == record, "at {offset}");
    }
    assert_eq!(context.metrics().in_flight, 0);
}
