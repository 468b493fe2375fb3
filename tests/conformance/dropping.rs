//! Handles, contexts and runtimes that go: what they used goes with them, and not before its time.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::Command;

use aiofile::{AioFile, Error, ErrorKind};
use caio::ContextBuilder;
use caio_testkit::Usage;
use futures_util::FutureExt;

use crate::harness::{Case, cases, inherited, skipped};
use crate::support::{Env, HANGS, disk, pattern, poll_once, room, shared, within_reason};

pub(crate) const CASES: &[Case] = cases![
    each closing_twice_is_fine_and_using_after_is_an_error,
    each a_handle_outlives_its_runtime,
    alone contexts_come_and_go_without_a_trace,
    alone a_context_dropped_in_flight_leaves_nothing_behind,
    alone every_descriptor_is_closed_on_exec,
    alone a_written_executable_runs_at_once,
    once_alone runtimes_release_their_default_context,
];

/// Trap D16.
fn closing_twice_is_fine_and_using_after_is_an_error(env: &Env) {
    let place = disk();
    env.run(async {
        let mut file = env.file(place.path("data"), "w+").await;
        let mut other = file.clone();
        file.close().await.unwrap();
        file.close().await.unwrap();
        assert!(file.is_closed());
        assert_eq!(Error::from(file.read_at(1, 0).await.unwrap_err()).kind(), ErrorKind::Closed);
        assert_eq!(Error::from(file.write_at("x", 0).await.unwrap_err()).kind(), ErrorKind::Closed);
        assert_eq!(Error::from(file.fsync().await.unwrap_err()).kind(), ErrorKind::Closed);
        assert_eq!(Error::from(file.metadata().await.unwrap_err()).kind(), ErrorKind::Closed);
        other.write_all_at("still open", 0).await.unwrap();
        other.close().await.unwrap();
    });
}

/// Traps D8 and D9.
fn a_handle_outlives_its_runtime(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(5000));
    let file = within_reason(env.file(&path, "r"));
    assert_eq!(within_reason(file.read_at(5000, 0)).unwrap(), pattern(5000));
    let mut pending = file.read_at(5000, 0).boxed();
    within_reason(async { drop(poll_once(&mut pending)) });
    drop(pending);
    assert_eq!(smol::block_on(file.read_at(100, 100)).unwrap(), pattern(5000)[100..200]);
    std::thread::spawn(move || drop(file)).join().unwrap();
}

/// What goes with such a context goes since that is told to, and not after a time without work.
fn patient(builder: ContextBuilder) -> ContextBuilder {
    builder.in_place(false).configure(|config| config.threads_idle_timeout_ms = 3_600_000)
}

/// Trap D10.
fn contexts_come_and_go_without_a_trace(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(4096)));
    let come_and_go = |times: usize| {
        for _ in 0..times {
            let context = env.another(patient);
            let (result, _) = smol::block_on(context.read(&file, room(4096), 0..4096, 0));
            assert_eq!(result.unwrap(), 4096);
        }
    };
    come_and_go(10);
    let baseline = Usage::now().unwrap();
    come_and_go(100);
    baseline.assert_restored(HANGS);
    let grown = Usage::now().unwrap().grown_bytes(baseline);
    assert!(grown < 32 << 20, "{grown} bytes more after 100 contexts");
}

/// Traps A2 and D10: reads of a disk and of a silent pipe are under way when the context goes.
fn a_context_dropped_in_flight_leaves_nothing_behind(env: &Env) {
    let place = disk();
    let file = shared(&place.file("data", &pattern(1 << 20)));
    let baseline = Usage::now().unwrap();
    for _ in 0..5 {
        let context = env.another(patient);
        let (reader, writer) = std::io::pipe().unwrap();
        let pipe = caio::SharedFile::new(File::from(OwnedFd::from(reader)), "pipe").unwrap();
        let mut reads: Vec<_> = (0..64u64)
            .map(|number| context.read(&file, room(16_384), 0..16_384, number * 16_384).boxed())
            .collect();
        reads.push(context.read(&pipe, room(10), 0..10, 0).boxed());
        reads.iter_mut().for_each(|read| drop(poll_once(read)));
        drop(reads);
        drop((context, pipe));
        drop(writer);
    }
    baseline.assert_restored(HANGS);
}

/// Trap D5. Flags of an open descriptor stand, in octal, in its fdinfo.
fn every_descriptor_is_closed_on_exec(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(4096));
    env.run(async {
        let file = env.file(&path, "r+").await;
        file.write_all_at("data", 0).await.unwrap();
        assert_eq!(file.read_at(4, 0).await.unwrap(), "data");
        let opened = env.context.open(&path, 0, 0).await.unwrap();
        for entry in std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten() {
            let number: u32 = entry.file_name().to_str().unwrap().parse().unwrap();
            let Ok(info) = std::fs::read_to_string(entry.path()) else { continue };
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            let link = std::fs::read_link(format!("/proc/self/fd/{number}"));
            let closes = flags & nix::libc::O_CLOEXEC != 0;
            assert!(
                closes || inherited().contains(&number),
                "descriptor {number} ({link:?}) survives exec"
            );
        }
        drop(opened);
    });
}

/// ETXTBSY: somebody still has the file open for writing when it is executed.
fn a_written_executable_runs_at_once(env: &Env) {
    if env.variant.name == "uring_sqpoll" {
        // The polling thread lets go of the file some time after it has told of the completion.
        skipped("executing what was written just before, under sqpoll");
        return;
    }
    let place = disk();
    let program = std::fs::read("/bin/true").unwrap();
    for number in 0..30 {
        let path = place.path(&format!("true-{number}"));
        env.run(async {
            let mut options = aiofile::OpenOptions::new();
            options.write(true).create_new(true);
            let options = options.mode(0o755).context(&env.context);
            let mut file = options.open_aio(&path).await.unwrap();
            file.write_all_at(program.clone(), 0).await.unwrap();
            file.close().await.unwrap();
        });
        let status = Command::new(&path).status().unwrap_or_else(|error| panic!("{error}"));
        assert!(status.success());
    }
}

/// Trap D10: a context for each runtime, for ever.
fn runtimes_release_their_default_context() {
    let place = disk();
    let path = place.file("data", b"data");
    let come_and_go = |times: usize| {
        for _ in 0..times {
            within_reason(async {
                let file = AioFile::open(&path, "r").await.unwrap();
                assert_eq!(file.read_at(9, 0).await.unwrap(), "data");
            });
        }
    };
    come_and_go(5);
    let baseline = Usage::now().unwrap();
    come_and_go(50);
    baseline.assert_restored(HANGS);
}
