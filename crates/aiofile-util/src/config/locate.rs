//! Where a value stands in a text.
//!
//! What the values of several files come to has no lines. So the text is read once more, along the
//! keys that lead to the value, and there reading fails on purpose: each format says where it does.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::Segment;

use super::format::{ConfigFormat, Position};

/// The place of the value that these keys lead to; `None` where there is none.
pub(super) fn locate(format: ConfigFormat, text: &str, keys: &[Segment]) -> Option<Position> {
    format.read(text, Along(keys)).err()?.position
}

/// Goes along the keys.
#[derive(Clone, Copy)]
struct Along<'a>(&'a [Segment]);

impl<'de> DeserializeSeed<'de> for Along<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0 {
            [] => deserializer.deserialize_any(Nothing),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Along<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let wanted = match &self.0[0] {
            Segment::Map { key } => Some(key),
            Segment::Enum { variant } => Some(variant),
            _ => None,
        };
        while let Some(key) = entries.next_key::<String>()? {
            if Some(&key) == wanted {
                entries.next_value_seed(Along(&self.0[1..]))?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let wanted = match self.0[0] {
            Segment::Seq { index } => index,
            _ => usize::MAX,
        };
        for _ in 0..wanted {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        items.next_element_seed(Along(&self.0[1..]))?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Takes nothing, so that reading fails where this is asked for.
struct Nothing;

impl Visitor<'_> for Nothing {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}
