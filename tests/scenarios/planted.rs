//! Backends with a defect. The random programs have to find each of them: a search that would not
//! find what is there proves nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use caio::BufferedWrites;
use caio_testkit::Skeleton;

use crate::drive;
use crate::planted_backend::{Defect, Planted};
use crate::scenario::Scenario;

/// The first error that programs find on a backend with this defect.
fn found(defect: Defect) -> Option<String> {
    crate::quiet_panics();
    // What is kept for ever is waited for in vain.
    let patience = Duration::from_secs(if defect == Defect::LostRequest { 2 } else { 60 });
    let all: Mutex<Vec<Arc<Planted>>> = Mutex::default();
    let found = (1..60).find_map(|seed| {
        let build = || {
            let planted = Arc::new(Planted::new(Arc::new(Skeleton::open(64)), defect, seed));
            all.lock().unwrap().push(Arc::clone(&planted));
            let builder = aiofile::context().custom(planted).in_place(false);
            builder.configure(|config| config.buffered_writes = BufferedWrites::Backend).build()
        };
        let found = drive::run(&Scenario::of(seed), &build, patience).err();
        all.lock().unwrap().drain(..).for_each(|planted| planted.let_go());
        found
    });
    if defect != Defect::None {
        let caught = if found.is_some() { "yes" } else { "no" };
        println!("gate=scenarios planted={defect:?} caught={caught}");
    }
    found
}

#[test]
fn a_write_that_is_lost_is_found() {
    assert!(found(Defect::LostWrite).unwrap().contains("of the region"));
}

#[test]
fn a_write_that_comes_late_is_found() {
    assert!(found(Defect::LateWrite).unwrap().contains("of the region"));
}

#[test]
fn an_append_that_is_doubled_is_found() {
    assert!(found(Defect::DoubledAppend).unwrap().contains("2 times"));
}

#[test]
fn a_read_from_elsewhere_is_found() {
    assert!(found(Defect::WrongOffset).unwrap().contains("of the region"));
}

#[test]
fn a_request_that_is_kept_for_ever_is_found() {
    let error = found(Defect::LostRequest).unwrap();
    assert!(error.contains("it hangs") || error.contains("for ever"), "{error}");
}

#[test]
fn without_a_defect_nothing_is_found() {
    assert_eq!(found(Defect::None), None);
}
