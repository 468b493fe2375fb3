//! Room for requests: who releases it admits those that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::check;
use crate::models::task::Count;
use crate::semaphore::{Admitted, Semaphore, Waiter};
use crate::sync::thread;

#[derive(Debug, Clone, Default)]
struct Request(Arc<AtomicBool>);

impl Waiter for Request {
    fn bytes(&self) -> usize {
        1
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A request has ended: what waits goes on in its room, as a context does it.
fn finish(semaphore: &Semaphore<Request>, done: &Count) {
    done.add();
    let mut waits = semaphore.release(1);
    while waits && let Some(Admitted { has_room, .. }) = semaphore.admit() {
        done.add();
        if has_room {
            waits = semaphore.release(1);
        }
    }
}

fn request(semaphore: &Semaphore<Request>, done: &Count, request: Request) {
    if semaphore.acquire(request).is_some() {
        finish(semaphore, done);
    }
}

#[test]
fn semaphore_two_requests() {
    check("semaphore_two_requests", None, || {
        let (semaphore, done) = (Arc::new(Semaphore::new(1, 10)), Count::default());
        let (theirs, counted) = (Arc::clone(&semaphore), done.clone());
        let other = thread::spawn(move || request(&theirs, &counted, Request::default()));
        request(&semaphore, &done, Request::default());
        other.join().unwrap();
        assert_eq!((done.get(), semaphore.in_use(), semaphore.waiting()), (2, (0, 0), 0));
        assert!(!semaphore.has_waiters());
    });
}

#[test]
fn semaphore_three_requests() {
    check("semaphore_three_requests", Some(2), || {
        let (semaphore, done) = (Arc::new(Semaphore::new(1, 10)), Count::default());
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (semaphore, done) = (Arc::clone(&semaphore), done.clone());
                thread::spawn(move || request(&semaphore, &done, Request::default()))
            })
            .collect();
        request(&semaphore, &done, Request::default());
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((done.get(), semaphore.in_use(), semaphore.waiting()), (3, (0, 0), 0));
        assert!(!semaphore.has_waiters() && semaphore.try_acquire(1));
    });
}

#[test]
fn semaphore_cancelled_waiter() {
    check("semaphore_cancelled_waiter", Some(2), || {
        let (semaphore, done) = (Arc::new(Semaphore::new(1, 10)), Count::default());
        assert!(semaphore.try_acquire(1));
        let waiter = Request::default();
        assert!(semaphore.acquire(waiter.clone()).is_none());
        let cancel = {
            let (semaphore, done) = (Arc::clone(&semaphore), done.clone());
            thread::spawn(move || {
                waiter.0.store(true, Ordering::Release);
                semaphore.cancelled().into_iter().for_each(|_| _ = done.add());
            })
        };
        let later = {
            let (semaphore, done) = (Arc::clone(&semaphore), done.clone());
            thread::spawn(move || request(&semaphore, &done, Request::default()))
        };
        finish(&semaphore, &done);
        cancel.join().unwrap();
        later.join().unwrap();
        assert_eq!((done.get(), semaphore.in_use(), semaphore.waiting()), (3, (0, 0), 0));
    });
}
