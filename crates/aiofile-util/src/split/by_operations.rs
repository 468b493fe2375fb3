//! The same on a backend with files of its own, which no job of the pool sees: by its operations,
//! from the front to the end.

use std::io;
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiofile::Context;
use aiofile::fs::temporary_name;
use caio::{Buffer, PathCall, Result, SharedFile, flags};

use super::pieces::{Pieces, Unnamed, is_source};
use super::sequential::take;
use super::shares::{Cut, Every, LineEnds};
use super::{Piece, SplitOptions};
use crate::names::{remove_file, rename_new};
use crate::steps::{READ_BYTES, Watch};
use crate::transfer;

/// The permissions of a new file, of which the umask takes some.
const MODE: u32 = 0o666;

pub(super) async fn split(
    options: &SplitOptions,
    context: &Context,
    source: &Path,
    pieces: &Pieces,
) -> Result<Vec<Piece>> {
    let mut cutting = Cutting { context, pieces, watch: &options.watch, cut: Vec::new() };
    let mut named = Vec::new();
    let outcome = async {
        let source = context.open(source, flags::O_RDONLY, 0).await?;
        cutting.cut(options, &source).await?;
        cutting.name(options.overwrite, &source, &mut named).await
    }
    .await;
    if outcome.is_err() {
        // Those that have names by now are this call's own.
        let left = cutting.cut.iter().skip(named.len()).map(|piece| &piece.temporary);
        for path in left.chain(named.iter().map(|piece: &Piece| &piece.path)) {
            let _ = remove_file(context, path).await;
        }
    }
    outcome.map(|()| named)
}

/// A file that is being cut.
struct Cutting<'a> {
    context: &'a Context,
    pieces: &'a Pieces,
    watch: &'a Watch,
    /// Those that there are, the last of which may lack something.
    cut: Vec<Unnamed>,
}

impl Cutting<'_> {
    async fn cut(&mut self, options: &SplitOptions, source: &SharedFile) -> Result<()> {
        let length = self.context.metadata(source).await?.len();
        match Cut::of(options.by, Some(length)).map_err(|error| error.on(source.path()))? {
            Cut::AsItIsRead(by) => self.cut_as_read(source, by).await,
            Cut::Shares(shares) => {
                self.pieces.admit(shares.count)?;
                self.cut_at(source, shares.ends()).await
            }
            Cut::SharesOfLines(shares) => {
                self.pieces.admit(shares.count)?;
                let mut ends = LineEnds::new(shares);
                while let Some((at, room)) = ends.wanted() {
                    ends.take(&transfer::read(self.context, source, at, room).await?);
                }
                self.cut_at(source, ends.found().into_iter()).await
            }
        }
    }

    async fn cut_at(
        &mut self,
        source: &SharedFile,
        ends: impl Iterator<Item = u64> + Send,
    ) -> Result<()> {
        let mut at = 0;
        for end in ends {
            let piece = self.begin().await?;
            while at < end {
                let room =
                    usize::try_from(end - at).map_or(READ_BYTES, |left| left.min(READ_BYTES));
                let bytes = transfer::read(self.context, source, at, room).await?;
                if bytes.is_empty() {
                    return Err(super::ranges::has_ended(source.path(), at));
                }
                at += bytes.len() as u64;
                self.write(&piece, bytes).await?;
            }
            self.context.close(piece, true).await?;
        }
        Ok(())
    }

    async fn cut_as_read(&mut self, source: &SharedFile, by: Every) -> Result<()> {
        let (Every::Bytes(whole) | Every::Lines(whole)) = by;
        let (mut at, mut current) = (0, None);
        loop {
            let bytes = transfer::read(self.context, source, at, READ_BYTES).await?;
            if bytes.is_empty() {
                break;
            }
            at += bytes.len() as u64;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, mut left) = match current.take() {
                    Some(current) => current,
                    None => {
                        self.pieces.admit(self.cut.len() as u64 + 1)?;
                        (self.begin().await?, whole)
                    }
                };
                let (taken, others) = rest.split_at(take(&mut left, by, rest));
                self.write(&piece, taken.to_vec()).await?;
                rest = others;
                match left {
                    0 => self.context.close(piece, true).await?,
                    left => current = Some((piece, left)),
                }
            }
        }
        if let Some((piece, _)) = current {
            self.context.close(piece, true).await?;
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<SharedFile> {
        let temporary = self.pieces.directory().join(temporary_name());
        let how = flags::O_WRONLY | flags::O_CREAT | flags::O_EXCL;
        let piece = self.context.open(&temporary, how, MODE).await?;
        self.cut.push(Unnamed { temporary, bytes: 0 });
        Ok(piece)
    }

    /// Writes to the last piece.
    async fn write(&mut self, piece: &SharedFile, bytes: Vec<u8>) -> Result<()> {
        let Some(unnamed) = self.cut.last_mut() else { return Ok(()) };
        let written = bytes.len() as u64;
        transfer::write(self.context, piece, unnamed.bytes, &mut Buffer::from(bytes)).await?;
        unnamed.bytes += written;
        self.watch.advance(written)
    }

    async fn name(
        &self,
        overwrite: bool,
        source: &SharedFile,
        named: &mut Vec<Piece>,
    ) -> Result<()> {
        self.pieces.admit(self.cut.len() as u64)?;
        let paths: Vec<PathBuf> = self.pieces.paths().take(self.cut.len()).collect();
        if overwrite {
            for path in &paths {
                self.refuse_source(source, path).await?;
            }
        }
        for (Unnamed { temporary, bytes }, path) in iter::zip(&self.cut, paths) {
            if overwrite {
                let (from, to) = (temporary.clone(), path.clone());
                self.context.on_path(PathCall::Rename { from, to }).await?;
            } else {
                rename_new(self.context, temporary, &path).await?;
            }
            named.push(Piece { path, bytes: *bytes });
        }
        Ok(())
    }

    async fn refuse_source(&self, source: &SharedFile, path: &Path) -> Result<()> {
        let there = match self.context.open(path, flags::O_RDONLY, 0).await {
            Err(error) if error.io_kind() == io::ErrorKind::NotFound => return Ok(()),
            there => self.context.metadata(&there?).await?,
        };
        let source = self.context.metadata(source).await?;
        match (there.dev(), there.ino()) == (source.dev(), source.ino()) {
            true => Err(is_source(path)),
            false => Ok(()),
        }
    }
}
