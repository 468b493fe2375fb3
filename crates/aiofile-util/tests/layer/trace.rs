//! Spans of operations, as a subscriber sees them.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aiofile_util::layer::{Retry, Trace};
use caio::{Buffer, OpKind};
use caio_testkit::{FaultLayer, Plan, Simulated};
use nix::errno::Errno;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{faulty, file, poll_once, read};

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Told {
    last: AtomicU64,
    spans: Mutex<HashMap<u64, String>>,
    open: AtomicU64,
    events: Mutex<Vec<String>>,
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

/// A subscriber has to be owned; this one is shared with the test.
struct Subscribed(Arc<Told>);

impl Subscriber for Subscribed {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let number = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut text = format!("{} ", span.metadata().name());
        span.record(&mut Fields(&mut text));
        self.0.spans.lock().unwrap().insert(number, text);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.0.spans.lock().unwrap();
        values.record(&mut Fields(spans.get_mut(&span.into_u64()).unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = format!("{} ", event.metadata().level());
        event.record(&mut Fields(&mut text));
        self.0.events.lock().unwrap().push(text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn try_close(&self, _: Id) -> bool {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        true
    }
}

#[test]
fn each_operation_has_a_span_that_ends() {
    let told = Arc::new(Told::default());
    let faults = FaultLayer::new(Plan::new(1).fail_once(OpKind::Read, 1, Errno::EIO as i32));
    let trace = Arc::new(Trace::new().slow(Duration::ZERO));
    // What is done there ends on the thread that drives it, and so where the subscriber is.
    let disk = Arc::new(Simulated::new(1));
    let builder = || aiofile::context().custom(Arc::<Simulated>::clone(&disk)).in_place(false);
    let context = builder().layer(Arc::new(faults)).layer(trace.clone()).build().unwrap();
    let (plain, file) = (builder().build().unwrap(), disk.create("data").unwrap());
    let written = disk.drive(plain.write(&file, Buffer::from(&b"data"[..]), 0..4, 0));
    assert_eq!(written.0.unwrap(), 4);
    tracing::subscriber::with_default(Subscribed(told.clone()), || {
        assert_eq!(disk.drive(read(&context, &file, 4)).unwrap(), 4);
        disk.drive(read(&context, &file, 4)).unwrap_err();
        let mut dropped = Box::pin(read(&context, &file, 4));
        assert!(poll_once(&mut dropped).is_pending());
        drop(dropped);
        disk.run();
    });
    crate::support::eventually("all spans have ended", || {
        !format!("{trace:?}").contains("file_operation") && told.open.load(Ordering::Relaxed) == 0
    });
    let spans = told.spans.lock().unwrap();
    assert_eq!(spans.len(), 3);
    assert!(spans[&1].starts_with("file_operation operation=\"read\" path=data "), "{}", spans[&1]);
    for part in ["offset=0 ", "bytes=4 ", "attempt=1 ", "moved=4 "] {
        assert!(spans[&1].contains(part), "{part} is not in {}", spans[&1]);
    }
    assert!(spans[&2].contains("error=read data "), "{}", spans[&2]);
    let events = told.events.lock().unwrap();
    assert!(events[0].starts_with("DEBUG ") && events[0].contains("read ended"), "{events:?}");
    assert!(events[1].starts_with("WARN ") && events[1].contains("slow"), "{events:?}");
}

/// Short reads, interruptions, refusals, errors and futures that are dropped meanwhile.
#[test]
fn over_a_backend_that_fails_each_span_ends_with_what_came_of_it() {
    let plan = Plan::new(3).short(0.3).interrupted(0.2).full_queue(0.1);
    let plan = plan.delay(Duration::ZERO..Duration::from_micros(200));
    let plan = plan.fail_once(OpKind::Read, 30, Errno::EIO as i32);
    // Some of these are of futures that were dropped.
    let busy = |plan: Plan, number| plan.fail_once(OpKind::Read, number, Errno::EBUSY as i32);
    let (faulty, builder) = faulty((31..61).step_by(3).fold(plan, busy));
    let (told, trace) = (Arc::new(Told::default()), Arc::new(Trace::new()));
    let retry = Retry::new().pause(Duration::ZERO);
    let context = builder.layer(trace.clone()).layer(Arc::new(retry)).build().unwrap();
    let (mut ended, mut failed) = (0, 0);
    tracing::subscriber::with_default(Subscribed(told.clone()), || {
        let file = file(&[7; 512]);
        for number in 0..200 {
            let mut reading = Box::pin(read(&context, &file, 512));
            if number % 4 == 0 {
                _ = poll_once(&mut reading);
                continue;
            }
            match futures_executor::block_on(reading) {
                // Less than all of it where the rest has failed.
                Ok(bytes) => ended += bytes,
                Err(_) => failed += 1,
            }
        }
    });
    crate::support::eventually("all spans have ended", || {
        !format!("{trace:?}").contains("file_operation") && told.open.load(Ordering::Relaxed) == 0
    });
    let injected = faulty.injected();
    assert!(injected.short > 0 && injected.errors > 2 && injected.refused > 0, "{injected:?}");
    let spans = told.spans.lock().unwrap();
    let with = |part: &str| spans.values().filter(|span| span.contains(part)).count();
    // What comes back short is continued with a span of its own. Those of futures that were dropped
    // may or may not have moved something.
    let moved =
        |span: &String| span.split_once(" moved=")?.1.split(' ').next()?.parse::<usize>().ok();
    let moved: usize = spans.values().filter_map(moved).sum();
    assert!(moved >= ended && ended > 0, "{ended} and {moved} bytes of {}", spans.len());
    assert!(failed <= 1 && with(" error=read /dev/fd/") >= failed, "{failed}");
    assert!(with("attempt=2 ") >= 1, "what was busy is tried again");
}
