//! Replacing a file at once on a simulated disk: what a loss of power at any step leaves of it.
#![allow(clippy::unwrap_used, reason = "a test fails where nothing can be unwrapped")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use aiofile::fs::{AtomicWriteOptions, Durability};
use caio::{Backend, Buffer, Context};
use caio_testkit::{Random, Simulated};
use tokio::io::AsyncWriteExt;

const PATH: &str = "/simulated/settings";

const OLD: &[u8] = b"the old contents";

fn disk(seed: u64, is_there: bool) -> (Arc<Simulated>, Context) {
    let disk = Arc::new(Simulated::new(seed));
    let backend = Arc::clone(&disk) as Arc<dyn Backend>;
    let context = Context::builder().custom(backend).in_place(false).build().unwrap();
    if is_there {
        let file = disk.create(PATH).unwrap();
        let write = context.write(&file, Buffer::from(OLD), 0..OLD.len(), 0);
        disk.drive(write).0.unwrap();
        disk.drive(context.sync(&file, false)).unwrap();
    }
    (disk, context)
}

/// Drives the future, with a look at the disk after each step.
fn drive<T>(disk: &Simulated, future: impl Future<Output = T>, mut look: impl FnMut()) -> T {
    let mut future = pin!(future);
    let mut cx = TaskContext::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        disk.step();
        look();
    }
}

#[test]
fn after_a_loss_of_power_it_is_the_old_file_or_the_new_one() {
    let new = Random::new(1).bytes(3000);
    let (mut old_found, mut new_found) = (0, 0);
    for seed in 0..200 {
        let is_there = seed % 3 > 0;
        let (disk, context) = disk(seed, is_there);
        let durability = if seed % 2 == 0 { Durability::Full } else { Durability::Data };
        let mut options = AtomicWriteOptions::new();
        options.context(&context).durability(durability);
        let work = async {
            if seed % 4 < 2 {
                return options.write(PATH, &new).await;
            }
            let mut file = options.open(PATH).await?;
            for piece in new.chunks(700) {
                file.write_all(piece).await?;
            }
            file.commit().await
        };
        let (mut random, mut states) = (Random::new(seed), Vec::new());
        let mut look = |done| {
            let seed = random.below(1 << 30) as u64;
            states.push((disk.after_power_loss(seed).unwrap(), done));
        };
        drive(&disk, work, || look(false)).unwrap();
        (0..4).for_each(|_| look(true));
        assert_eq!(disk.names(), [std::path::PathBuf::from(PATH)], "seed {seed}");
        for (state, done) in states {
            let found = state.model(PATH).map(|model| model.contents().to_vec());
            let is_new = found.as_ref() == Some(&new);
            let is_old = found.as_deref() == is_there.then_some(OLD);
            assert!(is_new || is_old, "seed {seed}: {:?} bytes", found.map(|found| found.len()));
            assert!(is_new || !done || durability == Durability::Data, "seed {seed}");
            (old_found, new_found) =
                (old_found + usize::from(is_old), new_found + usize::from(is_new));
        }
    }
    assert!(old_found > 300 && new_found > 300, "{old_found}, {new_found}");
}

#[test]
fn what_is_not_wanted_is_removed() {
    let (disk, context) = disk(1, true);
    let options = AtomicWriteOptions::new().context(&context).clone();
    let discard = async {
        let mut file = options.open(PATH).await?;
        file.write_all(b"new").await?;
        file.discard().await
    };
    drive(&disk, discard, || {}).unwrap();
    assert_eq!(disk.names(), [std::path::PathBuf::from(PATH)]);
    assert_eq!(disk.model(PATH).unwrap().contents(), OLD);
    assert!(!std::path::Path::new("/simulated").exists());
}
