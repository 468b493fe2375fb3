//! A server whose every answer waits for the runtime to go on: a call on an executor's thread that
//! waits for the server would wait for itself.

use std::io;
use std::time::{Duration, Instant};

use aiofile::{BackendKind, Context, with_context};
use tokio::runtime::Builder;

use crate::disk::{Disk, Verdict};
use crate::drive::{PATIENCE, mounted_with, run};
use crate::everything::everything;
use crate::in_use;
use crate::mounted::Mounted;
use crate::settled::settled;

/// After that the server answers what it holds with an error.
const HELD_MAX: Duration = Duration::from_secs(40);

#[test]
fn nothing_waits_for_the_server_on_the_runtimes_thread() {
    let _alone = in_use::alone();
    // A kernel that remembers names and attributes asks less, and answers more by itself.
    for remembered in [Duration::ZERO, Duration::from_secs(3600)] {
        let Some(mounted) = mounted_with(remembered, HELD_MAX) else { return };
        for kind in BackendKind::ALL {
            let Ok(context) = aiofile::context().backend(kind).build() else { continue };
            let (before, begun) = (in_use::now(), Instant::now());
            let directory = mounted.path("");
            let answers = gate(&mounted, context, everything(&directory)).unwrap();
            in_use::given_back(&before, PATIENCE).unwrap();
            println!(
                "gate=fuse_ticks backend={kind} remembered={} answers={answers} seconds={:.1}",
                remembered.as_secs(),
                begun.elapsed().as_secs_f64()
            );
        }
        mounted.unmount().unwrap();
    }
}

#[test]
fn a_call_on_the_runtimes_thread_is_found_out() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted_with(Duration::ZERO, Duration::from_millis(200)) else { return };
    let path = mounted.path("planted");
    mounted.disk().create("planted", Vec::new(), true);
    let context = aiofile::context().backend(BackendKind::Rust).build().unwrap();
    let blocking = async { std::fs::metadata(path).map(drop) };
    let error = gate(&mounted, context, blocking).unwrap_err();
    assert!(error.contains("held for too long"), "{error}");
    println!("gate=fuse_ticks planted=blocking_call caught=yes");
}

/// Does it in a runtime of one thread, which lets the server go on. Returns how many answers that
/// were.
fn gate(
    mounted: &Mounted,
    context: Context,
    work: impl Future<Output = io::Result<()>>,
) -> Result<usize, String> {
    let disk = mounted.disk();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    disk.hold_everything(true);
    let mut answers = 0;
    let done = run(&runtime, &context, PATIENCE, async {
        let work = async {
            with_context(&context, work).await.map_err(|error| error.to_string())?;
            let context = context.clone();
            let ended = tokio::task::spawn_blocking(move || settled(&context, PATIENCE)).await;
            ended.map_err(|error| error.to_string())?
        };
        tokio::select! {
            done = work => done,
            () = ticks(disk, &mut answers) => unreachable!("it goes on"),
        }
    });
    disk.hold_everything(false);
    disk.answer_held(|_| Verdict::Done);
    match disk.overdue() {
        0 => done.map(|()| answers),
        overdue => Err(format!("{overdue} requests were held for too long; and then: {done:?}")),
    }
}

/// Each turn of the runtime answers what has come until then.
async fn ticks(disk: &Disk, answers: &mut usize) {
    loop {
        tokio::task::yield_now().await;
        *answers += disk.answer_held(|_| Verdict::Done);
    }
}
