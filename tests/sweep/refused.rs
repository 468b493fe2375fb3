//! The n-th operation is refused, whatever its route: it was not begun.

use std::sync::Arc;

use caio_testkit::{FaultLayer, Plan, Variant, required, variants};

use crate::drive::{is_told, run, runtime};
use crate::job::Job;
use crate::{PLACES_MAX, errnos, is_thorough, sweep};

#[test]
fn operations_that_are_refused() {
    sweep("operations that are refused", |job| {
        let mut faults = 0;
        for variant in chosen() {
            for errno in errnos() {
                let errno = *errno as i32;
                let once = one_by_one(job, variant, errno, Plan::fail_nth);
                let on = one_by_one(job, variant, errno, Plan::fail_all_from);
                faults += once.map_err(|error| format!("once, {error}"))?;
                faults += on.map_err(|error| format!("from there on, {error}"))?;
            }
        }
        Ok(faults)
    });
}

fn one_by_one(
    job: &Job,
    variant: &Variant,
    errno: i32,
    fault: fn(Plan, u64, i32) -> Plan,
) -> Result<u64, String> {
    let runtime = runtime();
    for place in 0..PLACES_MAX {
        let faults = Arc::new(FaultLayer::new(fault(Plan::new(1), place, errno)));
        let context = variant.build(aiofile::context().layer(Arc::<FaultLayer>::clone(&faults)));
        let context = context.map_err(|error| error.to_string())?;
        let tell = |error| format!("errno {errno} at {place} on {}: {error}", variant.name);
        let ended = run(job, &context, &runtime, None).map_err(tell)?;
        match ended.result {
            Some(Err(error)) => is_told(&error, &ended.directory, errno).map_err(tell)?,
            _ if faults.operations() <= place => return Ok(place),
            // It was made good, or of no account.
            _ => {}
        }
    }
    Err(format!("it has more than {PLACES_MAX} operations"))
}

/// One variant that does in place what it can and one that does nothing so, or all of them.
pub(crate) fn chosen() -> impl Iterator<Item = &'static Variant> {
    variants().iter().filter(|variant| {
        let is_chosen = is_thorough() || ["auto", "rust"].contains(&variant.name);
        is_chosen && (required(variant) || variant.build(aiofile::context()).is_ok())
    })
}
