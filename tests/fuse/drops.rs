//! Contexts and runtimes that go while requests are at the server: their buffers stay until it has
//! answered, and nothing stays after that.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use caio_testkit::Random;
use futures_util::future::join_all;
use tokio::runtime::Builder;

use crate::drive::{PATIENCE, mounted, number, run, runtime, seed};
use crate::flight::{BUFFERS, Field, Flying, land};
use crate::guards::Guards;
use crate::in_use;
use crate::mounted::Mounted;
use crate::settled::settled;
use crate::ways::{self, Way};
use crate::work::BUFFER_BYTES;

/// Of contexts and of runtimes, on each backend.
const DROPS: u64 = 20;

#[test]
fn contexts_and_runtimes_dropped_in_flight() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let drops = number("CAIO_FUSE_DROPS", DROPS);
    let guards = Guards::new(BUFFERS, BUFFER_BYTES);
    ways::each(|way| {
        let (before, begun) = (in_use::now(), Instant::now());
        let mut random = Random::new(seed());
        for _ in 0..drops {
            let done = context_goes(&mounted, way, &guards, &mut random);
            let done = done.and_then(|()| runtime_goes(&mounted, way, &guards, &mut random));
            done.unwrap_or_else(|error| panic!("{}: {error}", way.name));
        }
        in_use::given_back(&before, PATIENCE).unwrap();
        println!(
            "gate=fuse_drops backend={} contexts={drops} runtimes={drops} early_drops=0 \
             seconds={:.1}",
            way.name,
            begun.elapsed().as_secs_f64()
        );
    });
    mounted.unmount().unwrap();
}

/// The context goes before the server answers, and so do the futures, or they wait on.
fn context_goes(
    mounted: &Mounted,
    way: &Way,
    guards: &Guards,
    random: &mut Random,
) -> Result<(), String> {
    let context = way.build().map_err(|error| error.to_string())?;
    guards.poison();
    let runtime = runtime();
    let begun = run(&runtime, &context, PATIENCE, async {
        let field = Field::begin(mounted, &context, way.has_one_write).await?;
        let flying = field.launch(guards, random).await?;
        Ok((flying, nodes(&field)))
    });
    let ((mut flying, out), nodes) = begun?;
    if random.chance(0.5) {
        flying.clear();
    }
    drop(context);
    guards.no_early_drops(out)?;
    if random.chance(0.5) {
        drop(runtime);
        guards.no_early_drops(out)?;
    }
    land(mounted.disk(), nodes.into_iter(), random);
    all_answered(flying)?;
    guards.all_back()
}

/// The runtime goes before the server answers, with the tasks that wait. The context goes on in
/// another one.
fn runtime_goes(
    mounted: &Mounted,
    way: &Way,
    guards: &Guards,
    random: &mut Random,
) -> Result<(), String> {
    let context = way.build().map_err(|error| error.to_string())?;
    guards.poison();
    let first = match random.chance(0.5) {
        true => Builder::new_current_thread().enable_all().build().unwrap(),
        false => runtime(),
    };
    let begun = run(&first, &context, PATIENCE, async {
        let field = Field::begin(mounted, &context, way.has_one_write).await?;
        let (flying, out) = field.launch(guards, random).await?;
        for task in flying {
            tokio::spawn(task);
        }
        tokio::task::yield_now().await;
        Ok((field, out))
    });
    let (field, out) = begun?;
    let (sender, ended) = channel();
    thread::spawn(move || {
        drop(first);
        let _ = sender.send(());
    });
    ended.recv_timeout(PATIENCE).map_err(|_| "the runtime waits for the server".to_owned())?;
    guards.no_early_drops(out)?;
    run(&runtime(), &context, PATIENCE, async { field.others(random).await })?;
    guards.no_early_drops(out)?;
    field.land(random);
    settled(&context, PATIENCE)?;
    guards.all_back()
}

fn nodes(field: &Field) -> Vec<u64> {
    field.targets.iter().map(|target| target.node).collect()
}

/// Futures that have lost their context and perhaps their runtime end all the same.
fn all_answered(flying: Vec<Flying>) -> Result<(), String> {
    let waits = async { tokio::time::timeout(PATIENCE, join_all(flying)).await };
    let answered = Builder::new_current_thread().enable_all().build().unwrap().block_on(waits);
    answered.map(drop).map_err(|_| "futures wait for an answer that was given".to_owned())
}
