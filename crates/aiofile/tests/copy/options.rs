//! Options: that they do what they say, and that what cannot be obeyed is refused.

use std::fs;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use aiofile::fs::{CopyOptions, CopyPhase, Reflink, Replace};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::{file, names, noise, place};

#[tokio::test]
async fn what_cannot_be_obeyed_is_refused_before_anything_is_written() {
    let place = place();
    let source = file(place.path(), "source", noise(10_000));
    let target = place.path().join("target");
    let (fifo, null) = (place.path().join("fifo"), "/dev/null".into());
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let options = |set: &dyn Fn(&mut CopyOptions)| {
        let mut options = CopyOptions::new();
        set(&mut options);
        options
    };
    let zero = "/dev/zero".into();
    let status = "/proc/self/status".into();
    for (options, from, to, word) in [
        (options(&|o| _ = o.block_size(0)), &source, &target, "0 bytes"),
        (options(&|o| _ = o.in_flight(0)), &source, &target, "no block at once"),
        (options(&|o| _ = o.direct(true).block_size(1000)), &source, &target, "4096"),
        (options(&|o| _ = o.direct(true)), &fifo, &target, "O_DIRECT"),
        (options(&|o| _ = o.direct(true)), &status, &target, "O_DIRECT"),
        (options(&|o| _ = o.verify(true)), &zero, &target, "compared"),
        (options(&|o| _ = o.verify(true)), &status, &target, "compared"),
        (options(&|o| _ = o.verify(true)), &source, &null, "compared"),
        (options(&|o| _ = o.durable(true)), &source, &null, "synced"),
        (options(&|o| _ = o.reflink(Reflink::Always)), &source, &null, "regular files"),
    ] {
        let error = options.copy(from, to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    assert_eq!(names(place.path()), ["fifo", "source"]);
}

#[tokio::test]
async fn progress_goes_to_the_total_in_both_phases() {
    let place = place();
    let source = file(place.path(), "source", noise(3_000_001));
    for by_kernel in [true, false] {
        let seen = Arc::new(Mutex::new(Vec::<(CopyPhase, u64, Option<u64>)>::new()));
        let told = Arc::clone(&seen);
        let mut options = CopyOptions::new();
        options.copy_file_range(by_kernel).reflink(Reflink::Never).block_size(1 << 18);
        options.verify(true).in_flight(1).progress(move |now| {
            assert!(now.source.ends_with("source"));
            told.lock().unwrap().push((now.phase, now.bytes, now.total));
        });
        options.copy(&source, place.path().join("target")).await.unwrap();
        let seen = seen.lock().unwrap();
        for phase in [CopyPhase::Copying, CopyPhase::Verifying] {
            let bytes: Vec<_> = seen.iter().filter(|seen| seen.0 == phase).collect();
            assert!(bytes.len() > 1 && bytes.is_sorted_by_key(|seen| seen.1), "{bytes:?}");
            assert_eq!(bytes.last().unwrap(), &&(phase, 3_000_001, Some(3_000_001)));
        }
    }
}

#[tokio::test]
async fn o_direct_copies_odd_sizes() {
    let place = place();
    let target = place.path().join("target");
    for size in [1, 4096, 4097, 1_000_003] {
        let source = file(place.path(), "source", noise(size));
        let mut options = CopyOptions::new();
        options.direct(true).verify(true).durable(true).block_size(64 * 1024);
        for replace in [Replace::InPlace, Replace::ByRename] {
            match options.replace(replace).copy(&source, &target).await {
                Ok(copied) => assert_eq!(copied.len(), size as u64),
                Err(error) if error.to_string().contains("O_DIRECT") => {
                    return println!("skipped: {error}");
                }
                Err(error) => panic!("{error}"),
            }
            assert!(fs::read(&target).unwrap() == noise(size), "{size}");
        }
    }
}
