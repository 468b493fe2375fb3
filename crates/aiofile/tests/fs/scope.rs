//! `with_context`: whose context it is, across nesting, tasks, panics and other futures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use aiofile::{AioFile, Context, default_context, fs, spawn, with_context};
use caio::OpKind;
use caio_testkit::{Faulty, Plan, Simulated};
use futures_util::FutureExt;
use futures_util::future::join;

use super::support::{errno, temporary};

fn fresh() -> Context {
    aiofile::context().build().unwrap()
}

/// Whether the default context is this one: only it counts what is done.
fn is_default(context: &Context) -> bool {
    default_context().unwrap().config().max_requests == context.config().max_requests
}

fn limited(max_requests: usize) -> Context {
    aiofile::context().max_requests(max_requests).build().unwrap()
}

#[test]
fn scopes_nest_and_end() {
    futures_executor::block_on(async {
        let (outer, inner) = (limited(11), limited(12));
        assert!(!is_default(&outer));
        let nested = async {
            assert!(is_default(&outer));
            with_context(&inner, async { assert!(is_default(&inner)) }).await;
            assert!(is_default(&outer));
        };
        with_context(&outer, nested).await;
        assert!(!is_default(&outer) && !is_default(&inner));
    });
}

#[test]
fn futures_that_take_turns_keep_their_own() {
    let (one, two) = (limited(11), limited(12));
    let turns = async |context: &Context| {
        for _ in 0..10 {
            assert!(is_default(context));
            tokio::task::yield_now().await;
        }
    };
    futures_executor::block_on(join(
        with_context(&one, turns(&one)),
        with_context(&two, turns(&two)),
    ));
}

#[test]
fn a_panic_ends_the_scope() {
    let context = limited(11);
    let scoped = with_context(&context, async { panic!("as the test wants it") });
    let result: Result<Option<()>, _> = catch_unwind(AssertUnwindSafe(|| scoped.now_or_never()));
    assert!(result.is_err());
    assert!(!is_default(&context));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawned_tasks_have_the_context_of_who_spawned_them() {
    let context = limited(11);
    let inside = async {
        let ours = spawn(async { spawn(async { default_context().unwrap() }).await.unwrap() });
        let plain = tokio::spawn(async { default_context().unwrap() });
        (ours.await.unwrap(), plain.await.unwrap())
    };
    let (ours, plain) = with_context(&context, inside).await;
    assert_eq!(ours.config().max_requests, 11);
    assert_ne!(plain.config().max_requests, 11);
    let outside = spawn(async { default_context().unwrap() }).await.unwrap();
    assert_ne!(outside.config().max_requests, 11);
}

#[tokio::test]
async fn all_that_names_no_context_uses_it() {
    let directory = temporary();
    let path = directory.path().join("file");
    let context = fresh();
    let work = async {
        fs::write(&path, "some text").await.unwrap();
        let file = AioFile::open(&path, "r").await.unwrap();
        file.read_exact_at(9, 0).await.unwrap();
        fs::Fs::current().await.unwrap().context().clone()
    };
    let seen = with_context(&context, work).await;
    assert_eq!((seen.metrics(), context.metrics().bytes_read), (context.metrics(), 9));
    // A context that is named counts more.
    let named = fresh();
    with_context(&context, async { fs::Fs::new(&named).read(&path).await.unwrap() }).await;
    assert_eq!((named.metrics().bytes_read, context.metrics().bytes_read), (9, 9));
}

/// Code that knows nothing of contexts.
async fn count_words(path: &str) -> std::io::Result<usize> {
    Ok(fs::read_to_string(path).await?.split_whitespace().count())
}

#[test]
fn a_simulated_disk_lies_below_code_that_names_no_context() {
    let disk = Arc::new(Simulated::new(7));
    let builder = aiofile::context().custom(Arc::<Simulated>::clone(&disk));
    let context = builder.in_place(false).build().unwrap();
    disk.create("words").unwrap();
    let work = async {
        fs::write("words", "one two three").await?;
        count_words("words").await
    };
    assert_eq!(disk.drive(with_context(&context, work)).unwrap(), 3);
    assert_eq!(disk.model("words").unwrap().contents(), b"one two three");
    let error = disk.drive(with_context(&context, count_words("/etc/passwd"))).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_failing_disk_lies_below_code_that_names_no_context() {
    let (disk, eio, full) = (Arc::new(Simulated::new(7)), 5, 28);
    let plan = Plan::new(1).fail_once(OpKind::ReadFile, 0, eio).fail_once(OpKind::Write, 0, full);
    let faulty = Faulty::new(Arc::<Simulated>::clone(&disk), plan);
    let context = aiofile::context().custom(Arc::new(faulty)).in_place(false).build().unwrap();
    disk.create("words").unwrap();
    let mut errors = Vec::new();
    disk.drive(with_context(&context, async {
        errors.extend(fs::write("words", "one two").await.err());
        errors.extend(count_words("words").await.err());
        fs::write("words", "one two").await.unwrap();
        assert_eq!(count_words("words").await.unwrap(), 2);
    }));
    assert_eq!(errors.iter().map(errno).collect::<Vec<_>>(), [Some(full), Some(eio)]);
}

/// Trap A14: what several ask for at once is lost with the one who asked first.
#[test]
fn who_gives_up_the_first_use_takes_the_default_context_from_nobody() {
    let directory = temporary();
    let path = directory.path().join("file");
    std::fs::write(&path, "contents").unwrap();
    let mut made_elsewhere = 0;
    for round in 0..20 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let read = || fs::read(path.clone()).boxed();
            let (mut first, mut second) = (read(), read());
            let none_yet = (&mut first).now_or_never().is_none();
            // Asks before or after the first one goes.
            let waits = round % 2 == 0 && (&mut second).now_or_never().is_none();
            drop(first);
            if !waits {
                second = read();
            }
            let read = tokio::time::timeout(Duration::from_secs(60), second).await;
            assert_eq!(read.expect("it hangs").unwrap(), b"contents");
            made_elsewhere += usize::from(none_yet);
        });
    }
    assert!(made_elsewhere > 0, "it is made on the task's thread");
}
