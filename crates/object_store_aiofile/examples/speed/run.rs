//! The stores in turns.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use aiofile_bench::{Scratch, Usage};
use object_store_aiofile::v0_13::AioFileSystem;
use object_store_aiofile::v0_13::object_store::ObjectStore;
use object_store_aiofile::v0_13::object_store::local::LocalFileSystem;
use rustix::fs::{Advice, fadvise};

use crate::shape::{LARGE, LARGE_BYTES, Shape, prepare};

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The stores, and the directory that both have.
pub(crate) struct Bench {
    scratch: Scratch,
    stores: [Arc<dyn ObjectStore>; 3],
}

/// What one store took for the work, the least of all rounds: other programs only add to it.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) milliseconds: f64,
    pub(crate) processor: f64,
}

impl Bench {
    pub(crate) async fn prepare(parent: &Path) -> Result<Self> {
        let scratch = Scratch::new(parent)?;
        let mut large = File::create(scratch.path().join(LARGE))?;
        // What is equal on the whole disk is not read by some.
        let mut word = 1_u64;
        for _ in 0..LARGE_BYTES >> 20 {
            let block = std::iter::repeat_with(|| {
                word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                word.to_le_bytes()
            });
            large.write_all(&block.take(1 << 17).flatten().collect::<Vec<_>>())?;
        }
        large.sync_all()?;
        let ours = AioFileSystem::new_with_prefix(scratch.path())?;
        let local = LocalFileSystem::new_with_prefix(scratch.path())?;
        prepare(&local).await?;
        let direct = ours.clone().with_direct(true);
        Ok(Self { scratch, stores: [Arc::new(local), Arc::new(ours), Arc::new(direct)] })
    }

    /// What `LocalFileSystem`, ours, and ours with O_DIRECT take.
    pub(crate) async fn measure(
        &self,
        shape: &Shape,
        is_cold: bool,
        rounds: usize,
    ) -> Result<[Taken; 3]> {
        let mut least = [Taken { milliseconds: f64::MAX, processor: f64::MAX }; 3];
        // One round before those that count.
        for round in 0..=rounds {
            for turn in 0..self.stores.len() {
                let which = (round + turn) % self.stores.len();
                let once = self.once(shape, is_cold, which, round as u64).await?;
                if round > 0 {
                    let least = &mut least[which];
                    least.milliseconds = least.milliseconds.min(once.milliseconds);
                    least.processor = least.processor.min(once.processor);
                }
            }
        }
        Ok(least)
    }

    async fn once(&self, shape: &Shape, is_cold: bool, which: usize, seed: u64) -> Result<Taken> {
        if shape.reads() {
            self.make_ready(is_cold)?;
        }
        let _ = fs::remove_dir_all(self.scratch.path().join("put"));
        let before = Usage::now()?;
        shape.run(&self.stores[which], seed * 1000).await?;
        let after = Usage::now()?;
        Ok(Taken {
            milliseconds: (after.at - before.at).as_secs_f64() * 1e3,
            processor: (after.user_us + after.system_us - before.user_us - before.system_us) / 1e3,
        })
    }

    /// The large object in the page cache, or not.
    fn make_ready(&self, is_cold: bool) -> Result<()> {
        let path = self.scratch.path().join(LARGE);
        if is_cold {
            fadvise(File::open(path)?, 0, None, Advice::DontNeed)?;
        } else {
            std::io::copy(&mut File::open(path)?, &mut std::io::sink())?;
        }
        Ok(())
    }
}
