//! The pieces of a large file, hashed apart: BLAKE3 is a tree over them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use aiofile::Context;
use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};
use caio::Result;
use futures_util::{StreamExt, stream};

use super::{Hash, HashKind};
use crate::steps::{READ_BYTES, usual_jobs};

/// Bytes of a piece: a power of two, so that each is a whole subtree.
pub(super) const PIECE_BYTES: u64 = 4 << 20;

/// The hash of a file that had `length` bytes, more than a piece; `None` where it has another
/// length by now.
pub(super) async fn hash(
    context: &Context,
    file: File,
    path: &Path,
    length: u64,
) -> Result<Option<Hash>> {
    let file = Arc::new(file);
    let mut pieces = stream::iter((0..length.div_ceil(PIECE_BYTES)).map(|index| {
        let (file, start) = (Arc::clone(&file), index * PIECE_BYTES);
        let bytes = PIECE_BYTES.min(length - start);
        context.run_part("hash", path, move || Ok(piece(&file, start, bytes)?))
    }))
    .buffered(usual_jobs());
    let mut tree = Tree::default();
    while let Some(piece) = pieces.next().await {
        match piece? {
            Some(piece) => tree.push(piece),
            None => return Ok(None),
        }
    }
    let ends = Arc::clone(&file);
    let look = move || Ok(ends.read_at(&mut [0], length)? > 0);
    let has_grown = context.run_on("hash", path, look).await?;
    Ok(if has_grown { None } else { tree.root() })
}

/// The hash of a piece; `None` where the file ends in it.
fn piece(file: &File, start: u64, bytes: u64) -> io::Result<Option<ChainingValue>> {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(start);
    let mut buffer = vec![0; READ_BYTES];
    let mut done = 0;
    while done < bytes {
        let wanted = usize::try_from(bytes - done).map_or(READ_BYTES, |rest| rest.min(READ_BYTES));
        match file.read_at(&mut buffer[..wanted], start + done) {
            Ok(0) => return Ok(None),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                done += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(hasher.finalize_non_root()))
}

/// The left edge of the tree: the subtrees that have no right neighbour yet, the largest first.
#[derive(Debug, Default)]
struct Tree {
    subtrees: Vec<ChainingValue>,
    pieces: u64,
}

impl Tree {
    /// Adds the next piece. What is complete before it is merged only now, since it would be the
    /// root if nothing followed.
    fn push(&mut self, piece: ChainingValue) {
        let complete = if self.pieces == 0 { 0 } else { self.pieces.trailing_zeros() };
        for _ in 0..complete {
            if let (Some(right), Some(left)) = (self.subtrees.pop(), self.subtrees.pop()) {
                self.subtrees.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
            }
        }
        self.subtrees.push(piece);
        self.pieces += 1;
    }

    /// The hash of the whole; `None` of fewer than two pieces, which are no tree.
    fn root(mut self) -> Option<Hash> {
        let mut right = self.subtrees.pop()?;
        while let Some(left) = self.subtrees.pop() {
            if self.subtrees.is_empty() {
                let root = merge_subtrees_root(&left, &right, Mode::Hash);
                return Some(Hash::new(HashKind::Blake3, root.as_bytes()));
            }
            right = merge_subtrees_non_root(&left, &right, Mode::Hash);
        }
        None
    }
}
