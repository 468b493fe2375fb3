//! Layers around the operations of a context: they see each of them, whatever its route, and are
//! told exactly once how it ended.

mod book;
mod hooks;
pub(crate) mod repeated;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caio::{
    Admission, Buffer, Context, Error, ErrorKind, Op, OpInfo, OpKind, OpRoute, Output, PathCall,
    Stage, flags,
};
use futures_util::FutureExt;
use futures_util::future::{join_all, pending};
use tokio::runtime::Builder;

use self::book::Book;
use self::hooks::{Hooks, admitting};
use crate::harness::{Case, cases};
use crate::support::{
    Env, HANGS, assert_settled, begun, disk, eventually, pattern, pipe, poll_once, room, shared,
    within_reason,
};

pub(crate) const CASES: &[Case] = cases![
    each every_kind_of_operation_is_let_in_and_ends_once,
    each what_is_cached_is_still_done_in_place,
    each dropped_futures_are_told_of_when_their_operations_end,
    each what_waits_in_a_layer_is_not_begun_and_can_be_dropped,
    each a_refusal_reaches_the_caller_and_the_layers_around,
    alone a_layer_that_panics_harms_no_other_operation,
    each the_order_is_that_of_the_stages,
    each a_deadline_ends_the_wait_and_not_the_operation,
    each syncs_that_share_a_run_end_each_for_itself,
    each after_the_shutdown_nothing_begins_and_all_ends,
    each layers_wait_by_a_paused_clock,
];

/// One operation of every kind.
async fn every_kind(context: &Context, path: &std::path::Path) {
    let flags = flags::O_RDWR | flags::O_CREAT;
    let file = context.open(path, flags, 0o600).await.unwrap();
    let (written, _) = context.write(&file, Buffer::from(&b"data"[..]), 0..4, 0).await;
    assert_eq!(written.unwrap(), 4);
    let (written, _) = context.write_vectored(&file, vec![Buffer::from(&b"more"[..])], 4).await;
    assert_eq!(written.unwrap(), 4);
    context.sync(&file, false).await.unwrap();
    context.sync(&file, true).await.unwrap();
    let (read, buffer) = context.read(&file, room(8), 0..8, 0).await;
    assert_eq!((read.unwrap(), buffer.as_slice()), (8, &b"datamore"[..]));
    assert_eq!(context.read_vectored(&file, vec![room(8)], 0).await.0.unwrap(), 8);
    context.set_length(&file, 4).await.unwrap();
    assert_eq!(context.metadata(&file).await.unwrap().len(), 4);
    assert_eq!(context.read_file(path).await.unwrap(), b"data");
    assert_eq!(context.run("six", || Ok(6)).await.unwrap(), 6);
    let call = PathCall::Canonicalize { path: path.to_owned() };
    let Output::Path(canonical) = context.on_path(call).await.unwrap() else { panic!("no path") };
    assert!(canonical.is_absolute());
    context.close(file, true).await.unwrap();
}

fn every_kind_of_operation_is_let_in_and_ends_once(env: &Env) {
    for in_place in [true, false] {
        env.bounded(move |env| {
            let (place, book) = (disk(), Book::new());
            let layer = book.clone();
            let env = env.with(|builder| builder.in_place(in_place).layer(layer));
            let paths = [place.path("a"), place.path("b")];
            env.run(async {
                for path in &paths {
                    every_kind(&env.context, path).await;
                }
            });
            smol::block_on(every_kind(&env.context, &place.path("c")));
            assert!(book.is_even(), "what was awaited has ended: {:?}", book.notes());
            let notes = book.notes();
            let kinds: BTreeSet<_> = notes.admitted.keys().copied().collect();
            assert_eq!(kinds, OpKind::ALL.into_iter().collect());
            for end in &notes.ended {
                assert!(end.result.is_ok() && end.route.is_some() && end.is_awaited, "{end:?}");
                assert_eq!(end.attempt, 1);
                assert!(in_place || end.route != Some(OpRoute::InPlace), "{end:?}");
            }
            let bytes = |kind| {
                let ended = notes.ended.iter().filter(|end| end.kind == kind);
                ended.map(|end| *end.result.as_ref().unwrap()).sum::<u64>()
            };
            let moved = [OpKind::Read, OpKind::Write, OpKind::ReadFile].map(bytes);
            assert_eq!(moved, [24, 12, 12]);
            assert_settled(&env.context);
        });
    }
}

fn what_is_cached_is_still_done_in_place(env: &Env) {
    let (place, book) = (disk(), Book::new());
    let path = place.file("data", &pattern(8192));
    let layer = book.clone();
    let in_place = |env: &Env| {
        env.run(async {
            let file = shared(&path);
            for number in 0..10 {
                let (read, buffer) = env.context.read(&file, room(4096), 0..4096, number).await;
                let start = number as usize;
                assert_eq!(read.unwrap(), 4096);
                assert_eq!(buffer.as_slice(), &pattern(8192)[start..start + 4096]);
            }
        });
        env.context.metrics().in_place
    };
    let layered = in_place(&env.with(|builder| builder.layer(layer)));
    let told = book.notes().ended.iter().filter(|end| end.route == Some(OpRoute::InPlace)).count();
    assert_eq!(told as u64, layered);
    // Not every file system reads what is cached without waiting.
    assert_eq!(layered > 0, in_place(&env.with(|builder| builder)) > 0);
}

fn dropped_futures_are_told_of_when_their_operations_end(env: &Env) {
    env.bounded(|env| {
        let (place, book) = (disk(), Book::new());
        let path = place.file("data", &pattern(1 << 16));
        let layer = book.clone();
        let env = env.with(|builder| builder.in_place(false).max_requests(8).layer(layer));
        let context = env.context.clone();
        let file = shared(&path);
        let (silent, mut speaks) = pipe();
        env.run(async {
            let of_pipe = begun(context.read(&silent, room(10), 0..10, 0)).await;
            for number in 0..1000u64 {
                let offset = (number % 16) * 4096;
                match number % 4 {
                    0 => drop(begun(context.read(&file, room(4096), 0..4096, offset)).await),
                    1 => {
                        let buffer = Buffer::from(pattern(4096));
                        drop(begun(context.write(&file, buffer, 0..4096, offset)).await);
                    }
                    2 => drop(begun(context.sync(&file, number % 8 == 2)).await),
                    _ => drop(begun(context.run("nothing", || Ok(()))).await),
                }
            }
            let notes = book.notes();
            assert!(notes.ended.iter().all(|end| end.result != Ok(10)), "the pipe is silent");
            drop(of_pipe);
        });
        io::Write::write_all(&mut speaks, b"0123456789").unwrap();
        eventually("all have ended", || book.is_even());
        let notes = book.notes();
        assert_eq!(notes.admitted.values().sum::<usize>(), 1001);
        assert!(notes.ended.iter().any(|end| !end.is_awaited));
        assert_settled(&context);
        assert_eq!(smol::block_on(context.shutdown(HANGS)), 0);
        assert!(book.is_even());
    });
}

fn what_waits_in_a_layer_is_not_begun_and_can_be_dropped(env: &Env) {
    let (place, book) = (disk(), Book::new());
    let file = shared(&place.file("data", &pattern(4096)));
    let outer: Arc<Hooks> = Arc::new(admitting(|_| Admission::later(pending())));
    let inner = Book::new();
    let (first, last) = (book.clone(), inner.clone());
    let env = env.with(|builder| builder.layer(first).layer(outer).layer(last));
    let context = &env.context;
    let mut read = context.read(&file, room(4096), 0..4096, 0).boxed();
    let mut sync = context.sync(&file, false).boxed();
    for _ in 0..100 {
        assert!(poll_once(&mut read).is_pending() && poll_once(&mut sync).is_pending());
    }
    let op = Op::read(room(4096), 0..4096, 0).unwrap();
    assert!(context.try_submit(&file, op).is_err(), "it would have to wait");
    let ops = [Op::read(room(4096), 0..4096, 0).unwrap()];
    let mut operations = context.submit_all(&file, ops);
    assert!(operations.iter_mut().all(|operation| poll_once(operation).is_pending()));
    assert_eq!(context.metrics().submitted, 0);
    drop((read, sync, operations));
    assert!(book.is_even());
    let notes = book.notes();
    assert!(notes.ended.iter().all(|end| end.result == Err(ErrorKind::Cancelled)), "{notes:?}");
    assert!(inner.notes().admitted.is_empty(), "they never came so far");
    assert_settled(context);
}

fn a_refusal_reaches_the_caller_and_the_layers_around(env: &Env) {
    let (place, book) = (disk(), Book::new());
    let path = place.file("data", b"some text");
    let refusing = admitting(|op| match op.kind() {
        OpKind::Close => Admission::Refused(Error::new(ErrorKind::Refused, "not even a close")),
        OpKind::Open => Admission::Now,
        _ => Admission::Refused(Error::new(ErrorKind::Refused, "no")),
    });
    let (first, second) = (book.clone(), Arc::new(refusing));
    let env = env.with(|builder| builder.layer(first).layer(second));
    env.run(async {
        let context = &env.context;
        let file = context.open(&path, flags::O_RDWR, 0).await.unwrap();
        let (read, buffer) = context.read(&file, room(9), 0..9, 0).await;
        assert_eq!(
            read.unwrap_err().to_string(),
            format!("read {} at offset 0: no", path.display())
        );
        assert_eq!(buffer.capacity(), 9, "the buffer comes back");
        let refused = context.sync(&file, true).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("fdatasync {}: no", path.display()));
        assert_eq!(context.metrics().failed, 0);
        context.close(file, true).await.unwrap();
    });
    assert!(book.is_even());
    let routes: Vec<_> = book.notes().ended.iter().map(|end| (end.kind, end.route)).collect();
    let expected = [(OpKind::Read, None), (OpKind::Fdatasync, None)];
    assert_eq!(routes[1..3], expected);
}

fn a_layer_that_panics_harms_no_other_operation(env: &Env) {
    env.bounded(|env| {
        let (place, book) = (disk(), Book::new());
        let file = shared(&place.file("data", &pattern(1 << 16)));
        let explosive = Hooks {
            admit: Some(Box::new(|op| match op.offset() {
                Some(4096) => panic!("a layer panics, as this test wants it to"),
                Some(8192) => Admission::later(async { panic!("and its future, too") }),
                _ => Admission::Now,
            })),
            finished: Some(Box::new(|_| panic!("it panics whenever something ends"))),
            retry: Some(|_, _| panic!("it panics when it is asked for another try")),
            deadline: Some(Box::new(|_| panic!("it panics when it is asked for a deadline"))),
            ..Hooks::default()
        };
        let (first, second, third) = (book.clone(), Arc::new(explosive), Book::new());
        let last = third.clone();
        let env =
            env.with(|builder| builder.in_place(false).layer(first).layer(second).layer(last));
        let context = env.context.clone();
        env.run(async {
            let reads = (0..16u64).map(|number| {
                let context = &context;
                let file = &file;
                async move { context.read(file, room(4096), 0..4096, number * 4096).await.0 }
            });
            for (number, result) in join_all(reads).await.into_iter().enumerate() {
                match number {
                    1 | 2 => assert_eq!(result.unwrap_err().kind(), ErrorKind::Refused),
                    _ => assert_eq!(result.unwrap(), 4096),
                }
            }
            context.sync(&file, false).await.unwrap();
            assert_eq!(context.shutdown(HANGS).await, 0);
        });
        assert!(book.is_even() && third.is_even());
        assert_settled(&context);
    });
}

fn the_order_is_that_of_the_stages(env: &Env) {
    const STAGES: [Stage; 8] = [
        Stage::Observe,
        Stage::Deadline,
        Stage::Retry,
        Stage::Breaker,
        Stage::Custom,
        Stage::Rate,
        Stage::Limit,
        Stage::Fault,
    ];
    let asked: Arc<Mutex<Vec<(bool, Stage)>>> = Arc::default();
    let layer_at = |stage| {
        let (at_begin, at_end) = (Arc::clone(&asked), Arc::clone(&asked));
        let admit = move |_: &OpInfo| {
            at_begin.lock().unwrap().push((true, stage));
            Admission::Now
        };
        let finished = move |_: &OpInfo| at_end.lock().unwrap().push((false, stage));
        let (admit, finished) = (Some(Box::new(admit) as _), Some(Box::new(finished) as _));
        Arc::new(Hooks { stage: Some(stage), admit, finished, ..Hooks::default() })
    };
    let begins = STAGES.map(|stage| (true, stage));
    let ends = STAGES.into_iter().rev().map(|stage| (false, stage));
    let expected: Vec<_> = begins.into_iter().chain(ends).collect();
    for turn in 0..STAGES.len() {
        let mut stages = STAGES;
        stages.rotate_left(turn);
        if turn % 2 == 1 {
            stages.reverse();
        }
        let context = env.another(|builder| {
            stages.into_iter().fold(builder, |builder, stage| builder.layer(layer_at(stage)))
        });
        smol::block_on(context.run("nothing", || Ok(()))).unwrap();
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), expected);
    }
}

fn a_deadline_ends_the_wait_and_not_the_operation(env: &Env) {
    env.bounded(|env| {
        let book = Book::new();
        let short = Hooks {
            deadline: Some(Box::new(|op| {
                (op.kind() == OpKind::Read).then_some(Duration::from_millis(20))
            })),
            ..Hooks::default()
        };
        let (first, second) = (book.clone(), Arc::new(short));
        let env = env.with(|builder| builder.layer(first).layer(second));
        let (silent, _writer) = pipe();
        for _ in 0..2 {
            let read = env.context.read(&silent, room(10), 0..10, 0);
            let error = smol::block_on(read).0.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(io::Error::from(error.clone()).kind(), io::ErrorKind::TimedOut);
            assert!(error.to_string().starts_with("read pipe: it did not end within 20ms"));
        }
        eventually("both have ended", || book.is_even());
        assert!(book.notes().ended.iter().all(|end| !end.is_awaited && end.result.is_err()));
        assert_settled(&env.context);
    });
}

fn syncs_that_share_a_run_end_each_for_itself(env: &Env) {
    env.bounded(|env| {
        let (place, book) = (disk(), Book::new());
        let layer = book.clone();
        let env = env.with(|builder| builder.in_place(false).layer(layer));
        let context = env.context.clone();
        let file = shared(&place.file("data", &pattern(4096)));
        env.run(async {
            let syncs = (0..64).map(|number| context.sync(&file, number % 2 == 0));
            assert!(join_all(syncs).await.into_iter().all(|result| result.is_ok()));
        });
        assert!(book.is_even(), "each has ended before its caller had the answer");
        let notes = book.notes();
        assert_eq!(notes.ended.len(), 64);
        assert!(notes.ended.iter().all(|end| end.route.is_some() && end.is_awaited));
        assert!(context.metrics().submitted < 64, "they share system calls");
    });
}

fn after_the_shutdown_nothing_begins_and_all_ends(env: &Env) {
    env.bounded(|env| {
        let (place, book) = (disk(), Book::new());
        let file = shared(&place.file("data", &pattern(4096)));
        let waiting = admitting(|_| Admission::later(pending()));
        let (first, second) = (book.clone(), Arc::new(waiting));
        let context = env.another(|builder| builder.layer(first).layer(second));
        within_reason(async {
            let read = begun(context.read(&file, room(4096), 0..4096, 0)).await;
            let sync = begun(context.sync(&file, true)).await;
            assert_eq!(context.shutdown(HANGS).await, 0);
            // They are told at once, though no layer lets them in.
            let (read, _) = crate::support::output(read).await;
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Shutdown);
            let sync = crate::support::output(sync).await;
            assert_eq!(sync.unwrap_err().kind(), ErrorKind::Shutdown);
            let sync = context.sync(&file, false).await;
            assert_eq!(sync.unwrap_err().kind(), ErrorKind::Shutdown);
            assert!(context.run("nothing", || Ok(())).await.is_err());
        });
        assert!(book.is_even());
        assert_settled(&context);
    });
}

fn layers_wait_by_a_paused_clock(env: &Env) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    env.bounded(|env| {
        let place = disk();
        let file = shared(&place.file("data", &pattern(4096)));
        let late = admitting(|op| {
            let sleep = op.clock().sleep(DAY);
            Admission::later(async { Ok(sleep.await?) })
        });
        let late = Hooks { deadline: Some(Box::new(|_| Some(2 * DAY))), ..late };
        let env = env.with(|builder| builder.layer(Arc::new(late)));
        let paused = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        paused.block_on(async {
            let begun = tokio::time::Instant::now();
            for _ in 0..3 {
                let (read, _) = env.context.read(&file, room(4096), 0..4096, 0).await;
                assert_eq!(read.unwrap(), 4096);
                env.context.sync(&file, false).await.unwrap();
            }
            let days = begun.elapsed().as_secs_f64() / DAY.as_secs_f64();
            assert!((6.0..6.001).contains(&days), "{days} days");
        });
    });
}
