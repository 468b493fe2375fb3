//! Where a cursor of text may be moved to.

use std::io::{self, SeekFrom};

use caio::{Error, ErrorKind};
use tokio::io::AsyncBufRead;

use super::Input;

impl Input {
    /// What the file below is to be asked for; `None` where the cursor is to stay.
    pub(in crate::text) fn check_seek(&self, to: SeekFrom) -> io::Result<Option<SeekFrom>> {
        let encoding = self.decoder.encoding();
        let (message, hint) = match to {
            SeekFrom::Start(0) | SeekFrom::End(0) => return Ok(Some(to)),
            SeekFrom::Current(0) => return Ok(None),
            SeekFrom::Current(_) | SeekFrom::End(_) => (
                "text has no distances in bytes".to_owned(),
                "seek to the start, to the end, or to an offset that `tell` gave",
            ),
            SeekFrom::Start(_) if encoding.is_stateful() => (
                format!("what {encoding} text means depends on what is before it"),
                "seek to the start and read on from there",
            ),
            SeekFrom::Start(_) => return Ok(Some(to)),
        };
        Err(Error::new(ErrorKind::InvalidInput, message).doing("seek").hint(hint).into())
    }

    /// Reads what says how to read, before the cursor is moved beyond it.
    pub(in crate::text) async fn learn_order<R>(
        &mut self,
        inner: &mut R,
        to: SeekFrom,
    ) -> io::Result<()>
    where
        R: AsyncBufRead + Unpin,
    {
        self.find_encoding(inner).await?;
        if to != SeekFrom::Start(0) {
            while self.decoder.awaits_order() && self.more(inner).await? {}
        }
        Ok(())
    }

    /// Reads on until the encoding is found, or the file has ended.
    pub(in crate::text) async fn find_encoding<R>(&mut self, inner: &mut R) -> io::Result<()>
    where
        R: AsyncBufRead + Unpin,
    {
        while !self.chosen {
            match self.more(inner).await {
                Ok(true) => {}
                Ok(false) => break,
                // What follows is malformed: that is told when it is read.
                Err(_) if self.chosen => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
