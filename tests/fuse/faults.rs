//! Faults that the kernel hands on from the server, in numbers: random operations on every backend
//! against a model of each file.

use std::time::{Duration, Instant};

use caio::Context;
use futures_util::future::try_join_all;

use crate::drive::{PATIENCE, mounted, number, run, runtime, seed};
use crate::guards::Guards;
use crate::in_use;
use crate::mounted::Mounted;
use crate::planted_backend::Defect;
use crate::settled::settled;
use crate::ways;
use crate::work::{BUFFER_BYTES, BUFFERS, Manner, Work};

/// On each backend.
const FAULTS: u64 = 1500;

/// So many files are worked on at once in each manner.
const FILES: u64 = 3;

/// More than any defect needs to be met.
const PLANTED_FAULTS: u64 = 600;

#[test]
fn kernel_faults_in_numbers() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let faults = number("CAIO_FUSE_FAULTS", FAULTS);
    let patience = PATIENCE + Duration::from_millis(10 * faults);
    ways::each(|way| {
        let (before, begun) = (in_use::now(), Instant::now());
        let done = gate(&mounted, &way.build().unwrap(), faults, patience);
        let name = way.name;
        let (operations, faults) = done
            .and_then(|done| in_use::given_back(&before, PATIENCE).map(|()| done))
            .unwrap_or_else(|error| {
                let again = "cargo test -p tests --test fuse kernel_faults";
                panic!("{name}: {error}\nagain: CAIO_FUSE_SEED={} {again}", seed())
            });
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "gate=fuse_faults backend={name} operations={operations} faults={faults} \
             seconds={seconds:.1}"
        );
    });
    mounted.unmount().unwrap();
}

#[test]
fn backends_with_a_defect_are_found_out() {
    let _alone = in_use::alone();
    let Some(mounted) = mounted() else { return };
    let planted = [
        (Defect::LostError, "lost_error", "succeeded although"),
        (Defect::LostBuffer, "lost_buffer", "came back"),
        (Defect::DoubledAppend, "done_twice", "changed other bytes"),
        (Defect::LostRequest, "never_answered", "it hangs"),
    ];
    for (defect, name, found) in planted {
        let context = ways::planted(defect, 16).unwrap();
        // What is never answered is waited for in vain.
        let patience =
            if defect == Defect::LostRequest { Duration::from_secs(1) } else { PATIENCE };
        let error = gate(&mounted, &context, PLANTED_FAULTS, patience).unwrap_err();
        let may_lose = matches!(defect, Defect::LostError | Defect::DoubledAppend);
        let is_found = error.contains(found) || may_lose && is_loss(&error);
        assert!(is_found, "{name} was not found, but: {error}");
        println!("gate=fuse_faults planted={name} caught=yes");
    }
}

/// What an error that is not told comes to with a transfer, and so does an append that was done
/// twice where the first was cut short: what comes after it is looked for elsewhere.
fn is_loss(error: &str) -> bool {
    error.contains("are lost") || error.contains("gave other bytes")
}

/// Works until there were so many faults. Returns how many operations and faults it were.
fn gate(
    mounted: &Mounted,
    context: &Context,
    faults: u64,
    patience: Duration,
) -> Result<(u64, u64), String> {
    let tasks = FILES * Manner::ALL.len() as u64;
    let guards = Guards::new(BUFFERS * tasks as usize, BUFFER_BYTES);
    let begun = mounted.disk().faults();
    let runtime = runtime();
    let work = async {
        let begin = (0..tasks).map(|task| {
            let manner = Manner::ALL[task as usize % Manner::ALL.len()];
            Work::begin(mounted, context, &guards, manner, seed() + task)
        });
        let mut works = Vec::new();
        for begin in begin {
            works.push(begin.await?);
        }
        let done = try_join_all(works.into_iter().map(|mut work| async move {
            let mut steps = 0_u64;
            while mounted.disk().faults() < begun + faults {
                work.step().await?;
                steps += 1;
            }
            Ok::<_, String>(steps)
        }));
        Ok(done.await?.into_iter().sum())
    };
    let operations = run(&runtime, context, patience, work)?;
    settled(context, PATIENCE)?;
    guards.all_back()?;
    Ok((operations, mounted.disk().faults() - begun))
}
