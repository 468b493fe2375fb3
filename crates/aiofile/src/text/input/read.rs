//! Reading characters, lines and all there is.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use tokio::io::AsyncBufRead;

use super::super::newline::Line;
use super::Input;

impl Input {
    /// So many characters, fewer at the end of the file and before an error.
    pub(in crate::text) async fn read<R>(
        &mut self,
        inner: &mut R,
        characters: usize,
    ) -> io::Result<String>
    where
        R: AsyncBufRead + Unpin,
    {
        let (mut missing, mut length) = (characters, 0);
        loop {
            for character in self.ahead()[length..].chars().take(missing) {
                length += character.len_utf8();
                missing -= 1;
            }
            if missing == 0 {
                return Ok(self.take(length));
            }
            match self.more(inner).await {
                Ok(true) => {}
                Err(error) if length == 0 => return Err(error),
                Ok(false) | Err(_) => return Ok(self.take(length)),
            }
        }
    }

    /// All that follows. After an error, the cursor is where it was.
    pub(in crate::text) async fn read_all<R>(&mut self, inner: &mut R) -> io::Result<String>
    where
        R: AsyncBufRead + Unpin,
    {
        while self.more(inner).await? {}
        Ok(self.take_ahead())
    }

    /// The next line and its end; nothing at the end of the file.
    pub(in crate::text) async fn readline<R>(&mut self, inner: &mut R) -> io::Result<String>
    where
        R: AsyncBufRead + Unpin,
    {
        Ok(match self.line(inner).await? {
            Some(line) => {
                self.pass(line);
                self.slice(line.start, line.next).to_owned()
            }
            None => String::new(),
        })
    }

    /// The next line, without its end.
    #[inline]
    pub(in crate::text) async fn next_line<R>(&mut self, inner: &mut R) -> io::Result<Option<&str>>
    where
        R: AsyncBufRead + Unpin,
    {
        let Some(line) = self.line(inner).await? else { return Ok(None) };
        self.pass(line);
        Ok(Some(self.slice(line.start, line.end)))
    }

    async fn line<R>(&mut self, inner: &mut R) -> io::Result<Option<Line>>
    where
        R: AsyncBufRead + Unpin,
    {
        poll_fn(|cx| self.poll_line(Pin::new(&mut *inner), cx)).await
    }

    pub(super) async fn more<R>(&mut self, inner: &mut R) -> io::Result<bool>
    where
        R: AsyncBufRead + Unpin,
    {
        poll_fn(|cx| self.poll_more(Pin::new(&mut *inner), cx)).await
    }
}
