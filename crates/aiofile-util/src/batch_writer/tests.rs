//! Which step is due, without any I/O.

use std::time::Duration;

use super::*;

fn state(change: impl FnOnce(&mut Settings)) -> State {
    let mut settings = Settings { interval: Duration::from_secs(60), ..Settings::default() };
    change(&mut settings);
    State::new(settings, 0, None)
}

fn written(state: &mut State, now: Instant) -> Vec<u8> {
    match state.next(now) {
        Due::Now(Step::Write(batch)) => {
            let bytes = batch.bytes.clone();
            state.wrote(batch, Ok(()), 0);
            bytes
        }
        _ => panic!("no write is due"),
    }
}

#[test]
fn what_nobody_waits_for_is_due_by_the_age_of_its_first_record() {
    let mut state = state(|_| {});
    let now = Instant::now();
    assert!(matches!(state.next(now), Due::Never));
    state.push(b"first");
    assert!(state.takes_call(), "a time is to be set");
    let Due::At(due) = state.next(Instant::now()) else { panic!("it is due now or never") };
    assert!(due >= now + Duration::from_secs(60));
    state.push(b", second");
    assert!(!state.takes_call(), "the time is set");
    assert_eq!(written(&mut state, due), b"first, second");
    assert!(matches!(state.next(due), Due::Never));
}

#[test]
fn an_interval_beyond_all_time_is_none() {
    let mut state = state(|settings| settings.interval = Duration::MAX);
    state.push(b"record");
    assert!(matches!(state.next(Instant::now()), Due::Never));
    state.want(1, false);
    assert!(state.takes_call());
    assert_eq!(written(&mut state, Instant::now()), b"record");
}

#[test]
fn a_sync_comes_once_all_is_written_that_is_to_be_durable() {
    let mut state = state(|settings| settings.max_records = 1);
    let now = Instant::now();
    let last = ["a", "b", "c"].map(|record| state.push(record.as_bytes()).number)[2];
    state.want(last + 1, true);
    for record in [b"a", b"b", b"c"] {
        assert_eq!(written(&mut state, now), record);
    }
    let Due::Now(Step::Sync(until)) = state.next(now) else { panic!("no sync is due") };
    assert_eq!(until, last + 1);
    state.push(b"d");
    state.synced(until, Ok(()));
    assert!(state.is_durable(until) && !state.is_durable(until + 1));
    state.want(until + 1, true);
    assert_eq!(written(&mut state, now), b"d");
    let Due::Now(Step::Sync(until)) = state.next(now) else { panic!("no sync is due") };
    state.synced(until, Err(Error::new(ErrorKind::System, "on purpose")));
    state.want(until + 1, true);
    assert!(matches!(state.next(now), Due::Never), "it is not tried again");
}

#[test]
fn memory_of_batches_is_used_again_but_not_kept_without_a_bound() {
    let mut state = state(|settings| {
        (settings.max_records, settings.queue_bytes) = (1, 100);
    });
    let record = [7; 40];
    for _ in 0..10 {
        state.push(&record);
    }
    for _ in 0..10 {
        written(&mut state, Instant::now());
    }
    let kept: usize = state.spare.iter().map(Vec::capacity).sum();
    assert!((1..=100).contains(&kept), "{kept}");
    let memory = state.spare.last().map(|bytes| bytes.as_ptr());
    state.push(&record);
    assert_eq!(state.batches.back().map(|batch| batch.bytes.as_ptr()), memory);
}
