//! What was acknowledged as durable is on the disk, whenever the power goes.
//!
//! A disk in memory, behind FUSE and a loop device, writes down each write and each flush that a
//! real file system sends to it while jobs make things durable. From that, states are made that a
//! loss of power could have left: all that was flushed, and a part of what was written after. The
//! file system recovers from each, and what had been acknowledged by then has to be there.
//!
//! Needs root, loop devices, FUSE and the mkfs programs. What is missing is printed as skipped, and
//! is a failure where `CAIO_REQUIRE_FILESYSTEMS` is set. `CAIO_CRASH_STATES` is how many states are
//! tried altogether, `CAIO_CRASH_SEED` the seed of the first trace, and `CAIO_CRASH_STATE` the one
//! state that is tried, as a failure prints it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]
#![allow(clippy::print_stdout, reason = "a test says what it has done")]

mod alone;
mod device;
mod disk;
mod examine;
mod guest;
mod job;
mod jobs;
mod machine;
mod planted;
mod power;
#[path = "../common/run.rs"]
mod run;
mod served;
mod state;
mod states;
mod trace;
mod workload;

#[test]
fn ext4_keeps_what_was_acknowledged() {
    alone::run("ext4_keeps_what_was_acknowledged", || states::try_all("ext4"));
}

#[test]
fn xfs_keeps_what_was_acknowledged() {
    alone::run("xfs_keeps_what_was_acknowledged", || states::try_all("xfs"));
}

#[test]
fn btrfs_keeps_what_was_acknowledged() {
    alone::run("btrfs_keeps_what_was_acknowledged", || states::try_all("btrfs"));
}

#[test]
fn ext2_keeps_what_was_acknowledged() {
    alone::run("ext2_keeps_what_was_acknowledged", || states::try_all("ext2"));
}

#[test]
fn a_sync_that_is_left_out_is_found() {
    alone::run("a_sync_that_is_left_out_is_found", planted::find_no_sync);
}

#[test]
fn a_sync_of_a_directory_that_is_left_out_is_found() {
    alone::run("a_sync_of_a_directory_that_is_left_out_is_found", planted::find_no_directory_sync);
}

#[test]
fn a_replacement_that_is_left_out_is_found() {
    alone::run("a_replacement_that_is_left_out_is_found", planted::find_no_replacement);
}

#[test]
fn what_was_acknowledged_outlives_a_power_cut() {
    match machine::order() {
        Some(order) => guest::work(&order),
        None => alone::run("what_was_acknowledged_outlives_a_power_cut", power::cut),
    }
}
