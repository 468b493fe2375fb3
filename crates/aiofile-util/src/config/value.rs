//! A configuration without a type of the program's: looked up and changed by dotted keys.

use std::io;

use caio::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A configuration of any shape. A dotted key such as `server.hosts.0` leads through tables, by
/// name, and lists, by index from 0. A key with a dot in it is found with
/// [`as_json`](Self::as_json).
///
/// ```
/// use aiofile_util::ConfigValue;
///
/// let mut config = ConfigValue::default();
/// config.set("server.port", 80)?;
/// config.set("server.hosts", ["a", "b"])?;
/// let mut over = ConfigValue::default();
/// over.set("server.port", 8080)?;
///
/// config.merge(over);
/// assert_eq!(config.get::<u16>("server.port")?, Some(8080));
/// assert_eq!(config.get::<String>("server.hosts.1")?.as_deref(), Some("b"));
/// assert_eq!(config.get::<u16>("server.name")?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigValue(Value);

impl ConfigValue {
    /// What the key leads to, as the type that is wanted; `None` where nothing is.
    ///
    /// # Errors
    /// `InvalidData` where there is a value of another kind.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> io::Result<Option<T>> {
        let mut value = &self.0;
        for name in key.split('.') {
            let next = match value {
                Value::Array(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
                value => value.get(name),
            };
            let Some(next) = next else { return Ok(None) };
            value = next;
        }
        T::deserialize(value).map(Some).map_err(|error| {
            Error::new(ErrorKind::InvalidData, format!("the value of `{key}`: {error}")).into()
        })
    }

    /// Puts a value where the key leads to. Tables that are not there are made on the way, and what
    /// is no table is replaced by one; lists have only the items that they have.
    ///
    /// # Errors
    /// `InvalidInput` for a value that cannot be told in JSON, and for an item that a list does not
    /// have. Nothing is changed then.
    pub fn set(&mut self, key: &str, value: impl Serialize) -> io::Result<()> {
        let refuse = |message: String| Error::new(ErrorKind::InvalidInput, message);
        let value = serde_json::to_value(value)
            .map_err(|error| refuse(format!("the new value of `{key}`: {error}")))?;
        let mut changed = self.0.clone();
        let mut place = &mut changed;
        for name in key.split('.') {
            if let Value::Array(items) = place {
                let item = name.parse().ok().and_then(|index: usize| items.get_mut(index));
                place = item.ok_or_else(|| refuse(format!("`{key}`: the list has no {name}")))?;
                continue;
            }
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[name];
        }
        *place = value;
        self.0 = changed;
        Ok(())
    }

    /// Lays another configuration over this one: tables become one, key by key and at any depth,
    /// and of everything else the other's value counts, also a `null`.
    pub fn merge(&mut self, over: Self) {
        merge(&mut self.0, over.0);
    }

    /// The value as the crate `serde_json` has it.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

impl Default for ConfigValue {
    /// An empty table.
    fn default() -> Self {
        Self(Value::Object(Map::new()))
    }
}

impl From<Value> for ConfigValue {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

/// See [`ConfigValue::merge`].
pub(super) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => _ = base.insert(key, value),
                }
            }
        }
        (base, over) => *base = over,
    }
}
