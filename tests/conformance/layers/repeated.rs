//! What layers have repeated, and what the context never repeats.

use std::sync::Arc;
use std::time::{Duration, Instant};

use caio::backend::pool::ThreadPool;
use caio::{Buffer, Config, Context, Error, Op, OpKind, SharedFile};
use caio_testkit::{Faulty, Plan};
use nix::errno::Errno;

use super::book::Book;
use super::hooks::Hooks;
use crate::harness::{Case, cases};
use crate::support::{
    HANGS, assert_settled, bounded, disk, eventually, pattern, poll_once, room, shared,
};

pub(crate) const CASES: &[Case] = cases![
    once only_what_changes_nothing_is_repeated,
    once what_is_begun_ahead_or_together_is_repeated_too,
    once a_pause_ends_with_the_shutdown,
];

/// A context with a layer that asks for up to three tries at once, over a backend that fails.
fn repeating(plan: Plan, book: &Arc<Book>) -> Context {
    retrying(plan, book, |attempt, error| {
        (attempt < 3 && error.is_transient()).then_some(Duration::ZERO)
    })
}

/// The same with a layer that asks for this.
fn retrying(plan: Plan, book: &Arc<Book>, retry: fn(u32, &Error) -> Option<Duration>) -> Context {
    let retry = Hooks { retry: Some(retry), ..Hooks::default() };
    let pool = ThreadPool::open(&Config::default()).unwrap();
    let faulty = Faulty::new(Arc::new(pool), plan);
    let builder = aiofile::context().custom(Arc::new(faulty)).in_place(false);
    builder.layer(book.clone()).layer(Arc::new(retry)).build().unwrap()
}

fn attempts_of(book: &Book, kind: OpKind) -> Vec<u32> {
    let notes = book.notes();
    notes.ended.iter().filter(|end| end.kind == kind).map(|end| end.attempt).collect()
}

fn only_what_changes_nothing_is_repeated() {
    bounded(|| {
        let (place, book) = (disk(), Book::new());
        let path = place.file("data", &pattern(4096));
        let kinds = [
            OpKind::Read,
            OpKind::ReadVectored,
            OpKind::Metadata,
            OpKind::Write,
            OpKind::WriteVectored,
            OpKind::SetLength,
            OpKind::Fsync,
            OpKind::Run,
        ];
        let plan = kinds
            .into_iter()
            .fold(Plan::new(1), |plan, kind| plan.fail_from(kind, 0, Errno::EBUSY as i32));
        let context = repeating(plan, &book);
        let file = shared(&path);
        let begun = Instant::now();
        smol::block_on(async {
            let busy = |result: caio::Result<()>| assert!(result.unwrap_err().is_transient());
            busy(context.read(&file, room(9), 0..9, 0).await.0.map(drop));
            busy(context.read_vectored(&file, vec![room(9)], 0).await.0.map(drop));
            busy(context.metadata(&file).await.map(drop));
            busy(context.write(&file, Buffer::from(&b"x"[..]), 0..1, 0).await.0.map(drop));
            busy(context.write_vectored(&file, vec![Buffer::from(&b"x"[..])], 0).await.0.map(drop));
            busy(context.set_length(&file, 1).await);
            busy(context.sync(&file, false).await);
            busy(context.run("nothing", || Ok(())).await);
        });
        assert!(begun.elapsed() < Duration::from_secs(60));
        for kind in kinds {
            let repeated = [OpKind::Read, OpKind::ReadVectored, OpKind::Metadata].contains(&kind);
            let expected = if repeated { &[1, 2, 3][..] } else { &[1] };
            assert_eq!(attempts_of(&book, kind), expected, "{kind}");
        }
        assert!(book.is_even());
        assert_settled(&context);
    });
}

fn what_is_begun_ahead_or_together_is_repeated_too() {
    bounded(|| {
        let (place, book) = (disk(), Book::new());
        let file: SharedFile = shared(&place.file("data", &pattern(8192)));
        let plan = Plan::new(1).fail_once(OpKind::Read, 0, Errno::EBUSY as i32).fail_once(
            OpKind::Read,
            2,
            Errno::EBUSY as i32,
        );
        let context = repeating(plan, &book);
        smol::block_on(async {
            let op = Op::read(room(9), 0..9, 0).unwrap();
            let ahead = context.try_submit(&file, op).expect("there is room");
            assert!(ahead.await.result.is_ok());
            let ops = [0, 9].map(|offset| Op::read(room(9), 0..9, offset).unwrap());
            for operation in context.submit_all(&file, ops) {
                assert!(operation.await.result.is_ok());
            }
        });
        let mut attempts = attempts_of(&book, OpKind::Read);
        // What was begun together ends in any order.
        attempts[2..].sort_unstable();
        assert_eq!(attempts, [1, 2, 1, 1, 2]);
        assert!(book.is_even());
    });
}

fn a_pause_ends_with_the_shutdown() {
    bounded(|| {
        let (place, book) = (disk(), Book::new());
        let file: SharedFile = shared(&place.file("data", &pattern(8192)));
        let plan = Plan::new(1).fail_from(OpKind::Read, 0, Errno::EBUSY as i32);
        let day = |_, _: &Error| Some(Duration::from_secs(24 * 3600));
        let context = retrying(plan, &book, day);
        smol::block_on(async {
            let mut read = Box::pin(context.read(&file, room(9), 0..9, 0));
            eventually("the first attempt has failed", || {
                assert!(poll_once(&mut read).is_pending());
                attempts_of(&book, OpKind::Read) == [1]
            });
            assert!(poll_once(&mut read).is_pending(), "there is a pause");
            assert_eq!(context.shutdown(HANGS).await, 0);
            assert!(read.await.0.unwrap_err().is_transient(), "it has the error of its attempt");
        });
        assert!(book.is_even());
    });
}
