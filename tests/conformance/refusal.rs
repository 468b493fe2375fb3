//! Where the kernel or a sandbox refuses a backend: `auto` goes on, a demand is told the reason.

use std::collections::BTreeMap;

use caio::{BackendKind, Choice, ErrorKind};
use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

use crate::harness::{Case, cases};
use crate::support::{disk, pattern, within_reason};

pub(crate) const CASES: &[Case] = cases![
    once_alone io_uring_hidden_by_enosys,
    once_alone io_uring_forbidden_by_eperm,
    once_alone io_uring_refused_by_enomem,
    once_alone io_uring_that_can_be_set_up_and_not_entered,
    once_alone kernel_aio_hidden_by_enosys,
    once_alone kernel_aio_at_its_limit,
    once_alone both_forbidden,
];

/// Lets these system calls, without which these backends cannot work, fail with this errno for the
/// rest of this process. Returns the backends that are refused from now on, which are more where
/// the machine refuses some by itself.
fn refuse(backends: &[BackendKind], calls: &[libc::c_long], errno: i32) -> Vec<BackendKind> {
    let works = |kind: &BackendKind| aiofile::context().backend(*kind).build().is_ok();
    let refused = |kind: &BackendKind| backends.contains(kind) || !works(kind);
    let refused = BackendKind::ALL.into_iter().filter(refused).collect();
    let rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, Vec::new())).collect();
    let architecture = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let answer = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
    refused
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
        let options = aiofile::OpenOptions::new().mode("w+").unwrap().context(&context);
        let file = options.open(place.path("data")).await.unwrap();
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
