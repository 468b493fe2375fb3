//! A hash in the making.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::{Hash, HashKind};

/// One of the three functions, with what it has taken so far.
#[derive(Debug)]
pub(super) enum Digest {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
    Md5(Md5),
}

impl Digest {
    pub(super) fn new(kind: HashKind) -> Self {
        match kind {
            HashKind::Blake3 => Self::Blake3(Box::default()),
            HashKind::Sha256 => Self::Sha256(Sha256::new()),
            HashKind::Md5 => Self::Md5(Md5::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => _ = hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Md5(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Hash {
        match self {
            Self::Blake3(hasher) => Hash::new(HashKind::Blake3, hasher.finalize().as_bytes()),
            Self::Sha256(hasher) => Hash::new(HashKind::Sha256, &hasher.finalize()),
            Self::Md5(hasher) => Hash::new(HashKind::Md5, &hasher.finalize()),
        }
    }
}
