//! Reading characters, lines and all there is.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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
        let line = self.line(inner).await?;
        Ok(line.map_or(String::new(), |line| self.slice(line.start, line.next).to_owned()))
    }

    /// The next line and its end, or of a longer one so many characters.
    pub(in crate::text) async fn readline_up_to<R>(
        &mut self,
        inner: &mut R,
        most: usize,
    ) -> io::Result<String>
    where
        R: AsyncBufRead + Unpin,
    {
        let mut last = false;
        loop {
            let ahead = self.ahead();
            let cut = ahead.char_indices().nth(most).map(|(cut, _)| cut);
            let within = &ahead.as_bytes()[..cut.unwrap_or(ahead.len())];
            let found = self.options.newline.find(within, 0, last);
            let ended = if last { Some(within.len()) } else { cut };
            if let Some(length) = found.map(|(_, next)| next).or(ended) {
                return Ok(self.take(length));
            }
            last = !self.more(inner).await?;
        }
    }

    /// The next line, without its end.
    #[inline]
    pub(in crate::text) async fn next_line<R>(&mut self, inner: &mut R) -> io::Result<Option<&str>>
    where
        R: AsyncBufRead + Unpin,
    {
        let line = self.line(inner).await?;
        Ok(line.map(|line| self.slice(line.start, line.end)))
    }

    /// The next line in memory of its own, without its end; nothing at the end of the file.
    #[inline]
    pub(in crate::text) fn poll_string<R: AsyncBufRead>(
        &mut self,
        inner: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<String>>> {
        let line = match self.line_ahead() {
            Some(line) => line,
            None => match ready!(self.poll_line(inner, cx)) {
                Ok(Some(line)) => line,
                Ok(None) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            },
        };
        Poll::Ready(Some(Ok(self.slice(line.start, line.end).to_owned())))
    }

    #[inline]
    async fn line<R>(&mut self, inner: &mut R) -> io::Result<Option<Line>>
    where
        R: AsyncBufRead + Unpin,
    {
        match self.line_ahead() {
            Some(line) => Ok(Some(line)),
            None => poll_fn(|cx| self.poll_line(Pin::new(&mut *inner), cx)).await,
        }
    }

    pub(super) async fn more<R>(&mut self, inner: &mut R) -> io::Result<bool>
    where
        R: AsyncBufRead + Unpin,
    {
        poll_fn(|cx| self.poll_more(Pin::new(&mut *inner), cx)).await
    }
}
