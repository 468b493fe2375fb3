//! The tests, for `object_store` 0.14.

use object_store_aiofile::v0_14::{AioFileSystem, object_store};

#[path = "differential.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod differential;
#[path = "integration.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod integration;
#[path = "local.rs"]
#[allow(clippy::duplicate_mod, reason = "the types of each version differ, the text does not")]
mod local;
#[path = "low_level.rs"]
mod low_level;
