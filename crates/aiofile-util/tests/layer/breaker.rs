//! The breaker: its states are those of a model, whatever happens in which order.

use std::sync::Arc;
use std::time::Duration;

use aiofile_util::BatchOptions;
use aiofile_util::layer::{Breaker, BreakerState};
use caio::{Context, ErrorKind, OpKind, SharedFile};
use caio_testkit::{FaultLayer, Plan};
use nix::errno::Errno;
use proptest::prelude::*;
use tokio::time::{Instant, advance};

use crate::support::{faulty, file, paused, poll_once, read};

const PAUSE: Duration = Duration::from_secs(10);

/// What the documentation says.
struct Model {
    failures_max: u32,
    failures: u32,
    opened: Option<Instant>,
}

impl Model {
    /// Whether an operation that then succeeds or fails gets through.
    fn operation(&mut self, succeeds: bool) -> bool {
        let is_probe = match self.opened {
            Some(opened) if opened.elapsed() < PAUSE => return false,
            opened => opened.is_some(),
        };
        if succeeds {
            (self.failures, self.opened) = (0, None);
        } else {
            self.failures += 1;
            if is_probe || self.failures >= self.failures_max {
                self.opened = Some(Instant::now());
            }
        }
        true
    }

    fn state(&self) -> BreakerState {
        match self.opened {
            None => BreakerState::Closed,
            Some(_) => BreakerState::Open,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Succeed,
    Fail,
    NotFound,
    Wait(u64),
}

/// A file of which no read succeeds: there is no memory at the address 0.
fn unreadable() -> SharedFile {
    SharedFile::new(std::fs::File::open("/proc/self/mem").unwrap(), "mem").unwrap()
}

/// A pipe without a byte in it.
fn pipe() -> (SharedFile, std::io::PipeWriter) {
    let (silent, writer) = std::io::pipe().unwrap();
    let silent = std::fs::File::from(std::os::fd::OwnedFd::from(silent));
    (SharedFile::from_std(silent).unwrap(), writer)
}

fn with(breaker: &Arc<Breaker>) -> Context {
    aiofile::context().layer(breaker.clone()).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_states_are_those_of_the_model(
        failures_max in 1_u32..4,
        steps in prop::collection::vec(
            prop_oneof![
                1 => Just(Step::Succeed),
                3 => Just(Step::Fail),
                1 => Just(Step::NotFound),
                1 => (1_u64..12).prop_map(Step::Wait),
            ],
            1..60,
        ),
    ) {
        let breaker = Arc::new(Breaker::new().failures(failures_max).pause(PAUSE));
        let context = with(&breaker);
        let mut model = Model { failures_max, failures: 0, opened: None };
        paused().block_on(async {
            let (good, bad) = (file(b"data"), unreadable());
            for step in steps {
                let (succeeds, result) = match step {
                    Step::Wait(seconds) => {
                        advance(Duration::from_secs(seconds)).await;
                        continue;
                    }
                    Step::Succeed => (true, read(&context, &good, 4).await.map(drop)),
                    Step::Fail => (false, read(&context, &bad, 4).await.map(drop)),
                    Step::NotFound => {
                        (true, context.read_file("/none".as_ref()).await.map(drop))
                    }
                };
                let got_through = model.operation(succeeds);
                let refused = result.is_err_and(|error| error.kind() == ErrorKind::Refused);
                assert_eq!(refused, !got_through);
                assert_eq!(breaker.state(), model.state());
            }
        });
    }
}

#[test]
fn half_open_lets_a_single_probe_in() {
    let breaker = Arc::new(Breaker::new().failures(1).pause(PAUSE));
    let context = with(&breaker);
    paused().block_on(async {
        let (good, bad) = (file(b"data"), unreadable());
        read(&context, &bad, 4).await.unwrap_err();
        advance(PAUSE).await;
        let (silent, writer) = pipe();
        let mut probe = Box::pin(read(&context, &silent, 4));
        assert!(poll_once(&mut probe).is_pending());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let refused = read(&context, &good, 4).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(refused.cure().is_some_and(|cure| cure.contains("10s")), "{refused}");
        // A close is never refused.
        context.close(good, true).await.unwrap();
        std::io::Write::write_all(&mut { writer }, b"data").unwrap();
        assert_eq!(probe.await.unwrap(), 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn a_probe_that_is_dropped_or_does_not_answer_is_followed_by_another() {
    let breaker = Arc::new(Breaker::new().failures(1).pause(PAUSE));
    let context = with(&breaker);
    paused().block_on(async {
        let (good, bad) = (file(b"data"), unreadable());
        let (silent, writer) = pipe();
        read(&context, &bad, 4).await.unwrap_err();
        advance(PAUSE).await;
        let mut probe = Box::pin(read(&context, &silent, 4));
        assert!(poll_once(&mut probe).is_pending());
        // Nothing is known of it for another pause.
        advance(PAUSE).await;
        assert_eq!(read(&context, &good, 4).await.unwrap(), 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
        // And its late answer changes nothing.
        read(&context, &bad, 4).await.unwrap_err();
        drop(writer);
        assert_eq!(probe.await.unwrap(), 0);
        assert_eq!(breaker.state(), BreakerState::Open);
    });
}

#[test]
fn a_probe_that_says_nothing_is_followed_by_another_at_once() {
    let breaker = Arc::new(Breaker::new().failures(1).pause(PAUSE));
    let context = with(&breaker);
    paused().block_on(async {
        read(&context, &unreadable(), 4).await.unwrap_err();
        advance(PAUSE).await;
        // The answer is the program's own, and says nothing of the device.
        let error = context.run("parse", complaint).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(read(&context, &file(b"data"), 4).await.unwrap(), 4);
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn what_began_before_it_opened_is_no_probe() {
    let breaker = Arc::new(Breaker::new().failures(1).pause(PAUSE));
    let context = with(&breaker);
    paused().block_on(async {
        let ((early, early_writer), (silent, writer)) = (pipe(), pipe());
        let mut before = Box::pin(read(&context, &early, 4));
        assert!(poll_once(&mut before).is_pending());
        read(&context, &unreadable(), 4).await.unwrap_err();
        advance(PAUSE).await;
        let mut probe = Box::pin(read(&context, &silent, 4));
        assert!(poll_once(&mut probe).is_pending());
        drop(early_writer);
        assert_eq!(before.await.unwrap(), 0);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        drop(writer);
        assert_eq!(probe.await.unwrap(), 0);
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn an_open_breaker_leaves_a_failing_backend_alone() {
    let plan = Plan::new(1).fail_from(OpKind::Read, 2, Errno::EIO as i32);
    let (faulty, builder) = faulty(plan);
    let breaker = Arc::new(Breaker::new().failures(3));
    let context = builder.layer(breaker.clone()).build().unwrap();
    futures_executor::block_on(async {
        let file = file(b"data");
        let mut kinds = Vec::new();
        for _ in 0..50 {
            kinds.push(read(&context, &file, 4).await.map_err(|error| error.kind()));
        }
        assert_eq!(kinds[..2], [Ok(4), Ok(4)]);
        assert_eq!(kinds[2..5], [Err(ErrorKind::System); 3]);
        assert_eq!(kinds[5..], [Err(ErrorKind::Refused); 45]);
    });
    assert_eq!((faulty.operations(), breaker.state()), (5, BreakerState::Open));
}

#[test]
fn what_a_healthy_device_answers_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("file"), "contents").unwrap();
    std::fs::create_dir_all(path("full/of")).unwrap();
    std::os::unix::fs::symlink("loop", path("loop")).unwrap();
    let breaker = Arc::new(Breaker::new().failures(1).pause(PAUSE));
    let context = with(&breaker);
    let fs = aiofile::fs::Fs::new(&context);
    futures_executor::block_on(async {
        let long = "n".repeat(256);
        let log = BatchOptions::new().context(&context);
        let first = log.open(path("log")).await.unwrap();
        let errors = [
            ("no file", fs.read(path("none")).await.err()),
            ("not empty", fs.remove_dir(path("full")).await.err()),
            ("a loop", fs.read(path("loop")).await.err()),
            ("a long name", fs.read(path(&long)).await.err()),
            ("no link", fs.read_link(path("file")).await.err()),
            ("no attribute", fs.removexattr(path("file"), "user.none").await.err()),
            ("another file system", fs.rename(path("file"), "/proc/file").await.err()),
            ("a lock", log.open(path("log")).await.err()),
            ("a closure", context.run("parse", closure_error).await.err().map(Into::into)),
            ("bad data", context.run("parse", complaint).await.err().map(Into::into)),
            ("bad data again", context.run("parse", complaint).await.err().map(Into::into)),
        ];
        for (what, error) in errors {
            let error = error.unwrap_or_else(|| panic!("{what}: it succeeded"));
            let kind = caio::Error::of(&error).map(caio::Error::kind);
            assert_ne!(kind, Some(ErrorKind::Refused), "before {what}: {error}");
        }
        first.close().await.unwrap();
    });
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// What an answer says of the device, between two failures of which both are needed to open it.
#[test]
fn each_answer_speaks_for_the_device_or_against_it_or_says_nothing() {
    let nothing = [
        Errno::EAGAIN,
        Errno::EDEADLK,
        Errno::EINTR,
        Errno::EMFILE,
        Errno::ENFILE,
        Errno::ENOLCK,
        Errno::ENOMEM,
    ];
    let good = [
        Errno::E2BIG,
        Errno::EACCES,
        Errno::EBADF,
        Errno::EEXIST,
        Errno::EFBIG,
        Errno::EILSEQ,
        Errno::EINVAL,
        Errno::EISDIR,
        Errno::ELOOP,
        Errno::EMLINK,
        Errno::ENAMETOOLONG,
        Errno::ENODATA,
        Errno::ENOENT,
        Errno::ENOSYS,
        Errno::ENOTDIR,
        Errno::ENOTEMPTY,
        Errno::ENOTSUP,
        Errno::ENOTTY,
        Errno::EOVERFLOW,
        Errno::EPERM,
        Errno::EPIPE,
        Errno::ERANGE,
        Errno::ESPIPE,
        Errno::ETXTBSY,
        Errno::EXDEV,
    ];
    let bad = [
        Errno::EIO,
        Errno::ENXIO,
        Errno::ENODEV,
        Errno::ENOSPC,
        Errno::EROFS,
        Errno::ESTALE,
        Errno::ETIMEDOUT,
        Errno::EREMOTEIO,
    ];
    let (open, closed) = (BreakerState::Open, BreakerState::Closed);
    let expected = (nothing.map(|errno| (errno, closed, open)).into_iter())
        .chain(good.map(|errno| (errno, closed, closed)))
        .chain(bad.map(|errno| (errno, open, open)));
    for (errno, after, at_last) in expected {
        let plan = Plan::new(1)
            .fail_once(OpKind::Read, 0, Errno::EIO as i32)
            .fail_once(OpKind::Read, 1, errno as i32)
            .fail_once(OpKind::Read, 2, Errno::EIO as i32);
        let breaker = Arc::new(Breaker::new().failures(2).pause(Duration::MAX));
        let builder = aiofile::context().layer(Arc::new(FaultLayer::new(plan)));
        let context = builder.layer(breaker.clone()).build().unwrap();
        futures_executor::block_on(async {
            let file = file(b"data");
            read(&context, &file, 4).await.unwrap_err();
            read(&context, &file, 4).await.unwrap_err();
            assert_eq!(breaker.state(), after, "after {errno}");
            _ = read(&context, &file, 4).await;
            assert_eq!(breaker.state(), at_last, "after {errno} and another failure");
        });
    }
}

/// An error that is the program's own.
fn complaint() -> caio::Result<()> {
    Err(caio::Error::new(ErrorKind::InvalidData, "a line is wrong"))
}

/// An error that no system gave.
fn closure_error() -> caio::Result<()> {
    Err(std::io::Error::other("a line is wrong").into())
}
