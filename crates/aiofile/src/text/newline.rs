//! Ends of lines, and what becomes of them.

/// What ends a line, as the argument `newline` of Python's `open`.
///
/// | | Python | reading: lines end at | and come as | writing: `\n` becomes |
/// | --- | --- | --- | --- | --- |
/// | `Universal` | `None` | `\n`, `\r`, `\r\n` | `\n` | `\n` |
/// | `Any` | `""` | `\n`, `\r`, `\r\n` | they are | `\n` |
/// | `Lf` | `"\n"` | `\n` | they are | `\n` |
/// | `Cr` | `"\r"` | `\r` | they are | `\r` |
/// | `CrLf` | `"\r\n"` | `\r\n` | they are | `\r\n` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Newline {
    /// Every end of a line is read as `\n`, which is also what is written.
    #[default]
    Universal,
    /// Every end of a line counts, and none is changed.
    Any,
    /// `\n` alone.
    Lf,
    /// `\r` alone.
    Cr,
    /// `\r\n` alone.
    CrLf,
}

/// A line in a text that was found: its characters, its end, and the start of the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next: usize,
}

impl Newline {
    /// Where the first end of a line at or after `from` begins and ends. `None` also where more
    /// text has to be seen to say it, unless there is no more.
    #[inline]
    pub(super) fn find(self, text: &[u8], from: usize, last: bool) -> Option<(usize, usize)> {
        let rest = &text[from..];
        let index = match self {
            Self::Universal | Self::Lf => memchr::memchr(b'\n', rest)?,
            Self::Cr => memchr::memchr(b'\r', rest)?,
            Self::CrLf => {
                let (begin, end) = find_pair(rest)?;
                return Some((from + begin, from + end));
            }
            Self::Any => {
                let (begin, end) = find_any(rest, last)?;
                return Some((from + begin, from + end));
            }
        };
        Some((from + index, from + index + 1))
    }

    /// What a `\n` becomes when it is written.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Universal | Self::Any | Self::Lf => "\n",
            Self::Cr => "\r",
            Self::CrLf => "\r\n",
        }
    }
}

fn find_pair(text: &[u8]) -> Option<(usize, usize)> {
    let is_second = |index: &usize| *index > 0 && text[index - 1] == b'\r';
    let index = memchr::memchr_iter(b'\n', text).find(is_second)?;
    Some((index - 1, index + 1))
}

fn find_any(text: &[u8], last: bool) -> Option<(usize, usize)> {
    let index = memchr::memchr2(b'\n', b'\r', text)?;
    match text[index..] {
        [b'\r', b'\n', ..] => Some((index, index + 2)),
        [b'\r'] if !last => None,
        _ => Some((index, index + 1)),
    }
}

/// Makes every end of a line a `\n`, through the borders of chunks.
#[derive(Debug, Clone, Default)]
pub(super) struct Translation {
    /// The last character was a `\r`, and what it becomes depends on the next one.
    pub(super) holds_return: bool,
    scratch: String,
}

impl Translation {
    /// Translates what was appended to `text` from `start` on. `settled`: nothing comes after it
    /// that may belong to a `\r` at its end. Returns whether anything was changed.
    pub(super) fn apply(&mut self, text: &mut String, start: usize, settled: bool) -> bool {
        let fresh = &text[start..];
        let nothing = !self.holds_return && memchr::memchr(b'\r', fresh.as_bytes()).is_none();
        if nothing || (fresh.is_empty() && !settled) {
            return false;
        }
        let held = self.holds_return;
        self.scratch.clear();
        self.scratch.push_str(fresh);
        text.truncate(start);
        let fresh = self.scratch.as_bytes();
        // The `\n` of `\r\n` comes with what is behind it.
        let mut end_at = |index: usize, text: &mut String| match fresh.get(index) {
            Some(b'\n') => self.holds_return = false,
            Some(_) => {
                self.holds_return = false;
                text.push('\n');
            }
            None => self.holds_return = true,
        };
        let mut copied = 0;
        if held {
            end_at(0, text);
        }
        for index in memchr::memchr_iter(b'\r', fresh) {
            text.push_str(&self.scratch[copied..index]);
            copied = index + 1;
            end_at(copied, text);
        }
        text.push_str(&self.scratch[copied..]);
        if self.holds_return && settled {
            self.holds_return = false;
            text.push('\n');
        }
        true
    }
}
