//! What the simulation promises: order by the seed, and files that a power loss can reach.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use caio::{Buffer, Context, Output, PathCall, flags};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use smol::block_on;

use super::Simulated;
use crate::{Model, Random};

fn open(seed: u64) -> (Arc<Simulated>, Context) {
    let disk = Arc::new(Simulated::new(seed));
    let builder = Context::builder().custom(Arc::<Simulated>::clone(&disk));
    (disk, builder.in_place(false).build().unwrap())
}

#[test]
fn random_operations_agree_with_the_model() {
    let (disk, context) = open(11);
    let file = disk.create("data").unwrap();
    let mut model = Model::default();
    let mut random = Random::new(12);
    for _ in 0..500 {
        let (offset, length) = (random.below(2000), random.below(300));
        match random.below(6) {
            0 => {
                disk.drive(context.set_length(&file, offset as u64)).unwrap();
                model.set_len(offset);
            }
            1 => {
                disk.drive(context.sync(&file, true)).unwrap();
                model.sync();
            }
            2 | 3 => {
                let bytes = random.bytes(length);
                model.write(offset, &bytes);
                let write = context.write(&file, bytes.into(), 0..length, offset as u64);
                assert_eq!(disk.drive(write).0.unwrap(), length);
            }
            _ => {
                let buffer = Buffer::from(Vec::with_capacity(length));
                let read = context.read(&file, buffer, 0..length, offset as u64);
                assert_eq!(disk.drive(read).1.as_slice(), model.read(offset, length));
            }
        }
    }
    let found = disk.model("data").unwrap();
    assert_eq!((found.contents(), found.durable()), (model.contents(), model.durable()));
    let metadata = disk.drive(context.metadata(&file)).unwrap();
    assert_eq!(metadata.len(), model.contents().len() as u64);
}

#[test]
fn files_are_read_whole() {
    let (disk, context) = open(11);
    let file = disk.create("data").unwrap();
    disk.drive(context.write(&file, b"bytes".to_vec().into(), 0..5, 0)).0.unwrap();
    assert_eq!(disk.drive(context.read_file(Path::new("data"))).unwrap(), b"bytes");
    let error = disk.drive(context.read_file(Path::new("other"))).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::ENOENT));
}

fn letters_written_at_once(seed: u64) -> Vec<u8> {
    let (disk, context) = open(seed);
    let file = disk.create("race").unwrap();
    let writes: Vec<BoxFuture<'_, _>> = (b'a'..=b'z')
        .map(|letter| context.write(&file, vec![letter].into(), 0..1, 0).boxed())
        .collect();
    let mut writes = join_all(writes);
    // The second time for those that yielded to others at the first.
    assert!((0..2).all(|_| (&mut writes).now_or_never().is_none()));
    assert_eq!(disk.pending(), 26);
    let mut seen = Vec::new();
    while disk.step() {
        seen.push(disk.model("race").unwrap().contents()[0]);
    }
    assert!(block_on(writes).into_iter().all(|(result, _)| result.unwrap() == 1));
    seen
}

#[test]
fn the_seed_decides_the_order() {
    let order = letters_written_at_once(5);
    assert_eq!(order, letters_written_at_once(5));
    assert_ne!(order, letters_written_at_once(6));
    assert_ne!(order, (b'a'..=b'z').collect::<Vec<_>>());
}

#[test]
fn files_open_by_name_and_a_power_loss_keeps_what_was_synced() {
    let (disk, context) = open(1);
    let path = Path::new("journal");
    let missing = disk.drive(context.open(path, flags::O_RDWR, 0)).unwrap_err();
    assert_eq!(missing.raw_os_error(), Some(nix::libc::ENOENT));
    let new = flags::O_RDWR | flags::O_CREAT | flags::O_EXCL;
    let file = disk.drive(context.open(path, new, 0o600)).unwrap();
    assert!(disk.drive(context.open(path, new, 0o600)).is_err());
    disk.drive(context.on_path(PathCall::SyncDirectory { path: ".".into() })).unwrap();
    disk.drive(context.write(&file, Buffer::from(&b"kept"[..]), 0..4, 0)).0.unwrap();
    disk.drive(context.sync(&file, false)).unwrap();
    let mut late = context.write(&file, Buffer::from(&b"lost"[..]), 0..4, 4).boxed();
    assert!((&mut late).now_or_never().is_none());
    disk.lose_power();
    assert!(late.now_or_never().unwrap().0.is_err());
    assert_eq!(disk.model("journal").unwrap().contents(), b"kept");
    disk.drive(context.close(file, true)).unwrap();
}

#[test]
fn names_change_and_become_durable_in_their_order() {
    let (disk, context) = open(3);
    let path = |name: &str| PathBuf::from(format!("log/{name}"));
    let call = |call: PathCall| disk.drive(context.on_path(call));
    let errno = |made: caio::Result<Output>| made.unwrap_err().raw_os_error();
    let new = flags::O_WRONLY | flags::O_CREAT;
    disk.drive(context.open(&path("a"), new, 0o600)).unwrap();
    call(PathCall::SyncDirectory { path: "log".into() }).unwrap();
    call(PathCall::RenameNew { from: path("a"), to: path("a.1") }).unwrap();
    disk.drive(context.open(&path("a"), new, 0o600)).unwrap();
    let again = PathCall::RenameNew { from: path("a"), to: path("a.1") };
    assert_eq!(errno(call(again)), Some(nix::libc::EEXIST));
    let missing = PathCall::RemoveFile { path: path("b") };
    assert_eq!(errno(call(missing)), Some(nix::libc::ENOENT));
    let listed = |prefix: &str| {
        let entries = PathCall::Entries { path: "log".into(), prefix: prefix.into() };
        let Output::Entries(entries) = call(entries).unwrap() else { panic!("no entries") };
        entries.into_iter().map(|(name, _)| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((listed(""), listed("a.")), (vec!["a".into(), "a.1".into()], vec!["a.1".into()]));
    // The first changes survive, and never a later one without those before it.
    let found = |disk: &Simulated| {
        let after = |seed| disk.after_power_loss(seed).unwrap().names();
        (0..64).map(after).collect::<BTreeSet<_>>()
    };
    let states = [vec![path("a")], vec![path("a"), path("a.1")], vec![path("a.1")]];
    assert_eq!(found(&disk), states.clone().into());
    call(PathCall::SyncDirectory { path: "elsewhere".into() }).unwrap();
    assert_eq!(found(&disk), states.into());
    call(PathCall::SyncDirectory { path: "log".into() }).unwrap();
    assert_eq!(found(&disk), [vec![path("a"), path("a.1")]].into());
    call(PathCall::Rename { from: path("a"), to: path("a.1") }).unwrap();
    call(PathCall::RemoveFile { path: path("a.1") }).unwrap();
    assert!(disk.names().is_empty());
}

#[test]
fn a_closure_runs_in_its_step_and_may_panic() {
    let (disk, context) = open(1);
    assert_eq!(disk.drive(context.run("count", || Ok(6 * 7))).unwrap(), 42);
    let panics = context.run("panic", || -> caio::Result<()> { panic!("on purpose") });
    assert_eq!(disk.drive(panics).unwrap_err().kind(), caio::ErrorKind::Abandoned);
}

#[test]
fn a_shutdown_finishes_what_was_accepted() {
    let (disk, context) = open(1);
    let file = disk.create("late").unwrap();
    let mut write = pin!(context.write(&file, Buffer::from(&b"late"[..]), 0..4, 0));
    assert!(write.as_mut().now_or_never().is_none());
    assert_eq!(block_on(context.shutdown(Duration::from_secs(60))), 0);
    assert_eq!(write.now_or_never().unwrap().0.unwrap(), 4);
    assert_eq!(disk.model("late").unwrap().contents(), b"late");
}
