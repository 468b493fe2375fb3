//! The formats of configuration files: reading and writing them, and where a fault is.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeSeed;

/// How a configuration file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigFormat {
    /// JSON: `.json`.
    Json,
    /// TOML: `.toml`, with the feature `toml`. Its dates and times are strings.
    #[cfg(feature = "toml")]
    Toml,
    /// YAML: `.yaml` or `.yml`, with the feature `yaml`. One document; no merge keys (`<<`).
    #[cfg(feature = "yaml")]
    Yaml,
}

/// A place in a text, both from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    line: usize,
    column: usize,
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) position: Option<Position>,
    pub(super) message: String,
}

impl ConfigFormat {
    /// The format that the ending of the name says; `None` for another ending, or one whose feature
    /// is not built in.
    ///
    /// ```
    /// use aiofile_util::ConfigFormat;
    ///
    /// assert_eq!(ConfigFormat::of("app.json"), Some(ConfigFormat::Json));
    /// assert_eq!(ConfigFormat::of("app.conf"), None);
    /// ```
    #[must_use]
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        match path.as_ref().extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            #[cfg(feature = "toml")]
            "toml" => Some(Self::Toml),
            #[cfg(feature = "yaml")]
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Has the seed read the whole text.
    pub(super) fn read<'de, S: DeserializeSeed<'de>>(
        self,
        text: &'de str,
        seed: S,
    ) -> Result<S::Value, Fault> {
        match self {
            Self::Json => {
                let mut json = serde_json::Deserializer::from_str(text);
                let read = seed.deserialize(&mut json);
                let read = read.and_then(|value| json.end().map(|()| value));
                read.map_err(|error| Fault::of_json(text, &error))
            }
            #[cfg(feature = "toml")]
            Self::Toml => {
                let read = toml::Deserializer::parse(text);
                let read = read.and_then(|document| seed.deserialize(document));
                read.map_err(|error| Fault::of_toml(text, &error))
            }
            #[cfg(feature = "yaml")]
            Self::Yaml => {
                refuse_deep(text)?;
                let read = seed.deserialize(yaml_serde::Deserializer::from_str(text));
                read.map_err(|error| Fault::of_yaml(&error))
            }
        }
    }

    /// The value as a text that ends with an end of a line, or why it cannot be one.
    pub(super) fn write(self, value: &impl Serialize) -> Result<String, String> {
        match self {
            Self::Json => serde_json::to_string_pretty(value)
                .map(|text| text + "\n")
                .map_err(|error| error.to_string()),
            #[cfg(feature = "toml")]
            Self::Toml => toml::to_string_pretty(value).map_err(|error| error.to_string()),
            #[cfg(feature = "yaml")]
            Self::Yaml => yaml_serde::to_string(value).map_err(|error| error.to_string()),
        }
    }

    /// Whether a key `<<` means that another table is to be put in.
    pub(super) fn has_merge_keys(self) -> bool {
        match self {
            Self::Json => false,
            #[cfg(feature = "toml")]
            Self::Toml => false,
            #[cfg(feature = "yaml")]
            Self::Yaml => true,
        }
    }
}

impl Position {
    /// The place of a byte.
    pub(super) fn of_byte(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        Self { line, column: 1 + String::from_utf8_lossy(&before[line_start..]).chars().count() }
    }
}

impl Fault {
    fn of_json(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = without(error.to_string(), &format!(" at line {line} column {column}"));
        // It counts bytes; where the line has ended before its first byte, that is 0.
        let characters = text.lines().nth(line.saturating_sub(1)).map_or(column, |text| {
            String::from_utf8_lossy(&text.as_bytes()[..column.min(text.len())]).chars().count()
        });
        let position = Position { line, column: characters.max(1) };
        Self { position: (line > 0).then_some(position), message }
    }

    #[cfg(feature = "toml")]
    fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let position = error.span().map(|span| Position::of_byte(text.as_bytes(), span.start));
        Self { position, message: error.message().trim().replace('\n', ", ") }
    }

    #[cfg(feature = "yaml")]
    fn of_yaml(error: &yaml_serde::Error) -> Self {
        let position = error
            .location()
            .map(|location| Position { line: location.line(), column: location.column() });
        let mut message = error.to_string();
        if let Some(Position { line, column }) = position {
            message = without(message, &format!(" at line {line} column {column}"));
        }
        Self { position, message }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// So many brackets may be open: more than the crate takes, and few enough for it to find that out
/// soon, since its time grows with their square.
#[cfg(feature = "yaml")]
const OPEN_MAX: usize = 1000;

#[cfg(feature = "yaml")]
fn refuse_deep(text: &str) -> Result<(), Fault> {
    let mut open = 0_usize;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > OPEN_MAX {
            let position = Some(Position::of_byte(text.as_bytes(), offset));
            return Err(Fault { position, message: "too many brackets are open".to_owned() });
        }
    }
    Ok(())
}

/// The message without its end, which is told in front.
fn without(mut message: String, end: &str) -> String {
    if message.ends_with(end) {
        message.truncate(message.len() - end.len());
    }
    message
}
