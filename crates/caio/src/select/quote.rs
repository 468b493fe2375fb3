//! How much of a text from outside an error repeats.

/// The most characters of a name that are repeated.
const CHARACTERS_MAX: usize = 64;

/// The longest word of a file that is repeated: one more than the longest key has.
const WORD_MAX: usize = 24;

/// The beginning of a text that the caller or a variable gave, escaped, in quotation marks.
pub(crate) fn beginning(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?} and {} bytes more", &text[..end], text.len() - end),
    }
}

/// Whether a word of a file may be repeated: it looks like the name of a backend or like a key.
/// `CAIO_CONFIG` may name any file by mistake, and its contents may be secret.
pub(crate) fn is_name(word: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=WORD_MAX).contains(&word.len()) && word.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_control_characters_are_escaped() {
        assert_eq!(beginning("io_uring"), "\"io_uring\"");
        assert_eq!(beginning("\x1b[31m\n"), "\"\\u{1b}[31m\\n\"");
        let long = "\u{e4}".repeat(70);
        assert_eq!(beginning(&long), format!("\"{}\" and 12 bytes more", "\u{e4}".repeat(64)));
    }

    #[test]
    fn names_and_keys_are_words_and_secrets_are_not() {
        for word in ["io_uring", "posix-aio", "threads_idle_timeout_ms", "-1"] {
            assert!(is_name(word), "{word}");
        }
        for secret in
            ["", "root:x", "Password1", "two words", "d41d8cd98f00b204e9800998ecf8427e", "ключ"]
        {
            assert!(!is_name(secret), "{secret}");
        }
    }
}
