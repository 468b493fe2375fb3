//! Hashes of one file and of many, against the functions themselves and against coreutils.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test, the helpers too"
)]

mod common;

use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aiofile_util::{HashKind, HashOptions, hash};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use common::{block_on, contexts, file, is_root, noise, output, place};

const MIB: usize = 1 << 20;

#[test]
fn blake3_of_every_length_is_that_of_the_whole_on_every_backend() {
    let place = place();
    // Around the pieces of the tree, and with one to seven of them.
    let sizes = [0, 1, 1023, 4095, 4096, 128 << 10, (128 << 10) + 1, 4 * MIB - 1, 4 * MIB];
    let more = [4 * MIB + 1, 8 * MIB, 8 * MIB + 1, 12 * MIB + 77, 16 * MIB, 20 * MIB, 25 * MIB];
    let contents = noise(25 * MIB, 1);
    let contexts = contexts();
    for size in sizes.into_iter().chain(more) {
        let path = file(place.path(), "file", &contents[..size]);
        for context in &contexts {
            let options = HashOptions::new(HashKind::Blake3).context(context);
            let found = block_on(options.hash(&path)).unwrap();
            assert_eq!(found.as_bytes(), blake3::hash(&contents[..size]).as_bytes(), "{size}");
        }
    }
}

#[test]
fn sha256_and_md5_are_those_of_coreutils() {
    let place = place();
    for size in [0, 1, 63, 64, 4095, 128 << 10, 4 * MIB, 4 * MIB + 1, 9 * MIB + 5] {
        let path = file(place.path(), "file", noise(size, 2));
        for (kind, program) in [(HashKind::Sha256, "sha256sum"), (HashKind::Md5, "md5sum")] {
            let found = block_on(hash(&path, kind)).unwrap().to_string();
            let Some(theirs) = output(place.path(), program, &["file"]) else { continue };
            assert_eq!(format!("{found}  file\n").into_bytes(), theirs, "{kind} of {size} bytes");
        }
    }
}

#[test]
fn many_files_come_in_order_or_as_completed_each_with_its_own_hash() {
    let place = place();
    let contents: Vec<_> = (0..200).map(|i| noise(i * 97, i as u64)).collect();
    let named = contents.iter().enumerate();
    let paths: Vec<_> =
        named.map(|(i, bytes)| file(place.path(), &format!("{i:03}"), bytes)).collect();
    for context in contexts() {
        let options = HashOptions::new(HashKind::Blake3).context(&context);
        let options = options.jobs(NonZeroUsize::new(7).unwrap());
        for ordered in [true, false] {
            let mut hashes = match ordered {
                true => options.files(paths.clone()),
                false => options.files_as_completed(paths.clone()),
            };
            let mut seen = Vec::new();
            block_on(async {
                while let Some((path, found)) = hashes.next().await {
                    let index = paths.iter().position(|known| *known == path).unwrap();
                    let expected = blake3::hash(&contents[index]);
                    assert_eq!(found.unwrap().as_bytes(), expected.as_bytes());
                    seen.push(index);
                }
            });
            if !ordered {
                seen.sort_unstable();
            }
            assert!(seen.into_iter().eq(0..200));
        }
    }
}

#[test]
fn no_more_files_are_begun_than_there_are_jobs() {
    let place = place();
    let path = file(place.path(), "file", "contents");
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let endless = std::iter::repeat_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        path.clone()
    });
    let options = HashOptions::new(HashKind::Md5).jobs(NonZeroUsize::new(3).unwrap());
    let mut hashes = options.files(endless);
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    for yielded in 1..=20 {
        block_on(hashes.next()).unwrap().1.unwrap();
        assert!(taken.load(Ordering::Relaxed) <= yielded + 3);
    }
}

#[test]
fn what_has_no_size_is_read_to_its_end() {
    let place = place();
    let version = Path::new("/proc/version");
    let contents = std::fs::read(version).unwrap();
    let fifo = place.path().join("fifo");
    mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
    let sent = noise(MIB + 3, 5);
    for context in contexts() {
        let options = HashOptions::new(HashKind::Blake3).context(&context);
        let found = block_on(options.hash(version)).unwrap();
        assert_eq!(found.as_bytes(), blake3::hash(&contents).as_bytes());

        let (writes_to, written) = (fifo.clone(), sent.clone());
        let writer = std::thread::spawn(move || std::fs::write(writes_to, written).unwrap());
        let found = block_on(options.hash(&fifo)).unwrap();
        writer.join().unwrap();
        assert_eq!(found.as_bytes(), blake3::hash(&sent).as_bytes());
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_others_are_hashed() {
    let place = place();
    let there = file(place.path(), "there", "contents");
    let secret = file(place.path(), "secret", "contents");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    let paths = [place.path().join("missing"), place.path().to_owned(), there, secret];
    let mut hashes = HashOptions::new(HashKind::Sha256).files(paths.clone());
    let mut outcomes: Vec<(PathBuf, _)> = Vec::new();
    block_on(async {
        while let Some(outcome) = hashes.next().await {
            outcomes.push(outcome);
        }
    });
    assert!(outcomes.iter().map(|(path, _)| path).eq(&paths));
    let is_ok: Vec<_> = outcomes.iter().map(|(_, found)| found.is_ok()).collect();
    assert_eq!(is_ok, [false, false, true, is_root()]);
    for (path, found) in outcomes.iter().filter(|(_, found)| found.is_err()) {
        let said = found.as_ref().unwrap_err().to_string();
        assert!(said.contains(path.to_str().unwrap()), "{said}");
    }
}

#[test]
fn a_hash_is_read_as_it_is_shown() {
    let shown = "B1946ac92492d2347c6235b4d2611184";
    let read: aiofile_util::Hash = shown.parse().unwrap();
    assert_eq!(read.to_string(), shown.to_lowercase());
    for wrong in ["", "b1", &shown[1..], &"g".repeat(32), &"é".repeat(32), &"0".repeat(128)] {
        assert!(wrong.parse::<aiofile_util::Hash>().is_err(), "{wrong}");
    }
    assert_eq!("SHA256".parse::<HashKind>().unwrap(), HashKind::Sha256);
    assert!("sha1".parse::<HashKind>().unwrap_err().to_string().contains("blake3, sha256, md5"));
}
