//! A disk in memory that has a volatile cache: what was written to it and when it was flushed.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A sector is written as a whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 4096;

/// The smallest XFS takes 300 MB. What holds only zeros takes no memory.
pub(crate) const DISK_BYTES: u64 = 320 << 20;

/// What is on the disk. A copy shares its sectors with the original.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    /// By their numbers, without those that are zeros.
    sectors: BTreeMap<u64, Arc<[u8]>>,
}

/// What came to the disk.
pub(crate) enum Event {
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    /// All writes before are durable when this is answered.
    Flush,
}

impl Disk {
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) {
        for (sector, within, piece) in pieces(offset, buffer.len()) {
            let target = &mut buffer[piece];
            match self.sectors.get(&sector) {
                Some(bytes) => target.copy_from_slice(&bytes[within..within + target.len()]),
                None => target.fill(0),
            }
        }
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (sector, within, piece) in pieces(offset, bytes.len()) {
            let piece = &bytes[piece];
            if piece.len() == SECTOR_BYTES {
                self.put(sector, piece.into());
                continue;
            }
            let mut whole = [0; SECTOR_BYTES];
            self.read(sector * SECTOR_BYTES as u64, &mut whole);
            whole[within..within + piece.len()].copy_from_slice(piece);
            self.put(sector, whole.as_slice().into());
        }
    }

    fn put(&mut self, sector: u64, bytes: Arc<[u8]>) {
        match bytes.iter().all(|byte| *byte == 0) {
            true => _ = self.sectors.remove(&sector),
            false => _ = self.sectors.insert(sector, bytes),
        }
    }

    /// Writes all of it to a file with holes, which stays. Says where.
    pub(crate) fn keep(&self, name: &str) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name.replace(':', "-"));
        let file = File::create(&path).unwrap();
        file.set_len(DISK_BYTES).unwrap();
        for (sector, bytes) in &self.sectors {
            file.write_all_at(bytes, sector * SECTOR_BYTES as u64).unwrap();
        }
        path
    }
}

/// The sectors that a transfer touches: the number, from where in it, which bytes of the transfer.
fn pieces(
    offset: u64,
    length: usize,
) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = (at % SECTOR_BYTES as u64) as usize;
        let piece = done..length.min(done + SECTOR_BYTES - within);
        done = piece.end;
        (!piece.is_empty()).then_some((at / SECTOR_BYTES as u64, within, piece))
    })
}

#[test]
fn what_was_written_is_read_whatever_its_place() {
    let (mut disk, mut model) = (Disk::default(), vec![0; 5 * SECTOR_BYTES]);
    let mut random = caio_testkit::Random::new(1);
    for _ in 0..200 {
        let (offset, length) = (random.below(3 * SECTOR_BYTES), random.below(2 * SECTOR_BYTES));
        let bytes = if random.chance(0.3) { vec![0; length] } else { random.bytes(length) };
        disk.write(offset as u64, &bytes);
        model[offset..offset + length].copy_from_slice(&bytes);
        let mut found = vec![1; model.len()];
        disk.read(0, &mut found);
        assert_eq!(found, model);
    }
}
