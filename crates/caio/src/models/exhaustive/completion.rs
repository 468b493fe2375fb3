//! The channel of an operation: its answer, its future that goes, the token, the end of all waits.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::check;
use crate::completion::{Channels, Outcome, Receiver, Sender};
use crate::error::Error;
use crate::models::task::{Count, block_on};
use crate::op::Output;
use crate::pending_count::shut_down;
use crate::request::Token;
use crate::sync::thread;

fn outcome(dropped: &Count) -> Outcome {
    Outcome { result: Ok(Output::Done), op: Some(dropped.dropped()) }
}

fn open() -> (Arc<Channels>, Sender, Receiver) {
    let channels = Arc::new(Channels::default());
    let (sender, receiver) = channels.open();
    (channels, sender, receiver)
}

/// The channel is back, and as good as new.
fn is_reusable(channels: &Channels) {
    assert_eq!(channels.idle(), 1, "the channel comes back once");
    let (sender, receiver) = channels.open();
    assert!(!sender.is_cancelled() && !receiver.is_ready());
    assert_eq!(receiver.cancel(), Some(Token(0)));
}

#[test]
fn completion_answer() {
    check("completion_answer", None, || {
        let (channels, sender, receiver) = open();
        let (theirs, dropped) = (Arc::clone(&channels), Count::default());
        let sent = outcome(&dropped);
        let backend = thread::spawn(move || sender.send(sent, &theirs));
        // The task moves: the waker of its latest poll is the one that counts.
        let mut cx = Context::from_waker(Waker::noop());
        let outcome = match receiver.poll(&mut cx) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => block_on(poll_fn(|cx| receiver.poll(cx))),
        };
        assert!(outcome.result.is_ok() && dropped.get() == 0);
        receiver.close(&channels);
        backend.join().unwrap();
        is_reusable(&channels);
    });
}

#[test]
fn completion_cancel() {
    check("completion_cancel", None, || {
        let (channels, sender, receiver) = open();
        let (theirs, dropped) = (Arc::clone(&channels), Count::default());
        let sent = outcome(&dropped);
        let backend = thread::spawn(move || sender.send(sent, &theirs));
        let _ = receiver.poll(&mut Context::from_waker(Waker::noop())).map(drop);
        let _ = receiver.cancel();
        receiver.close(&channels);
        backend.join().unwrap();
        assert_eq!(dropped.get(), 1, "the buffer goes once, whoever has it last");
        is_reusable(&channels);
    });
}

#[test]
fn completion_token() {
    check("completion_token", None, || {
        let (_channels, sender, receiver) = open();
        let backend = thread::spawn(move || {
            sender.set_token(Token(7));
            sender.is_cancelled()
        });
        let found = receiver.cancel() == Some(Token(7));
        let seen = backend.join().unwrap();
        assert!(found || seen, "a cancellation finds the token or is seen");
    });
}

#[test]
fn completion_shutdown() {
    check("completion_shutdown", None, || {
        let (channels, sender, receiver) = open();
        let (theirs, dropped) = (Arc::clone(&channels), Count::default());
        let sent = outcome(&dropped);
        let backend = thread::spawn(move || sender.send(sent, &theirs));
        let theirs = Arc::clone(&channels);
        let shutdown = thread::spawn(move || theirs.fail_all(&shut_down()));
        let failed: Result<_, Error> = block_on(poll_fn(|cx| receiver.poll(cx))).result;
        receiver.close(&channels);
        backend.join().unwrap();
        assert_eq!(shutdown.join().unwrap(), usize::from(failed.is_err()));
        assert_eq!(dropped.get(), 1);
        is_reusable(&channels);
    });
}
