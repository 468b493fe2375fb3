//! Deadlines: the caller has its answer, and the books are right when the operation has its own.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use aiofile_util::layer::{Limit, Timeout};
use aiofile_util::{
    BatchOptions, DirectoryUsages, HashKind, HashOptions, Journal, MergeOptions, SplitBy,
    SplitOptions, SyncOptions,
};
use caio::{Admission, Buffer, ErrorKind, Layer, OpInfo, OpKind, SharedFile, Stage};
use caio_testkit::{Plan, Simulated};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

use crate::support::{eventually, faulty, file, paused, poll_once, read};

#[test]
fn what_times_out_keeps_its_place_until_it_has_ended() {
    let limit = Arc::new(Limit::new().reads(1));
    let timeout = Timeout::new().reads(Duration::from_millis(20));
    let builder = aiofile::context().layer(limit.clone()).layer(Arc::new(timeout));
    let disk = Arc::new(Simulated::new(1));
    let context = builder.custom(disk.clone()).in_place(false).build().unwrap();
    let file = disk.create("data").unwrap();
    for _ in 0..2 {
        // The second waits for the place of the first, in vain.
        let error = futures_executor::block_on(read(&context, &file, 4)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::TimedOut);
        assert_eq!((limit.held(), limit.waiting(), disk.pending()), (1, 0, 1));
    }
    assert!(disk.step());
    assert_eq!((limit.held(), context.metrics().in_flight), (0, 0));
    assert_eq!(disk.drive(read(&context, &file, 4)).unwrap(), 0);
}

#[test]
fn a_deadline_covers_the_wait_in_other_layers() {
    let limit = Arc::new(Limit::new().writes(1));
    let timeout = Timeout::new().writes(Duration::from_secs(3600));
    let builder = aiofile::context().layer(Arc::new(timeout)).layer(limit.clone());
    let context = builder.build().unwrap();
    // A pipe that is full keeps the only place.
    let (_reader, mut writer) = std::io::pipe().unwrap();
    // A user with very many pipes gets short ones.
    let full = fcntl(&writer, FcntlArg::F_GETPIPE_SZ).unwrap();
    writer.write_all(&vec![0; full.unsigned_abs() as usize]).unwrap();
    let writer = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
    let pipe = SharedFile::from_std(writer).unwrap();
    let mut first = Box::pin(context.write(&pipe, Buffer::from(&b"x"[..]), 0..1, 0));
    assert!(poll_once(&mut first).is_pending());
    paused().block_on(async {
        let begun = tokio::time::Instant::now();
        let file = file(b"");
        let (written, _) = context.write(&file, Buffer::from(&b"x"[..]), 0..1, 0).await;
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= Duration::from_secs(3600));
    });
    assert_eq!((limit.held(), limit.waiting()), (1, 0));
    drop(first);
    eventually("its place comes back", || limit.held() == 0);
}

#[test]
fn a_backend_that_is_slow_and_fails_keeps_its_errors() {
    let plan = Plan::new(1)
        .delay(Duration::ZERO..Duration::from_millis(2))
        .short(0.3)
        .interrupted(0.2)
        .fail_once(OpKind::Read, 40, Errno::EIO as i32);
    let (_, builder) = faulty(plan);
    let timeout = Timeout::new().reads(Duration::from_secs(600)).writes(Duration::from_secs(600));
    let context = builder.layer(Arc::new(timeout)).build().unwrap();
    let file = file(&[7; 512]);
    let mut failed = 0;
    for _ in 0..60 {
        match futures_executor::block_on(read(&context, &file, 512)) {
            Ok(bytes) => assert!(bytes > 0),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(Errno::EIO as i32));
                failed += 1;
            }
        }
    }
    assert!(failed <= 1, "{failed}");
    assert_eq!(context.metrics().in_flight, 0);
}

/// Lets nothing in.
#[derive(Debug)]
struct Closed;

impl Layer for Closed {
    fn stage(&self) -> Stage {
        Stage::Limit
    }

    fn admit(&self, _op: &OpInfo) -> Admission {
        Admission::later(std::future::pending())
    }
}

#[test]
fn what_took_too_long_is_told_with_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let from = path("from");
    for name in ["from", "renamed"] {
        std::fs::write(path(name), "contents").unwrap();
    }
    let to = |call: &str| path(&format!("to.{call}"));
    std::fs::create_dir(path("tree")).unwrap();
    let timeout = Timeout::new().others(Duration::ZERO);
    let builder = aiofile::context().layer(Arc::new(timeout));
    // Otherwise some may be done before anybody looks at the time.
    let context = builder.layer(Arc::new(Closed)).build().unwrap();
    let fs = aiofile::fs::Fs::new(&context);
    let split = SplitOptions::new(SplitBy::Bytes(1.try_into().unwrap())).context(&context);
    let errors = futures_executor::block_on(async {
        [
            fs.copy(&from, to("copy")).await.err(),
            fs.copy_dir(path("tree"), to("copy_dir")).await.err(),
            fs.rename(path("renamed"), to("rename")).await.err(),
            fs.create_dir(path("new")).await.err(),
            fs.same_file(&from, path("tree")).await.err(),
            fs.lock(&std::fs::File::open(&from).unwrap()).await.err(),
            HashOptions::new(HashKind::Md5).context(&context).hash(&from).await.err(),
            split.split(&from, to("split")).await.err(),
            MergeOptions::new().context(&context).merge([&from], to("merge")).await.err(),
            MergeOptions::new()
                .context(&context)
                .append(true)
                .merge([&from], to("append"))
                .await
                .err(),
            SyncOptions::new().context(&context).sync(path("tree"), to("sync")).await.err(),
            DirectoryUsages::new(path("tree")).context(&context).next().await.unwrap().err(),
            BatchOptions::new().context(&context).open(path("log")).await.err(),
            aiofile::with_context(&context, Journal::open(path("journal"))).await.err(),
        ]
    });
    for (index, error) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("call {index} succeeded"));
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{index}: {error}");
        let error = caio::Error::from(error);
        assert!(error.path().is_some(), "{index}: {error}");
    }
}
