//! How threads come and go, and that no request is forgotten meanwhile.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Wake, Waker};

use super::super::{StdThreads, Threads};
use super::*;
use crate::error::ErrorKind;
use crate::request::Token;

for_both! {
    a_thousand_queued_writes_are_all_there_after_shutdown,
    a_dropped_pool_still_does_what_it_took,
    what_is_queued_and_not_committed_is_done_before_the_end,
    a_panicking_waker_harms_nobody_else,
    threads_stay_below_the_maximum_and_go_when_idle,
    a_request_that_is_not_wanted_is_not_begun,
    no_request_is_forgotten_while_threads_come_and_go,
    a_waker_may_come_back_into_the_pool,
    a_thread_that_takes_one_of_several_wakes_the_next,
    threads_that_sleep_go_with_their_pool,
    threads_go_after_the_shutdown,
}

fn queue_writes(pool: &dyn Backend, file: &SharedFile) -> Vec<Answer> {
    let one = |index: u32| request(write(&index.to_le_bytes(), u64::from(index) * 4), Some(file));
    let (requests, answers): (Vec<_>, Vec<_>) = (0..1000).map(one).unzip();
    requests.into_iter().for_each(|request| _ = pool.queue(request));
    answers
}

fn assert_written(file: &SharedFile) {
    let expected: Vec<u8> = (0..1000u32).flat_map(u32::to_le_bytes).collect();
    let mut found = vec![0; 4001];
    let length = std::os::unix::fs::FileExt::read_at(file.file(), &mut found, 0).unwrap();
    assert!(found[..length] == expected, "every write is there");
}

fn a_thousand_queued_writes_are_all_there_after_shutdown(open: Open) {
    let pool = &*open(&named("b21").with(|config| {
        config.max_requests = 1000;
        config.threads_max = 2;
    }));
    let file = file_with(b"");
    let answers = queue_writes(pool, &file);
    pool.commit(super::super::QUEUE);
    assert_eq!(shutdown(pool), 0);
    assert_written(&file);
    assert!(answers.into_iter().all(|one| answer(one).result.is_ok()));
    for op in [Op::Fsync, write(b"x", 0)] {
        let late = run(pool, op, Some(&file)).result.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Shutdown);
    }
}

fn a_dropped_pool_still_does_what_it_took(open: Open) {
    let file = file_with(b"");
    let options = named("drop").with(|config| {
        config.max_requests = 1000;
        config.threads_max = 2;
    });
    let pool = open(&options);
    let answers = queue_writes(&*pool, &file);
    pool.commit(super::super::QUEUE);
    drop(pool);
    assert!(answers.into_iter().all(|one| answer(one).result.is_ok()));
    assert_written(&file);
    until("the threads end with the pool", || threads_of(&options) == 0);
}

fn what_is_queued_and_not_committed_is_done_before_the_end(open: Open) {
    let file = file_with(b"");
    let (full, mut writer) = pipe();
    std::io::Write::write_all(&mut writer, b"xy").unwrap();
    let queue = |pool: &dyn Backend| {
        let (reading, read) = request(read(1, 0), Some(&full));
        pool.queue(reading);
        (queue_writes(pool, &file), read)
    };
    let options = named("queued");
    let pool = open(&options);
    let (answers, read) = queue(&*pool);
    assert_eq!(threads_of(&options), 0);
    assert_eq!(shutdown(&*pool), 0);
    assert!(answers.into_iter().all(|one| answer(one).result.is_ok()));
    assert_eq!(contents(answer(read)), b"x");
    let pool = open(&options);
    let (answers, read) = queue(&*pool);
    drop(pool);
    assert!(answers.into_iter().all(|one| answer(one).result.is_ok()));
    assert_eq!(contents(answer(read)), b"y");
}

fn a_panicking_waker_harms_nobody_else(open: Open) {
    struct Bomb(AtomicUsize);
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("a waker of the user's");
        }
    }
    let pool = open(&named("bomb").with(|config| config.threads_max = 1));
    let (stream, mut writer) = pipe();
    let regular = file_with(b"alive");
    let (gate, file) = (Hanging::begin(&*pool, Op::Fsync, Some(&regular)), file_with(b"x"));
    let bomb = Arc::new(Bomb(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&bomb));
    let mut waiting = [&stream, &file].map(|file| Box::pin(submit(&*pool, read(1, 0), Some(file))));
    for one in &mut waiting {
        assert!(one.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    gate.release();
    until("the wakers are called", || bomb.0.load(Ordering::SeqCst) == 2);
    for one in &mut waiting {
        assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    assert_eq!(contents(run(&*pool, read(5, 0), Some(&regular))), b"alive");
    assert_eq!(shutdown(&*pool), 0);
}

fn threads_stay_below_the_maximum_and_go_when_idle(open: Open) {
    let limits = named("cnt").with(|config| {
        config.threads_min = 1;
        config.threads_max = 3;
        config.threads_idle_timeout_ms = 50;
    });
    let pool = open(&limits);
    assert_eq!(threads_of(&limits), 0, "a thread starts when there is work");
    let files = [(); 8].map(|()| file_with(&[7; 4096]));
    let most = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                // One stays to the end, so that the last look sees one at least.
                let is_last = done.load(Ordering::SeqCst);
                most.fetch_max(threads_of(&limits), Ordering::SeqCst);
                if is_last {
                    break;
                }
            }
        });
        for _ in 0..100 {
            let all = (0..64).map(|index| submit(&*pool, read(4096, 0), Some(&files[index % 8])));
            let all: Vec<_> = all.collect();
            all.into_iter().for_each(|one| assert_eq!(contents(answer(one)).len(), 4096));
        }
        done.store(true, Ordering::SeqCst);
    });
    let most = most.into_inner();
    assert!((1..=3).contains(&most), "{most} threads were seen");
    until("all but one thread go", || threads_of(&limits) == 1);
    assert_eq!(contents(run(&*pool, read(2, 0), Some(&files[0]))), [7, 7]);
}

fn a_request_that_is_not_wanted_is_not_begun(open: Open) {
    let pool = &*open(&named("skip").with(|config| config.threads_max = 1));
    let file = file_with(b"kept");
    let gate = Hanging::begin(pool, Op::Fsync, Some(&file));
    let unwanted = submit(pool, write(b"lost", 0), Some(&file));
    let token = unwanted.cancel().expect("it has not been begun");
    pool.cancel(token);
    gate.release();
    assert_eq!(contents(run(pool, read(4, 0), Some(&file))), b"kept");
    assert_eq!(shutdown(pool), 0);
}

/// Threads that end after a millisecond meet requests that come after about as long.
fn no_request_is_forgotten_while_threads_come_and_go(open: Open) {
    for threads_min in [0, 1] {
        let limits = named("rush").with(|config| {
            config.threads_min = threads_min;
            config.threads_max = 3;
            config.threads_idle_timeout_ms = 1;
        });
        let pool = open(&limits);
        let file = file_with(b"x");
        std::thread::scope(|scope| {
            for submitter in 0..4u64 {
                let (pool, file) = (&pool, &file);
                scope.spawn(move || {
                    for round in 0..300 {
                        assert_eq!(contents(run(&**pool, read(1, 0), Some(file))), b"x");
                        if round % 3 == 0 {
                            std::thread::sleep(Duration::from_micros(900 + 70 * submitter));
                        }
                    }
                });
            }
        });
        assert_eq!(shutdown(&*pool), 0);
    }
}

/// A waker may come straight back into the pool, so none of its locks may be held then.
fn a_waker_may_come_back_into_the_pool(open: Open) {
    struct Again(Arc<dyn Backend>, SharedFile, AtomicUsize);
    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            drop(submit(&*self.0, read(1, 0), Some(&self.1)));
            self.0.cancel(Token(1));
            self.2.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = open(&named("again"));
    let (stream, mut writer) = pipe();
    let again = Arc::new(Again(Arc::clone(&pool), file_with(b"y"), AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&again));
    let regular = file_with(b"z");
    let mut waiting = Vec::new();
    for file in [&stream, &regular] {
        let mut one = Box::pin(submit(&*pool, read(1, 0), Some(file)));
        if one.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            again.2.fetch_add(1, Ordering::SeqCst);
        }
        std::io::Write::write_all(&mut writer, b"s").unwrap();
        waiting.push(one);
    }
    until("both wakers were called", || again.2.load(Ordering::SeqCst) == 2);
    assert_eq!(shutdown(&*pool), 0);
}

fn a_thread_that_takes_one_of_several_wakes_the_next(open: Open) {
    let pool = &*open(&named("next"));
    let (reading, text) = request(read(4, 0), Some(&file_with(b"text")));
    let (one, two) = (file_with(b""), file_with(b""));
    pool.queue(reading);
    let both = [&one, &two].map(|file| Hanging::queue(pool, Op::Fsync, Some(file)));
    assert_eq!(contents(answer(text)), b"text");
    for hanging in &both {
        hanging.begun.recv_timeout(HANGS).unwrap();
    }
    assert_eq!(contents(run(pool, read(1, 0), Some(&file_with(b"x")))), b"x");
    both.into_iter().for_each(|hanging| assert!(hanging.release().result.is_ok()));
}

fn threads_that_sleep_go_with_their_pool(open: Open) {
    let options = named("away").with(|config| config.threads_idle_timeout_ms = 3_600_000);
    let pool = open(&options);
    assert_eq!(contents(run(&*pool, read(1, 0), Some(&file_with(b"x")))), b"x");
    assert_eq!(threads_of(&options), 1);
    // Long enough for it to park.
    std::thread::sleep(Duration::from_millis(50));
    drop(pool);
    until("it goes", || threads_of(&options) == 0);
}

fn threads_go_after_the_shutdown(open: Open) {
    let options = named("over").with(|config| {
        config.threads_min = 1;
        config.threads_idle_timeout_ms = 86_400_000;
    });
    let pool = open(&options);
    assert_eq!(contents(run(&*pool, read(1, 0), Some(&file_with(b"x")))), b"x");
    let (full, mut writer) = pipe();
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    assert_eq!(contents(run(&*pool, read(1, 0), Some(&full))), b"x");
    assert_eq!(threads_of(&options), 2);
    assert_eq!(shutdown(&*pool), 0);
    until("they go", || threads_of(&options) == 0);
}

/// Threads of std's, of which the system gives only so many.
#[derive(Debug)]
enum Few {}

static LEFT: Mutex<usize> = Mutex::new(0);

impl Threads for Few {
    const KIND: crate::backend::BackendKind = crate::backend::BackendKind::Other("few");

    fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> std::io::Result<()> {
        let mut left = LEFT.lock().unwrap();
        if *left == 0 {
            return Err(std::io::Error::from_raw_os_error(libc::EAGAIN));
        }
        *left -= 1;
        StdThreads::spawn(name, body)
    }
}

#[test]
fn where_no_thread_can_start_requests_fail_with_the_reason_and_else_those_there_are_go_on() {
    let pool = &*open::<Few>(&named("few").with(|config| config.threads_idle_timeout_ms = 1));
    let file = file_with(b"unread");
    let answers = queue_writes(pool, &file);
    pool.commit(super::super::QUEUE);
    for one in answers {
        assert_eq!(answer(one).result.unwrap_err().raw_os_error(), Some(libc::EAGAIN));
    }
    assert_eq!(file.file().metadata().unwrap().len(), 6);
    let (full, mut writer) = pipe();
    std::io::Write::write_all(&mut writer, b"x").unwrap();
    let refused = run(pool, read(1, 0), Some(&full)).result.unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EAGAIN));

    *LEFT.lock().unwrap() = 1;
    assert_eq!(contents(run(pool, read(1, 0), Some(&full))), b"x");
    *LEFT.lock().unwrap() = 1;
    let hanging = Hanging::begin(pool, Op::Fsync, Some(&file));
    let answers = queue_writes(pool, &file);
    let reading = submit(pool, read(4, 0), Some(&file));
    hanging.release();
    assert!(answers.into_iter().all(|one| answer(one).result.is_ok()));
    assert_eq!(contents(answer(reading)).len(), 4);
    assert_eq!(shutdown(pool), 0);
}
