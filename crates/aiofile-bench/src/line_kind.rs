//! What the lines of a text are like.

use serde::{Deserialize, Serialize};

use crate::pattern::mix;

/// Lines of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineKind {
    /// 40 to 160 bytes, as those of logs are.
    Usual,
    /// 4 to 20 bytes.
    Short,
    /// 1000 to 5000 bytes.
    Long,
    /// As the usual ones, but they end with `\r\n`.
    CrLf,
    /// As the usual ones, but not all characters are ASCII.
    Unicode,
}

impl LineKind {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Usual, "usual"),
        (Self::Short, "short"),
        (Self::Long, "long"),
        (Self::CrLf, "crlf"),
        (Self::Unicode, "unicode"),
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// What is behind each line.
    pub fn end(self) -> &'static str {
        if self == Self::CrLf { "\r\n" } else { "\n" }
    }

    /// A line with its end, of a text of which so many bytes are left.
    pub(crate) fn line(self, number: u64, left: u64) -> String {
        let (least, most) = match self {
            Self::Short => (4, 20),
            Self::Long => (1000, 5000),
            Self::Usual | Self::CrLf | Self::Unicode => (40, 160),
        };
        let words =
            if self == Self::Unicode { "größer als 10 €, " } else { "request served, " };
        let (wanted, end) = (least + mix(number) % (most - least + 1), self.end());
        // The last line takes what would not be enough for another one.
        let length = if left < wanted + end.len() as u64 { left } else { wanted } as usize;
        let length = length.saturating_sub(end.len());
        let mut line = format!("{number:012} INFO ");
        while line.len() < length {
            line.push_str(words);
        }
        while line.len() > length {
            line.pop();
        }
        let missing = length - line.len();
        line.extend(std::iter::repeat_n('.', missing));
        line + end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fill_a_text_to_the_byte_and_are_of_their_kind() {
        for (kind, name) in LineKind::ALL {
            assert_eq!(kind.name(), name);
            for size in (20_000..20_030).chain([kind.end().len() as u64]) {
                let (mut text, mut number) = (String::new(), 0);
                while (text.len() as u64) < size {
                    text += &kind.line(number, size - text.len() as u64);
                    number += 1;
                }
                assert_eq!(text.len() as u64, size, "{name}");
                let lines: Vec<_> = text.split_inclusive('\n').collect();
                assert_eq!(lines.len() as u64, number);
                assert!(lines.iter().all(|line| line.ends_with(kind.end())), "{name} {size}");
                assert_eq!(text.contains('\r'), kind == LineKind::CrLf);
                assert!(text.is_ascii() || kind == LineKind::Unicode, "{name}");
            }
        }
    }
}
