//! Cancellations provably in flight: a future is dropped when its request is at the server, which
//! answers only after that.

use std::time::{Duration, Instant};

use caio::Context;
use caio_testkit::Random;

use crate::drive::{PATIENCE, mounted, number, run, runtime, seed};
use crate::flight::{BUFFERS, FILES, Field};
use crate::guards::Guards;
use crate::in_use;
use crate::mounted::Mounted;
use crate::planted_backend::Defect;
use crate::settled::settled;
use crate::ways;
use crate::work::BUFFER_BYTES;

/// On each backend.
const CANCELS: u64 = 600;

#[test]
fn cancellations_provably_in_flight() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let cancels = number("CAIO_FUSE_CANCELS", CANCELS);
    let patience = PATIENCE + Duration::from_millis(10 * cancels);
    ways::each(|way| {
        let (before, begun) = (in_use::now(), Instant::now());
        let done = gate(&mounted, &way.build().unwrap(), way.has_one_write, cancels, patience);
        let name = way.name;
        let done = done.and_then(|others| in_use::given_back(&before, PATIENCE).map(|()| others));
        let others = done.unwrap_or_else(|error| {
            let again = "cargo test -p tests --test fuse provably_in_flight";
            panic!("{name}: {error}\nagain: CAIO_FUSE_SEED={} {again}", seed())
        });
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "gate=fuse_cancels backend={name} cancels={cancels} early_drops=0 meanwhile={others} \
             seconds={seconds:.1}"
        );
    });
    mounted.unmount().unwrap();
}

#[test]
fn an_answer_before_its_time_is_found_out() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let context = ways::planted(Defect::EarlyAnswer, 16).unwrap();
    let error = gate(&mounted, &context, false, CANCELS, PATIENCE).unwrap_err();
    assert!(error.contains("early drops"), "{error}");
    println!("gate=fuse_cancels planted=early_answer caught=yes");
}

/// Cancels that many. Returns how many other operations were done meanwhile.
fn gate(
    mounted: &Mounted,
    context: &Context,
    has_one_write: bool,
    cancels: u64,
    patience: Duration,
) -> Result<usize, String> {
    let guards = Guards::new(BUFFERS, BUFFER_BYTES);
    let mut random = Random::new(seed());
    let runtime = runtime();
    run(&runtime, context, patience, async {
        let field = Field::begin(mounted, context, has_one_write).await?;
        let mut others = 0;
        for _ in 0..cancels.div_ceil(FILES as u64) {
            let (flying, out) = field.launch(&guards, &mut random).await?;
            drop(flying);
            guards.no_early_drops(out)?;
            others += field.others(&mut random).await?;
            guards.no_early_drops(out)?;
            field.land(&mut random);
            settled(context, PATIENCE)?;
            guards.all_back()?;
            guards.poison();
        }
        guards.no_early_drops(0)?;
        Ok(others)
    })
}
