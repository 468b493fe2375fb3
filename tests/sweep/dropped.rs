//! The future of a job is dropped at its n-th poll.

use crate::drive::{run, runtime};
use crate::refused::chosen;
use crate::{PLACES_MAX, sweep};

#[test]
fn futures_that_are_dropped() {
    sweep("futures that are dropped", |job| {
        let (runtime, mut faults) = (runtime(), 0);
        for variant in chosen() {
            let context = variant.build(aiofile::context()).map_err(|error| error.to_string())?;
            for polls in 1.. {
                let tell = |error| format!("after {polls} polls on {}: {error}", variant.name);
                match run(job, &context, &runtime, Some(polls)).map_err(tell)?.result {
                    None if polls as u64 > PLACES_MAX => return Err("it never ends".to_owned()),
                    None => faults += 1,
                    Some(Err(error)) => return Err(tell(error.to_string())),
                    Some(Ok(())) => break,
                }
            }
        }
        Ok(faults)
    });
}
