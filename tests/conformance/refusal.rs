//! Where the kernel or a sandbox refuses a backend: `auto` goes on, a demand is told the reason.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::RawFd;
use std::process::Command;
use std::thread;
use std::time::Duration;

use caio::{BackendKind, Choice, ErrorKind};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, apply_filter_all_threads,
};

use crate::harness::{Case, cases, skipped};
use crate::support::{
    Env, begun, bounded, current_thread, disk, multi_thread, output, pattern, pipe, room,
    within_reason,
};

pub(crate) const CASES: &[Case] = cases![
    once_alone io_uring_hidden_by_enosys,
    once_alone io_uring_forbidden_by_eperm,
    once_alone io_uring_refused_by_enomem,
    once_alone io_uring_refused_for_other_reasons,
    once_alone io_uring_that_can_be_set_up_and_not_entered,
    once_alone kernel_aio_hidden_by_enosys,
    once_alone kernel_aio_at_its_limit,
    once_alone both_forbidden,
    alone calls_in_place_that_a_sandbox_forbids,
    once statx_that_a_sandbox_forbids,
    once_alone io_uring_that_is_forbidden_after_its_start,
];

/// Lets these system calls, without which these backends cannot work, fail with this errno for the
/// rest of this process. Returns the backends that are refused from now on, which are more where
/// the machine refuses some by itself.
fn refuse(backends: &[BackendKind], calls: &[libc::c_long], errno: i32) -> Vec<BackendKind> {
    let works = |kind: &BackendKind| aiofile::context().backend(*kind).build().is_ok();
    let refused = |kind: &BackendKind| backends.contains(kind) || !works(kind);
    let refused = BackendKind::ALL.into_iter().filter(refused).collect();
    forbid(calls, errno);
    refused
}

/// Lets these system calls fail with this errno for the rest of this process, on every thread that
/// it has now or later.
pub(crate) fn forbid(calls: &[libc::c_long], errno: i32) {
    apply(calls.iter().map(|call| (*call, Vec::new())).collect(), errno);
}

/// The same for the close of this descriptor.
pub(crate) fn forbid_close_of(descriptor: RawFd, errno: i32) {
    let number = u64::from(descriptor.unsigned_abs());
    let is_it = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number);
    let rule = SeccompRule::new(vec![is_it.unwrap()]).unwrap();
    apply(BTreeMap::from([(libc::SYS_close, vec![rule])]), errno);
}

fn apply(rules: BTreeMap<libc::c_long, Vec<SeccompRule>>, errno: i32) {
    apply_filter_all_threads(&program(rules, errno)).unwrap();
}

/// A filter by which these system calls fail with this errno.
pub(crate) fn program(rules: BTreeMap<libc::c_long, Vec<SeccompRule>>, errno: i32) -> BpfProgram {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, architecture).unwrap();
    filter.try_into().unwrap()
}

/// `auto` works, on none of the refused backends, and knows why.
fn auto_goes_on(refused: &[BackendKind]) {
    let context = aiofile::context().choice(Choice::Auto).build().unwrap();
    let info = context.info();
    assert!(!refused.contains(&info.backend), "{info}");
    for refusal in &info.refused {
        assert!(refused.contains(&refusal.backend), "{info}");
        assert!(refusal.error.raw_os_error().is_some(), "{info}");
    }
    let place = disk();
    within_reason(async {
        let mut options = aiofile::OpenOptions::new();
        options.access("w+").unwrap().context(&context);
        let file = options.open_aio(place.path("data")).await.unwrap();
        file.write_all_at(pattern(100_000), 0).await.unwrap();
        file.fsync().await.unwrap();
        assert_eq!(file.read_to_end(0).await.unwrap(), pattern(100_000));
    });
}

/// A demand fails with the system call, the errno and what to do.
fn demand_is_told(backend: BackendKind, call: &str, errno: i32) {
    let error = aiofile::context().backend(backend).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert_eq!(error.raw_os_error(), Some(errno), "{error}");
    assert!(error.to_string().contains(call), "{error}");
    assert!(error.cure().is_some(), "{error}");
    let list = Choice::Ordered(vec![backend, BackendKind::Rust]);
    let context = aiofile::context().choice(list).build().unwrap();
    assert_eq!(context.info().backend, BackendKind::Rust);
    assert_eq!(context.info().refused.len(), 1);
}

fn io_uring_hidden_by_enosys() {
    auto_goes_on(&refuse(&[BackendKind::Uring], &[libc::SYS_io_uring_setup], libc::ENOSYS));
    demand_is_told(BackendKind::Uring, "io_uring_setup", libc::ENOSYS);
}

fn io_uring_forbidden_by_eperm() {
    auto_goes_on(&refuse(&[BackendKind::Uring], &[libc::SYS_io_uring_setup], libc::EPERM));
    demand_is_told(BackendKind::Uring, "io_uring_setup", libc::EPERM);
    let error = aiofile::context().backend(BackendKind::Uring).build().unwrap_err();
    let forbids = match std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled") {
        Ok(setting) if setting.trim() != "0" => "io_uring_disabled",
        _ => "seccomp",
    };
    assert!(error.cure().unwrap().contains(forbids), "{error}");
}

fn io_uring_refused_by_enomem() {
    auto_goes_on(&refuse(&[BackendKind::Uring], &[libc::SYS_io_uring_setup], libc::ENOMEM));
    demand_is_told(BackendKind::Uring, "io_uring_setup", libc::ENOMEM);
}

/// The latest of several filters decides which errno it is.
fn io_uring_refused_for_other_reasons() {
    for errno in [libc::EACCES, libc::EINVAL, libc::EMFILE, libc::ENFILE] {
        auto_goes_on(&refuse(&[BackendKind::Uring], &[libc::SYS_io_uring_setup], errno));
        demand_is_told(BackendKind::Uring, "io_uring_setup", errno);
    }
}

/// A filter that knows only some of the calls: the ring is there, and useless.
fn io_uring_that_can_be_set_up_and_not_entered() {
    auto_goes_on(&refuse(&[BackendKind::Uring], &[libc::SYS_io_uring_enter], libc::EPERM));
    let error = aiofile::context().backend(BackendKind::Uring).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
}

fn kernel_aio_hidden_by_enosys() {
    auto_goes_on(&refuse(&[BackendKind::Linux], &[libc::SYS_io_setup], libc::ENOSYS));
    demand_is_told(BackendKind::Linux, "io_setup", libc::ENOSYS);
}

/// What `fs.aio-max-nr` answers when others have used it up.
fn kernel_aio_at_its_limit() {
    auto_goes_on(&refuse(&[BackendKind::Linux], &[libc::SYS_io_setup], libc::EAGAIN));
    demand_is_told(BackendKind::Linux, "io_setup", libc::EAGAIN);
    let error = aiofile::context().backend(BackendKind::Linux).build().unwrap_err();
    assert!(error.cure().unwrap().contains("aio-max-nr"), "{error}");
}

fn both_forbidden() {
    let backends = [BackendKind::Uring, BackendKind::Linux];
    let calls = [libc::SYS_io_uring_setup, libc::SYS_io_setup];
    auto_goes_on(&refuse(&backends, &calls, libc::EPERM));
    demand_is_told(BackendKind::Uring, "io_uring_setup", libc::EPERM);
    demand_is_told(BackendKind::Linux, "io_setup", libc::EPERM);
}

/// What a sandbox answers that does not know the calls: the data is there all the same.
fn calls_in_place_that_a_sandbox_forbids(env: &Env) {
    let place = disk();
    let path = place.file("data", &pattern(100_000));
    forbid(&[libc::SYS_preadv2, libc::SYS_pwritev2, libc::SYS_openat2], libc::EPERM);
    let env = env.with(|builder| builder);
    env.bounded(move |env| {
        current_thread().block_on(async {
            let file = env.file(&path, "r+").await;
            assert_eq!(file.read_exact_at(5000, 10).await.unwrap(), pattern(100_000)[10..5010]);
            let buffers = vec![Vec::with_capacity(100), Vec::with_capacity(200)];
            assert_eq!(file.read_vectored_at(buffers, 0).await.0.unwrap(), 300);
            assert_eq!(file.read_to_end(0).await.unwrap(), pattern(100_000));
            file.write_all_at(pattern(5000), 0).await.unwrap();
            let (result, _) = file.write_vectored_at(vec![vec![1; 10], vec![2; 20]], 0).await;
            assert_eq!(result.unwrap(), 30);
            file.fdatasync().await.unwrap();
            assert_eq!(env.context.read_file(&path).await.unwrap().len(), 100_000);
        });
    });
}

/// Trap D20: what a sandbox answers that is older than statx(2). The filter has to be there when
/// the program starts, as a sandbox is, since std finds out once whether there is such a call. So
/// this program is started again, for some of its cases.
fn statx_that_a_sandbox_forbids() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        for module in ["auto::read::", "auto::errors::", "rust::read::"] {
            let run = move || {
                let calls = BTreeMap::from([(libc::SYS_statx, Vec::new())]);
                // For this thread, and the process that it starts.
                apply_filter(&program(calls, errno)).unwrap();
                Command::new(std::env::current_exe().unwrap()).arg(module).output().unwrap()
            };
            let ran = thread::spawn(run).join().unwrap();
            let said = String::from_utf8_lossy(&ran.stdout);
            assert!(ran.status.success(), "{errno}: {said}");
            assert!(!said.contains(" 0 passed"), "{said}");
        }
    }
}

/// A sandbox that closes once the program has begun, with requests in flight and none. Each
/// operation ends, by another route or with an error.
fn io_uring_that_is_forbidden_after_its_start() {
    let Ok(context) = aiofile::context().backend(BackendKind::Uring).in_place(false).build() else {
        skipped("io_uring that is forbidden after its start: it does not work here");
        return;
    };
    bounded(move || {
        let place = disk();
        let path = place.file("data", &pattern(100_000));
        multi_thread(2).block_on(async {
            let mut options = aiofile::OpenOptions::new();
            options.access("r+").unwrap().context(&context);
            let file = options.open_aio(&path).await.unwrap();
            assert_eq!(file.read_exact_at(5000, 0).await.unwrap(), pattern(100_000)[..5000]);
            let (silent, mut writer) = pipe();
            let before = begun(context.read(&silent, room(1), 0..1, 0)).await;
            forbid(&[libc::SYS_io_uring_enter], libc::EPERM);
            writer.write_all(b"x").unwrap();
            for number in 0..20 {
                let read = file.read_exact_at(5000, number).await;
                assert!(read.is_err() || read.unwrap().len() == 5000);
                drop(file.write_all_at(vec![1; 5000], number).await);
                drop(file.fdatasync().await);
                drop(options.open_aio(&path).await);
                drop(context.read_file(&path).await);
            }
            let given_up = begun(context.read(&silent, room(1), 0..1, 0)).await;
            drop(given_up);
            drop(output(before).await);
            context.shutdown(Duration::from_secs(1)).await;
        });
    });
}
